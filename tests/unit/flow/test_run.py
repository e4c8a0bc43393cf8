"""The runners: operations to a driver, answers and errors back, and a scope that always closes.

Every behaviour is shown for `run`, and for `arun` under asyncio and trio.
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import pytest

from etagkit.errors import ConnectionFailed, SourceTimeout
from etagkit.flow import Call, Emit, Flow, Now, Op, Stat, arun, ask, run

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from contextlib import AbstractContextManager

    from etagkit.flow import AsyncScope, Scope

T = TypeVar("T")


class Recorder:
    """A driver whose answers come from a function, sync and async, and that notes what happens."""

    def __init__(self, answer: Callable[[Op[Any]], object]) -> None:
        self.answer = answer
        self.log: list[str] = []

    def perform_one(self, op: Op[Any]) -> object:
        """Note the operation and answer it."""
        self.log.append(type(op).__name__)
        return self.answer(op)

    @contextmanager
    def scope(self) -> Generator[Scope]:
        """Note when a scope opens and closes."""
        self.log.append("open")
        try:
            yield _SyncScope(self)
        finally:
            self.log.append("close")


class AsyncRecorder(Recorder):
    """The async twin of `Recorder`."""

    @asynccontextmanager
    async def scope(self) -> AsyncGenerator[AsyncScope]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Note when a scope opens and closes."""
        self.log.append("open")
        try:
            yield _AsyncScope(self)
        finally:
            self.log.append("close")


class _SyncScope:
    def __init__(self, driver: Recorder) -> None:
        self.driver = driver

    def perform(self, op: Op[Any], /) -> Any:
        return self.driver.perform_one(op)


class _AsyncScope:
    def __init__(self, driver: Recorder) -> None:
        self.driver = driver

    async def perform(self, op: Op[Any], /) -> Any:
        await anyio.lowlevel.checkpoint()
        return self.driver.perform_one(op)


class Runner:
    """Runs a flow in one of the three ways, against a function that answers."""

    def __init__(self, way: str) -> None:
        self.way = way
        self.log: list[str] = []

    def __call__(self, flow: Flow[T], answer: Callable[[Op[Any]], object]) -> T:
        """Run `flow`; the log of its driver is kept."""
        if self.way == "sync":
            driver = Recorder(answer)
            self.log = driver.log
            return run(flow, driver)
        twin = AsyncRecorder(answer)
        self.log = twin.log
        return anyio.run(arun, flow, twin, backend=self.way)


@pytest.fixture(params=["sync", "asyncio", "trio"])
def runner(request: pytest.FixtureRequest) -> Runner:
    """Return each of the three ways to run a flow."""
    return Runner(request.param)


def raising(error: BaseException) -> Callable[[Op[Any]], object]:
    """Return an answer that is an error."""

    def answer(op: Op[Any]) -> object:
        raise error

    return answer


def test_answers_go_in_and_the_result_comes_out(runner: Runner) -> None:
    """Each operation is performed once, in order; the flow's return value is the result."""

    def flow() -> Flow[list[object]]:
        first = yield from ask(Call(lambda: 1))
        second = yield from ask(Stat("a"))
        return [first, second]

    assert runner(flow(), lambda op: type(op).__name__) == ["Call", "Stat"]
    assert runner.log == ["open", "Call", "Stat", "close"]


def test_flow_without_operations(runner: Runner) -> None:
    """A flow that asks for nothing still has its scope and its result."""

    def flow() -> Flow[int]:
        yield from ()
        return 7

    assert runner(flow(), raising(AssertionError("asked"))) == 7
    assert runner.log == ["open", "close"]


def test_flows_are_composed_with_yield_from(runner: Runner) -> None:
    """A flow within a flow is one flow for the driver: one scope."""

    def inner(path: str) -> Flow[str]:
        answer = yield from ask(Call(lambda: path))
        return answer * 2

    def outer() -> Flow[str]:
        first = yield from inner("a")
        second = yield from inner("b")
        return first + second

    assert runner(outer(), lambda op: op.function() if isinstance(op, Call) else None) == "aabb"
    assert runner.log.count("open") == 1


def test_retry_is_a_plain_try(runner: Runner) -> None:
    """An error of the driver arrives where the operation was asked for, and can be caught."""
    failures = iter([SourceTimeout("slow"), ConnectionFailed("no route")])

    def answer(op: Op[Any]) -> object:
        error = next(failures, None)
        if error is not None:
            raise error
        return "at last"

    def flow() -> Flow[tuple[object, list[str]]]:
        seen: list[str] = []
        while True:
            try:
                result = yield from ask(Call(lambda: ""))
            except OSError as exc:
                seen.append(str(exc))
            else:
                return result, seen

    assert runner(flow(), answer) == ("at last", ["slow", "no route"])
    assert runner.log == ["open", "Call", "Call", "Call", "close"]


def test_error_that_the_flow_does_not_catch_is_raised(runner: Runner) -> None:
    """The very error of the driver comes out, and the scope is closed."""
    error = ConnectionFailed("no route")

    def flow() -> Flow[None]:
        yield from ask(Now())

    with pytest.raises(ConnectionFailed) as caught:
        runner(flow(), raising(error))
    assert caught.value is error
    assert runner.log == ["open", "Now", "close"]


def test_flow_may_answer_an_error_with_its_own(runner: Runner) -> None:
    """Translated errors keep the driver's as their cause."""

    def flow() -> Flow[None]:
        try:
            yield from ask(Now())
        except KeyError as exc:
            raise ConnectionFailed("no clock") from exc

    with pytest.raises(ConnectionFailed) as caught:
        runner(flow(), raising(KeyError("x")))
    assert isinstance(caught.value.__cause__, KeyError)


@pytest.mark.parametrize("operations", [0, 1])
def test_flow_own_error_passes(runner: Runner, operations: int) -> None:
    """An error that the flow makes itself, before or between operations, comes out as it is."""

    def flow() -> Flow[None]:
        for _ in range(operations):
            yield from ask(Now())
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        runner(flow(), lambda op: None)
    assert runner.log == ["open", *["Now"] * operations, "close"]


def test_stop_iteration_of_a_driver_is_no_result(runner: Runner) -> None:
    """A StopIteration that leaks from an operation is an error, not the end of the flow."""

    def flow() -> Flow[str]:
        yield from ask(Now())
        return "whole"

    with pytest.raises(RuntimeError, match="StopIteration"):
        runner(flow(), raising(StopIteration("not a result")))
    assert runner.log[-1] == "close"


def test_stop_iteration_of_a_flow_is_no_result(runner: Runner) -> None:
    """A `next` on something empty inside a flow is an error, not the end of the flow."""

    def flow() -> Flow[str]:
        yield from ask(Now())
        return next(iter(()))

    with pytest.raises(RuntimeError, match="StopIteration"):
        runner(flow(), lambda op: None)
    assert runner.log[-1] == "close"


def test_clean_up_of_the_flow_runs_before_its_scope_closes(runner: Runner) -> None:
    """A flow's `finally` still sees its resources."""

    def flow() -> Flow[None]:
        try:
            yield from ask(Now())
        finally:
            runner.log.append("finally")

    with pytest.raises(ConnectionFailed):
        runner(flow(), raising(ConnectionFailed("no route")))
    assert runner.log == ["open", "Now", "finally", "close"]


def test_interrupt_is_not_for_the_flow_to_catch(runner: Runner) -> None:
    """Ctrl-C closes the flow instead of being thrown into it, and comes out."""

    def flow() -> Flow[str]:
        try:
            yield from ask(Now())
        except KeyboardInterrupt:
            runner.log.append("caught")
        except GeneratorExit:
            runner.log.append("closed")
            raise
        return "ignored"

    with pytest.raises(KeyboardInterrupt):
        runner(flow(), raising(KeyboardInterrupt()))
    assert runner.log == ["open", "Now", "closed", "close"]


def test_flow_that_asks_while_it_is_closed_is_refused(runner: Runner) -> None:
    """A flow never yields in `finally`: it fails loudly where it does, and its scope closes."""

    def flow() -> Flow[None]:
        try:
            yield from ask(Now())
        finally:
            yield from ask(Emit("too late"))

    with pytest.raises(RuntimeError, match="ignored GeneratorExit"):
        runner(flow(), raising(KeyboardInterrupt()))
    assert runner.log == ["open", "Now", "close"]


def test_scope_that_does_not_open_starts_no_flow() -> None:
    """A driver that fails to open is reported; the flow has not run a line."""
    started: list[int] = []

    class Broken:
        def scope(self) -> AbstractContextManager[Scope]:
            raise ConnectionFailed("closed client")

    def flow() -> Flow[None]:
        started.append(1)
        yield from ask(Now())

    with pytest.raises(ConnectionFailed, match="closed client"):
        run(flow(), Broken())
    assert started == []


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_cancellation_closes_flow_and_scope(anyio_backend: str) -> None:
    """A cancelled task closes its flow at the operation, then its scope, and does nothing else."""
    log: list[str] = []
    waiting = anyio.Event()

    class Endless:
        async def perform(self, op: Op[Any], /) -> Any:
            waiting.set()
            await anyio.sleep_forever()

    class Driver:
        @asynccontextmanager
        async def scope(self) -> AsyncGenerator[AsyncScope]:
            try:
                yield Endless()
            finally:
                log.append("close")

    def flow() -> Flow[None]:
        try:
            yield from ask(Now())
        except Exception:  # noqa: BLE001
            log.append("caught")
        except GeneratorExit:
            log.append("closed")
            raise
        log.append("went on")

    async with anyio.create_task_group() as group:
        group.start_soon(arun, flow(), Driver())
        await waiting.wait()
        group.cancel_scope.cancel()
    assert log == ["closed", "close"]


def test_flows_share_a_driver_with_scopes_of_their_own() -> None:
    """Each run opens and closes one scope, also one run inside another's operation."""

    def leaf() -> Flow[str]:
        yield from ask(Now())
        return "leaf"

    def answer(op: Op[Any]) -> object:
        return op.function() if isinstance(op, Call) else None

    driver = Recorder(answer)

    def outer() -> Flow[str]:
        return (yield from ask(Call(lambda: run(leaf(), driver))))

    assert run(outer(), driver) == "leaf"
    assert driver.log == ["open", "Call", "open", "Now", "close", "close"]


def test_sync_runner_works_inside_a_running_loop() -> None:
    """`run` needs no event loop and does not mind one."""

    def flow() -> Flow[int]:
        return (yield from ask(Call(lambda: 5)))

    async def inside() -> int:
        await anyio.lowlevel.checkpoint()
        return run(flow(), Recorder(lambda op: op.function() if isinstance(op, Call) else None))

    assert anyio.run(inside) == 5
