"""Preconditions and their order (RFC 9110 13.1, 13.2), as tables made from its text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from etagkit.errors import InvalidArgument, InvalidETag
from etagkit.http import (
    METHODS_WITH_QUERY,
    Conditions,
    ETag,
    Expectation,
    Headers,
    Listing,
    MethodPolicy,
    NotModified,
    Precondition,
    PreconditionFailed,
    PreconditionRequired,
    Proceed,
    State,
    Unreadable,
    Validators,
    evaluate,
    headers_for_304,
    if_range_holds,
)
from tests.unit.http import test_byte_ranges, test_etag, test_etag_list

BEFORE = "Sun, 06 Nov 1994 08:49:36 GMT"
STAMP = "Sun, 06 Nov 1994 08:49:37 GMT"
AFTER = "Sun, 06 Nov 1994 08:49:38 GMT"
MOMENT = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)

STATES = {
    "strong": State.of('"v1"'),
    "weak": State.of('W/"v1"'),
    "dated": State.of(modified=MOMENT),
    "settled": State.of(modified=MOMENT, settled=True),
    "both": State.of('"v1"', modified=MOMENT, settled=True),
    "bare": State.of(),
    "missing": State.missing(),
}

FIELDS = {
    "im": "If-Match",
    "inm": "If-None-Match",
    "ims": "If-Modified-Since",
    "ius": "If-Unmodified-Since",
    "ir": "If-Range",
}
Lines = tuple[tuple[str, str], ...]


def conditions(lines: Lines) -> Conditions:
    """Return the conditions that are written with the short names above."""
    return Conditions.parse([(FIELDS[name], value) for name, value in lines])


GO = "go"

#: What the request states, what it meets, and what is answered to a read and to a write.
ORDER: list[tuple[Lines, str, str | int, str | int]] = [
    # no condition
    ((), "both", GO, GO),
    ((), "missing", GO, GO),
    # If-Match: strong comparison
    ((("im", '"v1"'),), "strong", GO, GO),
    ((("im", '"v1"'),), "both", GO, GO),
    ((("im", '"v1"'),), "weak", 412, 412),
    ((("im", 'W/"v1"'),), "strong", 412, 412),
    ((("im", 'W/"v1"'),), "weak", 412, 412),
    ((("im", '"v2"'),), "strong", 412, 412),
    ((("im", '"V1"'),), "strong", 412, 412),
    ((("im", '"v1"'),), "dated", 412, 412),
    ((("im", '"v1"'),), "bare", 412, 412),
    ((("im", '"v1"'),), "missing", GO, 412),
    ((("im", '"v0", "v1"'),), "strong", GO, GO),
    ((("im", '"v0"'), ("im", '"v1"')), "strong", GO, GO),
    ((("im", '"v1"'), ("im", '"v2"')), "strong", GO, GO),
    ((("im", 'W/"v1", "v1"'),), "strong", GO, GO),
    ((("im", '"v1,v2"'),), "strong", 412, 412),
    ((("im", '"*"'),), "strong", 412, 412),
    # If-Match: "*" asks for existence
    ((("im", "*"),), "strong", GO, GO),
    ((("im", "*"),), "weak", GO, GO),
    ((("im", "*"),), "dated", GO, GO),
    ((("im", "*"),), "bare", GO, GO),
    ((("im", "*"),), "missing", GO, 412),
    # If-Match: empty and unreadable are false
    ((("im", ""),), "strong", 412, 412),
    ((("im", " , "),), "strong", 412, 412),
    ((("im", "v1"),), "strong", 412, 412),
    ((("im", '"v1'),), "strong", 412, 412),
    ((("im", '"v1" "v2"'),), "strong", 412, 412),
    ((("im", '"v1", v2'),), "strong", 412, 412),
    ((("im", '*, "v1"'),), "strong", 412, 412),
    ((("im", "*"), ("im", "*")), "strong", 412, 412),
    ((("im", 'w/"v1"'),), "strong", 412, 412),
    ((("im", ""),), "missing", GO, 412),
    ((("im", "v1"),), "missing", GO, 412),
    # If-Unmodified-Since
    ((("ius", STAMP),), "dated", GO, GO),
    ((("ius", AFTER),), "dated", GO, GO),
    ((("ius", BEFORE),), "dated", 412, 412),
    ((("ius", BEFORE),), "settled", 412, 412),
    ((("ius", BEFORE),), "both", 412, 412),
    ((("ius", "Sunday, 06-Nov-94 08:49:36 GMT"),), "dated", 412, 412),
    ((("ius", "Sun Nov  6 08:49:36 1994"),), "dated", 412, 412),
    # ... ignored without a modification date, or if it is not one date
    ((("ius", BEFORE),), "strong", GO, GO),
    ((("ius", BEFORE),), "bare", GO, GO),
    ((("ius", BEFORE),), "missing", GO, GO),
    ((("ius", "never"),), "dated", GO, GO),
    ((("ius", ""),), "dated", GO, GO),
    ((("ius", f"{BEFORE}, {BEFORE}"),), "dated", GO, GO),
    ((("ius", BEFORE), ("ius", BEFORE)), "dated", GO, GO),
    ((("ius", "Sun, 06 Nov 1994 08:49:36 +0000"),), "dated", GO, GO),
    # If-Match silences If-Unmodified-Since
    ((("im", '"v1"'), ("ius", BEFORE)), "both", GO, GO),
    ((("im", "*"), ("ius", BEFORE)), "both", GO, GO),
    ((("im", '"v2"'), ("ius", AFTER)), "both", 412, 412),
    ((("im", "v1"), ("ius", AFTER)), "both", 412, 412),
    ((("im", ""), ("ius", AFTER)), "both", 412, 412),
    # If-None-Match: weak comparison
    ((("inm", '"v1"'),), "strong", 304, 412),
    ((("inm", '"v1"'),), "weak", 304, 412),
    ((("inm", 'W/"v1"'),), "strong", 304, 412),
    ((("inm", 'W/"v1"'),), "weak", 304, 412),
    ((("inm", '"v2"'),), "strong", GO, GO),
    ((("inm", 'W/"v2"'),), "weak", GO, GO),
    ((("inm", '"v1"'),), "dated", GO, GO),
    ((("inm", '"v1"'),), "bare", GO, GO),
    ((("inm", '"v1"'),), "missing", GO, GO),
    ((("inm", '"v0", W/"v1"'),), "strong", 304, 412),
    ((("inm", '"v0"'), ("inm", '"v1"')), "strong", 304, 412),
    ((("inm", '"v1"'), ("inm", '"v2"')), "strong", 304, 412),
    ((("inm", ',, "v1",'),), "strong", 304, 412),
    ((("inm", '"v1,v2"'),), "strong", GO, GO),
    ((("inm", '"*"'),), "strong", GO, GO),
    # If-None-Match: "*" asks for existence
    ((("inm", "*"),), "strong", 304, 412),
    ((("inm", "*"),), "dated", 304, 412),
    ((("inm", "*"),), "bare", 304, 412),
    ((("inm", "*"),), "missing", GO, GO),
    # If-None-Match: empty names no version; unreadable never gives 304, and stops a write
    ((("inm", ""),), "strong", GO, GO),
    ((("inm", ","),), "missing", GO, GO),
    ((("inm", "v1"),), "strong", GO, 412),
    ((("inm", '"v1'),), "strong", GO, 412),
    ((("inm", '"v1", v2'),), "strong", GO, 412),
    ((("inm", '"v1"'), ("inm", "v2")), "strong", GO, 412),
    ((("inm", '*, "v1"'),), "strong", GO, 412),
    ((("inm", "*"), ("inm", "*")), "strong", GO, 412),
    ((("inm", '"*'),), "missing", GO, 412),
    # If-Modified-Since: for reads only
    ((("ims", STAMP),), "dated", 304, GO),
    ((("ims", AFTER),), "dated", 304, GO),
    ((("ims", BEFORE),), "dated", GO, GO),
    ((("ims", STAMP),), "settled", 304, GO),
    ((("ims", STAMP),), "both", 304, GO),
    ((("ims", "Sunday, 06-Nov-94 08:49:37 GMT"),), "dated", 304, GO),
    ((("ims", "Sun Nov  6 08:49:37 1994"),), "dated", 304, GO),
    ((("ims", "Fri, 31 Dec 9999 23:59:59 GMT"),), "dated", 304, GO),
    # ... ignored without a modification date, or if it is not one date
    ((("ims", AFTER),), "strong", GO, GO),
    ((("ims", AFTER),), "bare", GO, GO),
    ((("ims", AFTER),), "missing", GO, GO),
    ((("ims", "never"),), "dated", GO, GO),
    ((("ims", ""),), "dated", GO, GO),
    ((("ims", f"{AFTER}, {AFTER}"),), "dated", GO, GO),
    ((("ims", AFTER), ("ims", AFTER)), "dated", GO, GO),
    ((("ims", "Sun, 06 Nov 1994 10:49:37 +0200"),), "dated", GO, GO),
    ((("ims", "Sun, 06 Nov 99999 08:49:37 GMT"),), "dated", GO, GO),
    ((("ims", "Sun, 31 Feb 2027 08:49:37 GMT"),), "dated", GO, GO),
    ((("ims", "784111777"),), "dated", GO, GO),
    # If-None-Match silences If-Modified-Since
    ((("inm", '"v2"'), ("ims", AFTER)), "both", GO, GO),
    ((("inm", '"v1"'), ("ims", BEFORE)), "both", 304, 412),
    ((("inm", ""), ("ims", AFTER)), "both", GO, GO),
    ((("inm", "v1"), ("ims", AFTER)), "both", GO, 412),
    ((("inm", '"v1"'), ("ims", AFTER)), "dated", GO, GO),
    # the first pair comes before the second
    ((("im", '"v1"'), ("inm", '"v1"')), "strong", 304, 412),
    ((("im", '"v2"'), ("inm", '"v1"')), "strong", 412, 412),
    ((("im", '"v1"'), ("inm", '"v2"')), "strong", GO, GO),
    ((("im", "*"), ("inm", "*")), "strong", 304, 412),
    ((("im", "*"), ("inm", "*")), "missing", GO, 412),
    ((("im", '"v1"'), ("ims", STAMP)), "both", 304, GO),
    ((("im", '"v2"'), ("ims", STAMP)), "both", 412, 412),
    ((("ius", STAMP), ("ims", STAMP)), "dated", 304, GO),
    ((("ius", BEFORE), ("ims", STAMP)), "dated", 412, 412),
    ((("ius", BEFORE), ("inm", '"v1"')), "both", 412, 412),
    ((("ius", AFTER), ("inm", '"v1"')), "both", 304, 412),
    ((("ius", "never"), ("inm", '"v1"')), "both", 304, 412),
    ((("im", '"v1"'), ("ius", BEFORE), ("inm", '"v2"'), ("ims", AFTER)), "both", GO, GO),
    # If-Range stops nothing
    ((("ir", '"v2"'),), "strong", GO, GO),
    ((("ir", "junk"),), "strong", GO, GO),
]

#: If-Range lines, what they meet, and whether a range may be cut.
IF_RANGE: list[tuple[Lines, str, bool]] = [
    ((), "strong", True),
    ((), "bare", True),
    # a tag: strong comparison
    ((("ir", '"v1"'),), "strong", True),
    ((("ir", '"v1"'),), "both", True),
    ((("ir", ' "v1" '),), "strong", True),
    ((("ir", '"v1"'),), "weak", False),
    ((("ir", 'W/"v1"'),), "strong", False),
    ((("ir", 'W/"v1"'),), "weak", False),
    ((("ir", '"v2"'),), "strong", False),
    ((("ir", '"v1"'),), "settled", False),
    ((("ir", '"v1"'),), "bare", False),
    # no lists, no asterisk, no tag without quotes
    ((("ir", '"v1", "v1"'),), "strong", False),
    ((("ir", '"v1"'), ("ir", '"v1"')), "strong", False),
    ((("ir", "*"),), "strong", False),
    ((("ir", "v1"),), "strong", False),
    ((("ir", ""),), "strong", False),
    # a date: the very same, and a strong validator
    ((("ir", STAMP),), "settled", True),
    ((("ir", STAMP),), "both", True),
    ((("ir", "Sunday, 06-Nov-94 08:49:37 GMT"),), "settled", True),
    ((("ir", STAMP),), "dated", False),
    ((("ir", BEFORE),), "settled", False),
    ((("ir", AFTER),), "settled", False),
    ((("ir", STAMP),), "strong", False),
    ((("ir", STAMP),), "bare", False),
    ((("ir", f"{STAMP}, {STAMP}"),), "settled", False),
    ((("ir", "Sun, 06 Nov 1994 08:49:37 +0000"),), "settled", False),
]

#: What a write states, what it meets, the answer if a condition is required, and otherwise what
#: the write must still find: the expectation, and the tag to compare.
WRITES: list[tuple[Lines, str, int | None, Expectation, str | None]] = [
    ((), "both", 428, Expectation.NOTHING, None),
    ((), "missing", 428, Expectation.NOTHING, None),
    ((("im", '"v1"'),), "both", None, Expectation.SAME, '"v1"'),
    ((("im", '"v0", "v1"'),), "strong", None, Expectation.SAME, '"v1"'),
    ((("im", "*"),), "both", None, Expectation.PRESENT, None),
    ((("im", "*"),), "bare", None, Expectation.PRESENT, None),
    ((("ius", STAMP),), "both", None, Expectation.SAME, '"v1"'),
    ((("ius", STAMP),), "dated", None, Expectation.SAME, None),
    ((("inm", "*"),), "missing", None, Expectation.ABSENT, None),
    # no protection against undoing what somebody else wrote
    ((("inm", '"v0"'),), "both", 428, Expectation.SAME, '"v1"'),
    ((("inm", '"v0"'),), "weak", 428, Expectation.SAME, 'W/"v1"'),
    ((("inm", '"v0"'),), "missing", 428, Expectation.ABSENT, None),
    ((("inm", ""),), "both", 428, Expectation.SAME, '"v1"'),
    ((("ius", "never"),), "both", 428, Expectation.NOTHING, None),
    ((("ius", STAMP),), "strong", 428, Expectation.NOTHING, None),
    ((("ius", STAMP),), "missing", 428, Expectation.NOTHING, None),
    ((("ims", STAMP),), "both", 428, Expectation.NOTHING, None),
    ((("ir", '"v1"'),), "both", 428, Expectation.NOTHING, None),
    # two conditions: the stricter expectation
    ((("im", "*"), ("inm", '"v0"')), "both", None, Expectation.SAME, '"v1"'),
    ((("im", '"v1"'), ("inm", '"v0"')), "both", None, Expectation.SAME, '"v1"'),
    ((("im", '"v1"'), ("ius", "never")), "both", None, Expectation.SAME, '"v1"'),
    ((("ius", STAMP), ("inm", '"v0"')), "both", None, Expectation.SAME, '"v1"'),
]

READS = ["GET", "HEAD"]
WRITING = ["PUT", "PATCH", "DELETE", "POST", "MKCOL", "QUERY", "get"]


def short(outcome: object) -> str | int:
    """Return the status of an answer, or that the request goes on."""
    match outcome:
        case NotModified() | PreconditionFailed() | PreconditionRequired():
            return outcome.status
        case Proceed():
            return GO
        case _:
            raise AssertionError(outcome)


def test_at_least_400_cases() -> None:
    """The tables hold enough different cases; a case counts once per kind of method."""
    assert len({row[:2] for row in ORDER}) == len(ORDER)
    parsing = len(test_etag_list.PARSE) + len(test_etag.VALID) + len(test_etag.INVALID)
    comparison = len(test_etag_list.MATCH)
    evaluation = 2 * len(ORDER) + len(IF_RANGE) + len(WRITES)
    read = len(test_byte_ranges.READABLE) + len(test_byte_ranges.UNREADABLE)
    ranges = read + len(test_byte_ranges.SELECT)
    assert min(parsing, evaluation, ranges) >= 100
    assert comparison >= 25
    assert parsing + comparison + evaluation + ranges >= 600


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize(("lines", "state", "read", "write"), ORDER, ids=range(len(ORDER)))
def test_reads(lines: Lines, state: str, read: str | int, write: object, method: str) -> None:
    """GET and HEAD are answered in the order of 13.2.2."""
    assert short(evaluate(conditions(lines), method, STATES[state])) == read


@pytest.mark.parametrize("method", WRITING)
@pytest.mark.parametrize(("lines", "state", "read", "write"), ORDER, ids=range(len(ORDER)))
def test_writes(lines: Lines, state: str, read: object, write: str | int, method: str) -> None:
    """Every other method goes on or fails, and is never answered with 304."""
    assert short(evaluate(conditions(lines), method, STATES[state])) == write


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT"])
@pytest.mark.parametrize(("lines", "state", "read", "write"), ORDER, ids=range(len(ORDER)))
def test_methods_that_select_nothing(
    lines: Lines, state: str, read: object, write: object, method: str
) -> None:
    """OPTIONS, TRACE and CONNECT ignore conditions, required ones too (13.2.1)."""
    assert evaluate(conditions(lines), method, STATES[state], required=True) == Proceed()


@pytest.mark.parametrize(
    "status", [100, 199, 300, 301, 302, 303, 307, 401, 403, 404, 405, 410, 500]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "lines", [(("im", '"v2"'),), (("inm", '"v1"'),), (("ims", AFTER),), (("ius", BEFORE),), ()]
)
def test_only_what_would_succeed_is_conditional(lines: Lines, method: str, status: int) -> None:
    """A redirect or an error stays what it is (13.2.1), and no range is cut from it."""
    answer = evaluate(conditions(lines), method, STATES["both"], would_answer=status, required=True)
    assert answer == Proceed()


@pytest.mark.parametrize("status", [200, 201, 204, 206, 299, 412])
def test_every_success_is_conditional(status: int) -> None:
    """2xx and 412 are the answers that conditions are about (13.2.1)."""
    answer = evaluate(conditions((("inm", '"v1"'),)), "GET", STATES["both"], would_answer=status)
    assert answer == NotModified(Precondition.IF_NONE_MATCH)


@pytest.mark.parametrize(("lines", "state", "allowed"), IF_RANGE, ids=range(len(IF_RANGE)))
def test_if_range(lines: Lines, state: str, allowed: bool) -> None:
    """A range is cut from the version that the client holds, and from no other."""
    stated = conditions(lines)
    assert if_range_holds(stated, STATES[state]) is allowed
    answer = evaluate(stated, "GET", STATES[state])
    assert answer == Proceed(range_allowed=allowed)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "POST", "OPTIONS", "QUERY"])
def test_ranges_are_for_get(method: str) -> None:
    """Range is defined for GET alone (14.2), whatever If-Range says."""
    answer = evaluate(conditions((("ir", '"v1"'),)), method, STATES["both"])
    assert isinstance(answer, Proceed)
    assert not answer.range_allowed
    assert evaluate(Conditions.parse([]), method, STATES["both"]) == Proceed()


@pytest.mark.parametrize(("status", "allowed"), [(200, True), (201, False), (204, False)])
@pytest.mark.parametrize("lines", [(), (("im", '"v1"'),)])
def test_ranges_are_for_200(status: int, allowed: bool, lines: Lines) -> None:
    """A part is a part of what a 200 would carry."""
    answer = evaluate(conditions(lines), "GET", STATES["both"], would_answer=status)
    assert isinstance(answer, Proceed)
    assert answer.range_allowed is allowed


def test_a_condition_before_a_range() -> None:
    """304 and 412 come before any range; one that holds leaves the range to If-Range."""
    both = STATES["both"]
    hit = conditions((("inm", '"v1"'), ("ir", '"v1"')))
    assert evaluate(hit, "GET", both) == NotModified(Precondition.IF_NONE_MATCH)
    kept = conditions((("im", '"v1"'), ("ir", '"v2"')))
    assert evaluate(kept, "GET", both) == Proceed(by=Precondition.IF_MATCH)
    miss = conditions((("im", '"v2"'), ("ir", '"v1"')))
    assert evaluate(miss, "GET", both) == PreconditionFailed(Precondition.IF_MATCH)


@pytest.mark.parametrize(
    ("lines", "state", "required", "expects", "accepted"), WRITES, ids=range(len(WRITES))
)
def test_what_a_write_must_still_find(
    lines: Lines, state: str, required: int | None, expects: Expectation, accepted: str | None
) -> None:
    """A write that goes on carries what storage has to compare; 428 if it had to and does not."""
    answer = evaluate(conditions(lines), "PUT", STATES[state])
    assert isinstance(answer, Proceed)
    assert (answer.expects, answer.accepted) == (expects, accepted)
    strict = evaluate(conditions(lines), "PUT", STATES[state], required=True)
    assert strict == (PreconditionRequired() if required else answer)


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize("lines", [(), (("im", '"v1"'),)])
def test_a_read_expects_nothing(lines: Lines, method: str) -> None:
    """Reads write nothing, so there is nothing to compare and nothing required."""
    answer = evaluate(conditions(lines), method, STATES["both"], required=True)
    assert isinstance(answer, Proceed)
    assert (answer.expects, answer.accepted) == (Expectation.NOTHING, None)


@pytest.mark.parametrize("field", ['"v2"', "junk"])
def test_412_comes_before_428(field: str) -> None:
    """A condition that fails is answered as failed even where another kind is required."""
    answer = evaluate(conditions((("im", field),)), "PUT", STATES["both"], required=True)
    assert isinstance(answer, PreconditionFailed)


@pytest.mark.parametrize(
    ("lines", "method", "by", "unreadable"),
    [
        ((("im", '"v2"'),), "PUT", "IF_MATCH", False),
        ((("im", ""),), "PUT", "IF_MATCH", False),
        ((("im", "v1"),), "PUT", "IF_MATCH", True),
        ((("im", "v1"),), "GET", "IF_MATCH", True),
        ((("inm", '"v1"'),), "PUT", "IF_NONE_MATCH", False),
        ((("inm", "*"),), "PUT", "IF_NONE_MATCH", False),
        ((("inm", "v1"),), "PUT", "IF_NONE_MATCH", True),
        ((("im", '"v1"'), ("inm", "v1")), "PUT", "IF_NONE_MATCH", True),
        ((("ius", BEFORE),), "PUT", "IF_UNMODIFIED_SINCE", False),
        ((("ius", BEFORE), ("inm", "v1")), "PUT", "IF_UNMODIFIED_SINCE", False),
    ],
)
def test_a_failure_says_why(lines: Lines, method: str, by: str, unreadable: bool) -> None:
    """The field that decided is named, and whether it could be read at all."""
    answer = evaluate(conditions(lines), method, STATES["both"])
    assert answer == PreconditionFailed(Precondition[by], unreadable=unreadable)


@pytest.mark.parametrize(
    ("lines", "by"),
    [
        ((), None),
        ((("im", '"v1"'),), "IF_MATCH"),
        ((("ius", STAMP),), "IF_UNMODIFIED_SINCE"),
        ((("inm", '"v2"'),), "IF_NONE_MATCH"),
        ((("ims", BEFORE),), "IF_MODIFIED_SINCE"),
        ((("im", '"v1"'), ("ims", BEFORE)), "IF_MODIFIED_SINCE"),
        ((("ims", "never"),), None),
    ],
)
def test_going_on_says_what_was_asked(lines: Lines, by: str | None) -> None:
    """The last condition that was evaluated and held is named; ignored ones are not."""
    answer = evaluate(conditions(lines), "GET", STATES["both"])
    assert isinstance(answer, Proceed)
    assert answer.by is (None if by is None else Precondition[by])


def test_not_modified_says_why() -> None:
    """304 names the field that decided."""
    for name, value in (("inm", '"v1"'), ("ims", STAMP)):
        answer = evaluate(conditions(((name, value),)), "GET", STATES["both"])
        assert isinstance(answer, NotModified)
        assert answer.by.value == FIELDS[name]


def test_query_can_be_a_read() -> None:
    """Which methods read is data: QUERY is one where an application says so."""
    stated = conditions((("inm", '"v1"'),))
    both = STATES["both"]
    assert short(evaluate(stated, "QUERY", both)) == 412
    assert short(evaluate(stated, "QUERY", both, methods=METHODS_WITH_QUERY)) == 304
    own = MethodPolicy(reads=frozenset({"REPORT"}), ignored=frozenset({"GET"}))
    assert [own.kind(name).value for name in ("REPORT", "GET", "PUT")] == [
        "read",
        "neither",
        "write",
    ]


# --- the conditions as values --------------------------------------------------------------------


def test_the_same_from_every_framework() -> None:
    """Lines, headers, an ASGI scope and a WSGI environment say the same."""
    pairs = [(name, f'"{short_name}\xe9"') for short_name, name in FIELDS.items()]
    noise = [("Host", "localhost"), ("X-If-Match", '"x"')]
    scope = {"headers": [(n.lower().encode(), v.encode("latin-1")) for n, v in noise + pairs]}
    environ = {f"HTTP_{n.upper().replace('-', '_')}": v for n, v in pairs} | {"HTTP_HOST": "x"}
    parsed = Conditions.parse(noise + pairs)
    assert len(parsed.fields) == len(FIELDS)
    assert parsed == Conditions.parse([(name.upper(), value) for name, value in pairs])
    assert (
        parsed == Conditions.from_headers(Headers.of(pairs)) == Conditions.from_headers(dict(pairs))
    )
    assert parsed == Conditions.from_asgi(scope) == Conditions.from_wsgi(environ)
    assert hash(parsed) == hash(Conditions.from_asgi(scope))
    assert Conditions.from_asgi({}) == Conditions.from_wsgi({}) == Conditions.parse([])


def test_repeated_lines_are_kept_apart() -> None:
    """ASGI gives every line; none is lost and their order stays."""
    scope = {"headers": [(b"if-match", b'"a"'), (b"host", b"x"), (b"if-match", b'"b"')]}
    assert Conditions.from_asgi(scope).if_match.tags == (ETag('"a"'), ETag('"b"'))


def test_absent_unreadable_and_value() -> None:
    """Each field tells the three cases apart."""
    nothing = Conditions.parse([])
    assert not nothing
    assert nothing.if_match.kind is nothing.if_none_match.kind is Listing.ABSENT
    assert nothing.if_modified_since is nothing.if_unmodified_since is nothing.if_range is None
    junk = Conditions.parse([(name, "junk") for name in FIELDS.values()])
    assert junk
    assert junk.if_match.kind is junk.if_none_match.kind is Listing.UNREADABLE
    dates = (junk.if_modified_since, junk.if_unmodified_since, junk.if_range)
    assert all(isinstance(one, Unreadable) and one.found == "junk" for one in dates)
    dated = Conditions.parse([(name, f" {STAMP}\t") for name in FIELDS.values()])
    assert dated.if_modified_since == dated.if_unmodified_since == dated.if_range == MOMENT
    assert Conditions.parse([("if-range", 'W/"a"')]).if_range == ETag('W/"a"')


def test_two_lines_of_a_date_are_unreadable() -> None:
    """The reason says that the field stands twice."""
    twice = Conditions.parse([("If-Range", '"a"'), ("If-Range", '"a"')]).if_range
    assert isinstance(twice, Unreadable)
    assert (twice.found, twice.reason) == (
        '"a", "a"',
        "a field that may stand once stands more than once",
    )


# --- the state ------------------------------------------------------------------------------------


def test_state_of_a_tag_and_a_date() -> None:
    """A state holds validators as they are sent, the date cut to whole seconds."""
    state = State.of('"v1"', modified=MOMENT + timedelta(milliseconds=999), settled=True)
    expected = Validators(etag=ETag('"v1"'), last_modified=STAMP, settled=True)
    assert state == State(expected)
    east = MOMENT.astimezone(timezone(timedelta(hours=2)))
    assert State.of(modified=east).validators.last_modified == STAMP


def test_a_date_in_the_future_is_brought_back() -> None:
    """Last-Modified is never later than the answer that carries it (8.8.2.1)."""
    later = MOMENT + timedelta(days=1)
    assert State.of(modified=later, now=MOMENT) == State.of(modified=MOMENT)
    assert State.of(modified=MOMENT, now=later) == State.of(modified=MOMENT)
    assert State.of(modified=later) != State.of(modified=MOMENT)
    assert not State.of(modified=later, settled=True, now=MOMENT).validators.settled
    assert State.of(modified=MOMENT, settled=True, now=MOMENT).validators.settled


def test_states_that_cannot_be() -> None:
    """What does not exist has no validators, and an unquoted tag or a naive time is refused."""
    with pytest.raises(InvalidArgument, match="missing"):
        State(Validators(etag=ETag('"v1"')), exists=False)
    with pytest.raises(InvalidETag, match="put it in double quotes"):
        State.of("v1")
    naive = MOMENT.replace(tzinfo=None)
    for modified, now in ((naive, None), (MOMENT, naive), (naive, naive)):
        with pytest.raises(InvalidArgument, match="time zone"):
            State.of(modified=modified, now=now)
    assert State.missing() == State(Validators(), exists=False)


# --- what a 304 carries ---------------------------------------------------------------------------

#: Fields of a 200 and whether the 304 has them too.
ON_304 = [
    *((name, True) for name in ("Cache-Control", "Content-Location", "Date", "ETag", "Expires")),
    *((name, True) for name in ("Vary", "Set-Cookie", "Server", "X-Request-Id", "Cache-Groups")),
    *((name, True) for name in ("Access-Control-Allow-Origin", "Content-Security-Policy")),
    *((name, False) for name in ("Content-Type", "Content-Length", "Content-Encoding")),
    *((name, False) for name in ("Content-Language", "Content-Range", "Content-Disposition")),
    *((name, False) for name in ("Content-MD5", "Content-Digest", "Repr-Digest", "Digest")),
    *((name, False) for name in ("Last-Modified", "Accept-Ranges", "Transfer-Encoding", "Trailer")),
]


@pytest.mark.parametrize(("name", "kept"), ON_304)
def test_what_a_304_carries(name: str, kept: bool) -> None:
    """What a cache needs, and what does not describe the representation (15.4.5)."""
    for spelling in (name, name.lower(), name.upper()):
        headers = Headers.of([("ETag", '"v1"'), (spelling, "x")])
        assert (spelling in headers_for_304(headers)) is kept


def test_a_304_without_a_tag_keeps_the_date() -> None:
    """Where there is no tag, Last-Modified chooses the stored answer; lines keep their order."""
    lines = (("Vary", "a"), ("Last-Modified", STAMP), ("Vary", "b"))
    assert headers_for_304(Headers(lines)).lines == lines
    assert headers_for_304(Headers((*lines, ("etag", '""')))).all("last-modified") == ()
