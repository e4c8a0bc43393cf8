"""The two runners: they carry operations to a driver and answers back, and know nothing else.

An exception raised by an operation is thrown into the flow, where a plain `try` round the
`yield from` may catch it. Whatever ends the flow, its scope then releases what it still held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager, AbstractContextManager

    from etagkit.flow._ops import Flow, Op

T = TypeVar("T")


class Scope(Protocol):
    """Performs the operations of one flow and owns the resources that they open."""

    def perform(self, op: Op[Any], /) -> Any:
        """Do `op` and return its answer."""
        ...


class AsyncScope(Protocol):
    """The async twin of `Scope`."""

    async def perform(self, op: Op[Any], /) -> Any:
        """Do `op` and return its answer."""
        ...


class IO(Protocol):
    """A driver: gives each flow a scope of its own, so that many flows may share the driver."""

    def scope(self) -> AbstractContextManager[Scope]:
        """Open a scope; leaving it closes bodies and removes unpublished temporary files."""
        ...


class AsyncIO(Protocol):
    """The async twin of `IO`."""

    def scope(self) -> AbstractAsyncContextManager[AsyncScope]:
        """Open a scope; leaving it closes bodies and removes unpublished temporary files."""
        ...


def run(flow: Flow[T], io: IO) -> T:
    """Run `flow` to its end with a sync driver and return its result."""
    with io.scope() as scope:
        try:
            op = next(flow)
            while True:
                try:
                    answer = scope.perform(op)
                except Exception as exc:  # noqa: BLE001  handed to the flow, which decides
                    op = flow.throw(exc)
                else:
                    op = flow.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            flow.close()


async def arun(flow: Flow[T], io: AsyncIO) -> T:
    """Run `flow` to its end with an async driver and return its result."""
    async with io.scope() as scope:
        try:
            op = next(flow)
            while True:
                try:
                    answer = await scope.perform(op)
                except Exception as exc:  # noqa: BLE001  handed to the flow, which decides
                    op = flow.throw(exc)
                else:
                    op = flow.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            flow.close()
