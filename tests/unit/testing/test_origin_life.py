"""The origin as a server: connections, threads, its log and its end."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from etagkit.testing import Drip, Endless, Late, Origin, Outcome, Stall
from tests.unit.testing._client import connect, parse, read_all, request

if TYPE_CHECKING:
    from etagkit.testing import Behaviour

#: What closing may take (the promise of the class), with room for a loaded machine.
PROMPT = 0.5


def test_fifty_clients_at_once(origin: Origin) -> None:
    """Fifty connections are served side by side, and every exchange is logged whole."""
    origin.put("/f", b"x" * 100_000)
    together = threading.Barrier(50)

    def fetch(_: int) -> int:
        with httpx.Client(trust_env=False, timeout=10) as client:
            together.wait(10)
            return sum(len(client.get(origin.url("/f")).content) for _ in range(3))

    with ThreadPoolExecutor(50) as pool:
        assert list(pool.map(fetch, range(50))) == [300_000] * 50
    assert len(origin.log) == 150
    assert {exchange.outcome for exchange in origin.log} == {Outcome.COMPLETE}
    assert {exchange.connection for exchange in origin.log} == set(range(1, 51))
    assert sorted(exchange.number for exchange in origin.log) == list(range(1, 151))


def test_requests_sent_ahead_are_answered_in_order(origin: Origin) -> None:
    """What a client sends before the answer came is not lost (RFC 9112 9.3.2)."""
    origin.put("/a", b"a")
    origin.put("/b", b"b")
    with connect(origin) as sock:
        sock.sendall(request("/a", close=False) + request("/b"))
        first, _, rest = read_all(sock).partition(b"\r\n\r\na")
        assert first.startswith(b"HTTP/1.1 200")
        assert parse(rest).body == b"b"


def test_slow_reader_gets_everything(origin: Origin) -> None:
    """A client that reads late does not lose bytes, nor block another."""
    body = bytes(8_000_000)
    origin.put("/f", body)
    with connect(origin) as slow:
        slow.sendall(request("/f"))
        origin.wait_for(lambda exchange: exchange.body_sent > 0)
        assert httpx.get(origin.url("/f"), trust_env=False).content == body
        assert parse(read_all(slow)).body == body


def test_log_holds_what_the_client_has_seen(origin: Origin) -> None:
    """When a client has its answer, the log has the exchange, whole: no waiting, no race."""
    origin.put("/f", b"hello")
    with httpx.Client(trust_env=False) as client:
        for number in range(1, 200):
            client.get(origin.url("/f"), headers={"X-Number": str(number)})
            exchange = origin.log[-1]
            assert exchange.headers["x-number"] == str(number)
            assert (exchange.number, exchange.body_sent, exchange.status) == (number, 5, 200)
            assert exchange.outcome is Outcome.COMPLETE


def test_cleared_log_starts_empty_and_numbers_go_on(origin: Origin) -> None:
    """`clear_log` forgets; what is under way does not come back."""
    origin.put("/f", b"hello")
    origin.script("/f", Stall(after=1))
    with connect(origin) as sock:
        sock.sendall(request("/f"))
        origin.wait_for(lambda exchange: exchange.outcome is Outcome.STALLED)
        origin.clear_log()
        origin.release()
        read_all(sock)
    httpx.get(origin.url("/f"), trust_env=False)
    assert [exchange.number for exchange in origin.log] == [2]


def test_waiting_for_the_log_has_an_end(origin: Origin) -> None:
    """A condition that never comes true is a TimeoutError that shows the log."""
    with pytest.raises(TimeoutError, match="not 2 such exchanges"):
        origin.wait_for(lambda _: True, times=2, timeout=0.01)


def test_exchange_is_shown_in_one_line(origin: Origin) -> None:
    """The repr says what was asked and what came of it."""
    origin.put("/f", b"hello")
    httpx.get(origin.url("/f"), headers={"Range": "bytes=1-2"}, trust_env=False)
    assert repr(origin.log[0]) == (
        "<GET /f, range: bytes=1-2 -> 206, 2 body bytes, complete, Well>"
    )


def test_repr_says_where_and_how(origin: Origin) -> None:
    """The repr of an origin tells its address, its state and its counts."""
    origin.put("/f", b"hello")
    assert repr(origin) == (
        f"<Origin {origin.base_url} serving: 1 resources, 0 scripted paths, 0 exchanges, "
        "0 connections>"
    )
    origin.close()
    assert " closed: " in repr(origin)


@pytest.mark.parametrize(
    "behaviour",
    [None, Stall(after=None), Stall(after=10), Endless(), Late(60), Drip(pause=60, size=1)],
    ids=str,
)
def test_close_is_prompt_whatever_is_under_way(behaviour: Behaviour | None) -> None:
    """Closing ends idle, stalled, endless and dripping connections, and all threads."""
    origin = Origin()
    origin.put("/f", bytes(50_000_000))
    if behaviour is not None:
        origin.always("/f", behaviour)
    sockets = [connect(origin) for _ in range(5)]
    try:
        for sock in sockets[1:]:
            sock.sendall(request("/f"))  # and read nothing: the fifty megabytes get stuck
        origin.wait_for(lambda _: True, times=4)
        begin = time.monotonic()
        origin.close()
        assert time.monotonic() - begin < PROMPT
        assert not [t for t in threading.enumerate() if t.name.startswith(_threads_of(origin))]
        assert Outcome.COMPLETE not in {exchange.outcome for exchange in origin.log}
    finally:
        for sock in sockets:
            sock.close()


def _threads_of(origin: Origin) -> str:
    return f"origin:{origin.base_url.rpartition(':')[2]}"


def test_close_twice_is_close_once() -> None:
    """Closing a closed origin does nothing, and nobody listens any more."""
    with Origin() as origin:
        origin.close()
    with pytest.raises(ConnectionRefusedError):
        connect(origin)


def test_kit_needs_neither_a_client_nor_a_test_runner() -> None:
    """In a fresh process, the origin loads no HTTP client and no pytest."""
    code = (
        "import sys, etagkit.testing; etagkit.testing.Origin().close();"
        "print(*{'httpx', 'pytest', 'anyio', 'asyncio', 'hishel'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
