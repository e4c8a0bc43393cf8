"""The options that make the HTTP client, and the one place where it is made from them.

Values that may be secrets (a proxy's password, header values) are kept out of every message and
repr: what is wrong with them is said without repeating them.
"""

from __future__ import annotations

import importlib.util
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from etagkit._version import __version__
from etagkit.cli._gather import gather
from etagkit.drivers._http import default_timeout
from etagkit.errors import InvalidArgument, MissingExtra

if TYPE_CHECKING:
    import ssl

    import httpx

#: Field names follow the token grammar (RFC 9110 5.6.2).
_FIELD_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

#: Values hold visible octets, spaces and tabs (RFC 9110 5.5); a line end would begin a new field.
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")

#: Fields that belong to the protocol that etagkit speaks: another value would change what an
#: answer means, and so what is recorded.
_OURS = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
        "transfer-encoding",
    }
)

#: A host with or without a port: what may be repeated of a proxy, since it can be no password.
_HOST = re.compile(r"(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?/?")

#: Seconds: longer than any sensible silence, and small enough for the clocks of the C library.
_LONGEST_TIMEOUT = 24 * 3600.0


@attrs.frozen(kw_only=True)
class Connection:
    """How to reach sources, as the command line says."""

    proxy: str | None = attrs.field(default=None, repr=False)
    cacert: Path | None = None
    netrc: bool = False
    netrc_file: Path | None = None
    timeout: float | None = None
    headers: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    http2: bool = False
    user_agent: str | None = None


def parse_header(text: str) -> tuple[str, str]:
    """Return name and value of `Name: value`.

    >>> parse_header("X-Team: data")
    ('X-Team', 'data')

    Raises:
        ValueError: it is not written so, or etagkit itself sets this field; the value, which may
            be a secret, is not repeated.
    """
    name, colon, value = text.partition(":")
    value = value.strip(" \t")
    if not colon or _FIELD_NAME.fullmatch(name) is None:
        message = "a header is written as 'Name: value'"
        raise ValueError(message)
    if name.lower() in _OURS:
        message = f"{name} is set by etagkit itself"
        raise ValueError(message)
    if _FIELD_VALUE.fullmatch(value) is None:
        message = f"the value of {name} holds a character that no header may hold"
        raise ValueError(message)
    return name, value


def _headers(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    try:
        return tuple(parse_header(value) for value in values)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from None


def _user_agent(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> str | None:
    if value is not None and _FIELD_VALUE.fullmatch(value) is None:
        message = "it holds a character that no header may hold"
        raise click.BadParameter(message)
    return value


def _seconds(
    _context: click.Context, _parameter: click.Parameter, value: float | None
) -> float | None:
    if value is not None and not (math.isfinite(value) and 0 < value <= _LONGEST_TIMEOUT):
        message = f"a number of seconds above 0, at most {_LONGEST_TIMEOUT:.0f}"
        raise click.BadParameter(message)
    return value


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)

#: Gives a command the options of the client, as one argument: `connection`.
client_options = gather(
    "connection",
    Connection,
    (
        (
            "proxy",
            click.option("--proxy", metavar="URL", help="Send every request through this proxy."),
        ),
        (
            "cacert",
            click.option(
                "--cacert",
                type=_FILE,
                metavar="FILE",
                help="Trust the certificate authorities in this PEM file, and no others.",
            ),
        ),
        (
            "netrc",
            click.option(
                "--netrc", is_flag=True, help="Take user names and passwords from ~/.netrc."
            ),
        ),
        (
            "netrc_file",
            click.option(
                "--netrc-file", type=_FILE, metavar="FILE", help="Take them from this file instead."
            ),
        ),
        (
            "timeout",
            click.option(
                "--timeout",
                type=float,
                metavar="SECONDS",
                callback=_seconds,
                help="Give up after so long without a byte (by default 30, to connect 10).",
            ),
        ),
        (
            "headers",
            click.option(
                "--header",
                "headers",
                multiple=True,
                metavar="'NAME: VALUE'",
                callback=_headers,
                help="Send this header, to the URL's own origin only; may be repeated.",
            ),
        ),
        (
            "http2",
            click.option("--http2", is_flag=True, help="Speak HTTP/2 where the server does."),
        ),
        (
            "user_agent",
            click.option(
                "--user-agent",
                metavar="TEXT",
                callback=_user_agent,
                help=f"Send this as User-Agent (by default etagkit/{__version__}).",
            ),
        ),
    ),
)


def build_client(connection: Connection) -> httpx.Client:
    """Return the client for `connection`; proxies and certificates of the environment count too.

    Raises:
        MissingExtra: HTTP/2 or a SOCKS proxy needs a library that is not installed.
        InvalidArgument: the proxy, the certificates or the netrc file cannot be used.
    """
    import httpx

    _check_proxy(connection.proxy)
    if connection.http2 and importlib.util.find_spec("h2") is None:
        raise MissingExtra.of("http2", "HTTP/2")
    auth, verify = _netrc(connection), _trusted(connection.cacert)
    try:
        return httpx.Client(
            auth=auth,
            headers=_fields(connection),
            http2=connection.http2,
            proxy=connection.proxy,
            timeout=default_timeout(httpx) if connection.timeout is None else connection.timeout,
            verify=verify,
        )
    except ImportError as exc:
        raise MissingExtra(
            "a SOCKS proxy needs an optional dependency", advice="run: pip install 'httpx[socks]'"
        ) from exc
    except (ValueError, httpx.InvalidURL) as exc:
        raise _bad_proxy(connection.proxy) from exc


def _fields(connection: Connection) -> list[tuple[bytes, bytes]]:
    """Return the fields that every request carries, with our name unless another is given."""
    given = {name.lower() for name, _ in connection.headers}
    lines = list(connection.headers)
    if connection.user_agent is not None or "user-agent" not in given:
        name = connection.user_agent or f"etagkit/{__version__}"
        lines = [("User-Agent", name), *(line for line in lines if line[0].lower() != "user-agent")]
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in lines]


def _trusted(cacert: Path | None) -> ssl.SSLContext | bool:
    if cacert is None:
        return True
    import ssl

    try:
        return ssl.create_default_context(cafile=cacert)
    except (OSError, ValueError) as exc:  # ssl.SSLError is an OSError
        raise InvalidArgument(
            "no certificates can be read from this file",
            path=str(cacert),
            expected="certificates in PEM form",
        ) from exc


def _netrc(connection: Connection) -> httpx.NetRCAuth | None:
    """Return the authentication; what stands in the file is never repeated."""
    import netrc

    import httpx

    if not (connection.netrc or connection.netrc_file):
        return None
    file = connection.netrc_file
    shown = "~/.netrc" if file is None else str(file)
    try:
        return httpx.NetRCAuth(None if file is None else str(file))
    except FileNotFoundError as exc:
        raise InvalidArgument("there is no netrc file", path=shown) from exc
    except (netrc.NetrcParseError, UnicodeDecodeError) as exc:
        line = getattr(exc, "lineno", None)
        raise InvalidArgument(
            "the netrc file cannot be used",
            path=shown,
            found=None if line is None else f"a mistake in line {line}",
        ) from exc
    except OSError as exc:
        raise InvalidArgument(
            "the netrc file cannot be read", path=shown, found=exc.strerror
        ) from exc


def _check_proxy(proxy: str | None) -> None:
    """Refuse a proxy without its scheme; the advice repeats no more of it than the host."""
    if proxy is None or "://" in proxy:
        return
    user, at, host = proxy.rpartition("@")
    shown = host if _HOST.fullmatch(host) else "HOST:PORT"
    before = "USER:PASSWORD@" if ":" in user else "USER@" if at else ""
    raise InvalidArgument(
        "the proxy is written without http:// before it", advice=f"write http://{before}{shown}"
    )


def _bad_proxy(proxy: str | None) -> InvalidArgument:
    return InvalidArgument(
        "the proxy cannot be used" if proxy else "a proxy named by the environment cannot be used",
        url=proxy,
        advice="write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT",
    )
