"""A blocking call of the async driver is waited for, whoever cancels and however often."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from anyio.to_thread import run_sync

from etagkit.drivers import AsyncDriver, Files
from etagkit.drivers._threads import in_thread
from etagkit.flow import CreateTemp, Flow, Flush, Publish, Write, arun, ask

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from etagkit.drivers._temp import OpenTemp
    from etagkit.flow import FileFacts

both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


class _Gate:
    """A call that tells that it began, and ends when it is let."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.may_end = threading.Event()
        self.ended = False

    def __call__(self) -> str:
        self.began.set()
        assert self.may_end.wait(10)
        self.ended = True
        return "answer"


async def _turns() -> None:
    """Let whatever could happen in the event loop happen."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


@both
def test_the_answer_comes_back(backend: str) -> None:
    """What the function returns or raises is what the caller gets."""

    async def main() -> None:
        assert await in_thread(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await in_thread(divmod, 7, 0)

    anyio.run(main, backend=backend)


@both
def test_nothing_begins_in_a_cancelled_scope(backend: str) -> None:
    """Where the scope is cancelled already, the function is not called."""
    gate = _Gate()

    async def main() -> None:
        with anyio.CancelScope() as scope:
            scope.cancel()
            await in_thread(gate)

    anyio.run(main, backend=backend)
    assert not gate.began.is_set()


@both
def test_a_cancelled_scope_waits(backend: str) -> None:
    """Cancelling by a scope is delivered when the function has ended."""
    gate = _Gate()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(in_thread, gate)
            assert await run_sync(gate.began.wait, 10)
            group.cancel_scope.cancel()
            gate.may_end.set()
        assert gate.ended

    anyio.run(main, backend=backend)


@pytest.mark.parametrize("times", [1, 3])
def test_a_cancelled_task_waits(times: int) -> None:
    """Under asyncio `Task.cancel` is delivered then too, however often it is called."""
    gate = _Gate()

    async def main() -> None:
        task = asyncio.create_task(in_thread(gate))
        assert await run_sync(gate.began.wait, 10)
        for _ in range(times):
            task.cancel()
            await _turns()
        assert not task.done()
        gate.may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert gate.ended

    asyncio.run(main())


def test_the_end_of_the_event_loop_waits() -> None:
    """A task that nobody awaits is cancelled when the program ends; its call still ends first."""
    gate = _Gate()

    async def main() -> asyncio.Task[str]:
        task = asyncio.create_task(in_thread(gate))
        assert await run_sync(gate.began.wait, 10)
        threading.Timer(0.05, gate.may_end.set).start()
        return task

    task = asyncio.run(main())
    assert task.cancelled()
    assert gate.ended


class _SlowTemp:
    """Files of which one operation waits at a gate."""

    def __init__(self, patch: pytest.MonkeyPatch, step: str) -> None:
        self.gate = _Gate()
        self.files = Files()
        real = self.files.create_temp

        def create(target: str) -> OpenTemp:
            if step == "create_temp":
                self.gate()
                return real(target)
            temp = real(target)
            slowed = getattr(temp, step)

            def slow(*arguments: object) -> object:
                self.gate()
                return slowed(*arguments)

            patch.setattr(temp, step, slow)
            return temp

        patch.setattr(self.files, "create_temp", create)


def _flow(target: str) -> Flow[FileFacts]:
    temp = yield from ask(CreateTemp(target))
    yield from ask(Write(temp, b"new"))
    yield from ask(Flush(temp))
    return (yield from ask(Publish(temp, target)))


@pytest.mark.parametrize("by", ["cancel", "timeout"])
@pytest.mark.parametrize("step", ["create_temp", "write", "flush", "publish"])
def test_a_flow_that_is_cancelled_at_a_slow_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, by: str
) -> None:
    """When the cancelled call returns, no thread is at work and no temporary file is left."""
    slow = _SlowTemp(monkeypatch, step)

    async def main() -> None:
        limit = asyncio.timeout(None)

        async def within(call: Coroutine[Any, Any, object]) -> None:
            async with limit:
                await call

        async with httpx.AsyncClient(trust_env=False) as client:
            call = arun(_flow(str(tmp_path / "file")), AsyncDriver(client, files=slow.files))
            task = asyncio.create_task(within(call))
            assert await run_sync(slow.gate.began.wait, 10)
            if by == "cancel":
                task.cancel()
            else:
                limit.reschedule(0)
            await _turns()
            assert not task.done()
            slow.gate.may_end.set()
            with pytest.raises((asyncio.CancelledError, TimeoutError)):
                await task
            assert slow.gate.ended
            assert os.listdir(tmp_path) == (["file"] if step == "publish" else [])

    asyncio.run(main())
