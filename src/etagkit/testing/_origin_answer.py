"""The right answer to a GET or HEAD, as RFC 9110 has it, and nothing else: a pure function.

It shares no code with `etagkit.http` on purpose: a fault in the library must not be answered by
the same fault in the server that tests it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import attrs

from etagkit.testing._origin_model import (
    Document,
    Fields,
    Redirect,
    Reply,
    Request,
    Visit,
    http_date,
)

#: A `Last-Modified` is a strong validator only when it is at least this much older than `Date`
#: (RFC 9110 8.8.2.2).
_STRONG_AGE = timedelta(seconds=1)

#: Fields that a 304 repeats because the 200 would have carried them (RFC 9110 15.4.5).
_KEPT_BY_304 = frozenset({"cache-control", "content-location", "expires", "vary"})

_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')  # RFC 9110 8.8.3
#: One byte range (14.1.2); 18 digits name every position that a 64-bit file offset can have.
_RANGE = re.compile(r"bytes\s*=\s*(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))\s*", re.IGNORECASE)


def answer(visit: Visit) -> Reply:
    """Return the right answer to `visit`; its `Date` is the time of the visit."""
    reply = _answer(visit)
    lines = (("Date", http_date(visit.now)), *reply.headers.lines)
    return attrs.evolve(reply, headers=Fields(lines))


def _answer(visit: Visit) -> Reply:
    resource = visit.resource
    if resource is None:
        return plain(404, "no such resource here")
    if visit.request.method not in {"GET", "HEAD"}:
        return plain(405, "only GET and HEAD").replacing({"Allow": "GET, HEAD"})
    if isinstance(resource, Redirect):
        moved = plain(resource.status, f"see {resource.to}")
        return moved.replacing({"Location": resource.to}).replacing(resource.headers.lines)
    return _conditional(visit.request, resource, visit.now)


def plain(status: int, text: str) -> Reply:
    """Return a short answer in plain text, without validators."""
    fields = Fields((("Content-Type", "text/plain; charset=utf-8"),))
    return Reply(status=status, headers=fields, body=f"{text}\n".encode())


def _conditional(request: Request, document: Document, now: datetime) -> Reply:
    """Evaluate the preconditions in the order of RFC 9110 13.2.2."""
    asked = request.headers
    if "if-match" in asked:
        if not _matches(asked["if-match"], document.etag, weak=False):
            return plain(412, "If-Match does not hold")
    elif _newer(asked.get("if-unmodified-since"), document):
        return plain(412, "If-Unmodified-Since does not hold")
    if "if-none-match" in asked:
        if _matches(asked["if-none-match"], document.etag, weak=True):
            return _not_modified(document)
    elif _newer(asked.get("if-modified-since"), document) is False:
        return _not_modified(document)
    if request.method == "GET" and "range" in asked and _if_range(asked, document, now):
        return _ranged(asked["range"], document)
    return Reply(status=200, headers=_described(document), body=document.body)


def _matches(value: str, etag: str | None, *, weak: bool) -> bool:
    if value.strip() == "*":
        return True
    if etag is None or not (weak or not etag.startswith("W/")):
        return False
    tags = _ENTITY_TAG.findall(value)
    return any(_opaque(tag) == _opaque(etag) for tag in tags) if weak else etag in tags


def _opaque(etag: str) -> str:
    return etag.removeprefix("W/")


def _newer(value: str | None, document: Document) -> bool | None:
    """Tell whether the document is newer than the date; `None` where no date decides."""
    since = _date(value)
    if since is None or document.last_modified is None:
        return None
    return document.last_modified > since


def _date(value: str | None) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, TypeError, IndexError, OverflowError):
        return None  # not a date: the field is ignored (13.1.3, 13.1.4)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _not_modified(document: Document) -> Reply:
    kept = tuple(line for line in document.headers.lines if line[0].lower() in _KEPT_BY_304)
    validators = _validators(document)
    return Reply(status=304, headers=Fields((*(validators[:1]), *kept)))


def _validators(document: Document) -> list[tuple[str, str]]:
    lines: list[tuple[str, str]] = []
    if document.etag is not None:
        lines.append(("ETag", document.etag))
    if document.last_modified is not None:
        lines.append(("Last-Modified", http_date(document.last_modified)))
    return lines


def _described(document: Document) -> Fields:
    lines = [
        ("Content-Type", document.content_type),
        *_validators(document),
        ("Accept-Ranges", "bytes"),
    ]
    return Fields(tuple(lines)).replacing(document.headers.lines)


def _if_range(asked: Fields, document: Document, now: datetime) -> bool:
    """Tell whether the range may be sent (RFC 9110 13.1.5: strong comparison only)."""
    value = asked.get("if-range")
    if value is None:
        return True
    if _ENTITY_TAG.fullmatch(value):
        return value == document.etag and not value.startswith("W/")
    modified = document.last_modified
    return modified is not None and modified == _date(value) and now - modified >= _STRONG_AGE


def _ranged(value: str, document: Document) -> Reply:
    """Answer one byte range; several ranges, or none that can be read, give the whole (14.2)."""
    whole = Reply(status=200, headers=_described(document), body=document.body)
    found = _RANGE.fullmatch(value)
    size = len(document.body)
    if found is None:
        return whole
    first, last, suffix = found.groups()
    if suffix is not None:
        if size == 0 and int(suffix):
            return whole  # satisfiable, yet no Content-Range can say it
        begin, end = max(0, size - int(suffix)), size
    else:
        begin, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < begin:
            return whole
    if begin >= end:
        refused = plain(416, "no byte of that range is here")
        return refused.replacing({"Content-Range": f"bytes */{size}"})
    part = whole.replacing({"Content-Range": f"bytes {begin}-{end - 1}/{size}"})
    return attrs.evolve(part, status=206, body=document.body[begin:end])
