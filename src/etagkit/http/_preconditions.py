"""Whether a request may go on: the evaluation of preconditions (RFC 9110 13.2).

    1. If-Match                                 false -> 412
    2. else If-Unmodified-Since                 false -> 412
    3. If-None-Match                            false -> 304 to a read, 412 to anything else
    4. else, for a read, If-Modified-Since      false -> 304
    5. for GET, If-Range                        false -> the whole instead of a range
    6. go on

Where the RFC leaves a choice, or speaks only of fields that can be read, this is what is done.

*Unreadable tags are a false If-Match.* Somebody asked not to act on the wrong version; that nobody
can tell which version was meant is no reason to act. Unreadable tags in If-None-Match make a read
go on (the whole answer is always right, a 304 may not be), and stop a write (the usual meaning of
the field there is "only if nothing exists yet"). Present, it still silences If-Modified-Since.

*Unreadable dates are ignored*, as 13.1.3 and 13.1.4 say; `required` does not accept them.

*The asterisk asks whether a representation exists*, not whether it has a tag.

*Only what would succeed is conditional* (13.2.1). `would_answer` is the status that the request
would get without its conditions; if that is neither 2xx nor 412, the conditions are ignored. So
call `evaluate` after routing, authentication and permission. A read of what is missing would be
answered 404, and is not stopped here either.

*The outcome of a write names what to check again.* Between this evaluation and the write another
writer may come. `Proceed.expects` and `Proceed.accepted` say what the storage has to compare in one
step with the write, so that the condition still holds when it counts.
"""

from __future__ import annotations

import enum
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, assert_never

import attrs

from etagkit.errors import InvalidArgument
from etagkit.http._conditions import Precondition
from etagkit.http._dates import format_http_date
from etagkit.http._etag import ETag, strong_match
from etagkit.http._etag_list import ETagList, Listing
from etagkit.http._fields import Unreadable
from etagkit.http._validators import Validators

if TYPE_CHECKING:
    from etagkit.http._conditions import Conditions

_OK = 200
_SUCCESS = range(200, 300)
_CONDITION_FAILED = 412
_GET = "GET"


class MethodKind(enum.Enum):
    """What a condition means to a method."""

    READ = "read"  #: it transfers the representation: 304 is an answer
    WRITE = "write"  #: it may change something: 412 is the answer
    NEITHER = "neither"  #: it selects no representation: conditions are ignored


@attrs.frozen
class MethodPolicy:
    """Which methods are which. What is in neither set may change something.

    Names are compared with regard to case (RFC 9110 9.1), so "get" is an unknown method, and is
    treated with the caution that an unknown method deserves.
    """

    reads: frozenset[str] = frozenset({_GET, "HEAD"})
    ignored: frozenset[str] = frozenset({"CONNECT", "OPTIONS", "TRACE"})

    def kind(self, method: str) -> MethodKind:
        """Return what a condition means to `method`."""
        if method in self.reads:
            return MethodKind.READ
        return MethodKind.NEITHER if method in self.ignored else MethodKind.WRITE


#: The methods of RFC 9110.
METHODS = MethodPolicy()
#: With QUERY, which is safe and whose answers have validators of their own.
METHODS_WITH_QUERY = MethodPolicy(reads=METHODS.reads | {"QUERY"})


@attrs.frozen
class State:
    """The selected representation, as far as conditions ask about it.

    `validators.settled` says that nothing changed twice within the second of Last-Modified, which
    makes the date a strong validator (RFC 9110 8.8.2.2).

    Raises:
        InvalidArgument: a representation that does not exist has validators.
    """

    validators: Validators
    exists: bool = attrs.field(default=True, kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if not self.exists and self.validators:
            reason = "what does not exist has no validators"
            raise InvalidArgument(reason, advice="use State.missing()")

    @classmethod
    def of(
        cls,
        etag: str | None = None,
        *,
        modified: datetime | None = None,
        settled: bool = False,
        now: datetime | None = None,
    ) -> State:
        """Return the state of a representation that exists.

        Args:
            etag: its entity tag, if it has one.
            modified: when it changed last; a fraction of a second is cut off.
            settled: whether it is known not to have changed twice within that second. Without
                this, a date in If-Range never lets a range through.
            now: the time of the answer; a `modified` after it is replaced by it, as a server
                with a clock must do (RFC 9110 8.8.2.1), and is not settled.

        >>> State.of('W/"7"').validators.etag
        ETag('W/"7"')

        Raises:
            InvalidETag: `etag` is not an entity tag.
            InvalidArgument: a datetime without a time zone.
        """
        tag = None if etag is None else ETag(etag)
        if modified is None:
            return cls(Validators(etag=tag))
        stamp = format_http_date(modified)
        if now is not None:
            latest = format_http_date(now)
            if modified > now:
                stamp, settled = latest, False
        return cls(Validators(etag=tag, last_modified=stamp, settled=settled))

    @classmethod
    def missing(cls) -> State:
        """Return the state of what does not exist.

        >>> State.missing().exists
        False
        """
        return cls(Validators(), exists=False)


class Expectation(enum.Enum):
    """What must still be true when the write happens, for the condition to have held."""

    NOTHING = "nothing"  #: there was no condition, or the method writes nothing
    SAME = "same"  #: the version that was evaluated: `Proceed.accepted` where it has a tag
    PRESENT = "present"  #: some version, whichever
    ABSENT = "absent"  #: no version: create, never overwrite


@attrs.frozen(kw_only=True)
class Proceed:
    """Go on with the request.

    `by` is the last condition that was evaluated and held; `None` if there was none.
    `range_allowed` says whether a Range field may be answered with a part.
    """

    by: Precondition | None = None
    expects: Expectation = Expectation.NOTHING
    accepted: ETag | None = None
    range_allowed: bool = False


@attrs.frozen
class NotModified:
    """Answer 304: the client holds the current version."""

    by: Precondition
    status: ClassVar[int] = 304


@attrs.frozen
class PreconditionFailed:
    """Answer 412, and do not perform the method.

    `unreadable` says that the field is not in its grammar, which a client should be told.
    """

    by: Precondition
    unreadable: bool = attrs.field(default=False, kw_only=True)
    status: ClassVar[int] = 412


@attrs.frozen
class PreconditionRequired:
    """Answer 428 (RFC 6585 3): the request does not say which version it means to change."""

    status: ClassVar[int] = 428


#: What `evaluate` answers: a closed set, so that `match` can be exhaustive.
Outcome = Proceed | NotModified | PreconditionFailed | PreconditionRequired

#: A condition that was evaluated, and whether it was true.
_Step = tuple[Precondition, bool]

_GO_ON = Proceed()
_GO_ON_RANGED = Proceed(range_allowed=True)
_READ = MethodKind.READ


def evaluate(  # noqa: PLR0911  one for each answer that there is
    conditions: Conditions,
    method: str,
    state: State,
    *,
    required: bool = False,
    would_answer: int = _OK,
    methods: MethodPolicy = METHODS,
) -> Outcome:
    """Return what the conditions make of the request (RFC 9110 13.2.2).

    Args:
        conditions: what the request states.
        method: its method.
        state: the representation that it selects.
        required: whether a write must say which version it means to change. If-Match does, a
            usable If-Unmodified-Since does, and so does `If-None-Match: *` for creating.
        would_answer: the status that the request would get without conditions (13.2.1).
        methods: which methods read and which ignore conditions.

    >>> from etagkit.http import Conditions
    >>> stale = Conditions.parse([("If-Match", '"1"')])
    >>> evaluate(stale, "PUT", State.of('"2"'))
    PreconditionFailed(by=<Precondition.IF_MATCH: 'If-Match'>, unreadable=False)
    >>> evaluate(stale, "PUT", State.of('"1"')).accepted
    ETag('"1"')
    """
    kind = methods.kind(method)
    if not _conditional(kind, state, would_answer):
        return _GO_ON
    ranged = method == _GET and would_answer == _OK
    if not (conditions.fields or required):
        return _GO_ON_RANGED if ranged else _GO_ON
    first = _first_pair(conditions, state)
    if first is not None and not first[1]:
        return _failed(first[0], conditions)
    second = _second_pair(conditions, kind, state)
    if second is not None and not second[1]:
        by = second[0]
        return NotModified(by) if kind is _READ else _failed(by, conditions)
    if kind is _READ:
        asked = "if-range" in conditions.fields
        allowed = ranged and (not asked or if_range_holds(conditions, state))
        return Proceed(by=_last(first, second), range_allowed=allowed)
    if required and first is None and conditions.if_none_match.kind is not Listing.ANY:
        return PreconditionRequired()
    return _write(conditions, state, by=_last(first, second))


def _conditional(kind: MethodKind, state: State, would_answer: int) -> bool:
    """Whether conditions count at all (13.2.1)."""
    if kind is MethodKind.NEITHER or (kind is _READ and not state.exists):
        return False
    return would_answer in (_OK, _CONDITION_FAILED) or would_answer in _SUCCESS


def _first_pair(conditions: Conditions, state: State) -> _Step | None:
    """Evaluate steps 1 and 2: is this the version that the request may act on?"""
    if "if-match" in conditions.fields:
        return Precondition.IF_MATCH, _if_match(conditions.if_match, state)
    if "if-unmodified-since" not in conditions.fields:
        return None
    date, modified = conditions.if_unmodified_since, state.validators.modified
    if not isinstance(date, datetime) or modified is None:
        return None
    return Precondition.IF_UNMODIFIED_SINCE, modified <= date


def _second_pair(conditions: Conditions, kind: MethodKind, state: State) -> _Step | None:
    """Evaluate steps 3 and 4: is there anything new to the client?"""
    lines = conditions.fields.get("if-none-match")
    if lines is not None:
        # Letter by letter the current tag, as nearly every revalidation is: no need to parse it.
        same = lines == (state.validators.etag,)
        holds = not same and _if_none_match(conditions.if_none_match, kind, state)
        return Precondition.IF_NONE_MATCH, holds
    if kind is not _READ or "if-modified-since" not in conditions.fields:
        return None
    date, modified = conditions.if_modified_since, state.validators.modified
    if not isinstance(date, datetime) or modified is None:
        return None
    return Precondition.IF_MODIFIED_SINCE, modified > date


def _if_match(tags: ETagList, state: State) -> bool:
    match tags.kind:
        case Listing.TAGS:
            return tags.matches_strongly(state.validators.etag)
        case Listing.ANY:
            return state.exists
        case Listing.ABSENT | Listing.EMPTY | Listing.UNREADABLE:
            return False
        case _:
            assert_never(tags.kind)


def _if_none_match(tags: ETagList, kind: MethodKind, state: State) -> bool:
    match tags.kind:
        case Listing.TAGS:
            return not tags.matches_weakly(state.validators.etag)
        case Listing.ANY:
            return not state.exists
        case Listing.ABSENT | Listing.EMPTY:
            return True
        case Listing.UNREADABLE:
            return kind is _READ
        case _:
            assert_never(tags.kind)


def if_range_holds(conditions: Conditions, state: State) -> bool:
    """Whether a range may be cut from `state` (RFC 9110 13.1.5); true without If-Range.

    A tag is compared strongly. A date must be the very Last-Modified, and settled: parts of two
    versions within one second would be put together otherwise.

    >>> from etagkit.http import Conditions
    >>> if_range_holds(Conditions.parse([("If-Range", 'W/"1"')]), State.of('W/"1"'))
    False
    """
    match conditions.if_range:
        case None:
            return True
        case Unreadable():
            return False
        case ETag() as tag:
            return strong_match(tag, state.validators.etag)
        case date:
            return state.validators.settled and date == state.validators.modified


def _failed(by: Precondition, conditions: Conditions) -> PreconditionFailed:
    tags = conditions.if_match if by is Precondition.IF_MATCH else conditions.if_none_match
    dated = by is Precondition.IF_UNMODIFIED_SINCE
    return PreconditionFailed(by, unreadable=not dated and tags.kind is Listing.UNREADABLE)


def _last(first: _Step | None, second: _Step | None) -> Precondition | None:
    step = second or first
    return None if step is None else step[0]


def _write(conditions: Conditions, state: State, *, by: Precondition | None) -> Proceed:
    expects = _expectation(conditions, state, by)
    accepted = state.validators.etag if expects is Expectation.SAME else None
    return Proceed(by=by, expects=expects, accepted=accepted)


def _expectation(conditions: Conditions, state: State, by: Precondition | None) -> Expectation:
    if by is None:
        return Expectation.NOTHING
    if not state.exists:
        return Expectation.ABSENT
    any_version = conditions.if_match.kind is Listing.ANY
    only_any = any_version and by is Precondition.IF_MATCH
    return Expectation.PRESENT if only_any else Expectation.SAME
