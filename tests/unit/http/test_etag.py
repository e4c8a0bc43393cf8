"""Entity tags: the grammar and the comparisons of RFC 9110 8.8.3."""

from __future__ import annotations

import copy
import json
import pickle
import sqlite3
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from etagkit.errors import InvalidETag
from etagkit.http import ETag, strong_match, weak_match

if TYPE_CHECKING:
    from collections.abc import Callable

VALID = [
    # text, weak, opaque
    ('"xyzzy"', False, "xyzzy"),
    ('W/"xyzzy"', True, "xyzzy"),
    ('""', False, ""),
    ('W/""', True, ""),
    ('"a,b"', False, "a,b"),
    ('"a\\b"', False, "a\\b"),
    ('"\\"', False, "\\"),
    ('"W/"', False, "W/"),
    ('W/"W/"', True, "W/"),
    ('"!#$%&\'()*+-./:;<=>?@[]^_`{|}~"', False, "!#$%&'()*+-./:;<=>?@[]^_`{|}~"),
    ('"*"', False, "*"),
    ('"\x80\xff"', False, "\x80\xff"),
    ('"caf\xe9"', False, "caf\xe9"),
    ('"d41d8cd98f00b204e9800998ecf8427e-38"', False, "d41d8cd98f00b204e9800998ecf8427e-38"),
]
INVALID = [
    "",
    " ",
    "*",
    "xyzzy",
    "W/xyzzy",
    "W/",
    '"',
    'W/"',
    '"xyzzy',
    'xyzzy"',
    "'xyzzy'",
    'w/"xyzzy"',
    'W /"xyzzy"',
    'W/ "xyzzy"',
    'W"xyzzy"',
    'WW/"xyzzy"',
    'W/W/"xyzzy"',
    ' "xyzzy"',
    '"xyzzy" ',
    '"xyzzy"\n',
    '"xy zzy"',
    '"xy"zzy"',
    '"xy\\"zzy"',
    '"xy\tzzy"',
    '"xy\nzzy"',
    '"xy\x00zzy"',
    '"xy\x7fzzy"',
    '"a", "b"',
    '"a","b"',
    '"\u0100"',
    '"\u65e5\u672c"',
    '"\U0001f600"',
    '"\ud800"',
    "\u201cxyzzy\u201d",
]
valid = pytest.mark.parametrize(("text", "weak", "opaque"), VALID)
invalid = pytest.mark.parametrize("text", INVALID)


@valid
def test_tag_is_its_field_value(text: str, weak: bool, opaque: str) -> None:
    """What follows the grammar is taken as it is, and knows its parts."""
    tag = ETag(text)
    assert tag == text
    assert str(tag) == text
    assert (tag.weak, tag.opaque) == (weak, opaque)
    assert repr(tag) == f"ETag({text!r})"
    assert eval(repr(tag)) == tag


@valid
def test_received_tag_is_parsed(text: str, weak: bool, opaque: str) -> None:
    """A received field value gives the same tag as the constructor."""
    tag = ETag.parse(text)
    assert type(tag) is ETag
    assert tag == ETag(text)


@valid
def test_tag_is_made_from_its_opaque_part(text: str, weak: bool, opaque: str) -> None:
    """`strong` and `weakly` put an opaque tag into quotes; nothing is escaped."""
    assert (ETag.weakly(opaque) if weak else ETag.strong(opaque)) == text


@invalid
def test_anything_else_is_refused(text: str) -> None:
    """Text outside of the grammar is no tag, however close."""
    with pytest.raises(InvalidETag) as caught:
        ETag(text)
    assert caught.value.found == text
    assert str(caught.value).isprintable()


@invalid
def test_unreadable_field_is_no_tag(text: str) -> None:
    """A received field that is not a tag decides nothing, and raises nothing."""
    assert ETag.parse(text) is None


def test_absent_field_is_no_tag() -> None:
    """`None` in, `None` out, so that a header look-up can be passed on."""
    assert ETag.parse(None) is None


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("v1", 'put it in double quotes: "v1"'),
        ("*", 'put it in double quotes: "*"'),
        ("W/v1", 'put it in double quotes: W/"v1"'),
        ("w/v1", 'put it in double quotes: W/"v1"'),
        (" v1\t", 'put it in double quotes: "v1"'),
        ('w/"v1"', 'write it as W/"v1"'),
        ('"v1', 'write it as "v1"'),
        ('v1"', 'write it as "v1"'),
        ('W/"v1', 'write it as W/"v1"'),
        (' "v1"', 'write it as "v1"'),
    ],
)
def test_refusal_says_what_was_probably_meant(text: str, advice: str) -> None:
    """The advice in the message is a tag that works."""
    with pytest.raises(InvalidETag) as caught:
        ETag(text)
    assert str(caught.value).endswith(f"; {advice}")
    assert ETag(advice.rpartition(" ")[2])


@pytest.mark.parametrize("text", ["", '"', '"a", "b"', "two words", "x" * 101, "\u65e5"])
def test_refusal_without_a_guess_explains_the_grammar(text: str) -> None:
    """Where nothing obvious was meant, the advice shows both forms and repeats nothing."""
    with pytest.raises(InvalidETag) as caught:
        ETag(text)
    assert caught.value.advice == (
        'an entity tag is a quoted string without spaces, such as "v1" or W/"v1"'
    )


@pytest.mark.parametrize("opaque", ["two words", 'a"b', "\t", "\n", "\x7f", "\x00", "\u0100"])
@pytest.mark.parametrize("make", [ETag.strong, ETag.weakly])
def test_opaque_part_cannot_break_out(make: type[ETag], opaque: str) -> None:
    """An opaque tag that would not survive as a field value is refused, with a cure."""
    with pytest.raises(InvalidETag, match="encode it first"):
        make(opaque)


@pytest.mark.parametrize("length", [0, 1, 100, 65_536])
def test_length_is_not_limited(length: int) -> None:
    """The grammar knows no longest tag."""
    assert len(ETag.strong("x" * length).opaque) == length


def test_weakened() -> None:
    """The weak form keeps the opaque part; a weak tag is its own weak form."""
    strong, weak = ETag('"v1"'), ETag('W/"v1"')
    assert strong.weakened() == weak
    assert type(strong.weakened()) is ETag
    assert weak.weakened() is weak


def test_tag_of_a_tag_is_itself() -> None:
    """Nothing is checked twice."""
    tag = ETag('"v1"')
    assert ETag(tag) is tag


@pytest.mark.parametrize(
    ("one", "other", "strong", "weak"),
    [
        # the table of RFC 9110 8.8.3.2
        ('W/"1"', 'W/"1"', False, True),
        ('W/"1"', 'W/"2"', False, False),
        ('W/"1"', '"1"', False, True),
        ('"1"', '"1"', True, True),
        # opaque tags are compared character by character
        ('"a"', '"A"', False, False),
        ('"1"', '"1-gzip"', False, False),
        ('""', '""', True, True),
        ('"W/1"', 'W/"1"', False, False),
    ],
)
def test_comparison_table(one: str, other: str, strong: bool, weak: bool) -> None:
    """Strong comparison wants two equal strong tags, weak comparison equal opaque parts."""
    for left, right in ((ETag(one), ETag(other)), (ETag(other), ETag(one))):
        assert strong_match(left, right) is strong
        assert weak_match(left, right) is weak


@pytest.mark.parametrize("match", [strong_match, weak_match])
def test_no_tag_matches_nothing(match: type[bool]) -> None:
    """Two absent tags are not the same version."""
    tag = ETag('"1"')
    assert [match(a, b) for a, b in ((None, None), (tag, None), (None, tag))] == [False] * 3  # type: ignore[call-arg]


@valid
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_tag_survives_pickling(text: str, weak: bool, opaque: str, protocol: int) -> None:
    """A tag crosses a process border as a tag."""
    twin = pickle.loads(pickle.dumps(ETag(text), protocol))
    assert type(twin) is ETag
    assert twin == text


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy])
def test_tag_copies(make: type[ETag]) -> None:
    """A copy is an equal tag."""
    twin = make(ETag('W/"1"'))
    assert type(twin) is ETag
    assert twin == 'W/"1"'


def test_tag_is_text_for_json() -> None:
    """`json.dumps` writes the field value, as value and as key."""
    tag = ETag('W/"1"')
    assert json.loads(json.dumps({tag: tag})) == {'W/"1"': 'W/"1"'}


def test_tag_is_text_for_a_dict() -> None:
    """Equality and hash are those of the text that a client sends back."""
    tag = ETag('"1"')
    assert hash(tag) == hash('"1"')
    assert {tag: 1}.get('"1"') == 1  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert {'"1"': 1}[tag] == 1
    assert {tag, '"1"', ETag('"1"')} == {'"1"'}
    assert ETag('"1"') != ETag('W/"1"')
    assert tag != "1"


def test_tag_is_text_for_sqlite() -> None:
    """A tag is bound as TEXT, without an adapter."""
    with sqlite3.connect(":memory:") as connection:
        row = connection.execute("SELECT ?, typeof(?1)", (ETag('W/"1"'),)).fetchone()
    connection.close()
    assert row == ('W/"1"', "text")


def test_tag_is_a_header_value_for_httpx() -> None:
    """A tag goes into a request's headers as it is, and comes out as the same text."""
    request = httpx.Request("GET", "http://localhost/", headers={"If-None-Match": ETag('W/"1"')})
    assert request.headers["if-none-match"] == 'W/"1"'
    assert dict(request.headers.raw)[b"If-None-Match"] == b'W/"1"'


def test_obs_text_octets_round_trip_as_latin_1() -> None:
    """Octets above 0x7E are held as characters of the same number, and go back as sent."""
    wire = b'"caf\xc3\xa9\xff"'
    tag = ETag.parse(wire.decode("latin-1"))
    assert tag is not None
    assert tag.encode("latin-1") == wire


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(str, id="str"),
        pytest.param(lambda tag: f"{tag}", id="format"),
        pytest.param(lambda tag: f"{tag!s:>8}", id="format-spec"),
        pytest.param(lambda tag: "%s" % tag, id="percent"),  # noqa: UP031
        pytest.param(lambda tag: tag[:], id="slice"),
        pytest.param(lambda tag: tag + "", id="add"),
        pytest.param(lambda tag: tag.strip(), id="strip"),
        pytest.param(lambda tag: tag.upper(), id="upper"),
        pytest.param(lambda tag: tag.replace("1", "1"), id="replace"),
        pytest.param(lambda tag: tag.opaque, id="opaque"),
        pytest.param(lambda tag: tag.partition("/")[2], id="partition"),
    ],
)
def test_string_methods_give_plain_text(text: type[str]) -> None:
    """A part or variation of a tag is not taken for a tag."""
    assert type(text(ETag('W/"1"'))) is str


def test_tags_carry_no_further_state() -> None:
    """A tag is immutable: it has no place for attributes."""
    with pytest.raises(AttributeError):
        ETag('"1"').note = "x"  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def test_subclass_keeps_its_class() -> None:
    """An application's own tag class is kept by every way to make one."""

    class Revision(ETag):
        __slots__ = ()

    made = [Revision('"1"'), Revision.strong("1"), Revision.parse('"1"'), Revision(ETag('"1"'))]
    assert [type(tag) for tag in made] == [Revision] * 4
    assert type(Revision('"1"').weakened()) is Revision


@pytest.mark.parametrize("value", [None, 1, b'"v1"', ['"v1"']])
def test_what_is_no_text_is_no_tag(value: object) -> None:
    """A value of another type gets the library's own error, whichever way a tag is made."""
    makers: list[Callable[[Any], ETag | None]] = [ETag, ETag.strong, ETag.weakly]
    if value is not None:
        makers.append(ETag.parse)
    for make in makers:
        with pytest.raises(InvalidETag, match=f"is text .*found {type(value).__name__}"):
            make(value)
    assert ETag.parse(None) is None
