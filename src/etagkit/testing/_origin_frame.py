"""How a reply is laid out as HTTP/1.1 bytes, rightly or as told (RFC 9112)."""

from __future__ import annotations

import http
from typing import TYPE_CHECKING

import attrs

from etagkit.testing._origin_log import Outcome
from etagkit.testing._origin_model import Fields, Framing, HeaderInput, Reply, Request, Stop

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

#: Body bytes per write: large enough for speed, small enough to count progress by.
_PIECE = 256 * 1024

_BODYLESS = frozenset({204, 304})  # RFC 9110 6.4.1, with all of 1xx
_FINAL = 200


@attrs.frozen(kw_only=True)
class Frame:
    """How one reply is laid on the wire: `promised` is the length that a LENGTH framing tells."""

    framing: Framing
    bodyless: bool
    promised: int | None
    raw: bool

    @classmethod
    def of(cls, reply: Reply, request: Request) -> Frame:
        promised = reply.declared
        if promised is None and isinstance(reply.body, bytes):
            promised = len(reply.body)
        framing = reply.framing
        if framing is Framing.LENGTH and promised is None:
            framing = Framing.CHUNKED
        bodyless = request.method == "HEAD" or reply.status in _BODYLESS or reply.status < _FINAL
        return cls(
            framing=framing, bodyless=bodyless, promised=promised, raw=reply.head is not None
        )

    def outcome(self, sent: int) -> Outcome:
        """Return what can be said when `sent` body bytes are out."""
        if self.raw:
            return Outcome.BROKEN
        if self.bodyless:
            return Outcome.COMPLETE
        if self.framing is not Framing.LENGTH or sent < (self.promised or 0):
            return Outcome.SENDING
        return Outcome.COMPLETE if sent == self.promised else Outcome.BROKEN

    def head(self, reply: Reply, *, keep: bool) -> bytes:
        """Return the head, with the fields of the framing unless the reply brings its own."""
        own: HeaderInput = {}
        if self.framing is Framing.CHUNKED:
            own = {"Transfer-Encoding": "chunked"}
        elif self.framing is Framing.LENGTH and _FINAL <= reply.status not in _BODYLESS:
            own = {"Content-Length": str(self.promised)}
        fields = Fields().replacing(own).replacing(reply.headers.lines)
        if not keep:
            fields = fields.replacing({"Connection": "close"})
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.lines)
        return f"HTTP/1.1 {reply.status} {_phrase(reply.status)}\r\n{lines}\r\n".encode()

    def write(self, sock: socket.socket, piece: memoryview) -> None:
        if self.framing is Framing.CHUNKED and not self.raw:
            sock.sendall(f"{len(piece):x}\r\n".encode())
            sock.sendall(piece)
            sock.sendall(b"\r\n")
        else:
            sock.sendall(piece)

    def finish(self, sock: socket.socket) -> None:
        if self.framing is Framing.CHUNKED and not self.bodyless and not self.raw:
            sock.sendall(b"0\r\n\r\n")


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def pieces(reply: Reply, frame: Frame, stop: Stop | None) -> Iterator[memoryview | None]:
    """Yield the body in pieces to be written, and `None` where the stop is."""
    if frame.bodyless:
        return
    size = _PIECE if reply.pace is None else reply.pace.size
    place = -1 if stop is None or stop.after is None else stop.after
    sent = 0
    if place == 0:
        yield None
    for block in (reply.body,) if isinstance(reply.body, bytes) else reply.body:
        rest = memoryview(block)
        while rest:
            room = min(size, place - sent) if sent < place else size
            yield rest[:room]
            sent += min(room, len(rest))
            rest = rest[room:]
            if sent == place:
                yield None
