"""What a client raises, as errors of this library; nothing that it says is repeated.

A client's words may quote the URL as it was sent, signature and all, or a field with a token in it.
What is told instead is the class of its exception, and where there is one the system's own word.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
import sys
import traceback
from typing import TYPE_CHECKING, Any, cast

from etagkit.errors import (
    BodyCut,
    CertificateRefused,
    ConnectionFailed,
    InvalidArgument,
    InvalidURL,
    RedirectRefused,
    SourceError,
    SourceTimeout,
    UnexpectedStatus,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from etagkit.flow import Send
    from etagkit.http import Head

_OWN = __name__.partition(".")[0]

#: Libraries whose protocol errors can pass through httpx unmapped: h2 raises its own
#: InvalidBodyLengthError when END_STREAM comes before Content-Length octets.
_PROTOCOL_LIBRARIES = frozenset({"h2", "h11", "hpack", "hyperframe"})

#: What a client is made of: an error that comes out of these alone is the client's own.
_CLIENT_LIBRARIES = _PROTOCOL_LIBRARIES | {
    *("httpx", "httpx2", "httpcore", "httpcore2", "anyio", "trio", "sniffio", "outcome"),
    *("idna", "socksio", "socks"),
}

#: What a client stumbles with over an answer that it did not foresee: digest challenges, host names
#: beyond IDNA, a status that is no number.
_STUMBLES = (ValueError, LookupError, NotImplementedError)

#: Where names of hosts are coded and looked up.
_OF_HOSTS = frozenset({"idna", "encodings", "socket"})


def translate(  # noqa: PLR0911  one line per exception
    exc: Exception, library: ModuleType, op: Send
) -> SourceError | InvalidArgument | None:
    """Return our error for a client's exception before the body, or `None` if it is not one."""
    url = op.url
    if isinstance(exc, library.TimeoutException):
        return SourceTimeout("the source did not answer in time", url=url, found=_name(exc))
    if isinstance(exc, library.InvalidURL):  # `build` parsed the URL itself: this is a Location
        return RedirectRefused("a redirect to something that is no web URL", url=url)
    if isinstance(exc, library.UnsupportedProtocol):
        return InvalidURL("the client cannot use this URL", url=url)
    if isinstance(exc, library.LocalProtocolError):
        return _of_local_protocol(exc, url)
    if isinstance(exc, library.TransportError) or _is_protocol_error(exc):
        return _of_transport(exc, library, url)
    if isinstance(exc, library.HTTPStatusError):  # a hook of the caller's: raise_for_status
        status: int = cast("Any", exc).response.status_code
        return UnexpectedStatus("the source did not give the file", status=status, url=url)
    if isinstance(exc, library.HTTPError):
        return SourceError("the request failed", url=url, found=_name(exc))
    return _of_stumbling(exc, op) if _is_stumbling(exc) else None


def _of_stumbling(exc: Exception, op: Send) -> SourceError | InvalidURL:
    if not (isinstance(exc, UnicodeError) and _OF_HOSTS.intersection(_modules(exc))):
        return SourceError("the client failed on this answer", url=op.url, found=_name(exc))
    if op.hop:
        return RedirectRefused("a redirect to something that is no web URL", url=op.url)
    return InvalidURL("no host can have this name", url=op.url, found=_name(exc))


def _is_stumbling(exc: Exception) -> bool:
    """Whether the client itself failed: nothing of the caller's was on the way (a hook, say)."""
    modules = _modules(exc)
    return (
        isinstance(exc, _STUMBLES)
        and any(module in _CLIENT_LIBRARIES for module in modules)
        and all(
            module in _CLIENT_LIBRARIES or module in sys.stdlib_module_names for module in modules
        )
    )


def _modules(exc: BaseException) -> list[str]:
    """Return the packages that `exc` came through, from the outside in, this driver apart."""
    frames = (frame for frame, _ in traceback.walk_tb(exc.__traceback__))
    names = (str(frame.f_globals.get("__name__", "")).partition(".")[0] for frame in frames)
    return [name for name in names if name != _OWN]


def _of_local_protocol(exc: Exception, url: str) -> SourceError | InvalidArgument:
    """Tell a header that may not be sent from a connection that ended under the request.

    h2 raises the same class where the source closed the connection (GOAWAY) while it was asked. The
    words are left out: they may quote a header, token and all.
    """
    if any(type(each).__module__.startswith("h2.") for each in _causes(exc)):
        return ConnectionFailed("the source closed the connection", url=url, found=_name(exc))
    return InvalidArgument(
        "the client made a request that HTTP does not allow",
        url=url,
        found=_name(exc),
        advice="look for line ends or spaces in the client's headers",
    )


def _of_transport(exc: Exception, library: ModuleType, url: str) -> ConnectionFailed:
    for each in _causes(exc):
        if isinstance(each, ssl.SSLCertVerificationError):
            return CertificateRefused(
                "the source's certificate is not trusted",
                url=url,
                found=f"{_name(exc)}: {each.verify_message}",
                advice="give the client the authority that signed it (verify=, or --cacert)",
            )
    if isinstance(exc, library.ProxyError):
        return ConnectionFailed("the proxy did not let it through", url=url, found=_of_proxy(exc))
    return ConnectionFailed("no answer came from the source", url=url, found=_of_system(exc))


def _of_proxy(exc: Exception) -> str:
    """Return the status that the proxy answered; its words may be anything."""
    status = re.match(r"[0-9]{3}(?= |$)", str(exc))
    return f"{_name(exc)}: {status[0]}" if status else _of_system(exc)


def _of_system(exc: Exception) -> str:
    """Return the class of `exc` with what the operating system or OpenSSL said, if anything."""
    for each in _causes(exc):
        words: str | None = None
        if isinstance(each, ssl.SSLError):
            words = each.reason
        elif isinstance(each, socket.gaierror):
            words = each.strerror
        elif isinstance(each, OSError) and each.errno is not None:
            words = f"[Errno {each.errno}] {os.strerror(each.errno)}"
        if words:
            return f"{_name(exc)}: {words}"
    return _name(exc)


def _causes(exc: BaseException | None) -> Iterator[BaseException]:
    """Yield `exc` and what it came from, as far as it is known; of a group, the first."""
    seen: set[int] = set()
    while exc is not None and id(exc) not in seen:
        seen.add(id(exc))
        yield exc
        if isinstance(exc, BaseExceptionGroup):
            group = cast("BaseExceptionGroup[BaseException]", exc)
            exc = group.exceptions[0]
        else:
            exc = exc.__cause__ or exc.__context__


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


def is_of_client(exc: Exception, library: ModuleType) -> bool:
    """Whether `exc` comes from the client or the protocol below it."""
    known = isinstance(exc, library.HTTPError | library.StreamError)
    return known or _is_protocol_error(exc) or _is_stumbling(exc)
