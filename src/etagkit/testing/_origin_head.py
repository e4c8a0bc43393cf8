"""The head of an HTTP/1.1 request, read by the test origin."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import attrs

from etagkit.testing._origin_model import Fields, Request


@attrs.frozen(kw_only=True)
class Refusal:
    """A head that is not answered by a behaviour, because it is not a request to one."""

    status: int
    reason: str


def parse_head(head: bytes) -> Request | Refusal:
    r"""Return the request that `head`, without its empty line, makes.

    >>> parse_head(b"GET /a%20b?c HTTP/1.1\r\nHost: x").path
    '/a b'
    """
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or words[2] not in {"HTTP/1.0", "HTTP/1.1"}:  # noqa: PLR2004
        return Refusal(status=400, reason="not an HTTP/1 request line")
    method, target, version = words
    lines: list[tuple[str, str]] = []
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            return Refusal(status=400, reason="not a header field")
        lines.append((name, value.strip(" \t")))
    fields = Fields(tuple(lines))
    if version == "HTTP/1.1" and "host" not in fields:
        return Refusal(status=400, reason="no Host")  # RFC 9112 3.2
    try:
        parts = urlsplit(target if "://" in target else f"http://host{target}")
    except ValueError:
        return Refusal(status=400, reason="not a request target")
    return Request(
        method=method,
        path=unquote(parts.path) or "/",
        query=parts.query,
        version=version,
        headers=fields,
    )
