"""Laws of tags, dates, ranges and validators, on whatever Hypothesis thinks of."""

from __future__ import annotations

import copy
import pickle
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etagkit.errors import InvalidContentRange, InvalidETag, InvalidHTTPDate
from etagkit.http import (
    ContentRange,
    ETag,
    Head,
    Headers,
    Sameness,
    Validators,
    format_http_date,
    media_type,
    parse_http_date,
    strong_match,
    weak_match,
)

pytestmark = pytest.mark.property

#: etagc of RFC 9110 8.8.3, written from its text and not from the library's pattern.
ETAGC = [chr(0x21), *map(chr, range(0x23, 0x7F)), *map(chr, range(0x80, 0x100))]
opaques = st.text(st.sampled_from(ETAGC), max_size=20)
#: Few opaque tags, so that equal ones meet.
tags = st.builds(
    lambda weak, opaque: ETag(f'{"W/" * weak}"{opaque}"'),
    st.booleans(),
    st.sampled_from(["", "a", "b", "W/a"]) | opaques,
)
#: Texts that look like what is parsed, and others.
nearly = st.text() | st.text(st.sampled_from('W/w"*, ax\\\t\n\x00\x7f\xff\u0100'), max_size=8)
moments = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001  the zone is drawn
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m))),
)


@given(weak=st.booleans(), opaque=opaques)
def test_parts_of_a_tag_make_the_tag(weak: bool, opaque: str) -> None:
    """Rendering the parts and parsing the text are inverse to each other."""
    made = ETag.weakly(opaque) if weak else ETag.strong(opaque)
    text = ('W/"' if weak else '"') + opaque + '"'
    assert str(made) == text
    read = ETag.parse(text)
    assert read == made == ETag(text)
    assert read is not None
    assert (read.weak, read.opaque) == (weak, opaque)
    assert read.encode("latin-1").decode("latin-1") == text
    assert pickle.loads(pickle.dumps(made)) == copy.deepcopy(made) == made


@given(text=nearly)
def test_a_text_is_a_tag_exactly_if_the_grammar_says_so(text: str) -> None:
    """The constructor and `parse` agree, with each other and with the RFC's grammar."""
    body = text.removeprefix("W/")
    expected = len(body) >= 2 and body[0] == body[-1] == '"' and set(body[1:-1]) <= set(ETAGC)
    assert (ETag.parse(text) is not None) is expected
    if expected:
        assert ETag(text) == text
    else:
        with pytest.raises(InvalidETag):
            ETag(text)


@given(text=nearly)
def test_advice_is_a_tag_or_general(text: str) -> None:
    """Where a refusal suggests a tag, the suggestion is one."""
    try:
        ETag(text)
    except InvalidETag as error:
        advice = error.advice or ""
        suggested = re.fullmatch(r"(?:write it as|put it in double quotes:) (.*)", advice)
        assert suggested is None or ETag.parse(suggested[1]) is not None


@given(opaque=st.text(max_size=8))
def test_opaque_part_is_kept_or_refused(opaque: str) -> None:
    """Nothing is escaped, cut or replaced on the way into a tag."""
    try:
        made = ETag.strong(opaque)
    except InvalidETag:
        assert not set(opaque) <= set(ETAGC)
    else:
        assert made.opaque == opaque


@given(a=tags, b=tags, c=tags)
def test_weak_match_is_an_equivalence(a: ETag, b: ETag, c: ETag) -> None:
    """Reflexive, symmetric, transitive."""
    assert weak_match(a, a)
    assert weak_match(a, b) == weak_match(b, a)
    assert not (weak_match(a, b) and weak_match(b, c)) or weak_match(a, c)
    assert weak_match(a, a.weakened())


@given(a=tags, b=tags, c=tags)
def test_strong_match_is_stricter(a: ETag, b: ETag, c: ETag) -> None:
    """Symmetric, transitive, implies the weak one; reflexive for strong tags only."""
    assert strong_match(a, b) == strong_match(b, a)
    assert not (strong_match(a, b) and strong_match(b, c)) or strong_match(a, c)
    assert not strong_match(a, b) or weak_match(a, b)
    assert strong_match(a, a) is not a.weak
    assert not strong_match(a, b.weakened())


@given(moment=moments)
def test_dates_round_trip(moment: datetime) -> None:
    """A moment goes out and comes back, cut to whole seconds, whatever its zone."""
    assert parse_http_date(format_http_date(moment)) == moment.replace(microsecond=0)


@given(moment=moments.map(lambda moment: moment.astimezone(UTC).replace(microsecond=0)))
def test_three_formats_name_one_moment(moment: datetime) -> None:
    """The obsolete formats are read like the one that is sent."""
    sent = format_http_date(moment)
    name, day, month, year, clock, _ = sent.replace(",", "").split()
    assert parse_http_date(f"{name} {month} {int(day):2} {clock} {year}") == moment
    short = parse_http_date(f"Monday, {day}-{month}-{year[2:]} {clock} GMT", now=moment)
    assert short == moment


@given(
    text=st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT")
)
def test_any_text_is_a_date_or_a_typed_error(text: str) -> None:
    """No text raises anything else, and what is a date is aware."""
    try:
        moment = parse_http_date(text)
    except InvalidHTTPDate:
        return
    assert moment.tzinfo is UTC


@given(text=st.text() | st.from_regex(r"bytes (\d+-\d+|\*)/(\d+|\*)", fullmatch=True))
def test_any_text_is_a_content_range_or_a_typed_error(text: str) -> None:
    """What is a range lies within its total, and renders to the same range."""
    try:
        parsed = ContentRange.parse(text)
    except InvalidContentRange:
        return
    total = "*" if parsed.total is None else parsed.total
    if parsed.start is None or parsed.end is None:
        assert ContentRange.parse(f"bytes */{total}") == parsed
        assert parsed.length == 0
    else:
        assert 0 <= parsed.start <= parsed.end
        assert parsed.total is None or parsed.end < parsed.total
        assert parsed.length >= 1
        assert ContentRange.parse(f"bytes {parsed.start}-{parsed.end}/{total}") == parsed


names = st.sampled_from(["ETag", "etag", "Vary", "Content-Length", "Transfer-Encoding", "Date"])
values = st.text(max_size=20) | st.sampled_from(['"a"', "a", "5", "5, 5", "chunked", "", "*"])
lines = st.lists(st.tuples(names, values), max_size=6)


@given(lines=lines)
def test_look_ups_agree(lines: list[tuple[str, str]]) -> None:
    """All ways to look a field up are views of the same lines."""
    headers = Headers.of(lines)
    assert len(headers) == len(lines)
    for name in ("ETAG", "vary", "Age"):
        found = headers.all(name)
        assert headers.first(name) == (found[0] if found else None)
        assert headers.only(name) in {None, *found}
        assert (headers.joined(name) is None) is (not found)
        assert (name in headers) is bool(found)
    assert Headers.of(headers) == headers


@given(lines=lines, version=st.text(max_size=9), status=st.integers(100, 599), kind=st.text())
def test_any_head_can_be_read(
    lines: list[tuple[str, str]], version: str, status: int, kind: str
) -> None:
    """No field value of an answer raises, whatever stands in it."""
    head = Head(status=status, headers=Headers.of(lines), url="", http_version=version)
    assert head.framing is not None
    assert head.content_length is None or head.content_length >= 0
    assert all(coding == coding.lower() for coding in head.content_encodings)
    assert (media_type(kind) or "a/b").count("/") == 1


dates = st.sampled_from(
    [
        None,
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Mon, 07 Nov 1994 08:49:37 GMT",
        "never",
    ]
)
validators = st.builds(
    Validators,
    etag=st.none() | tags,
    last_modified=dates,
    settled=st.booleans(),
    unquoted=st.sampled_from([None, "a", "b"]),
)


@given(one=validators, other=validators)
def test_comparison_is_symmetric(one: Validators, other: Validators) -> None:
    """Who is asked makes no difference, and without any validator nothing is known."""
    assert one.compare(other) is other.compare(one)
    assert one.compare(Validators()) is Sameness.UNKNOWN


@given(one=validators)
def test_nothing_differs_from_itself(one: Validators) -> None:
    """A set of validators is the same as itself, or too vague to say."""
    assert one.compare(one) is not Sameness.DIFFERENT


@given(lines=lines)
def test_conditions_come_from_readable_validators_only(lines: list[tuple[str, str]]) -> None:
    """A condition never asks for "whatever you have", a list, or by an unreadable date."""
    for name, value in Validators.from_headers(Headers.of(lines)).if_changed():
        if name == "If-None-Match":
            assert ETag.parse(value) is not None or not set(value) & set('*," \t')
        else:
            parse_http_date(value)


#: 64 KiB of what makes a careless pattern try again and again. A pattern that needs even the square
#: of this length would take hours, and the suite's time limit ends it.
SIZE = 65_536
HOSTILE = [
    '"' * SIZE,
    '"' + "x" * SIZE,
    'W/"' + "x" * SIZE,
    "W/" * (SIZE // 2),
    " " * SIZE + "\x7f",
    "x" * SIZE + " x",
    "\xa0" * SIZE + "\n",
    "," * SIZE,
    "a," * (SIZE // 2),
    "=;" * (SIZE // 2),
    "/" * SIZE,
    "-" * SIZE,
    "9" * SIZE,
    "bytes " + "9" * SIZE + "-",
    "bytes 0-" + "0" * SIZE + "/*",
    "Sun, " + "0" * SIZE,
    "chunked" * (SIZE // 7),
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_fields_take_no_time(text: str) -> None:
    """Every parser finishes on 64 KiB of hostile text, and shows little of it."""
    assert ETag.parse(text) is None
    for parse, error in (
        (ETag, InvalidETag),
        (parse_http_date, InvalidHTTPDate),
        (ContentRange.parse, InvalidContentRange),
    ):
        with pytest.raises(error) as caught:
            parse(text)
        assert len(str(caught.value)) < 2_000
    fields = ["ETag", "Last-Modified", "Date", "Content-Length", "Transfer-Encoding"]
    headers = Headers.of([(name, text) for name in fields])
    head = Head(status=200, headers=headers, url="")
    assert not Validators.from_headers(headers)
    assert head.content_length is None
    assert head.framing is not None
    assert head.content_encodings == ()
    assert media_type(text) is None
