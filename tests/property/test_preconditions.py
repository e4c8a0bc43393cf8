"""Laws of conditions, ranges and cache fields, on whatever Hypothesis thinks of."""

from __future__ import annotations

import contextlib
import itertools
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from etagkit.errors import EtagKitError
from etagkit.http import (
    ByteRange,
    CacheControl,
    CacheGroups,
    Conditions,
    ContentRange,
    ETag,
    ETagList,
    Expectation,
    Headers,
    Listing,
    NotModified,
    Part,
    Parts,
    PreconditionFailed,
    PreconditionRequired,
    Proceed,
    RangeRequest,
    State,
    SuffixRange,
    Unreadable,
    Unsatisfiable,
    Vary,
    Whole,
    evaluate,
    groups_to_invalidate,
    headers_for_304,
    select,
    strong_match,
    weak_match,
)
from etagkit.http._byte_ranges import JOINED_GAP, MAX_RANGES
from tests.property import naive_rfc

pytestmark = pytest.mark.property

ETAGC = [chr(0x21), *map(chr, range(0x23, 0x7F)), *map(chr, range(0x80, 0x100))]
tags = st.builds(
    lambda weak, opaque: ETag(f'{"W/" * weak}"{opaque}"'),
    st.booleans(),
    st.sampled_from(["", "a", "b", "a,b", "*", "W/"]) | st.text(st.sampled_from(ETAGC), max_size=6),
)
white = st.sampled_from(["", " ", "\t", "  "])
#: Field values made of what such fields are made of, right and wrong.
pieces = st.sampled_from(
    [
        '"a"',
        'W/"a"',
        '"b"',
        '"a,b"',
        '""',
        "*",
        ",",
        " ",
        "\t",
        '"',
        "W/",
        "a",
        "\\",
        "\x00",
        "\xe9",
    ]
)
tag_fields = st.one_of(
    st.lists(tags, max_size=3).map(", ".join),
    st.lists(pieces, max_size=6).map("".join),
    st.text(max_size=6),
)
#: Few moments, so that equal ones meet; three formats and what is no date.
DATES = [
    "Sun, 06 Nov 1994 08:49:36 GMT",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 06 Nov 1994 08:49:38 GMT",
    "Sunday, 06-Nov-94 08:49:37 GMT",
    "Sun Nov  6 08:49:37 1994",
    " Sun, 06 Nov 1994 08:49:37 GMT\t",
    "Sun, 06 Nov 1994 08:49:37 +0000",
    "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
    "Sun, 31 Feb 2021 08:49:37 GMT",
    "never",
    "",
]
dates = st.sampled_from(DATES)
fields = st.one_of(
    st.tuples(st.sampled_from(["If-Match", "if-match", "If-None-Match"]), tag_fields),
    st.tuples(st.sampled_from(["If-Modified-Since", "If-Unmodified-Since"]), dates),
    st.tuples(st.just("If-Range"), tag_fields | dates),
    st.tuples(st.just("Host"), st.just("localhost")),
)
requests = st.lists(fields, max_size=5)
methods = st.sampled_from(["GET", "HEAD", "PUT", "PATCH", "DELETE", "POST", "OPTIONS", "TRACE"])
statuses = st.sampled_from([200, 201, 204, 206, 304, 404, 412, 500])
worlds = st.builds(
    naive_rfc.World,
    tag=st.none() | st.sampled_from(['"a"', 'W/"a"', '"a,b"', '""', '"*"', '"\xe9"']),
    modified=st.none() | st.just(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)),
    settled=st.booleans(),
) | st.just(naive_rfc.World(exists=False))
anything = st.text(max_size=12) | st.text(
    st.sampled_from('W/"*, =-;a0\\\t\n\x00\x7f\xff'), max_size=12
)
lines = st.none() | st.lists(anything, max_size=3)


def state_of(world: naive_rfc.World) -> State:
    """Return the library's value for the same representation."""
    if not world.exists:
        return State.missing()
    return State.of(world.tag, modified=world.modified, settled=world.settled)


@given(
    request=requests,
    method=methods,
    world=worlds,
    required=st.booleans(),
    status=st.just(200) | statuses,
)
@example(
    request=[("If-Match", '"v1,v2"')],
    method="PUT",
    world=naive_rfc.World(tag='"v1"'),
    required=False,
    status=200,
)
def test_evaluation_agrees_with_the_naive_reading(
    request: list[tuple[str, str]],
    method: str,
    world: naive_rfc.World,
    required: bool,
    status: int,
) -> None:
    """The library and the steps of 13.2.2, taken one by one, answer the same."""
    outcome = evaluate(
        Conditions.parse(request), method, state_of(world), required=required, would_answer=status
    )
    naive = naive_rfc.answer(request, method, world, required=required, would_answer=status)
    match outcome:
        case Proceed():
            assert ("proceed", outcome.range_allowed) == (naive.status, naive.ranged)
        case NotModified() | PreconditionFailed() | PreconditionRequired():
            assert str(outcome.status) == naive.status


@given(request=requests, world=worlds, method=st.sampled_from(["PUT", "DELETE"]))
def test_a_write_holds_while_its_expectation_does(
    request: list[tuple[str, str]], world: naive_rfc.World, method: str
) -> None:
    """What a write still has to find is enough: where it is found, the conditions hold again."""
    outcome = evaluate(Conditions.parse(request), method, state_of(world))
    if not isinstance(outcome, Proceed):
        return
    later = {
        Expectation.NOTHING: State.of('"other"'),
        Expectation.PRESENT: State.of('"other"'),
        Expectation.ABSENT: State.missing(),
        Expectation.SAME: state_of(world),
    }[outcome.expects]
    again = evaluate(Conditions.parse(request), method, later)
    assert isinstance(again, Proceed)
    assert outcome.accepted is None or outcome.accepted == world.tag


@given(request=requests, world=worlds)
def test_reads_never_fail_where_they_could_be_unmodified(
    request: list[tuple[str, str]], world: naive_rfc.World
) -> None:
    """HEAD is answered like GET, ranges apart."""
    stated, state = Conditions.parse(request), state_of(world)
    get, head = evaluate(stated, "GET", state), evaluate(stated, "HEAD", state)
    if isinstance(get, Proceed):
        assert isinstance(head, Proceed)
        assert (get.by, head.range_allowed) == (head.by, False)
    else:
        assert get == head


@given(given_tags=st.lists(tags, max_size=4), gaps=st.lists(white, min_size=10, max_size=10))
def test_a_list_of_tags_is_read_as_it_was_written(given_tags: list[ETag], gaps: list[str]) -> None:
    """Parsing is the inverse of rendering, with any white space and on any number of lines."""
    made = ETagList.of(*given_tags)
    rendered = made.render()
    assert rendered is not None
    assert ETagList.parse([rendered]) == made
    assert ETagList.parse([str(tag) for tag in given_tags] or [""]) == made
    loose = ",".join(f"{gaps[2 * i]}{tag}{gaps[2 * i + 1]}" for i, tag in enumerate(given_tags))
    assert ETagList.parse([f",{loose} ,,"]).tags == tuple(given_tags)


@given(found=tag_fields)
def test_tags_are_read_as_the_naive_reading_reads_them(found: str) -> None:
    """The two passes of patterns and the walk over characters see the same members."""
    parsed = ETagList.parse([found])
    naive = naive_rfc.read_tags([found])
    if parsed.kind is Listing.ANY:
        assert naive_rfc.is_asterisk([found])
    else:
        assert (parsed.kind is Listing.UNREADABLE) == (naive is None)
        assert list(parsed.tags) == (naive or [])


@given(given_tags=st.lists(tags, max_size=4), tag=tags)
def test_a_list_matches_as_its_members_do(given_tags: list[ETag], tag: ETag) -> None:
    """Both comparisons of a list are those of 8.8.3.2, member by member."""
    listed = ETagList.of(*given_tags)
    assert listed.matches_strongly(tag) == any(strong_match(one, tag) for one in given_tags)
    assert listed.matches_weakly(tag) == any(weak_match(one, tag) for one in given_tags)


# --- ranges --------------------------------------------------------------------------------------

specs = st.one_of(
    st.builds(ByteRange, st.integers(0, 400)),
    st.builds(lambda a, n: ByteRange(a, a + n), st.integers(0, 400), st.integers(0, 400)),
    st.builds(SuffixRange, st.integers(0, 400)),
)
range_fields = st.one_of(
    st.lists(specs, min_size=1, max_size=4).map(lambda them: RangeRequest(tuple(them)).render()),
    st.lists(st.sampled_from(["bytes=", "0", "9", "-", ",", " ", "+", "_", "x"]), max_size=8).map(
        "".join
    ),
    anything,
)


@given(asked=st.lists(specs, min_size=1, max_size=MAX_RANGES))
def test_ranges_are_read_as_they_were_written(asked: list[ByteRange | SuffixRange]) -> None:
    """Parsing is the inverse of rendering."""
    request = RangeRequest(tuple(asked))
    assert RangeRequest.parse(request.render()) == request


@given(field=range_fields, size=st.integers(0, 500))
def test_the_octets_that_are_sent(field: str, size: int) -> None:
    """A 206 holds what was asked for and exists, no octet twice, and only small gaps beside it."""
    request = RangeRequest.parse(field)
    wanted = naive_rfc.octets(field.strip(" \t"), size)
    assert isinstance(request, RangeRequest) == (wanted is not None)
    answer = select(request, size)
    match answer:
        case Unsatisfiable():
            assert wanted == set()
        case Whole():
            pass
        case Parts(parts):
            _check_parts(parts, wanted or set(), size)


def _check_parts(parts: tuple[Part, ...], wanted: set[int], size: int) -> None:
    sent = [octet for part in parts for octet in range(part.start, part.end + 1)]
    assert len(sent) == len(set(sent)) == sum(part.length for part in parts)
    assert wanted
    assert wanted <= set(sent) <= set(range(size))
    runs = re.findall("x+", "".join(" x"[octet not in wanted] for octet in sorted(sent)))
    assert max(map(len, runs), default=0) <= JOINED_GAP
    ordered = sorted(parts, key=lambda part: part.start)
    for one, other in itertools.pairwise(ordered):
        assert other.start - one.end - 1 > JOINED_GAP
    for part in parts:
        assert ContentRange.parse(part.content_range.render()) == part.content_range


@given(size=st.integers(0, 2**63), asked=specs)
def test_one_range_is_never_the_whole_by_limit(size: int, asked: ByteRange | SuffixRange) -> None:
    """The limits concern several ranges: a single one is answered with 206 or 416."""
    answer = select(RangeRequest((asked,)), size)
    assert isinstance(answer, Parts | Unsatisfiable) or size == 0
    if isinstance(answer, Parts):
        assert answer.single is not None


# --- cache fields --------------------------------------------------------------------------------

names = st.sampled_from(["a", "b", "x-y", "set-cookie"])
seconds = st.none() | st.integers(0, 2**31)
texts = st.none() | st.text(
    st.sampled_from(['"', "\\", "a", " ", ",", "\t", "=", "\xff"]), max_size=5
)
unique_names = st.lists(names, unique=True, max_size=3).map(tuple)


@st.composite
def cache_controls(draw: st.DrawFn) -> CacheControl:
    """Draw a value that does not contradict itself."""
    flags = ["no_store", "no_transform", "must_revalidate", "immutable", "must_understand"]
    values: dict[str, Any] = {name: draw(st.booleans()) for name in flags}
    for name in ("max_age", "s_maxage", "max_stale", "min_fresh", "stale_if_error"):
        values[name] = draw(seconds)
    values |= draw(st.sampled_from([{}, {"public": True}, {"private": True}]))
    values["private_fields"] = () if values.get("private") else draw(unique_names)
    values["no_cache"] = draw(st.booleans())
    values["no_cache_fields"] = () if values["no_cache"] else draw(unique_names)
    values["extensions"] = tuple(draw(st.lists(st.tuples(names, texts), max_size=3)))
    return CacheControl(**values)


@given(value=cache_controls())
def test_cache_control_is_read_as_it_was_written(value: CacheControl) -> None:
    """Parsing is the inverse of rendering, quoted texts included."""
    assert CacheControl.parse([value.render()]) == value
    assert CacheControl.parse(value.render().split(", ")) == value or '"' in value.render()


@given(found=lines, other=cache_controls())
def test_more_text_never_makes_a_cache_bolder(found: list[str] | None, other: CacheControl) -> None:
    """Whatever else stands in the field, what forbids is still there and no lifetime is longer."""
    alone = other
    both = CacheControl.parse([other.render(), *(found or [])])
    assert not both.may_store(shared=True) or alone.may_store(shared=True) or both.must_understand
    assert both.no_store >= alone.no_store
    assert both.no_cache >= alone.no_cache
    assert both.private >= alone.private
    if alone.max_age is not None:
        assert both.max_age is not None
        assert both.max_age <= alone.max_age


@given(one=lines, other=lines)
def test_vary_merges_without_loss(one: list[str] | None, other: list[str] | None) -> None:
    """Merging is symmetric, adds nothing to itself, and reads back what it wrote."""
    left, right = Vary.parse(one), Vary.parse(other)
    assert left.merge(right) == right.merge(left)
    assert left.merge(left) == left
    assert all(name in left.merge(right) for name in left.fields)
    assert Vary.parse([left.render()]) == left


@given(found=st.lists(st.text(st.sampled_from([chr(c) for c in range(0x20, 0x7F)]), max_size=8)))
def test_groups_are_read_as_they_were_written(found: list[str]) -> None:
    """Parsing is the inverse of rendering, whatever printable characters the names hold."""
    groups = CacheGroups.of(*found)
    assert CacheGroups.parse([groups.render()]) == groups
    assert CacheGroups.parse([CacheGroups.of(name).render() for name in groups]) == groups


# --- any input -----------------------------------------------------------------------------------


def read_everything(found: list[str] | None) -> None:
    """Give the lines to every parser and use what comes out."""
    request = Conditions.parse(
        [
            (name, line)
            for line in found or ()
            for name in ("If-Match", "If-None-Match", "If-Range", "If-Modified-Since", "Range")
        ]
    )
    for method in ("GET", "PUT"):
        for state in (State.of('"a"'), State.missing()):
            evaluate(request, method, state, required=True)
    headers = Headers.of([("Range", line) for line in found or ()])
    select(RangeRequest.from_headers(headers), 1_000)
    for line in found or ():
        select(RangeRequest.parse(line), 1_000)
    repr(request)
    CacheControl.parse(found).render()
    Vary.parse(found).merge(Vary.of("Accept")).render()
    groups = groups_to_invalidate("PUT", found)
    assert isinstance(groups, Unreadable) or CacheGroups.parse([groups.render()]) == groups
    ETagList.parse(found).matches_weakly(ETag('"a"'))


@given(found=lines)
def test_no_text_raises(found: list[str] | None) -> None:
    """Whatever a peer sends is a value, never an error."""
    read_everything(found)


@given(text=st.text(max_size=6))
def test_values_are_made_or_refused_by_the_typed_error(text: str) -> None:
    """What a program makes itself raises nothing but the library's own errors."""
    for make in (
        lambda: Vary.of(text),
        lambda: CacheGroups.of(text),
        lambda: CacheControl(extensions=((text, text),)),
        lambda: CacheControl(private_fields=(text,)),
        lambda: State.of(text),
        lambda: ContentRange.parse(text),
    ):
        with contextlib.suppress(EtagKitError):
            assert make() is not None


@given(found=st.lists(st.tuples(anything, anything), max_size=4))
def test_a_304_has_no_field_that_the_200_had_not(found: list[tuple[str, str]]) -> None:
    """Fields are taken away, none is added or moved, and doing it twice changes nothing."""
    headers = Headers.of(found)
    kept = headers_for_304(headers)
    rest = iter(headers.lines)
    assert all(line in rest for line in kept.lines)
    assert headers_for_304(kept) == kept


#: 64 KiB of what makes a careless parser read the same text again and again. One that needs the
#: square of the length takes hours, and the time limit ends it.
SIZE = 65_536
HOSTILE = [
    "," * SIZE,
    " " * SIZE + "x",
    "\t" * SIZE,
    " ," * (SIZE // 2) + "x",
    '"' + "x" * SIZE,
    '"' + "\\" * SIZE,
    '"' + '\\"' * (SIZE // 2),
    '"' * SIZE,
    '"",' * (SIZE // 3),
    '"",' * (SIZE // 3) + "x",
    '"a" ' * (SIZE // 4),
    "W/" * (SIZE // 2),
    'W/"",' * (SIZE // 5) + "*",
    "*," * (SIZE // 2),
    "bytes=" + "," * SIZE,
    "bytes=" + " " * SIZE,
    "bytes=" + "0-," * (SIZE // 3),
    "bytes=" + "9" * SIZE + "-",
    "bytes=0-" + "9" * SIZE,
    "bytes=-" + "0" * SIZE,
    "bytes=" + "-" * SIZE,
    "bytes=" + "0-1 " * (SIZE // 4),
    "a=" * (SIZE // 2),
    'a="' * (SIZE // 3),
    "private," * (SIZE // 8),
    'private="' + "a," * (SIZE // 2) + '"',
    "max-age=" + "9" * SIZE,
    "max-age=" + "0" * SIZE,
    "max-age=1," * (SIZE // 10),
    '"a"' + ";a" * (SIZE // 2),
    '"a"' + ";a=" * (SIZE // 3),
    '"a";a=' + "1" * SIZE,
    '"a";a="' + "x" * SIZE,
    '"a"' + " " * SIZE + ",",
    '"a" ,' * (SIZE // 5) + ";",
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_fields_take_no_time(text: str) -> None:
    """Every parser finishes on 64 KiB of hostile text, on one line and on many."""
    read_everything([text])
    read_everything([text[i : i + 64] for i in range(0, 4_096, 64)])
