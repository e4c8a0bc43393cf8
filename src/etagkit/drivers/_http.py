"""Requests through a client that the user made: httpx or httpx2, sync or async.

The `_http*` files are the only ones that know either library, by structure: what is used is
`build_request`, `send(stream=True)`, `iter_raw` and `close`, which both share. They do share no
classes: neither library's requests, responses or exceptions are the other's, so requests are built
by the client itself and exceptions are looked up in the module that the client's class comes from.

Bodies are read raw, as they were sent: decoding is decided above, with a check of its end, which
httpx's own decoders do not make for gzip and brotli.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit, urlunsplit

from etagkit.errors import InvalidArgument, InvalidURL
from etagkit.http import Head, Headers

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from etagkit.flow import Send

#: What a client says of itself by default, and what may follow a redirect to another origin.
_NEUTRAL = frozenset(
    {"host", "accept", "accept-language", "connection", "user-agent", "accept-encoding"}
)


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

    return _made(httpx, httpx.Client)


def default_async_client() -> Any:
    """Return a new async client for callers who passed none."""
    import httpx

    return _made(httpx, httpx.AsyncClient)


def _made(httpx: ModuleType, client: Callable[..., Any]) -> Any:
    """Return a client of the environment's making; its words may quote a proxy's password."""
    try:
        return client(timeout=default_timeout(httpx))
    except Exception as exc:
        raise InvalidArgument(
            "the environment gives settings that no client can be made with",
            found=type(exc).__name__,
            advice="look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
        ) from exc


def default_timeout(httpx: ModuleType) -> Any:
    #: Seconds without a single octet: long enough for a slow disk behind the source, short enough
    #: that a dead one is noticed.
    return httpx.Timeout(30.0, connect=10.0)


def build(client: Any, op: Send) -> Any:
    """Return the client's request for `op`.

    A redirect's target is taken as it is: the client's default query parameters belong to the first
    request only. On another origin nothing of the client's own headers goes along but the neutral
    ones: any of them, not just Authorization, may be a credential (RFC 9110 15.4, 17.16.3).
    """
    if getattr(client, "is_closed", False):
        raise InvalidArgument("the client was closed", advice="use it inside its with block")
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
        request.headers["Host"] = request.url.netloc.decode("ascii")
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
