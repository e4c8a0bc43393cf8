"""A driver that reads its answers from a list: unit tests of flows without network or event loop.

A flow asks for operations; a script says which ones, in which order, and what each gives:

    with ScriptedIO([(Stat("a.txt"), None), (Send, ConnectionFailed("no route"))]) as io:
        run(flow, io)

A wrong operation raises an `AssertionError` at once. Since `run` hands errors to the flow, which
may catch them, it is raised again when the scope closes: no flow can swallow a failed test.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import attrs
from typing_extensions import override

from etagkit._redact import redact_url
from etagkit.flow import Op

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable
    from types import TracebackType

    from etagkit.flow import AsyncScope, Scope

#: What a step expects: this very operation, any operation of this class, or whatever this accepts.
Expected: TypeAlias = Op[Any] | type[Op[Any]] | Callable[[Op[Any]], bool]


@attrs.frozen
class Compute:
    """An answer made from the operation, such as one that feeds a `Drain` or runs a `Call`."""

    function: Callable[[Any], object]


class ScriptedIO:
    """Performs the operations of a script, and nothing else, for `run` and (`as_async`) `arun`.

    Each step is a pair: what is expected, and the answer. An exception as the answer is raised, a
    `Compute` is called with the operation, everything else is handed back as it is. As a context
    manager it calls `finish` when its block ends well.

    Attributes:
        operations: what was asked for so far, in order, the wrong one included.
        open_scopes: how many scopes are open; 0 once every flow has ended.

    >>> from datetime import UTC, datetime
    >>> from etagkit.flow import Flow, Now, ask, run
    >>> def year() -> Flow[int]:
    ...     moment = yield from ask(Now())
    ...     return moment.year
    >>> with ScriptedIO([(Now(), datetime(2024, 2, 29, tzinfo=UTC))]) as io:
    ...     run(year(), io)
    2024
    """

    def __init__(self, steps: Iterable[tuple[Expected, object]]) -> None:
        """Keep the script; nothing has been asked yet."""
        self._steps = tuple(steps)
        self._failure: AssertionError | None = None
        self.operations: list[Op[Any]] = []
        self.open_scopes = 0

    @contextmanager
    def scope(self) -> Generator[Scope]:
        """Open a scope for one flow.

        Raises:
            AssertionError: on leaving, the flow caught the error about a wrong operation.
        """
        self.open_scopes += 1
        try:
            yield _ScriptedScope(self)
        finally:
            self.open_scopes -= 1
        self._raise_failure()

    def as_async(self) -> AsyncScriptedIO:
        """Return the same script as an async driver."""
        return AsyncScriptedIO(self)

    def answer(self, op: Op[Any]) -> object:
        """Return the answer of the next step.

        Raises:
            AssertionError: `op` is not what this step expects, or the script is at its end.
            BaseException: the step's answer, where it is an exception.
        """
        self._raise_failure()
        self.operations.append(op)
        number = len(self.operations)
        if number > len(self._steps):
            self._fail(f"operation {number} was not expected: the script ends here\n  asked: {op}")
        expected, answer = self._steps[number - 1]
        if not _meets(op, expected):
            self._fail(f"operation {number} is not the expected one\n{_difference(op, expected)}")
        if isinstance(answer, BaseException):
            raise answer
        return answer.function(op) if isinstance(answer, Compute) else answer

    def finish(self) -> None:
        """Check that the whole script was played.

        Raises:
            AssertionError: steps are left, or an operation was wrong.
        """
        self._raise_failure()
        left = self._steps[len(self.operations) :]
        if left:
            lines = "".join(f"\n  {_shown(expected)}" for expected, _ in left)
            message = f"{len(left)} of {len(self._steps)} steps were never asked for:{lines}"
            raise AssertionError(message)

    def __enter__(self) -> Self:
        """Play the script within a block."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Call `finish`, unless the block failed already."""
        if error is None:
            self.finish()

    @override
    def __repr__(self) -> str:
        """Show how far the script was played."""
        return f"ScriptedIO({len(self.operations)} of {len(self._steps)} steps)"

    def _fail(self, message: str) -> None:
        self._failure = AssertionError(message)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure


@attrs.frozen
class AsyncScriptedIO:
    """A `ScriptedIO` for `arun`, under any event loop."""

    script: ScriptedIO

    @asynccontextmanager
    async def scope(self) -> AsyncGenerator[AsyncScope]:
        """Open a scope for one flow, as `ScriptedIO.scope` does."""
        with self.script.scope():
            yield _AsyncScriptedScope(self.script)


@attrs.frozen
class _ScriptedScope:
    script: ScriptedIO

    def perform(self, op: Op[Any], /) -> Any:
        return self.script.answer(op)


@attrs.frozen
class _AsyncScriptedScope:
    script: ScriptedIO

    async def perform(self, op: Op[Any], /) -> Any:
        return self.script.answer(op)


def _meets(op: Op[Any], expected: Expected) -> bool:
    if isinstance(expected, Op):
        return op == expected
    return isinstance(op, expected) if isinstance(expected, type) else expected(op)


def _difference(op: Op[Any], expected: Expected) -> str:
    """Say what differs: field by field between two of a kind, whole otherwise."""
    lines = [f"  expected: {_shown(expected)}", f"  asked:    {op}"]
    kind: Any = type(op)
    if kind is type(expected) and attrs.has(kind):
        lines += [
            f"  {field.name}: expected {_value(expected, field)}, asked {_value(op, field)}"
            for field in attrs.fields(kind)
            if getattr(op, field.name) != getattr(expected, field.name)
        ]
    return "\n".join(lines)


def _value(op: object, field: attrs.Attribute[Any]) -> str:
    value = getattr(op, field.name)
    return repr(redact_url(value) if field.name == "url" else value)


def _shown(expected: Expected) -> str:
    name: str | None = getattr(expected, "__qualname__", None)  # of a class or a function
    return name or repr(expected)
