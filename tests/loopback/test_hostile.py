"""Sources that mean harm or break the protocol: typed errors, no secret shown, no wrong file.

The servers here answer octet by octet what a test says, which no well-made server would.
"""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest

from etagkit import errors
from etagkit.testing import Status, When

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.loopback._world import World

BODY = b"what is fetched"
GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: %d\r\nETag: "1"\r\n\r\n' % len(BODY)


class Raw:
    """Answers each request on a connection of its own with what `answer` makes of its octets."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        """Listen on loopback."""
        self.seen: list[bytes] = []
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def url(self, path: str = "/file") -> str:
        """Return the URL of a path."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}{path}"

    def close(self) -> None:
        """Stop listening."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(5)
            with connection:
                self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        request = b""
        try:
            while not request.endswith(b"\r\n\r\n"):
                received = connection.recv(65536)
                if not received:
                    return
                request += received
            self.seen.append(request)
            connection.sendall(self._answer(request))
        except OSError:
            return


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[bytes], bytes]], Raw]]:
    """Return what starts a server; all end with the test."""
    running: list[Raw] = []

    def start(answer: Callable[[bytes], bytes]) -> Raw:
        running.append(Raw(answer))
        return running[-1]

    yield start
    for server in running:
        server.close()


Serve = Any  # the type of the fixture above


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/3.0"])
def test_a_version_that_was_not_spoken(world: World, serve: Serve, version: bytes) -> None:
    """A cut body is not whole because the status line of HTTP/1 names a version with streams."""
    raw = serve(lambda request: version + b" 200 OK\r\n\r\nonly the first ha")
    with pytest.raises(errors.UnverifiedBody):
        world.fetch(raw.url())
    assert os.listdir(world.folder) == []


@pytest.mark.parametrize(
    "line", [b"Set-Cookie : sid=s3cret", b"Set-Cookie: sid=s3cret\x00", b"s3cret"]
)
def test_a_field_that_the_client_refuses(world: World, serve: Serve, line: bytes) -> None:
    """The client quotes the line; the error and the log do not."""
    world.secrets = [b"s3cret"]
    raw = serve(lambda request: b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n")
    with pytest.raises(errors.ConnectionFailed) as caught:
        world.fetch(raw.url())
    assert caught.value.found == "RemoteProtocolError"


def test_a_hook_that_raises_for_the_status(world: World) -> None:
    """A client whose hook calls `raise_for_status` gives the status, and no signature."""
    world.origin.always("/file", Status(403))
    hooks = {"response": [_raising_hook(world)]}
    world.client = {"event_hooks": hooks, "params": {"sig": "s3cret"}}
    with pytest.raises(errors.UnexpectedStatus) as caught:
        world.fetch(world.origin.url("/file"))
    assert caught.value.status == 403
    assert "s3cret" not in f"{world.shown} {world.events}"  # the client's own log does show it


def _raising_hook(world: World) -> Callable[[Any], Any]:
    async def later(response: Any) -> None:
        _raise(response)

    def _raise(response: Any) -> None:
        response.raise_for_status()

    return _raise if world.kind.backend is None else later


def test_another_origin_gets_its_own_name(world: World, serve: Serve) -> None:
    """A Host field of the client's does not follow a redirect to somebody else."""
    world.allow(BODY)
    there = serve(lambda request: GOOD + (b"" if request.startswith(b"HEAD") else BODY))
    target = there.url("/there").encode()
    home = serve(
        lambda request: (
            b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + target + b"\r\n\r\n"
        )
    )
    world.client = {"headers": {"Host": "internal.example"}}
    world.fetch(home.url())
    assert all(b"\r\nHost: internal.example\r\n" in request for request in home.seen)
    own = target.split(b"/")[2]
    assert all(b"\r\nHost: " + own + b"\r\n" in request for request in there.seen)


_CHALLENGES = [
    b'Digest realm="r", nonce="n", algorithm=FOO',
    b'Digest realm="r", nonce="n", qop="auth-int"',
    b"Digest realm",
    b"Digest nonce",
    b"Digest =,=,",
    b'Digest realm="r", nonce="\xe9\xff"',
]


@pytest.mark.parametrize("challenge", _CHALLENGES)
def test_a_challenge_that_the_client_cannot_meet(
    world: World, serve: Serve, challenge: bytes
) -> None:
    """Digest authentication fails on odd challenges in many ways; each is an error of ours."""
    from importlib import import_module

    world.secrets = [b"s3cret"]
    world.client = {"auth": import_module(world.kind.library).DigestAuth("me", "s3cret")}
    head = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nWWW-Authenticate: "
    raw = serve(lambda request: head + challenge + b"\r\n\r\n")
    with pytest.raises(errors.SourceError):
        world.fetch(raw.url())


_ODD_HOSTS = [
    "http://" + "a" * 64 + ".example/",
    "http://" + "a." * 200 + "example/",
    "http://a..b/",
    "http://.a/",
    "http://xn--a/",
    "http://xn--" + "z" * 80 + "/",
    "http://[::1",
    "http://[v1.x]/",
    "http://h:99999/",
    "http:///x",
]


@pytest.mark.parametrize("location", _ODD_HOSTS)
def test_a_redirect_to_no_host(world: World, serve: Serve, location: str) -> None:
    """Whatever name a Location has, and wherever the client fails on it, the error is ours."""
    field = f"Location: {location}\r\n".encode()
    head = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + field + b"\r\n"
    with pytest.raises(errors.EtagKitError):
        world.fetch(serve(lambda request: head).url())


def test_a_look_through_a_hook_of_the_callers(world: World) -> None:
    """What a hook raises on its own account is the caller's, and comes out as it is."""
    hook: Any = _failing
    if world.kind.backend is not None:
        hook = _failing_later
    world.client = {"event_hooks": {"response": [hook]}}
    world.origin.always("/file", When(lambda request: True, Status(200)))
    with pytest.raises(ValueError, match="mine") as caught:
        world.fetch(world.origin.url("/file"))
    assert not isinstance(caught.value, errors.EtagKitError)


def _failing(_response: Any) -> None:
    message = "mine"
    raise ValueError(message)


async def _failing_later(response: Any) -> None:
    _failing(response)


# --- HTTP/2 -------------------------------------------------------------------------------------


def _stream(*fields: tuple[str, str], data: bytes | None) -> Callable[[Any, int], None]:
    def send(connection: Any, stream: int) -> None:
        connection.send_headers(stream, list(fields), end_stream=data is None)
        if data is not None:
            connection.send_data(stream, data, end_stream=True)

    return send


_FINE = (":status", "200")


class Raw2(Raw):
    """Speaks HTTP/2 from the first octet on, and lets a test say anything in it."""

    def __init__(self, answer: Callable[[Any, int], None]) -> None:
        """Answer HEAD well, and everything else as told."""
        self._stream_answer = answer
        super().__init__(lambda request: b"")

    def _converse(self, connection: socket.socket) -> None:
        import h2.config
        import h2.connection
        import h2.events

        config = h2.config.H2Configuration(
            client_side=False, header_encoding="utf-8", validate_outbound_headers=False
        )
        state = h2.connection.H2Connection(config)
        state.initiate_connection()
        try:
            connection.sendall(state.data_to_send())
            while received := connection.recv(65536):
                for event in state.receive_data(received):
                    if isinstance(event, h2.events.RequestReceived):
                        self._reply(state, event)
                connection.sendall(state.data_to_send())
        except OSError:
            return

    def _reply(self, state: Any, event: Any) -> None:
        if (":method", "HEAD") in event.headers:
            state.send_headers(event.stream_id, [_FINE], end_stream=True)
        else:
            self._stream_answer(state, event.stream_id)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (_stream(_FINE, ("content-length", "50"), data=b"hello"), errors.SourceError),
        (_stream(_FINE, ("content-length", "3"), data=b"hello"), errors.SourceError),
        (_stream((":status", "abc"), data=None), errors.SourceError),
        (_stream((":status", "2"), data=None), errors.UnexpectedStatus),
    ],
    ids=["short", "long", "no-number", "no-status-of-http"],
)
def test_broken_streams(world: World, answer: Any, error: type[errors.SourceError]) -> None:
    """A source that breaks HTTP/2 is to blame, not the caller, and it may be asked again."""
    pytest.importorskip("h2")
    world.client = {"http1": False, "http2": True}
    raw = Raw2(answer)
    try:
        with pytest.raises(error) as caught:
            world.fetch(raw.url())
    finally:
        raw.close()
    assert not isinstance(caught.value, errors.InvalidArgument)
    assert os.listdir(world.folder) == []
