"""A client that hides nothing: bytes out, bytes in."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from etagkit.testing import Origin


@attrs.frozen(kw_only=True)
class Answer:
    """What came over a connection until it ended, taken apart at the first empty line."""

    status_line: str
    headers: dict[str, str]
    body: bytes


def connect(origin: Origin) -> socket.socket:
    """Return an open connection to `origin`."""
    host, port = origin.base_url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=5)


def request(path: str, *, close: bool = True) -> bytes:
    """Return the head of a GET."""
    lines = [f"GET {path} HTTP/1.1", "Host: test"]
    lines += ["Connection: close"] if close else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def read_all(sock: socket.socket) -> bytes:
    """Return what comes until the other side closes."""
    return b"".join(iter(lambda: sock.recv(65536), b""))


def parse(data: bytes) -> Answer:
    """Return the answer that `data` holds."""
    head, _, body = data.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return Answer(
        status_line=status_line,
        headers={name.lower(): value for name, value in pairs},
        body=body,
    )


def ask(origin: Origin, path: str) -> Answer:
    """Send one GET on a connection of its own, and return all that comes back."""
    with connect(origin) as sock:
        sock.sendall(request(path))
        return parse(read_all(sock))
