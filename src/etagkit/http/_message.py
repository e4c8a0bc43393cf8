"""The head of an answer, and how its body is framed (RFC 9112 6, RFC 9113 8.1)."""

from __future__ import annotations

import enum
import re

import attrs

from etagkit.http._headers import Headers

_NO_BODY = frozenset({204, 304})
_FINAL = 200  # statuses below are interim and have no body
_LENGTH = re.compile(r"[0-9]{1,19}")
_NAME = r"[!#$%&'*+.^_`|~0-9a-z-]+"  # RFC 9110 5.6.2
_MEDIA_TYPE = re.compile(rf"{_NAME}/{_NAME}", re.IGNORECASE | re.ASCII)

#: Versions whose streams mark their own end; every other name is read as HTTP/1, which proves less.
#: A source can write "HTTP/2.0" into the status line of HTTP/1, but never a version without a dot
#: (RFC 9112 2.3): these names come only from a client that spoke the protocol.
_STREAMED = frozenset({"HTTP/2", "HTTP/3"})


class Framing(enum.Enum):
    """What marks the end of a body."""

    LENGTH = "length"  #: Content-Length octets
    CHUNKED = "chunked"  #: the last chunk
    STREAM = "stream"  #: END_STREAM of HTTP/2 or HTTP/3
    CLOSE = "close"  #: only the closing of the connection: a cut cannot be told from an end
    NONE = "none"  #: no body at all


@attrs.frozen(kw_only=True)
class Head:
    """Status and fields of one answer; `url` is the one that was asked (redirects apart)."""

    status: int
    headers: Headers
    url: str = attrs.field(repr=False)
    method: str = "GET"
    http_version: str = "HTTP/1.1"

    @property
    def content_length(self) -> int | None:
        """Octets that Content-Length announces, or `None` if absent or unreadable.

        A repeated value, in lines or in a list, counts once (RFC 9110 8.6).
        """
        stated = {
            part.strip(" \t") for part in (self.headers.joined("content-length") or "").split(",")
        }
        field = stated.pop() if len(stated) == 1 else ""
        return int(field) if _LENGTH.fullmatch(field) else None

    @property
    def content_encodings(self) -> tuple[str, ...]:
        """The content codings in the order they were applied, lower-cased, without identity."""
        field = self.headers.joined("content-encoding") or ""
        codings = (part.strip().lower() for part in field.split(","))
        return tuple(coding for coding in codings if coding not in {"", "identity"})

    @property
    def framing(self) -> Framing:
        """What marks the end of this answer's body.

        A length is only a mark when no transfer coding overrides it, and transfer codings are
        unknown to HTTP/1.0 (RFC 9112 6.1, 6.3).
        """
        if self.method == "HEAD" or self.status in _NO_BODY or self.status < _FINAL:
            return Framing.NONE
        if self.http_version in _STREAMED:
            return Framing.STREAM
        codings = self.headers.joined("transfer-encoding")
        if codings is not None:
            last = codings.rpartition(",")[2].strip(" \t").lower()
            return Framing.CHUNKED if self._chunks and last == "chunked" else Framing.CLOSE
        return Framing.CLOSE if self.content_length is None else Framing.LENGTH

    @property
    def _chunks(self) -> bool:
        return self.http_version != "HTTP/1.0"


def media_type(field: str | None) -> str | None:
    """Return the type and subtype of a Content-Type field, lower-cased, without parameters.

    >>> media_type("Application/JSON; charset=utf-8")
    'application/json'
    """
    essence = (field or "").partition(";")[0].strip(" \t")
    return essence.lower() if _MEDIA_TYPE.fullmatch(essence) else None
