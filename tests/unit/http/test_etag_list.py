"""If-Match and If-None-Match as values (RFC 9110 5.6.1, 8.8.3, 13.1.1, 13.1.2)."""

from __future__ import annotations

import pytest

from etagkit.errors import InvalidArgument
from etagkit.http import ETag, ETagList, Listing

NONE: list[str] = []

#: The lines of a field, what the field is, and its tags.
PARSE: list[tuple[list[str] | None, Listing, list[str]]] = [
    # absent, and present without a member
    (None, Listing.ABSENT, NONE),
    ([], Listing.ABSENT, NONE),
    ([""], Listing.EMPTY, NONE),
    ([" "], Listing.EMPTY, NONE),
    (["\t"], Listing.EMPTY, NONE),
    ([","], Listing.EMPTY, NONE),
    ([" , ,, "], Listing.EMPTY, NONE),
    (["", ""], Listing.EMPTY, NONE),
    ([",", ","], Listing.EMPTY, NONE),
    # any version
    (["*"], Listing.ANY, NONE),
    ([" *\t"], Listing.ANY, NONE),
    # one tag
    (['"a"'], Listing.TAGS, ['"a"']),
    (['W/"a"'], Listing.TAGS, ['W/"a"']),
    (['""'], Listing.TAGS, ['""']),
    (['W/""'], Listing.TAGS, ['W/""']),
    ([' "a"'], Listing.TAGS, ['"a"']),
    (['"a" '], Listing.TAGS, ['"a"']),
    (['\t"a"\t'], Listing.TAGS, ['"a"']),
    (['"*"'], Listing.TAGS, ['"*"']),
    (['W/"*"'], Listing.TAGS, ['W/"*"']),
    (['"a,b"'], Listing.TAGS, ['"a,b"']),
    (['","'], Listing.TAGS, ['","']),
    (['"a\\"'], Listing.TAGS, ['"a\\"']),
    (['"\\\\"'], Listing.TAGS, ['"\\\\"']),
    (['"W/"'], Listing.TAGS, ['"W/"']),
    (['"a\x80\xff"'], Listing.TAGS, ['"a\x80\xff"']),
    (['"!#$%&\'()*+-./:;<=>?@[]^_`{|}~"'], Listing.TAGS, ['"!#$%&\'()*+-./:;<=>?@[]^_`{|}~"']),
    # several
    (['"a", "b"'], Listing.TAGS, ['"a"', '"b"']),
    (['"a","b"'], Listing.TAGS, ['"a"', '"b"']),
    (['"a" , "b"'], Listing.TAGS, ['"a"', '"b"']),
    (['"a"\t,\t"b"'], Listing.TAGS, ['"a"', '"b"']),
    (['"a",  "b"'], Listing.TAGS, ['"a"', '"b"']),
    (['"a", W/"b", "c"'], Listing.TAGS, ['"a"', 'W/"b"', '"c"']),
    (['W/"a","b"'], Listing.TAGS, ['W/"a"', '"b"']),
    (['"a", "a"'], Listing.TAGS, ['"a"', '"a"']),
    (['"a,b", "c"'], Listing.TAGS, ['"a,b"', '"c"']),
    (['"a","b,c"'], Listing.TAGS, ['"a"', '"b,c"']),
    (['",", ","'], Listing.TAGS, ['","', '","']),
    (['"", ""'], Listing.TAGS, ['""', '""']),
    (['"","",""'], Listing.TAGS, ['""', '""', '""']),
    (['"\\", "b"'], Listing.TAGS, ['"\\"', '"b"']),
    (['"*", "a"'], Listing.TAGS, ['"*"', '"a"']),
    (['"\xe9", "b"'], Listing.TAGS, ['"\xe9"', '"b"']),
    # empty elements
    ([',"a"'], Listing.TAGS, ['"a"']),
    (['"a",'], Listing.TAGS, ['"a"']),
    ([', ,"a"'], Listing.TAGS, ['"a"']),
    (['"a", , "b"'], Listing.TAGS, ['"a"', '"b"']),
    (['"a",,"b"'], Listing.TAGS, ['"a"', '"b"']),
    (['"a",,,,, "b",,'], Listing.TAGS, ['"a"', '"b"']),
    ([' ,\t,W/"a"\t, ,'], Listing.TAGS, ['W/"a"']),
    # repeated lines are one list
    (['"a"', '"b"'], Listing.TAGS, ['"a"', '"b"']),
    (['"a", "b"', 'W/"c"'], Listing.TAGS, ['"a"', '"b"', 'W/"c"']),
    (['"a"', ""], Listing.TAGS, ['"a"']),
    (["", '"a"'], Listing.TAGS, ['"a"']),
    (['"a",', ',"b"'], Listing.TAGS, ['"a"', '"b"']),
    (['"a"', '"a"'], Listing.TAGS, ['"a"', '"a"']),
    # the asterisk stands alone or not at all
    (['*, "a"'], Listing.UNREADABLE, NONE),
    (['"a", *'], Listing.UNREADABLE, NONE),
    (["*", '"a"'], Listing.UNREADABLE, NONE),
    (["*,*"], Listing.UNREADABLE, NONE),
    (["*", "*"], Listing.UNREADABLE, NONE),
    (["*,"], Listing.UNREADABLE, NONE),
    (["**"], Listing.UNREADABLE, NONE),
    (["W/*"], Listing.UNREADABLE, NONE),
    # no commas between tags
    (['"a" "b"'], Listing.UNREADABLE, NONE),
    (['"a""b"'], Listing.UNREADABLE, NONE),
    (['"a"W/"b"'], Listing.UNREADABLE, NONE),
    (['"a";"b"'], Listing.UNREADABLE, NONE),
    # quotes
    (["a"], Listing.UNREADABLE, NONE),
    (["W/a"], Listing.UNREADABLE, NONE),
    (['"'], Listing.UNREADABLE, NONE),
    (['"a'], Listing.UNREADABLE, NONE),
    (['a"'], Listing.UNREADABLE, NONE),
    (['"a"b'], Listing.UNREADABLE, NONE),
    (['x"a"'], Listing.UNREADABLE, NONE),
    (["'a'"], Listing.UNREADABLE, NONE),
    (['"a\\"b"'], Listing.UNREADABLE, NONE),
    (['"a", "b'], Listing.UNREADABLE, NONE),
    (['"a', 'b"'], Listing.UNREADABLE, NONE),
    (["\u201ca\u201d"], Listing.UNREADABLE, NONE),
    # the mark
    (['w/"a"'], Listing.UNREADABLE, NONE),
    (['W /"a"'], Listing.UNREADABLE, NONE),
    (['W/ "a"'], Listing.UNREADABLE, NONE),
    (['W"a"'], Listing.UNREADABLE, NONE),
    (['/"a"'], Listing.UNREADABLE, NONE),
    (['W/W/"a"'], Listing.UNREADABLE, NONE),
    # characters
    (['"a b"'], Listing.UNREADABLE, NONE),
    (['"a b", "c"'], Listing.UNREADABLE, NONE),
    (['"a, b"'], Listing.UNREADABLE, NONE),
    (['"a\tb"'], Listing.UNREADABLE, NONE),
    (['"a\x00"'], Listing.UNREADABLE, NONE),
    (['"a\x7f"'], Listing.UNREADABLE, NONE),
    (['"a\n"'], Listing.UNREADABLE, NONE),
    (['"a"\n'], Listing.UNREADABLE, NONE),
    (['"a",\n"b"'], Listing.UNREADABLE, NONE),
    (['"a"\xa0'], Listing.UNREADABLE, NONE),
    (['"\u0100"'], Listing.UNREADABLE, NONE),
    (['"\u65e5"'], Listing.UNREADABLE, NONE),
    # one bad member spoils the list
    (['"a", b'], Listing.UNREADABLE, NONE),
    (['b, "a"'], Listing.UNREADABLE, NONE),
    (['"a"', "b"], Listing.UNREADABLE, NONE),
    (['"a", w/"b"'], Listing.UNREADABLE, NONE),
]

#: A list, the current tag, and whether one of the list matches it strongly and weakly.
MATCH = [
    ('"a"', '"a"', True, True),
    ('"a"', 'W/"a"', False, True),
    ('W/"a"', '"a"', False, True),
    ('W/"a"', 'W/"a"', False, True),
    ('"a"', '"b"', False, False),
    ('"a"', '"A"', False, False),
    ('W/"a"', 'W/"b"', False, False),
    ('"a", "b"', '"b"', True, True),
    ('"a", W/"b"', '"b"', False, True),
    ('"a", W/"b"', 'W/"a"', False, True),
    ('"a", W/"a"', '"a"', True, True),
    ('"a,b"', '"a"', False, False),
    ('"a,b"', '"a,b"', True, True),
    ('""', '""', True, True),
    ('""', 'W/""', False, True),
    ('"W/a"', 'W/"a"', False, False),
    ('"W/"', 'W/""', False, False),
    ('"*"', '"a"', False, False),
    ('"*"', '"*"', True, True),
    ("*", '"a"', False, False),
    ("*", '"*"', False, False),
    ("", '""', False, False),
    ('"a" "b"', '"a"', False, False),
    ('"\xe9"', '"\xe9"', True, True),
    ('"a"', None, False, False),
    ('""', None, False, False),
    ("*", None, False, False),
]


@pytest.mark.parametrize(("lines", "kind", "tags"), PARSE)
def test_parse(lines: list[str] | None, kind: Listing, tags: list[str]) -> None:
    """Absent, empty, "*", tags and unreadable are five different values."""
    parsed = ETagList.parse(lines)
    assert parsed.kind is kind
    assert list(parsed.tags) == tags
    assert all(type(tag) is ETag for tag in parsed.tags)
    assert ETagList.parse(tuple(lines or ())) == parsed


@pytest.mark.parametrize(("field", "current", "strong", "weak"), MATCH)
def test_match(field: str, current: str | None, strong: bool, weak: bool) -> None:
    """A list matches as its members do, by the two comparisons of 8.8.3.2."""
    tags, tag = ETagList.parse([field]), ETag.parse(current)
    assert tags.matches_strongly(tag) is strong
    assert tags.matches_weakly(tag) is weak


def test_the_five_values_differ() -> None:
    """None of the five can be taken for another."""
    fields: list[list[str] | None] = [None, [""], ["*"], ['"*"'], ["?"]]
    assert len({ETagList.parse(lines) for lines in fields}) == 5


@pytest.mark.parametrize("text", ['"a"', '"a", "b"', "W/a", '"a'])
def test_one_string_is_no_sequence_of_lines(text: str) -> None:
    """The characters of a field are not its lines; who passes them is told."""
    with pytest.raises(InvalidArgument, match="put it into a list"):
        ETagList.parse(text)


def test_render() -> None:
    """A list is sent with a comma and a space; what is absent is not sent."""
    assert ETagList.parse(None).render() is None
    assert ETagList.of().render() == ""
    assert ETagList.any_version().render() == "*"
    assert ETagList.of(ETag('"a"'), ETag('W/"b,c"')).render() == '"a", W/"b,c"'
    with pytest.raises(InvalidArgument):
        ETagList.parse(["?"]).render()
