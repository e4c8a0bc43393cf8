"""HTTP/1.1 on a socket, for the test origin: heads read, replies written, well or as spoilt.

One `Connection` belongs to one thread. Whatever blocks here ends within moments when the origin
closes: reads and writes because the socket is shut down under them, pauses because they wait for
the closing itself.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

import attrs

from etagkit.testing._origin_frame import Frame, pieces
from etagkit.testing._origin_head import Refusal, parse_head
from etagkit.testing._origin_log import Outcome
from etagkit.testing._origin_model import (
    Ending,
    Framing,
    Reply,
    Request,
    Stop,
)

#: Longest request head; eight times what real servers take, so that a test can go beyond theirs.
HEAD_LIMIT = 64 * 1024

#: Longest request body that is read and dropped; the origin takes GET and HEAD only.
BODY_LIMIT = 1024 * 1024

#: Digits of the longest length that is worth reading as a number.
_LENGTH_DIGITS = 18

#: Seconds without a byte after which a silent client is given up.
IDLE_LIMIT = 60.0

#: Seconds between two looks at a stalled client; nothing tells a thread of both a closed peer and
#: a released stall, so it looks.
_STALL_LOOK = 0.02

#: Seconds for which a refused client may go on sending before it is cut off: without them, the
#: reset caused by its unread bytes could destroy the refusal on its way (RFC 9112 9.6).
_LINGER = 0.25

#: Reads that a refused client is granted in that way: some megabytes, and an end.
_LINGER_READS = 64

#: `struct linger` that makes close() send a reset: on, zero seconds.
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@attrs.frozen
class Gates:
    """What all connections of one origin wait for."""

    closing: threading.Event = attrs.field(factory=threading.Event)
    released: threading.Event = attrs.field(factory=threading.Event)


class Gone(Exception):
    """The client or the origin has closed the connection: a way out of the thread, no error."""


#: Told of each step of an answer before it is taken: status, body bytes, outcome (`None`: as it
#: was). So a client that has received a byte finds it in the log.
Watch = Callable[[int | None, int, Outcome | None], None]


class Connection:
    """One accepted connection."""

    def __init__(self, sock: socket.socket, gates: Gates) -> None:
        """Take over `sock`; `close` gives it back."""
        self._sock = sock
        self._gates = gates
        self._buffer = bytearray()
        sock.settimeout(IDLE_LIMIT)
        with contextlib.suppress(OSError):  # the client may have left already
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    # --- reading ---------------------------------------------------------------------------

    def read_request(self) -> Request | Refusal | None:
        """Return the next request, what is wrong with it, or `None` when the client is done."""
        try:
            head = self._read_head()
            if head is None or isinstance(head, Refusal):
                return head
            request = parse_head(head)
            if isinstance(request, Request):
                return self._drop_body(request) or request
        except (OSError, Gone):
            return None
        return request

    def _read_head(self) -> bytes | Refusal | None:
        while True:
            while self._buffer.startswith(b"\r\n"):  # RFC 9112 2.2: empty lines before it
                del self._buffer[:2]
            end = self._buffer.find(b"\r\n\r\n")
            if end > HEAD_LIMIT or (end < 0 and len(self._buffer) > HEAD_LIMIT):
                return Refusal(status=431, reason="request head too long")
            if end >= 0:
                head = bytes(self._buffer[:end])
                del self._buffer[: end + 4]
                return head
            if not self._receive():
                return None

    def _receive(self) -> bool:
        data = self._sock.recv(65536)
        self._buffer += data
        return bool(data)

    def _drop_body(self, request: Request) -> Refusal | None:
        if "transfer-encoding" in request.headers:
            return Refusal(status=411, reason="bodies are taken with a length only")
        length = request.headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit():
            return Refusal(status=400, reason="no length")
        if len(length) > _LENGTH_DIGITS or int(length) > BODY_LIMIT:
            return Refusal(status=413, reason="request body too long")
        while len(self._buffer) < int(length):
            if not self._receive():
                raise Gone
        del self._buffer[: int(length)]
        return None

    # --- writing ---------------------------------------------------------------------------

    def send(self, reply: Reply, *, request: Request, keep: bool, watch: Watch) -> bool:
        """Send `reply` as described and return whether the connection may be used again.

        Raises:
            Gone: the client or the origin closed the connection under way.
        """
        try:
            return self._send(reply, request=request, keep=keep, watch=watch)
        except (OSError, Gone):
            watch(None, 0, Outcome.ABANDONED)
            raise Gone from None

    def _send(self, reply: Reply, *, request: Request, keep: bool, watch: Watch) -> bool:
        self._pause(reply.delay)
        stop = reply.stop
        if stop is not None and stop.after is None:
            if not self._halt(stop, watch, last=Outcome.SENDING):
                return False
            stop = None
        if reply.head is not None:
            watch(None, 0, Outcome.BROKEN)
            self._sock.sendall(reply.head)
            keep = False
        keep = keep and reply.framing is not Framing.CLOSE
        frame = Frame.of(reply, request)
        if reply.head is None:
            watch(reply.status, 0, frame.outcome(0))
            self._sock.sendall(frame.head(reply, keep=keep))
        return self._send_body(reply, frame, stop, watch) and keep

    def _send_body(self, reply: Reply, frame: Frame, stop: Stop | None, watch: Watch) -> bool:
        sent = 0
        for piece in pieces(reply, frame, stop):
            if stop is not None and piece is None:
                if not self._halt(stop, watch, last=frame.outcome(sent)):
                    return False
            elif piece:
                if sent and reply.pace is not None:
                    self._pause(reply.pace.pause)
                sent += len(piece)
                watch(None, len(piece), frame.outcome(sent))
                frame.write(self._sock, piece)
        if frame.framing is Framing.LENGTH:
            whole = sent == frame.promised or frame.bodyless
            if not whole:
                watch(None, 0, Outcome.BROKEN)
            return whole
        watch(None, 0, Outcome.COMPLETE if reply.head is None else Outcome.BROKEN)
        frame.finish(self._sock)
        return True

    def _halt(self, stop: Stop, watch: Watch, *, last: Outcome) -> bool:
        """Do what `stop` says, `last` being how far it got; return whether the answer goes on."""
        whole = last is Outcome.COMPLETE
        if stop.ending is Ending.STALL:
            watch(None, 0, last if whole else Outcome.STALLED)
            self._stall()
            watch(None, 0, last)
            return True
        watch(None, 0, last if whole and stop.ending is Ending.CLOSE else Outcome.BROKEN)
        if stop.ending is Ending.RESET:
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self._sock.close()
        return False

    def _stall(self) -> None:
        while not self._gates.released.wait(_STALL_LOOK):
            if self._gates.closing.is_set():
                raise Gone
            if self._left():
                raise Gone

    def _left(self) -> bool:
        """Tell whether the client has closed its side."""
        self._sock.settimeout(0)
        try:
            return not self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        finally:
            self._sock.settimeout(IDLE_LIMIT)

    def _pause(self, seconds: float) -> None:
        if seconds and self._gates.closing.wait(seconds):
            raise Gone

    def refuse(self, refusal: Refusal) -> None:
        """Answer what was not a request, and let the rest of it run dry."""
        head = f"HTTP/1.1 {refusal.status} {refusal.reason}\r\nContent-Length: 0\r\n"
        with contextlib.suppress(OSError):
            self._sock.sendall(f"{head}Connection: close\r\n\r\n".encode("latin-1"))
            self._sock.shutdown(socket.SHUT_WR)
            self._sock.settimeout(_LINGER)
            for _ in range(_LINGER_READS):
                if self._gates.closing.is_set() or not self._sock.recv(65536):
                    return

    # --- the end ---------------------------------------------------------------------------

    def shut(self) -> None:
        """Wake the thread that reads or writes here; callable from any thread."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back."""
        with contextlib.suppress(OSError):
            self._sock.close()
