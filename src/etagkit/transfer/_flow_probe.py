"""Finding out what is behind a URL, and whether it changed.

One HEAD, and where its answer leaves the question open one GET for the first 1 KiB:

    HEAD ok, version known      -> nothing more: the record says what the bytes are
    HEAD ok, version new        -> GET of the first 1 KiB, which shows type and range support
    HEAD refused or broken      -> the same GET, conditional where a record is at hand; 304 ends it

A source that ignores Range costs at most the sample and what one read buffered: the body is let go.
Where HEAD and GET disagree on the version, the GET is believed: it showed the bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from etagkit import events
from etagkit.errors import (
    BodyCut,
    ConnectionFailed,
    InvalidContentRange,
    SourceTimeout,
    UnexpectedStatus,
)
from etagkit.flow import Emit, Flow, Peek, Release, ask
from etagkit.http import ContentRange, Head, Sameness, Validators, byte_range
from etagkit.transfer import _decide
from etagkit.transfer._flow_request import Reached, about, follow
from etagkit.transfer._gunzip import gunzip_prefix
from etagkit.transfer._magic import Magic, sniff
from etagkit.transfer._model import (
    KEPT_FIELDS,
    ChangeReport,
    Coding,
    Reason,
    RemoteFileIntent,
)

if TYPE_CHECKING:
    from etagkit.manifest import ManifestRecord

#: Octets asked for to see what a file is: every signature in the table lies within the first 512.
SAMPLE = 1024

_OK, _PARTIAL, _NOT_MODIFIED, _UNSATISFIABLE = 200, 206, 304, 416


def probe(
    url: str, known: ManifestRecord | None = None, *, sample: int = SAMPLE
) -> Flow[RemoteFileIntent]:
    """Find out what is behind `url`; see the module's head for the story.

    `known` is what the manifest holds of it. `sample` octets are looked at; 0 asks for none, and
    then only a refused HEAD leads to a GET.
    """
    with about(url):
        _decide.check_url(url)
        head = yield from _try_head(url)
        if head is not None:
            seen = intent_of(url, head, known, requests=1)
            if seen.known is Sameness.SAME or sample == 0:
                intent = _recall(seen, known)
            else:
                intent = yield from _look(url, head, known, sample)
        else:
            intent = yield from _look(url, None, known, sample or SAMPLE)
        yield from ask(Emit(events.Probed(url=url, size=intent.size, etag=intent.etag)))
        return intent


def look(url: str) -> Flow[RemoteFileIntent]:
    """Look at the first octets without a HEAD: for a source whose version is known already."""
    with about(url):
        return (yield from _look(url, None, None, SAMPLE))


def _try_head(url: str, fields: tuple[tuple[str, str], ...] = ()) -> Flow[Reached | None]:
    """Return the answer to a HEAD, or `None` where the source refuses or breaks off HEADs."""
    try:
        reached = yield from follow("HEAD", url, fields)
    except (ConnectionFailed, BodyCut, SourceTimeout):
        return None  # some servers hang up on HEAD or never answer; the GET tells if it is more
    yield from ask(Release(reached.answer.body))
    good = {_OK, _NOT_MODIFIED} if fields else {_OK}
    return reached if reached.head.status in good else None


def _look(
    url: str, before: Reached | None, known: ManifestRecord | None, sample: int
) -> Flow[RemoteFileIntent]:
    """GET the first octets and say what they show; `before` is the answer to the HEAD, if any."""
    condition: tuple[tuple[str, str], ...] = ()
    if before is None and known is not None:
        condition = known.validators.if_changed()
    fields = (("Range", byte_range(0, sample - 1)), *condition)
    reached = yield from follow("GET", url, fields)
    # the HEAD, answered or refused, and this GET
    requests = 2 + (0 if before is None else len(before.hops))
    head = reached.head
    if head.status == _NOT_MODIFIED and condition:
        yield from ask(Release(reached.answer.body))
        seen = intent_of(url, reached, known, requests=requests, unmodified=True)
        if seen.known is not Sameness.DIFFERENT:
            return _recall(seen, known)
        return (yield from _look(url, None, None, sample))  # "not modified", yet another tag
    if head.status not in {_OK, _PARTIAL} and not _is_empty(head):
        yield from ask(Release(reached.answer.body))
        raise UnexpectedStatus(
            "the source gives no representation",
            status=head.status,
            url=url,
            expected="200 or 206",
            advice=_decide.advice_for(head.status),
        )
    if _is_empty(head):
        yield from ask(Release(reached.answer.body))
        return _nothing(url, before, intent_of(url, reached, known, requests=requests))
    octets = yield from ask(Peek(reached.answer.body, sample))
    intent = intent_of(url, reached, known, requests=requests)
    if not _is_beginning(head):
        return _fill_in(intent, before, known)  # some other part shows nothing
    return _with_sample(_fill_in(intent, before, known), reached.head, octets)


def _is_beginning(head: Head) -> bool:
    """Whether the body begins at the first octet: a 206 must say so."""
    if head.status != _PARTIAL:
        return True
    try:
        return ContentRange.parse(head.headers.only("content-range") or "").start == 0
    except InvalidContentRange:
        return False


def _is_empty(head: Head) -> bool:
    """A 416 to `bytes=0-` says that there is no first octet (RFC 9110 15.5.17)."""
    field = head.headers.only("content-range")
    if head.status != _UNSATISFIABLE or field is None:
        return False
    try:
        return ContentRange.parse(field).total == 0
    except InvalidContentRange:
        return False


def _nothing(url: str, before: Reached | None, refused: RemoteFileIntent) -> RemoteFileIntent:
    """Return the intent of an empty file; the fields of a 416 describe the 416 itself."""
    seen = refused if before is None else intent_of(url, before, None, requests=0)
    return attrs.evolve(
        refused,
        size=0,
        magic=Magic.EMPTY,
        validators=seen.validators,
        content_type=None if before is None else seen.content_type,
        content_encoding=None,
        headers=seen.headers,
    )


def intent_of(
    url: str,
    reached: Reached,
    known: ManifestRecord | None,
    *,
    requests: int,
    unmodified: bool = False,
) -> RemoteFileIntent:
    head = reached.head
    validators = Validators.from_headers(head.headers)
    sameness = Sameness.UNKNOWN if known is None else _compare(known, head)
    return RemoteFileIntent(
        url=url,
        final_url=head.url,
        size=_size(head),
        validators=validators,
        content_type=head.headers.only("content-type"),
        accepts_ranges=_ranges(head),
        content_encoding=", ".join(head.content_encodings) or None,
        headers=head.headers.keep(KEPT_FIELDS),
        hops=reached.hops,
        known=Sameness.SAME if unmodified and sameness is Sameness.UNKNOWN else sameness,
        requests=requests + len(reached.hops),
    )


def _compare(known: ManifestRecord, head: Head) -> Sameness:
    """Compare versions; a strong tag that comes with another length is not believed."""
    validators = Validators.from_headers(head.headers)
    sameness = known.validators.compare(validators)
    lengths = {known.content_length, head.content_length} - {None}
    plain = known.content_encoding is None and not head.content_encodings
    if (
        sameness is Sameness.SAME
        and validators.strong is not None
        and head.status == _OK
        and plain
        and len(lengths) > 1
    ):
        return Sameness.UNKNOWN
    return sameness


def _size(head: Head) -> int | None:
    if head.status == _OK:
        return head.content_length
    field = head.headers.only("content-range")
    if field is None:
        return None
    try:
        return ContentRange.parse(field).total
    except InvalidContentRange:
        return None


def _ranges(head: Head) -> bool | None:
    if head.status == _PARTIAL:
        return True
    announced = (head.headers.joined("accept-ranges") or "").lower()
    if announced == "none" or (head.method == "GET" and head.status == _OK):
        return False  # a GET with Range that is answered 200 was a range refused
    return True if "bytes" in announced else None


def _recall(intent: RemoteFileIntent, known: ManifestRecord | None) -> RemoteFileIntent:
    """Return `intent` with the type that the record of the same version holds."""
    if known is None or intent.known is not Sameness.SAME:
        return intent
    magic = Magic(known.magic) if known.magic in {m.value for m in Magic} else None
    # A 304 need not repeat the validators (RFC 9110 15.4.5): the record's are still true.
    return attrs.evolve(intent, magic=magic, validators=intent.validators or known.validators)


def _fill_in(
    intent: RemoteFileIntent, before: Reached | None, known: ManifestRecord | None
) -> RemoteFileIntent:
    """Complete what the GET left open with what the HEAD said, where both speak of one version."""
    if before is None:
        return intent
    first = intent_of(intent.url, before, known, requests=0)
    if first.validators.compare(intent.validators) is Sameness.DIFFERENT:
        return intent
    return attrs.evolve(
        intent,
        size=first.size if intent.size is None else intent.size,
        validators=intent.validators or first.validators,
        content_type=intent.content_type or first.content_type,
    )


def _with_sample(intent: RemoteFileIntent, head: Head, octets: bytes) -> RemoteFileIntent:
    shown = octets
    coding = _decide.undo_coding(intent.url, head)
    if coding is not Coding.NONE:
        decoded = gunzip_prefix(octets, SAMPLE)
        if coding is Coding.GZIP or sniff(decoded) is Magic.GZIP:
            shown = decoded
    magic = sniff(shown)
    inner = sniff(gunzip_prefix(shown, SAMPLE)) if magic is Magic.GZIP else None
    return attrs.evolve(intent, magic=magic, inner=inner)


def check_changed(url: str, known: Validators | None) -> Flow[ChangeReport]:
    """Ask the source whether `known` is still its version: one request, two if HEAD is refused.

    `None` stands for a file that was never fetched: the source is asked all the same, for its
    validators and because a dead link should not look like news.
    """
    held = known or Validators()
    with about(url):
        _decide.check_url(url)
        condition = held.if_changed()
        reached = yield from _try_head(url, condition)
        if reached is None:
            reached = yield from follow("GET", url, (*condition, ("Range", byte_range(0, 0))))
            yield from ask(Release(reached.answer.body))
        status = reached.head.status
        if status not in {_OK, _PARTIAL, _NOT_MODIFIED} and not _is_empty(reached.head):
            raise UnexpectedStatus(
                "the source gives no representation",
                status=status,
                url=url,
                expected="200, 206 or 304",
                advice=_decide.advice_for(status),
            )
        now = Validators.from_headers(reached.head.headers)
        sameness = held.compare(now)
        if status == _NOT_MODIFIED and condition and sameness is Sameness.UNKNOWN:
            sameness, now = Sameness.SAME, now or held
        reason = Reason.NEVER_FETCHED if known is None else _WHY[sameness]
        return ChangeReport(url=url, sameness=sameness, reason=reason, before=held, now=now)


_WHY = {
    Sameness.SAME: Reason.UNCHANGED,
    Sameness.DIFFERENT: Reason.SOURCE_CHANGED,
    Sameness.UNKNOWN: Reason.CANNOT_TELL,
}
