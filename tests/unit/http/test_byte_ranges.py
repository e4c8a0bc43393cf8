"""Range and what answers it (RFC 9110 14.1, 14.2, 15.3.7, 15.5.17)."""

from __future__ import annotations

import pytest

from etagkit.errors import InvalidArgument
from etagkit.http import (
    ByteRange,
    ContentRange,
    Headers,
    Part,
    Parts,
    RangeRequest,
    SuffixRange,
    Unreadable,
    Unsatisfiable,
    Whole,
    select,
)
from etagkit.http._byte_ranges import JOINED_GAP, MAX_OVERLAPS, MAX_RANGES

#: More than any length: what numbers beyond 19 digits are read as.
HUGE = 10**19

#: A field, and the ranges that it asks for: (first, last) or the length of a suffix.
READABLE: list[tuple[str, list[tuple[int, int | None] | int]]] = [
    # examples of RFC 9110 14.1.2
    ("bytes=0-499", [(0, 499)]),
    ("bytes=500-999", [(500, 999)]),
    ("bytes=-500", [500]),
    ("bytes=9500-", [(9500, None)]),
    ("bytes=0-0,-1", [(0, 0), 1]),
    ("bytes= 0-0, -2", [(0, 0), 2]),
    ("bytes= 0-999, 4500-5499, -1000", [(0, 999), (4500, 5499), 1000]),
    ("bytes=500-600,601-999", [(500, 600), (601, 999)]),
    ("bytes=500-700,601-999", [(500, 700), (601, 999)]),
    # the unit in any case, white space round the field and the commas
    ("Bytes=0-1", [(0, 1)]),
    ("BYTES=0-1", [(0, 1)]),
    (" bytes=0-1\t", [(0, 1)]),
    ("bytes=0-1 , 2-3", [(0, 1), (2, 3)]),
    ("bytes=0-1\t,\t2-3", [(0, 1), (2, 3)]),
    # empty elements
    ("bytes=,0-1", [(0, 1)]),
    ("bytes=0-1,", [(0, 1)]),
    ("bytes=0-1,, ,2-3", [(0, 1), (2, 3)]),
    # edges
    ("bytes=0-", [(0, None)]),
    ("bytes=-0", [0]),
    ("bytes=-1", [1]),
    ("bytes=5-5", [(5, 5)]),
    ("bytes=007-008", [(7, 8)]),
    ("bytes=-007", [7]),
    ("bytes=9999999999999999999-", [(9999999999999999999, None)]),
    ("bytes=10000000000000000000-", [(HUGE, None)]),
    ("bytes=0-99999999999999999999999", [(0, HUGE)]),
    ("bytes=-99999999999999999999999", [HUGE]),
    ("bytes=0-" + "9" * 10_000, [(0, HUGE)]),
    ("bytes=" + "0" * 10_000 + "1-2", [(1, 2)]),
]
UNREADABLE = [
    "",
    "bytes",
    "bytes=",
    "bytes=,",
    "bytes= ",
    "=0-1",
    "0-1",
    "bytes 0-1",
    "bytes:0-1",
    "bytes =0-1",
    "byte=0-1",
    "octets=0-1",
    "items=0-4",
    "seconds=1-2",
    "none=0-1",
    "byte\u017f=0-1",
    "bytes=-",
    "bytes=--1",
    "bytes=0",
    "bytes=a-b",
    "bytes=0-b",
    "bytes=1-0",
    "bytes=500-499",
    "bytes=0-1, 5-4",
    "bytes=10-9, 0-1",
    "bytes=+0-9",
    "bytes=0-+9",
    "bytes=-+9",
    "bytes=1_0-2_0",
    "bytes=0x0-0x9",
    "bytes=0.0-1",
    "bytes=1e3-",
    "bytes=0 -1",
    "bytes=0- 1",
    "bytes=- 1",
    "bytes=0-1 2-3",
    "bytes=0-1;2-3",
    "bytes=0-1-2",
    "bytes=0-1,x",
    "bytes=x,0-1",
    "bytes=0-1\n",
    "bytes=0-1\x00",
    "bytes=\u0660-\u0661",
    "bytes=\uff10-",
    'bytes="0-1"',
    "bytes=*",
    "bytes=0-*",
    "bytes=bytes=0-1",
    "bytes=" + ",".join(f"{i}-{i}" for i in range(MAX_RANGES + 1)),
]

#: A field, a size, and what is answered: the parts, `None` for 416, "whole" for 200.
SELECT: list[tuple[str | None, int, list[tuple[int, int]] | str | None]] = [
    # single ranges of 1,000 octets
    ("bytes=0-499", 1000, [(0, 499)]),
    ("bytes=500-999", 1000, [(500, 999)]),
    ("bytes=0-0", 1000, [(0, 0)]),
    ("bytes=999-999", 1000, [(999, 999)]),
    ("bytes=999-", 1000, [(999, 999)]),
    ("bytes=0-", 1000, [(0, 999)]),
    ("bytes=0-999", 1000, [(0, 999)]),
    ("bytes=-1", 1000, [(999, 999)]),
    ("bytes=-500", 1000, [(500, 999)]),
    ("bytes=-1000", 1000, [(0, 999)]),
    # beyond the end: cut
    ("bytes=0-1000", 1000, [(0, 999)]),
    ("bytes=900-2000", 1000, [(900, 999)]),
    ("bytes=999-1000", 1000, [(999, 999)]),
    ("bytes=-1001", 1000, [(0, 999)]),
    ("bytes=0-99999999999999999999999", 1000, [(0, 999)]),
    ("bytes=-99999999999999999999999", 1000, [(0, 999)]),
    # beyond the end: nothing there
    ("bytes=1000-", 1000, None),
    ("bytes=1000-1000", 1000, None),
    ("bytes=2000-3000", 1000, None),
    ("bytes=-0", 1000, None),
    ("bytes=99999999999999999999999-", 1000, None),
    ("bytes=1000-, 2000-", 1000, None),
    ("bytes=-0, 1000-", 1000, None),
    # some of several
    ("bytes=1000-, 0-0", 1000, [(0, 0)]),
    ("bytes=0-0, 1000-, -1", 1000, [(0, 0), (999, 999)]),
    ("bytes=-0, 5-6", 1000, [(5, 6)]),
    # several, in the order asked for
    ("bytes=0-9, 500-509", 1000, [(0, 9), (500, 509)]),
    ("bytes=500-509, 0-9", 1000, [(500, 509), (0, 9)]),
    ("bytes=-1, 0-0", 1000, [(999, 999), (0, 0)]),
    ("bytes=800-809, 0-9, 400-409", 1000, [(800, 809), (0, 9), (400, 409)]),
    # touching, near and overlapping ranges are joined
    ("bytes=0-9, 10-19", 1000, [(0, 19)]),
    ("bytes=10-19, 0-9", 1000, [(0, 19)]),
    (f"bytes=0-9, {10 + JOINED_GAP}-200", 1000, [(0, 200)]),
    (f"bytes=0-9, {11 + JOINED_GAP}-200", 1000, [(0, 9), (11 + JOINED_GAP, 200)]),
    ("bytes=0-99, 50-149", 1000, [(0, 149)]),
    ("bytes=0-499, 100-199", 1000, [(0, 499)]),
    ("bytes=5-9, 5-9", 1000, [(5, 9)]),
    ("bytes=0-, -1", 1000, [(0, 999)]),
    ("bytes=500-509, 0-9, 10-19", 1000, [(500, 509), (0, 19)]),
    ("bytes=0-9, 500-509, 10-19", 1000, [(0, 19), (500, 509)]),
    ("bytes=10-19, 500-509, 0-9", 1000, [(0, 19), (500, 509)]),
    ("bytes=0-99, 50-149, 100-199", 1000, [(0, 199)]),
    # too much of it
    ("bytes=0-99, 50-149, 100-199, 150-249", 1000, "whole"),
    ("bytes=0-10, 10-20, 20-30, 30-40", 1000, "whole"),
    ("bytes=0-9, 10-19, 20-29, 30-39", 1000, [(0, 39)]),
    ("bytes=" + ",".join(["0-"] * (MAX_OVERLAPS + 1)), 1000, [(0, 999)]),
    ("bytes=" + ",".join(["0-"] * (MAX_OVERLAPS + 2)), 1000, "whole"),
    ("bytes=" + ",".join(["0-0"] * (MAX_RANGES + 1)), 1000, "whole"),
    # no octets at all
    ("bytes=0-", 0, None),
    ("bytes=0-0", 0, None),
    ("bytes=-0", 0, None),
    ("bytes=-5", 0, "whole"),
    ("bytes=0-0, -5", 0, "whole"),
    # one octet
    ("bytes=0-", 1, [(0, 0)]),
    ("bytes=-1", 1, [(0, 0)]),
    ("bytes=1-", 1, None),
    # nothing that could be read
    (None, 1000, "whole"),
    ("", 1000, "whole"),
    ("items=0-4", 1000, "whole"),
    ("bytes=1-0", 1000, "whole"),
    ("bytes=0-1, 5-4", 1000, "whole"),
    ("bytes=+0-9", 1000, "whole"),
    ("bytes=1_0-2_0", 1000, "whole"),
]


@pytest.mark.parametrize(("field", "expected"), READABLE, ids=range(len(READABLE)))
def test_readable(field: str, expected: list[tuple[int, int | None] | int]) -> None:
    """What follows the grammar is read, numbers of any length included."""
    specs = [
        SuffixRange(one) if isinstance(one, int) else ByteRange(one[0], one[1]) for one in expected
    ]
    request = RangeRequest.parse(field)
    assert request == RangeRequest(tuple(specs))
    assert isinstance(request, RangeRequest)
    assert RangeRequest.parse(request.render()) == request


@pytest.mark.parametrize("field", UNREADABLE)
def test_unreadable(field: str) -> None:
    """Other units and other grammars are kept apart from an absent field, with a reason."""
    read = RangeRequest.parse(field)
    assert isinstance(read, Unreadable)
    assert read.found == field
    assert read.reason


def test_absent() -> None:
    """No field asks for nothing."""
    assert RangeRequest.parse(None) is None
    assert RangeRequest.from_headers(Headers()) is None


def test_unknown_units_are_told_from_bad_grammar() -> None:
    """The reason says which of the two it is."""
    for field, reason in (("items=0-4", "unit"), ("bytes=4", "set")):
        read = RangeRequest.parse(field)
        assert isinstance(read, Unreadable)
        assert reason in read.reason


def test_two_lines_are_no_range() -> None:
    """A field that may stand once and stands twice is not read; one line is."""
    twice = Headers.of([("Range", "bytes=0-1"), ("range", "bytes=0-1")])
    assert isinstance(RangeRequest.from_headers(twice), Unreadable)
    once = Headers.of([("Range", "bytes=0-1")])
    assert RangeRequest.from_headers(once) == RangeRequest((ByteRange(0, 1),))


@pytest.mark.parametrize(("field", "size", "expected"), SELECT, ids=range(len(SELECT)))
def test_select(field: str | None, size: int, expected: list[tuple[int, int]] | str | None) -> None:
    """Ranges are cut to what exists, joined, limited, or answered with the whole or 416."""
    answer = select(RangeRequest.parse(field), size)
    if expected is None:
        assert answer == Unsatisfiable(size)
    elif isinstance(expected, str):
        assert answer == Whole()
    else:
        assert answer == Parts(tuple(Part(a, b, size=size) for a, b in expected))


def test_what_the_answers_say_in_content_range() -> None:
    """A part names its place and the whole, a 416 the size alone."""
    part = Part(500, 999, size=1234)
    assert part.length == 500
    assert part.content_range == ContentRange(start=500, end=999, total=1234)
    assert part.content_range.render() == "bytes 500-999/1234"
    assert Unsatisfiable(1234).content_range.render() == "bytes */1234"


def test_one_part_is_not_sent_as_multipart() -> None:
    """Whoever renders the answer is told whether there is one part or several (15.3.7.2)."""
    one, other = Part(0, 0, size=9), Part(8, 8, size=9)
    assert Parts((one,)).single == one
    assert Parts((one, other)).single is None


@pytest.mark.parametrize("count", [0, MAX_RANGES + 1])
def test_a_request_that_no_server_answers_is_not_made(count: int) -> None:
    """The limit on ranges is kept by the value itself."""
    with pytest.raises(InvalidArgument):
        RangeRequest(tuple(ByteRange(i) for i in range(count)))
    assert len(RangeRequest((ByteRange(0),) * MAX_RANGES).specs) == MAX_RANGES


def test_impossible_values_are_refused() -> None:
    """A range that ends before it starts, and negative numbers, are errors of the program."""
    for make in (
        lambda: ByteRange(2, 1),
        lambda: ByteRange(-1),
        lambda: SuffixRange(-1),
        lambda: select(None, -1),
    ):
        with pytest.raises(InvalidArgument):
            make()


def test_the_answer_is_never_larger_than_the_whole() -> None:
    """However many ranges are asked for, no octet is sent twice."""
    field = "bytes=" + ",".join(f"{i * 10}-{i * 10 + 9}" for i in range(MAX_RANGES))
    answer = select(RangeRequest.parse(field), 320)
    assert answer == Parts((Part(0, 319, size=320),))


@pytest.mark.parametrize(
    ("start", "end", "total", "text"),
    [
        (0, 0, 1, "bytes 0-0/1"),
        (42, 1233, None, "bytes 42-1233/*"),
        (None, None, 1234, "bytes */1234"),
        (None, None, 0, "bytes */0"),
    ],
)
def test_content_range_renders(
    start: int | None, end: int | None, total: int | None, text: str
) -> None:
    """Rendering is the inverse of parsing."""
    value = ContentRange(start=start, end=end, total=total)
    assert value.render() == text
    assert ContentRange.parse(text) == value
