"""Validators: which version of a representation somebody holds (RFC 9110 8.8)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from etagkit.errors import InvalidArgument, InvalidETag
from etagkit.http import ETag, Headers, Sameness, Validators, parse_http_date

FIRST = "Sun, 06 Nov 1994 08:49:37 GMT"
FIRST_OLD_FORM = "Sunday, 06-Nov-94 08:49:37 GMT"
SECOND = "Sun, 06 Nov 1994 08:49:38 GMT"
LATER = "Mon, 07 Nov 1994 08:49:37 GMT"
SAME, DIFFERENT, UNKNOWN = Sameness.SAME, Sameness.DIFFERENT, Sameness.UNKNOWN


def tag(text: str, **more: object) -> Validators:
    """Return validators with a tag."""
    return Validators(etag=ETag(text), **more)  # type: ignore[arg-type]


def day(text: str, *, settled: bool = True, **more: object) -> Validators:
    """Return validators with a date."""
    return Validators(last_modified=text, settled=settled, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        ([], Validators()),
        ([("ETag", '"v1"')], tag('"v1"')),
        ([("etag", 'W/"v1"')], tag('W/"v1"')),
        ([("ETag", '""')], tag('""')),
        ([("ETag", '"a"'), ("ETag", '"a"')], tag('"a"')),
        ([("ETag", '"a"'), ("ETag", '"b"')], Validators()),
        ([("ETag", "")], Validators()),
        ([("ETag", "v1")], Validators(unquoted="v1")),
        ([("ETag", "W/v1")], Validators(unquoted="W/v1")),
        ([("ETag", "x" * 256)], Validators(unquoted="x" * 256)),
        ([("ETag", "x" * 257)], Validators()),
        ([("ETag", '"v1')], Validators()),
        ([("ETag", 'w/"v1"')], Validators()),
        ([("ETag", "two words")], Validators()),
        # sent back, these would mean "whatever you have" and a list
        ([("ETag", "*")], Validators()),
        ([("ETag", "a,*")], Validators()),
        ([("ETag", "a,b")], Validators()),
        ([("Last-Modified", FIRST)], day(FIRST, settled=False)),
        ([("Last-Modified", FIRST), ("Date", FIRST)], day(FIRST, settled=False)),
        ([("Last-Modified", FIRST), ("Date", SECOND)], day(FIRST)),
        ([("Last-Modified", FIRST_OLD_FORM), ("Date", SECOND)], day(FIRST_OLD_FORM)),
        ([("Last-Modified", LATER), ("Date", FIRST)], day(LATER, settled=False)),
        ([("Last-Modified", FIRST), ("Date", "yesterday")], day(FIRST, settled=False)),
        ([("Last-Modified", "yesterday"), ("Date", LATER)], Validators()),
        ([("Last-Modified", "0"), ("Date", LATER)], Validators()),
        ([("Last-Modified", FIRST), ("Last-Modified", LATER)], Validators()),
        (
            [("ETag", '"a"'), ("Last-Modified", FIRST), ("Date", LATER)],
            tag('"a"', last_modified=FIRST, settled=True),
        ),
    ],
)
def test_validators_of_an_answer(lines: list[tuple[str, str]], seen: Validators) -> None:
    """Readable validators are taken, unreadable or contradictory ones are left out."""
    assert Validators.from_headers(Headers.of(lines)) == seen


@pytest.mark.parametrize(
    ("one", "other", "sameness"),
    [
        # tags decide where both have one, weakly (RFC 9110 8.8.3.2)
        (tag('"a"'), tag('"a"'), SAME),
        (tag('"a"'), tag('W/"a"'), SAME),
        (tag('W/"a"'), tag('W/"a"'), SAME),
        (tag('"a"'), tag('"b"'), DIFFERENT),
        (tag('""'), tag('""'), SAME),
        # ... and the date has no say then
        (
            tag('"a"', last_modified=FIRST, settled=True),
            tag('"b"', last_modified=FIRST, settled=True),
            DIFFERENT,
        ),
        (
            tag('"a"', last_modified=FIRST, settled=True),
            tag('"a"', last_modified=LATER, settled=True),
            SAME,
        ),
        # tags without quotes, letter by letter, never against real ones
        (Validators(unquoted="a"), Validators(unquoted="a"), SAME),
        (Validators(unquoted="a"), Validators(unquoted="b"), DIFFERENT),
        (Validators(unquoted="a"), Validators(unquoted="W/a"), DIFFERENT),
        (Validators(unquoted="a"), tag('"a"'), UNKNOWN),
        # dates, where one side has no tag
        (day(FIRST), day(FIRST), SAME),
        (day(FIRST), day(FIRST_OLD_FORM), SAME),
        (day(FIRST), day(FIRST, settled=False), SAME),
        (day(FIRST, settled=False), day(FIRST, settled=False), UNKNOWN),
        (day(FIRST), day(LATER), DIFFERENT),
        (day(LATER), day(FIRST), DIFFERENT),
        (day(FIRST, settled=False), day(LATER, settled=False), DIFFERENT),
        (tag('"a"', last_modified=FIRST, settled=True), day(FIRST), SAME),
        (tag('"a"', last_modified=FIRST, settled=True), day(LATER), DIFFERENT),
        # nothing in common
        (Validators(), Validators(), UNKNOWN),
        (tag('"a"'), Validators(), UNKNOWN),
        (tag('"a"'), day(FIRST), UNKNOWN),
        (day("yesterday"), day("yesterday"), UNKNOWN),
    ],
)
def test_compare(one: Validators, other: Validators, sameness: Sameness) -> None:
    """Tags decide, then dates; without a common validator nothing is known. Order is no matter."""
    assert one.compare(other) is sameness
    assert other.compare(one) is sameness


@pytest.mark.parametrize(
    ("held", "fields"),
    [
        (Validators(), ()),
        (tag('"a"'), (("If-None-Match", '"a"'),)),
        (tag('W/"a"'), (("If-None-Match", 'W/"a"'),)),
        (tag('""'), (("If-None-Match", '""'),)),
        (Validators(unquoted="a"), (("If-None-Match", "a"),)),
        (day(FIRST), (("If-Modified-Since", FIRST),)),
        (day(FIRST_OLD_FORM), (("If-Modified-Since", FIRST_OLD_FORM),)),
        (day(FIRST, settled=False), ()),
        (day("yesterday"), ()),
        (day(f"{FIRST}\r\nX-Evil: 1"), ()),
        (tag('"a"', last_modified=FIRST, settled=True), (("If-None-Match", '"a"'),)),
        (
            day(FIRST, unquoted="a"),
            (("If-None-Match", "a"),),
        ),
    ],
)
def test_if_changed(held: Validators, fields: tuple[tuple[str, str], ...]) -> None:
    """The tag asks if there is one, else a settled date, else the whole is asked for."""
    assert held.if_changed() == fields
    assert all(type(value) is str for _, value in held.if_changed())


@pytest.mark.parametrize(
    ("held", "something"),
    [
        (Validators(), False),
        (Validators(settled=True), False),
        (tag('""'), True),
        (Validators(unquoted="a"), True),
        (day(FIRST, settled=False), True),
    ],
)
def test_truth(held: Validators, something: bool) -> None:
    """Validators are true if there is any."""
    assert bool(held) is something


@pytest.mark.parametrize(
    ("held", "strong"),
    [
        (tag('"a"'), ETag('"a"')),
        (tag('W/"a"'), None),
        (Validators(unquoted="a"), None),
        (day(FIRST), None),
    ],
)
def test_strong(held: Validators, strong: ETag | None) -> None:
    """Only a strong tag promises equal bytes."""
    assert held.strong == strong


def test_modified_is_a_moment() -> None:
    """The date is kept as it was sent, and read when asked for."""
    assert day(FIRST_OLD_FORM).modified == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)
    assert day(FIRST).modified == parse_http_date(FIRST)
    assert day("yesterday").modified is None
    assert Validators().modified is None


@pytest.mark.parametrize("text", ["*", "a,*", "a,b", "", 'a"b', "two words", "a\nb", "x" * 257])
def test_unquoted_tags_that_mean_something_else_are_refused(text: str) -> None:
    """What would ask for "whatever you have", or for a list, cannot be made by hand either."""
    with pytest.raises(InvalidETag, match="sent back without quotes"):
        Validators(unquoted=text)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("etag", '"v1"', r"etag .*an ETag, such as .*found str"),
        ("etag", b'"v1"', "found bytes"),
        ("last_modified", datetime(2024, 1, 1, tzinfo=UTC), "last_modified .*found datetime"),
        ("last_modified", 0, "found int"),
        ("settled", "no", "settled .*True or False.*found str"),
        ("settled", None, "found NoneType"),
        ("unquoted", 5, "unquoted .*found int"),
        ("unquoted", b"*", "found bytes"),
    ],
)
def test_wrong_types_are_refused(field: str, value: object, words: str) -> None:
    """A value of another type is refused when it is given, not when it is sent."""
    with pytest.raises(InvalidArgument, match=words):
        Validators(**{field: value})  # type: ignore[arg-type]
