"""What is sent through the user's client, and what its exceptions become."""

from __future__ import annotations

import errno
import socket
import traceback
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from etagkit.drivers import _http, _http_bodies, _http_errors
from etagkit.errors import (
    BodyCut,
    ConnectionFailed,
    InvalidArgument,
    InvalidURL,
    RedirectRefused,
    SourceError,
    SourceTimeout,
    UnexpectedStatus,
)
from etagkit.flow import Send
from etagkit.http import Head, Headers

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

URL = "http://localhost/file"
SEND = Send("GET", URL)


@pytest.fixture(params=["httpx", "httpx2"])
def library(request: pytest.FixtureRequest) -> ModuleType:
    """Return each of the two libraries."""
    return import_module(request.param)


@pytest.fixture
def client(library: ModuleType) -> Iterator[Any]:
    """Return a client with everything that may be a credential."""
    with library.Client(
        trust_env=False,
        headers={"X-Api-Key": "key-secret", "Authorization": "Bearer token-secret"},
        cookies={"session": "cookie-secret"},
        params={"token": "param-secret"},
        auth=("user", "auth-secret"),
    ) as running:
        yield running


# --- clients ---------------------------------------------------------------------------------


def test_a_client_is_known_by_its_class(library: ModuleType) -> None:
    """Clients of both libraries are taken, and subclasses of them."""

    class Own(library.Client):  # type: ignore[misc, name-defined]
        pass

    with Own() as client:
        assert _http.check_client(client, asynchronous=False) is library


def test_the_wrong_colour_is_refused(library: ModuleType) -> None:
    """An async client in a sync call, and the reverse, get told which one to pass."""
    name = library.__name__
    with library.Client() as client, pytest.raises(InvalidArgument) as caught:
        _http.check_client(client, asynchronous=True)
    assert f"{name}.AsyncClient" in str(caught.value)
    assert caught.value.found == f"{name}.Client"
    with pytest.raises(InvalidArgument) as caught:
        _http.check_client(library.AsyncClient(), asynchronous=False)
    assert f"{name}.Client" in str(caught.value)
    assert "Async" in (caught.value.advice or "")


@pytest.mark.parametrize("thing", [None, "http://x", object(), dict])
def test_something_else_is_refused(thing: object) -> None:
    """What is no client gets told what one would be."""
    with pytest.raises(InvalidArgument, match=r"expected httpx\.Client or httpx2\.Client"):
        _http.check_client(thing, asynchronous=False)


def test_clients_that_nobody_passed_have_limits() -> None:
    """The client that is made on demand gives up on a source that says nothing."""
    with _http.default_client() as client:
        assert client.timeout.read == 30.0
        assert client.timeout.connect == 10.0
    assert _http.default_async_client().timeout.read == 30.0


# --- requests --------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["foo://me:s3cret@h", "http://me:s3cret@h:port"])
def test_an_environment_that_makes_no_client(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The error says where to look, and does not quote a proxy's password."""
    monkeypatch.setenv("HTTP_PROXY", value)
    for make in (_http.default_client, _http.default_async_client):
        with pytest.raises(InvalidArgument, match="HTTP_PROXY") as caught:
            make()
        assert "s3cret" not in f"{caught.value} {caught.value.__dict__}"


def test_the_first_request_is_the_clients_own(client: Any) -> None:
    """On the caller's origin the client's headers, cookies and parameters go along."""
    request = _http.build(client, Send("GET", URL, (("Accept-Encoding", "identity"),)))
    assert request.headers["x-api-key"] == "key-secret"
    assert request.headers["accept-encoding"] == "identity"
    assert "cookie-secret" in request.headers["cookie"]
    assert "param-secret" in str(request.url)


def test_a_redirect_is_taken_as_it_is(client: Any) -> None:
    """The client's parameters are not added again to what a Location says."""
    request = _http.build(client, Send("GET", "http://localhost/b?c=d", hop=1))
    assert str(request.url) == "http://localhost/b?c=d"
    assert request.headers["x-api-key"] == "key-secret"


def test_nothing_of_the_client_reaches_another_origin(client: Any) -> None:
    """Elsewhere only the flow's own fields and neutral ones are sent, and no authentication."""
    send = Send("GET", "http://elsewhere/", (("Range", "bytes=0-9"),), hop=1, same_origin=False)
    request = _http.build(client, send)
    assert set(request.headers.keys()) <= {
        *("host", "accept", "accept-encoding", "connection", "user-agent", "range")
    }
    assert "secret" not in f"{request.url}{request.headers.raw}"
    assert _http.send_options(client, send)["auth"] is None


@pytest.mark.parametrize("url", ["http://elsewhere:81/a", "http://[::1]/a", "http://elsewhere/"])
def test_another_origin_is_called_by_its_name(library: ModuleType, url: str) -> None:
    """A Host field of the client's own names the first origin only."""
    with library.Client(trust_env=False, headers={"host": "internal.example"}) as client:
        assert _http.build(client, SEND).headers["host"] == "internal.example"
        home = Send("GET", "http://localhost/other", hop=1)
        assert _http.build(client, home).headers["host"] == "internal.example"
        request = _http.build(client, Send("GET", url, hop=1, same_origin=False))
    assert request.headers.get_list("host") == [url.split("/")[2]]


def test_a_user_name_does_not_travel_in_the_url(library: ModuleType, client: Any) -> None:
    """It is passed as authentication, because the client logs URLs; the client's own goes first."""
    send = Send("GET", "http://me:p%40ss@localhost/file")
    with library.Client(trust_env=False) as plain:
        assert str(_http.build(plain, send).url) == URL
        assert _http.send_options(plain, send)["auth"] == ("me", "p@ss")
    assert "auth" not in _http.send_options(client, send)


def test_a_redirect_may_name_a_user_of_its_own(client: Any) -> None:
    """A user name in a Location belongs to the place that it names."""
    send = Send("GET", "http://you:pw@elsewhere/", hop=1, same_origin=False)
    assert _http.send_options(client, send)["auth"] == ("you", "pw")


@pytest.mark.parametrize("url", ["http://[::1", "http://\udc80/"])
def test_a_url_that_the_client_refuses(client: Any, url: str) -> None:
    """What the client cannot parse is an invalid URL, its own exception the cause."""
    with pytest.raises(InvalidURL) as caught:
        _http.build(client, Send("GET", url))
    assert caught.value.__cause__ is not None


# --- exceptions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("ConnectTimeout", SourceTimeout),
        ("ReadTimeout", SourceTimeout),
        ("WriteTimeout", SourceTimeout),
        ("PoolTimeout", SourceTimeout),
        ("ConnectError", ConnectionFailed),
        ("ReadError", ConnectionFailed),
        ("RemoteProtocolError", ConnectionFailed),
        ("ProxyError", ConnectionFailed),
        ("LocalProtocolError", InvalidArgument),
        ("UnsupportedProtocol", InvalidURL),
        ("InvalidURL", RedirectRefused),  # what a client makes of a Location on its own
        ("TooManyRedirects", SourceError),
    ],
)
def test_exceptions_before_the_body(library: ModuleType, name: str, error: type) -> None:
    """Each exception of the client has one of ours."""
    exc = getattr(library, name)("words")
    assert type(_http_errors.translate(exc, library, SEND)) is error


@pytest.mark.parametrize(
    "name", ["ReadError", "RemoteProtocolError", "LocalProtocolError", "StreamConsumed"]
)
def test_exceptions_in_the_body(library: ModuleType, name: str) -> None:
    """A body that breaks off says how much was announced and how much came."""
    cls = getattr(library, name)
    exc = cls() if name == "StreamConsumed" else cls("words")
    head = Head(status=200, headers=Headers.of({"Content-Length": "10"}), url=URL)
    error = _http_errors.translate_body(exc, library, head, 4)
    assert isinstance(error, BodyCut)
    assert (error.expected, error.found) == ("10 octets", "4 octets")
    error = _http_errors.translate_body(library.ReadTimeout("t"), library, head, 4)
    assert isinstance(error, SourceTimeout)
    assert (error.expected, error.found) == (10, 4)


def test_what_is_not_the_clients_is_left_alone(library: ModuleType) -> None:
    """An error of the caller's own code keeps its type."""
    head = Head(status=200, headers=Headers(), url=URL)
    assert _http_errors.translate(KeyError("x"), library, SEND) is None
    assert _http_errors.translate_body(KeyError("x"), library, head, 0) is None
    other = import_module("httpx2" if library.__name__ == "httpx" else "httpx")
    assert _http_errors.translate(other.ReadError("x"), library, SEND) is None


def test_the_protocol_below_counts_as_the_client(library: ModuleType) -> None:
    """h2 raises its own error when a stream ends before its announced length."""
    h2 = pytest.importorskip("h2.exceptions")
    exc = h2.InvalidBodyLengthError(10, 4)
    head = Head(status=200, headers=Headers(), url=URL, http_version="HTTP/2")
    assert isinstance(_http_errors.translate_body(exc, library, head, 4), BodyCut)
    assert isinstance(_http_errors.translate(exc, library, SEND), ConnectionFailed)


def test_a_stream_that_ends_too_early(library: ModuleType) -> None:
    """LocalProtocolError may come of a source that broke HTTP/2: the caller is not blamed."""
    h2 = pytest.importorskip("h2.exceptions")
    exc = library.LocalProtocolError("words")
    exc.__cause__ = h2.InvalidBodyLengthError(10, 4)
    assert type(_http_errors.translate(exc, library, SEND)) is ConnectionFailed


def test_a_hook_that_raises_for_the_status(library: ModuleType) -> None:
    """`raise_for_status` in a hook gives the status, without the URL as it was sent."""
    request = library.Request("GET", f"{URL}?token=s3cret")
    with pytest.raises(library.HTTPStatusError) as caught:
        library.Response(403, request=request).raise_for_status()
    error = _http_errors.translate(caught.value, library, SEND)
    assert isinstance(error, UnexpectedStatus)
    assert error.status == 403
    assert "s3cret" not in f"{error} {error!r} {error.__dict__}"


@pytest.mark.parametrize(
    "name",
    ["ConnectError", "RemoteProtocolError", "ProxyError", "TooManyRedirects", "DecodingError"],
)
def test_the_clients_words_are_not_shown(library: ModuleType, name: str) -> None:
    """They may quote a URL or a field with a token in it; the class is told."""
    exc = getattr(library, name)("illegal header line: b'Set-Cookie : s3cret'")
    error = _http_errors.translate(exc, library, SEND)
    assert isinstance(error, SourceError)
    assert error.found == name
    assert "s3cret" not in f"{error} {error!r} {error.__dict__}"


def test_the_systems_words_are_shown(library: ModuleType) -> None:
    """Why there is no connection: the error number, the resolver's words, OpenSSL's reason."""
    refused = OSError(errno.ECONNREFUSED, "s3cret")
    for cause in (refused, OSError("s3cret"), ExceptionGroup("s3cret", [refused, refused])):
        exc = library.ConnectError("s3cret")
        exc.__cause__ = cause
        error = _http_errors.translate(exc, library, SEND)
        assert error is not None
        known = "" if cause.args == ("s3cret",) else ": [Errno 111] Connection refused"
        assert error.found == f"ConnectError{known}"
    exc = library.ConnectError("s3cret")
    exc.__cause__ = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    error = _http_errors.translate(exc, library, SEND)
    assert error is not None
    assert error.found == "ConnectError: Name or service not known"


def test_a_proxy_that_refuses(library: ModuleType) -> None:
    """Its status is shown, its words are not."""
    error = _http_errors.translate(library.ProxyError("407 s3cret"), library, SEND)
    assert error is not None
    assert error.found == "ProxyError: 407"


_CHALLENGES = [
    'Digest realm="r", nonce="n", algorithm=FOO',
    'Digest realm="r", nonce="n", qop="auth-int"',
    "Digest realm",
    "Digest =,=,",
]


def _challenged(library: ModuleType, challenge: str, **hooks: Any) -> Exception:
    answer = library.Response(401, headers={"WWW-Authenticate": challenge})
    transport = library.MockTransport(lambda request: answer)
    auth = library.DigestAuth("me", "s3cret")
    with library.Client(transport=transport, auth=auth, event_hooks=hooks) as client:
        try:
            client.send(client.build_request("GET", URL))
        except Exception as exc:  # noqa: BLE001  whatever it is
            return exc
    raise AssertionError


@pytest.mark.parametrize("challenge", _CHALLENGES)
def test_a_client_that_fails_on_an_answer(library: ModuleType, challenge: str) -> None:
    """What the client itself stumbles over is the source's doing, whatever class it has."""
    exc = _challenged(library, challenge)
    exc = exc.with_traceback(exc.__traceback__.tb_next if exc.__traceback__ else None)
    assert _is_foreign_to_mocks(exc)
    error = _http_errors.translate(exc, library, SEND)
    assert type(error) in {SourceError, ConnectionFailed}


def _is_foreign_to_mocks(exc: Exception) -> bool:
    frames = [frame for frame, _ in traceback.walk_tb(exc.__traceback__)]
    return all(frame.f_globals["__name__"] != __name__ for frame in frames)


def test_what_a_hook_raises_is_the_callers(library: ModuleType) -> None:
    """A hook of the caller's on the way: the exception keeps its type."""

    def hook(response: Any) -> None:
        raise ValueError(response)

    exc = _challenged(library, _CHALLENGES[0], response=[hook])
    assert type(exc) is ValueError
    exc = exc.with_traceback(exc.__traceback__.tb_next if exc.__traceback__ else None)
    assert _http_errors.translate(exc, library, SEND) is None


def test_a_name_that_no_host_has(library: ModuleType) -> None:
    """A label that is too long: the caller's mistake, or a redirect to nowhere."""
    with library.Client(trust_env=False) as client, pytest.raises(UnicodeError) as caught:
        client.get(f"http://{'a' * 64}.example/")
    exc = caught.value
    exc = exc.with_traceback(exc.__traceback__.tb_next if exc.__traceback__ else None)
    assert type(_http_errors.translate(exc, library, SEND)) is InvalidURL
    hop = Send("GET", URL, hop=1)
    assert type(_http_errors.translate(exc, library, hop)) is RedirectRefused


def test_a_broken_header_of_the_client_is_not_shown(library: ModuleType) -> None:
    """The client quotes a header that it cannot send; the error must not, it may be a token."""
    exc = library.LocalProtocolError("Illegal header value b'Bearer s3cret\\n'")
    error = _http_errors.translate(exc, library, SEND)
    assert error is not None
    assert "s3cret" not in f"{error} {error!r} {error.__dict__}"


# --- heads and bodies ------------------------------------------------------------------------


def _head(**fields: str) -> Head:
    headers = Headers.of({name.replace("_", "-"): value for name, value in fields.items()})
    return Head(status=200, headers=headers, url=URL)


@pytest.mark.parametrize(
    ("head", "worth"),
    [
        (_head(content_length="0"), True),
        (_head(content_length="4096"), True),
        (_head(content_length="4097"), False),
        (_head(transfer_encoding="chunked"), False),
        (_head(), False),
    ],
)
def test_only_a_short_rest_is_read(head: Head, worth: bool) -> None:
    """A body that is not wanted is read only where that is cheaper than a new connection."""
    assert _http_bodies.worth_reading(head) is worth


@pytest.mark.parametrize(
    ("head", "received", "enough"),
    [
        (_head(content_length="10"), 9, False),
        (_head(content_length="11"), 10, True),
        (_head(content_length="10"), 10, False),  # the end is one step away
        (_head(transfer_encoding="chunked"), 10, True),
        (_head(), 64, True),
    ],
)
def test_a_look_ends_early_or_at_the_end(head: Head, received: int, enough: bool) -> None:
    """A look stops when it has what it wants, but hears the end where that is announced."""
    assert _http_bodies.has_seen(head, received, 10) is enough


def test_odd_octets_in_fields_are_kept(library: ModuleType) -> None:
    """Octets above ASCII come through as Latin-1, whatever the client would decode them to."""
    response = library.Response(200, headers=[(b"ETag", b'"\xe9\xff"'), (b"X", b" a ")])
    response.extensions = {"http_version": b"HTTP/1.1"}
    head = _http.head_of(response, Send("GET", URL))
    assert head.headers.first("etag") == '"\xe9\xff"'
    assert head.headers.first("x") == "a"
