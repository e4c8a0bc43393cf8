"""Behaviours around versions: validators, conditions, ranges, codings, and changes under way."""

from __future__ import annotations

import gzip
from datetime import datetime
from typing import TYPE_CHECKING

import attrs
from typing_extensions import override

from etagkit.testing._origin_behaviour import Behaviour, not_negative
from etagkit.testing._origin_model import (
    Document,
    Reply,
    Visit,
    derived_etag,
    show_bytes,
    whole_seconds,
)

if TYPE_CHECKING:
    from collections.abc import Callable


def _with_document(visit: Visit, change: Callable[[Document], Document]) -> Visit:
    document = visit.resource
    return visit.seeing(change(document)) if isinstance(document, Document) else visit


@attrs.frozen
class NoValidators(Behaviour):
    """Have neither an entity tag nor a date of modification."""

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer for a resource without validators."""
        return _with_document(
            visit, lambda document: attrs.evolve(document, etag=None, last_modified=None)
        ).well()


@attrs.frozen
class IgnoreConditions(Behaviour):
    """Ignore If-Match, If-None-Match, If-Modified-Since and If-Unmodified-Since."""

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the answer to the unconditional request."""
        names = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
        return visit.without(*names).well()


@attrs.frozen
class IgnoreRange(Behaviour):
    """Announce ranges, ignore Range and send the whole."""

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the answer to the request without its range."""
        return visit.without("Range", "If-Range").well()


@attrs.frozen
class IgnoreIfRange(Behaviour):
    """Send the range although If-Range names another version."""

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the answer to the request without If-Range."""
        return visit.without("If-Range").well()


@attrs.frozen(kw_only=True)
class UnaskedPartial(Behaviour):
    """Answer a plain GET with 206 and a part; `last` is inclusive, by default the middle."""

    first: int = attrs.field(default=0, validator=not_negative)
    last: int | None = attrs.field(default=None, validator=not_negative)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the part, or the right answer where a range was asked for."""
        if "range" in visit.request.headers or not isinstance(visit.resource, Document):
            return visit.well()
        last = len(visit.resource.body) // 2 if self.last is None else self.last
        return visit.asking({"Range": f"bytes={self.first}-{last}"}).well()


@attrs.frozen
class EncodeGzip(Behaviour):
    """Send the body with `Content-Encoding: gzip` although identity was asked for.

    `suffix` goes into the entity tag before its closing quote, as some servers do (`-gzip`).
    """

    suffix: str = ""

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer for the compressed representation, ranges included."""
        return _with_document(visit, self._encoded).well()

    def _encoded(self, document: Document) -> Document:
        etag = document.etag
        return attrs.evolve(
            document,
            body=gzip.compress(document.body, mtime=0),
            etag=f'{etag[:-1]}{self.suffix}"' if etag and self.suffix else etag,
            headers=document.headers.replacing({"Content-Encoding": "gzip"}),
        )


@attrs.frozen
class ChangeDuring(Behaviour):
    """Replace the resource just before this request is answered; it stays replaced.

    The type and the fields of the resource stay. Give the old `etag` to play a server whose tag
    does not notice.
    """

    body: bytes = attrs.field(repr=show_bytes)
    etag: str | None = attrs.field(default=None, kw_only=True)
    last_modified: datetime | None = attrs.field(default=None, kw_only=True)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer for the new resource."""
        old = visit.resource if isinstance(visit.resource, Document) else Document(body=b"")
        new = attrs.evolve(
            old,
            body=self.body,
            etag=derived_etag(self.body) if self.etag is None else self.etag,
            last_modified=whole_seconds(self.last_modified or visit.now),
        )
        return visit.storing(new).well()
