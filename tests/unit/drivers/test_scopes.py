"""What a scope opens it closes: bodies, connections and temporary files, however a flow ends."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import httpx2
import pytest

from etagkit.drivers import AsyncDriver, Clock, SyncDriver
from etagkit.drivers._sync import SyncScope
from etagkit.errors import BodyCut, SourceTimeout
from etagkit.flow import (
    Call,
    CreateTemp,
    Discard,
    Drain,
    Emit,
    Flow,
    Flush,
    HashFile,
    Locate,
    Now,
    Op,
    Peek,
    Publish,
    Release,
    Send,
    Stat,
    Sweep,
    SyncFolder,
    Write,
    arun,
    ask,
    run,
)
from etagkit.testing import Chunked, Cut, Drip, Endless, Origin, Outcome, Stall

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from pathlib import Path

IDENTITY = (("Accept-Encoding", "identity"),)
BODY = bytes(range(256)) * 40  # 10 KiB: more than is read to keep a connection


class Plain:
    """Stores what comes; fails after so many blocks if it is told to."""

    def __init__(self, fail: Exception | None = None) -> None:
        self._fail = fail

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        """Give the block on."""
        if self._fail is not None:
            raise self._fail
        return (block,)

    def finish(self) -> Iterable[bytes]:
        """Give nothing more."""
        return ()


@pytest.fixture
def origin() -> Generator[Origin]:
    """Serve one file."""
    with Origin() as running:
        running.put("/file", BODY)
        running.put("/small", b"small")
        yield running


class Runner:
    """Runs flows over one kind of client, one connection at a time."""

    def __init__(self, library: Any, backend: str | None) -> None:
        self._library = library
        self._backend = backend
        self.events: list[Any] = []
        self.steady: Callable[[], float] = time.monotonic
        self.idle: list[bool] = []

    def run(self, *flows: Flow[Any], timeout: float = 5, connections: int = 1) -> list[Any]:
        """Run `flows` one after the other over a client with so many connections at most."""
        limits = self._library.Limits(max_connections=connections)
        options = {"trust_env": False, "timeout": timeout, "limits": limits}
        clock = Clock(steady=self.steady)
        if self._backend is None:
            with self._library.Client(**options) as client:
                driver = SyncDriver(client, clock=clock, listener=self.events.append)
                return [run(flow, driver) for flow in flows]

        async def call() -> list[Any]:
            async with self._library.AsyncClient(**options) as client:
                driver = AsyncDriver(client, clock=clock, listener=self.events.append)
                return [await arun(flow, driver) for flow in flows]

        return anyio.run(call, backend=self._backend)


@pytest.fixture(
    params=[(httpx, None), (httpx2, None), (httpx, "asyncio"), (httpx, "trio"), (httpx2, "trio")],
    ids=lambda param: f"{param[0].__name__}-{param[1] or 'sync'}",
)
def runner(request: pytest.FixtureRequest) -> Runner:
    """Return a runner for each kind of client."""
    return Runner(*request.param)


def _drain(
    url: str, target: str, through: Plain | None = None, *, publish: bool = True
) -> Flow[int]:
    answer = yield from ask(Send("GET", url, IDENTITY))
    temp = yield from ask(CreateTemp(target))
    drain = Drain(
        body=answer.body, through=through or Plain(), into=temp, progress=lambda count: count
    )
    received = yield from ask(drain)
    if publish:
        yield from ask(Flush(temp))
        yield from ask(Publish(temp, target))
    return received


def test_every_operation(runner: Runner, origin: Origin, tmp_path: Path) -> None:
    """Each operation is performed, and gives what it says."""
    target = str(tmp_path / "file")

    def flow() -> Flow[None]:
        assert (yield from ask(Locate(target))).path == target
        assert (yield from ask(Sweep(str(tmp_path)))) == 0
        assert (yield from ask(Stat(target))) is None
        assert (yield from ask(HashFile(target))) is None
        assert (yield from ask(Call(lambda: 7))) == 7
        assert (yield from ask(Now())).tzinfo is UTC
        yield from ask(Emit("event"))
        answer = yield from ask(Send("GET", origin.url("/file"), IDENTITY))
        assert answer.head.status == 200
        assert (yield from ask(Peek(answer.body, 10))) == BODY[:10]
        temp = yield from ask(CreateTemp(target))
        yield from ask(Write(temp, b"written"))
        yield from ask(Flush(temp))
        facts = yield from ask(Publish(temp, target))
        assert facts == (yield from ask(Stat(target)))
        yield from ask(SyncFolder(str(tmp_path)))
        spare = yield from ask(CreateTemp(target))
        yield from ask(Discard(spare))

    runner.run(flow())
    assert runner.events == ["event"]
    assert os.listdir(tmp_path) == ["file"]


def test_an_unknown_operation(runner: Runner) -> None:
    """What no driver performs is an error, not silence."""

    class Odd(Op[None]):
        pass

    with pytest.raises(NotImplementedError, match="Odd"):
        runner.run(ask(Odd()))


def test_the_clock_can_be_set(origin: Origin) -> None:
    """`Now` asks the clock that the driver was given."""
    moment = datetime(2024, 2, 29, tzinfo=UTC)
    with httpx.Client() as client:
        driver = SyncDriver(client, clock=Clock(now=lambda: moment))
        assert run(ask(Now()), driver) == moment


def test_a_body_goes_to_a_file(runner: Runner, origin: Origin, tmp_path: Path) -> None:
    """All octets arrive, are counted and told about."""
    assert runner.run(_drain(origin.url("/file"), str(tmp_path / "file"))) == [len(BODY)]
    assert (tmp_path / "file").read_bytes() == BODY
    assert runner.events[-1] == len(BODY)


def test_blocks_larger_than_a_batch(runner: Runner, origin: Origin, tmp_path: Path) -> None:
    """A body of several megabytes keeps its order."""
    body = os.urandom(3 * 1024 * 1024 + 17)
    origin.put("/large", body)
    runner.run(_drain(origin.url("/large"), str(tmp_path / "file")))
    assert (tmp_path / "file").read_bytes() == body


def test_what_was_not_published_is_removed(runner: Runner, origin: Origin, tmp_path: Path) -> None:
    """A flow that ends without publishing leaves no temporary file."""
    runner.run(_drain(origin.url("/file"), str(tmp_path / "file"), publish=False))
    assert os.listdir(tmp_path) == []


def test_an_error_in_the_middle(runner: Runner, origin: Origin, tmp_path: Path) -> None:
    """What a stage raises comes out as it is; file and connection are let go at once."""
    target = str(tmp_path / "file")

    def flow() -> Flow[bytes]:
        try:
            yield from _drain(origin.url("/file"), target, Plain(KeyError("mine")))
        except KeyError:
            # the only connection must be free again, in the same flow
            answer = yield from ask(Send("GET", origin.url("/small"), IDENTITY))
            return (yield from ask(Peek(answer.body, 100)))
        raise AssertionError

    assert runner.run(flow(), timeout=1) == [b"small"]
    assert os.listdir(tmp_path) == []


def test_a_cut_in_the_middle(runner: Runner, origin: Origin, tmp_path: Path) -> None:
    """A cut body is an error of ours in every operation, and frees its connection."""
    origin.script("/file", Cut(after=5000), Cut(after=5))

    def flow() -> Flow[None]:
        with pytest.raises(BodyCut):
            yield from _drain(origin.url("/file"), str(tmp_path / "file"))
        answer = yield from ask(Send("GET", origin.url("/file"), IDENTITY))
        with pytest.raises(BodyCut):
            yield from ask(Peek(answer.body, 100))
        answer = yield from ask(Send("GET", origin.url("/small"), IDENTITY))
        yield from ask(Release(answer.body))

    runner.run(flow(), timeout=1)
    assert os.listdir(tmp_path) == []


def test_an_open_body_is_closed(runner: Runner, origin: Origin) -> None:
    """A flow that forgets a body does not keep the connection from the next one."""

    def forgetful(path: str) -> Flow[int]:
        return (yield from ask(Send("GET", origin.url(path), IDENTITY))).head.status

    assert runner.run(forgetful("/file"), forgetful("/small"), timeout=1) == [200, 200]


def test_leaving_a_stalled_body_does_not_wait(runner: Runner, origin: Origin) -> None:
    """A flow that fails while a short body is under way ends at once, not at the time limit."""
    origin.always("/small", Stall(after=2))

    def flow() -> Flow[None]:
        yield from ask(Send("GET", origin.url("/small"), IDENTITY))
        raise KeyError("mine")

    started = anyio.run(_now)
    with pytest.raises(KeyError, match="mine"):
        runner.run(flow(), timeout=30)
    assert anyio.run(_now) - started < 5


async def _now() -> float:
    return time.monotonic()


def test_a_connection_is_used_again(runner: Runner, origin: Origin, tmp_path: Path) -> None:
    """HEAD, a look at the first octets and the body take one connection."""

    def flow() -> Flow[None]:
        answer = yield from ask(Send("HEAD", origin.url("/file"), IDENTITY))
        yield from ask(Release(answer.body))
        range_field = ("Range", "bytes=0-1023")
        answer = yield from ask(Send("GET", origin.url("/file"), (*IDENTITY, range_field)))
        assert (yield from ask(Peek(answer.body, 1024))) == BODY[:1024]
        answer = yield from ask(Send("GET", origin.url("/missing"), IDENTITY))
        yield from ask(Release(answer.body))
        yield from _drain(origin.url("/file"), str(tmp_path / "file"))

    runner.run(flow())
    assert {each.connection for each in origin.log} == {1}


@pytest.mark.parametrize("limit", [1, 1000, 100_000])
def test_a_look_is_bounded(runner: Runner, origin: Origin, limit: int) -> None:
    """A look at an endless body ends, and costs little more than what was asked for."""
    origin.always("/file", Endless())

    def flow() -> Flow[bytes]:
        answer = yield from ask(Send("GET", origin.url("/file"), IDENTITY))
        return (yield from ask(Peek(answer.body, limit)))

    assert len(runner.run(flow())[0]) == limit
    (exchange,) = origin.wait_for(lambda each: each.outcome is Outcome.ABANDONED)
    assert exchange.body_sent < limit + 8 * 1024 * 1024  # what sockets buffer on both sides


def test_a_look_at_chunks(runner: Runner, origin: Origin) -> None:
    """A short chunked body is seen whole, whatever the limit."""
    origin.always("/small", Chunked())

    def flow() -> Flow[bytes]:
        answer = yield from ask(Send("GET", origin.url("/small"), IDENTITY))
        return (yield from ask(Peek(answer.body, 1024)))

    assert runner.run(flow()) == [b"small"]


@pytest.mark.parametrize("after", [None, 100])
def test_silence_is_a_timeout(
    runner: Runner, origin: Origin, tmp_path: Path, after: int | None
) -> None:
    """A source that says nothing for longer than the client waits is a timeout of ours."""
    origin.always("/file", Stall(after=after))
    with pytest.raises(SourceTimeout) as caught:
        runner.run(_drain(origin.url("/file"), str(tmp_path / "file")), timeout=0.2)
    assert isinstance(caught.value, TimeoutError)
    assert os.listdir(tmp_path) == []


class _Hasty:
    """A clock by which each look at it comes so many seconds after the last."""

    def __init__(self, step: float) -> None:
        self._step = step
        self._now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        self._now += self._step
        return self._now


def test_an_unwanted_body_that_drips(runner: Runner, origin: Origin) -> None:
    """It is let go of after about a second, however short it is."""
    origin.put("/small", bytes(4000))
    origin.always("/small", Drip(pause=0.01))
    runner.steady = _Hasty(0.6)

    def flow() -> Flow[None]:
        answer = yield from ask(Send("GET", origin.url("/small"), IDENTITY))
        yield from ask(Release(answer.body))

    runner.run(flow())
    (exchange,) = origin.wait_for(lambda each: each.outcome is Outcome.ABANDONED)
    assert exchange.body_sent < 4000


def test_an_unwanted_body_that_stalls(runner: Runner, origin: Origin) -> None:
    """The client's own limit may be long; the rest of a body is not worth that."""
    origin.always("/small", Stall(after=2))

    def flow() -> Flow[None]:
        answer = yield from ask(Send("GET", origin.url("/small"), IDENTITY))
        yield from ask(Release(answer.body))

    with _quick():
        runner.run(flow(), timeout=30)
    origin.wait_for(lambda each: each.outcome is Outcome.ABANDONED)


def test_a_look_at_a_body_that_drips(runner: Runner, origin: Origin) -> None:
    """A sample that does not come within a minute is a timeout, though each octet is in time."""
    origin.put("/small", bytes(4000))
    origin.always("/small", Drip(pause=0.01))
    runner.steady = _Hasty(25)

    def flow() -> Flow[bytes]:
        answer = yield from ask(Send("GET", origin.url("/small"), IDENTITY))
        return (yield from ask(Peek(answer.body, 1024)))

    with pytest.raises(SourceTimeout, match="60 seconds"):
        runner.run(flow())
    origin.wait_for(lambda each: each.outcome is Outcome.ABANDONED)


def test_a_listener_that_raises(runner: Runner, origin: Origin, tmp_path: Path) -> None:
    """What a listener raises ends the flow, and leaves nothing behind."""

    class Full(list[Any]):
        def append(self, item: Any) -> None:
            raise KeyError(item)

    runner.events = Full()
    with pytest.raises(KeyError):
        runner.run(_drain(origin.url("/file"), str(tmp_path / "file")))
    assert os.listdir(tmp_path) == []


def test_several_errors_while_closing(origin: Origin, tmp_path: Path) -> None:
    """A body that cannot be closed does not keep the files from being removed."""
    with httpx.Client(trust_env=False) as client:
        scope = SyncScope(SyncDriver(client))
        scope.perform(CreateTemp(str(tmp_path / "file")))
        bodies: dict[Any, Any] = scope._bodies
        bodies["stuck"] = _Stuck()
        with pytest.raises(KeyError):
            scope.close()
    assert os.listdir(tmp_path) == []


class _Stuck:
    def close(self) -> None:
        raise KeyError


# --- cancellation ----------------------------------------------------------------------------


@contextmanager
def _quick() -> Generator[None]:
    before = time.monotonic()
    yield
    assert time.monotonic() - before < 3, "cancelling took too long"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda each: each.__name__)
@pytest.mark.parametrize("after", [None, 0, 5000])
def test_cancelled_in_the_middle(
    origin: Origin, tmp_path: Path, library: Any, backend: str, after: int | None
) -> None:
    """A cancelled flow ends promptly, removes its file and gives its connection back."""
    origin.script("/file", Stall(after=after))

    async def main() -> None:
        limits = library.Limits(max_connections=1)
        async with library.AsyncClient(trust_env=False, timeout=30, limits=limits) as client:
            driver = AsyncDriver(client)
            with anyio.move_on_after(0.15) as scope:
                await arun(_drain(origin.url("/file"), str(tmp_path / "file")), driver)
            assert scope.cancelled_caught
            assert os.listdir(tmp_path) == []
            with anyio.fail_after(2):
                await arun(_drain(origin.url("/small"), str(tmp_path / "small")), driver)

    with _quick():
        anyio.run(main, backend=backend)
    assert os.listdir(tmp_path) == ["small"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_cancelled_in_a_look_or_a_release(origin: Origin, backend: str) -> None:
    """Peek and Release give their connection back too."""
    origin.always("/small", Stall(after=2))

    def flow(op: type[Peek | Release]) -> Flow[object]:
        answer = yield from ask(Send("GET", origin.url("/small"), IDENTITY))
        if op is Release:
            yield from ask(Release(answer.body))
        return (yield from ask(Peek(answer.body, 100)))

    async def main() -> None:
        limits = httpx.Limits(max_connections=1)
        async with httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as client:
            driver = AsyncDriver(client)
            for op in (Peek, Release):
                with anyio.move_on_after(0.15) as scope:
                    await arun(flow(op), driver)
                assert scope.cancelled_caught
            with anyio.fail_after(2):
                answer = await client.get(origin.url("/file"))
            assert answer.content == BODY

    with _quick():
        anyio.run(main, backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_many_flows_share_a_driver(origin: Origin, tmp_path: Path, backend: str) -> None:
    """Flows that run at once keep their bodies and files apart."""

    async def main() -> None:
        async with httpx2.AsyncClient(trust_env=False) as client:
            driver = AsyncDriver(client)

            async def one(number: int) -> None:
                origin.put(f"/{number}", bytes([number]) * 100_000)
                await arun(_drain(origin.url(f"/{number}"), str(tmp_path / f"{number}")), driver)

            async with anyio.create_task_group() as group:
                for number in range(10):
                    group.start_soon(one, number)

    anyio.run(main, backend=backend)
    for number in range(10):
        assert (tmp_path / f"{number}").read_bytes() == bytes([number]) * 100_000
