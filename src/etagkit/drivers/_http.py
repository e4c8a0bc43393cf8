"""Requests through a client that the user made: httpx or httpx2, sync or async.

The only file that knows either library, and it knows them by structure: what is used is
`build_request`, `send(stream=True)`, `iter_raw` and `close`, which both share. They do share no
classes: neither library's requests, responses or exceptions are the other's, so requests are built
by the client itself and exceptions are looked up in the module that the client's class comes from.

Bodies are read raw, as they were sent: decoding is decided above, with a check of its end, which
httpx's own decoders do not make for gzip and brotli.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from etagkit.errors import (
    BodyCut,
    ConnectionFailed,
    InvalidArgument,
    InvalidURL,
    SourceError,
    SourceTimeout,
)
from etagkit.http import Framing, Head, Headers

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from types import ModuleType

    from etagkit.flow import Send

_log = logging.getLogger(__name__)

#: A body of an unwanted answer up to this size is read to its end, which keeps the connection;
#: a longer one costs more than a new connection.
DRAIN_TO_KEEP = 4096

#: What a client says of itself by default, and what may follow a redirect to another origin.
_NEUTRAL = frozenset(
    {"host", "accept", "accept-language", "connection", "user-agent", "accept-encoding"}
)

#: Libraries whose protocol errors can pass through httpx unmapped: h2 raises its own
#: InvalidBodyLengthError when END_STREAM comes before Content-Length octets.
_PROTOCOL_LIBRARIES = frozenset({"h2", "h11", "hpack", "hyperframe"})


class HttpClient(Protocol):
    """A sync client: `httpx.Client` or `httpx2.Client`, made and configured by the user.

    Proxies, certificates, authentication, netrc and timeouts are the client's; etagkit adds none.
    """

    def build_request(self, method: str, url: Any, *, headers: Any = ...) -> Any:
        """Make a request with the client's own defaults."""

    def send(self, request: Any, *, stream: bool = ..., follow_redirects: Any = ...) -> Any:
        """Send it."""

    def close(self) -> None:
        """Close the connections."""


class AsyncHttpClient(Protocol):
    """An async client: `httpx.AsyncClient` or `httpx2.AsyncClient`, made by the user."""

    def build_request(self, method: str, url: Any, *, headers: Any = ...) -> Any:
        """Make a request with the client's own defaults."""

    async def send(self, request: Any, *, stream: bool = ..., follow_redirects: Any = ...) -> Any:
        """Send it."""

    async def aclose(self) -> None:
        """Close the connections."""


def check_client(client: Any, *, asynchronous: bool) -> ModuleType:
    """Return the module whose exceptions `client` raises.

    Raises:
        InvalidArgument: it is no client, or of the other colour; the message says which to pass.
    """
    wanted = "AsyncClient" if asynchronous else "Client"
    for cls in type(client).__mro__:
        root = cls.__module__.partition(".")[0]
        if root in {"httpx", "httpx2"} and cls.__name__ in {"Client", "AsyncClient"}:
            if cls.__name__ == wanted:
                return sys.modules[root]
            raise InvalidArgument(
                f"a{'n async' if asynchronous else ' sync'} call needs a{'n' * asynchronous} "
                f"{root}.{wanted}",
                found=f"{root}.{cls.__name__}",
                advice="use the Async class or function (prefix a) with an AsyncClient",
            )
    raise InvalidArgument(
        "not an HTTP client",
        found=type(client).__name__,
        expected=f"httpx.{wanted} or httpx2.{wanted}",
    )


def default_client() -> Any:
    """Return a new sync client for callers who passed none."""
    import httpx

    return httpx.Client(timeout=_default_timeout(httpx))


def default_async_client() -> Any:
    """Return a new async client for callers who passed none."""
    import httpx

    return httpx.AsyncClient(timeout=_default_timeout(httpx))


def _default_timeout(httpx: ModuleType) -> Any:
    #: Seconds without a single octet: long enough for a slow disk behind the source, short enough
    #: that a dead one is noticed.
    return httpx.Timeout(30.0, connect=10.0)


def build(client: Any, op: Send) -> Any:
    """Return the client's request for `op`.

    A redirect's target is taken as it is: the client's default query parameters belong to the first
    request only. On another origin nothing of the client's own headers goes along but the neutral
    ones: any of them, not just Authorization, may be a credential (RFC 9110 15.4, 17.16.3).
    """
    fields = [(name.encode("ascii"), value.encode("latin-1")) for name, value in op.headers]
    try:
        url, _ = split_user(op.url)
        request = client.build_request(op.method, url, headers=fields)
    except Exception as exc:
        raise InvalidURL("the client cannot use this URL", url=op.url) from exc
    if op.hop:
        request.url = type(request.url)(url)
    if not op.same_origin:
        own = {name.lower() for name, _ in op.headers}
        for name in set(request.headers.keys()) - own - _NEUTRAL:
            del request.headers[name]
    return request


def split_user(url: str) -> tuple[str, tuple[str, str] | None]:
    """Return `url` without its user name and password, and these, decoded.

    The client is given them apart: it logs each URL that it requests, at level INFO, in full.

    >>> split_user("http://me:p%40ss@localhost/a")
    ('http://localhost/a', ('me', 'p@ss'))
    """
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    name, _, password = user.partition(":")
    return urlunsplit(parts._replace(netloc=host)), (unquote(name), unquote(password))


def send_options(client: Any, op: Send) -> dict[str, Any]:
    """Return the options of `client.send`: stream, no redirects, no credentials elsewhere.

    The client's own authentication goes before the user name in the URL, as it does in httpx.
    """
    options: dict[str, Any] = {"stream": True, "follow_redirects": False}
    _, user = split_user(op.url)
    if not op.same_origin or (user is not None and getattr(client, "auth", None) is None):
        options["auth"] = user
    return options


def head_of(response: Any, op: Send) -> Head:
    """Return the head of a response; octets above ASCII are kept as Latin-1 characters."""
    lines = tuple(
        (name.decode("latin-1"), value.decode("latin-1").strip(" \t"))
        for name, value in response.headers.raw
    )
    return Head(
        status=response.status_code,
        headers=Headers(lines),
        url=op.url,
        method=op.method,
        http_version=response.http_version,
    )


def worth_reading(head: Head) -> bool:
    """Whether reading an unwanted body to its end is cheaper than a new connection."""
    if head.framing is Framing.NONE:
        return True
    return head.framing is Framing.LENGTH and (head.content_length or 0) <= DRAIN_TO_KEEP


def translate(
    exc: Exception, library: ModuleType, url: str
) -> SourceError | InvalidArgument | None:
    """Return our error for a client's exception before the body, or `None` if it is not one."""
    if isinstance(exc, library.TimeoutException):
        return SourceTimeout("the source did not answer in time", url=url, found=_name(exc))
    if isinstance(exc, library.UnsupportedProtocol | library.InvalidURL):
        return InvalidURL("the client cannot use this URL", url=url)
    if isinstance(exc, library.LocalProtocolError):  # its words may quote a header, token and all
        return InvalidArgument(
            "the client made a request that HTTP does not allow",
            url=url,
            found=_name(exc),
            advice="look for line ends or spaces in the client's headers",
        )
    if isinstance(exc, library.TransportError) or _is_protocol_error(exc):
        return ConnectionFailed("no answer came from the source", url=url, found=_words(exc))
    if isinstance(exc, library.HTTPError):
        return SourceError("the request failed", url=url, found=_words(exc))
    return None


def has_seen(head: Head, received: int, wanted: int) -> bool:
    """Whether reading may stop at `wanted` octets.

    It goes on where the announced end is reached: hearing of it costs nothing and keeps the
    connection for the next request.
    """
    return received >= wanted and not (
        head.framing is Framing.LENGTH and received == head.content_length
    )


def translate_body(
    exc: Exception, library: ModuleType, head: Head, received: int
) -> SourceError | None:
    """Return our error for a client's exception within a body, or `None` if it is not one."""
    expected = head.content_length
    if isinstance(exc, library.TimeoutException):
        return SourceTimeout(
            "the source stopped sending", url=head.url, expected=expected, found=received
        )
    if is_of_client(exc, library):
        return BodyCut(
            "the body ended before it was complete",
            url=head.url,
            expected="a marked end" if expected is None else f"{expected} octets",
            found=f"{received} octets",
        )
    return None


def _is_protocol_error(exc: Exception) -> bool:
    return type(exc).__module__.partition(".")[0] in _PROTOCOL_LIBRARIES


def _name(exc: Exception) -> str:
    return type(exc).__name__


def _words(exc: Exception) -> str:
    return f"{_name(exc)}: {exc}" if str(exc) else _name(exc)


def is_of_client(exc: Exception, library: ModuleType) -> bool:
    """Whether `exc` comes from the client or the protocol below it."""
    return isinstance(exc, library.HTTPError | library.StreamError) or _is_protocol_error(exc)


async def _end(source: AsyncGenerator[bytes], library: ModuleType) -> None:
    """Close a body's generator, and with it those that it reads from.

    The client's generators do not close the ones below them, which trio warns of. A read that is
    cancelled ends all of them, the innermost first; octets that were received already are dropped.
    """
    import anyio

    with anyio.CancelScope(shield=True) as scope:
        scope.cancel()
        try:
            async for _ in source:
                pass
        except Exception as exc:
            if not is_of_client(exc, library):
                raise
    await source.aclose()


class Incoming:
    """A sync body: yields what was sent, block by block, with this library's errors."""

    def __init__(self, response: Any, head: Head, library: ModuleType) -> None:
        """Keep the open response."""
        self.head = head
        self._response = response
        self._library = library

    def blocks(self) -> Generator[bytes]:
        """Yield the octets as they come; no size is given, re-chunking would halve the speed."""
        received = 0
        source = self._response.iter_raw()
        try:
            while (block := next(source, None)) is not None:
                received += len(block)
                yield block
        except Exception as exc:
            error = translate_body(exc, self._library, self.head, received)
            if error is None:
                raise
            raise error from exc
        finally:
            source.close()

    def let_go(self) -> None:
        """Close; a small rest is read first, which keeps the connection for the next request."""
        try:
            if worth_reading(self.head) and not self._response.is_stream_consumed:
                for _ in self._response.iter_raw():
                    pass
        except Exception as exc:
            if not is_of_client(exc, self._library):
                raise
            _log.debug("an unwanted body broke off: %s", type(exc).__name__)
        finally:
            self.close()

    def close(self) -> None:
        """Close without reading on, and with it the connection if there is more to come."""
        self._response.close()


class AsyncIncoming:
    """The async twin of `Incoming`."""

    def __init__(self, response: Any, head: Head, library: ModuleType) -> None:
        """Keep the open response."""
        self.head = head
        self._response = response
        self._library = library

    async def blocks(self) -> AsyncGenerator[bytes]:
        """Yield the octets as they come."""
        received = 0
        source = self._response.aiter_raw()
        try:
            while (block := await anext(source, None)) is not None:
                received += len(block)
                yield block
        except Exception as exc:
            error = translate_body(exc, self._library, self.head, received)
            if error is None:
                raise
            raise error from exc
        finally:
            await _end(source, self._library)

    async def let_go(self) -> None:
        """Close; a small rest is read first, which keeps the connection for the next request."""
        try:
            if worth_reading(self.head) and not self._response.is_stream_consumed:
                async for _ in self._response.aiter_raw():
                    pass
        except Exception as exc:
            if not is_of_client(exc, self._library):
                raise
            _log.debug("an unwanted body broke off: %s", type(exc).__name__)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close without reading on, and with it the connection if there is more to come."""
        await self._response.aclose()
