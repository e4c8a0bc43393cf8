"""Blocking calls of the async driver: begun in a worker thread, and always waited for."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio
from anyio.lowlevel import checkpoint_if_cancelled
from anyio.to_thread import run_sync

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class _Once(Generic[T]):
    """Calls a function the first time; whoever calls it meanwhile waits for the end of that."""

    _result: T

    def __init__(self, function: Callable[[], T]) -> None:
        self.done = False
        self._function = function
        self._lock = threading.Lock()
        self._error: BaseException | None = None

    def __call__(self) -> None:
        with self._lock:
            if self.done:
                return
            try:
                self._result = self._function()
            except BaseException as exc:  # noqa: BLE001  raised again by `answer`
                self._error = exc
            self.done = True

    def answer(self) -> T:
        """Return what the function returned, or raise what it raised."""
        if self._error is None:
            return self._result
        try:
            raise self._error
        finally:
            self._error = None  # its traceback leads here: no cycle


async def in_thread(function: Callable[..., T], *arguments: object) -> T:
    """Call `function` in a worker thread and return its answer; cancelling waits for its end.

    A shielded scope of anyio holds back only anyio's own cancellation. Under asyncio `wait_for`,
    `timeout` and `Task.cancel` go past it: they end the waiting, not the thread, which would go on
    writing to files that the scope has closed. So the end is waited for again, in as many steps as
    there are cancellations, and the first of these is raised then.
    """
    await checkpoint_if_cancelled()
    once = _Once(functools.partial(function, *arguments))
    cancelled: BaseException | None = None
    with anyio.CancelScope(shield=True):
        while not once.done:
            try:
                await run_sync(once)
            except anyio.get_cancelled_exc_class() as exc:
                cancelled = cancelled or exc
    if cancelled is not None:
        raise cancelled
    return once.answer()
