"""`ScriptedIO`: a flow's unit test as a list of answers."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from typing import Any

import anyio
import pytest

from etagkit.errors import ConnectionFailed
from etagkit.flow import Body, Call, Drain, Emit, Flow, Now, Op, Send, Stat, arun, ask, run
from etagkit.testing import Compute, ScriptedIO


def stats(*paths: str) -> Flow[list[object]]:
    """Ask for the facts of each path."""
    answers: list[object] = []
    for path in paths:
        answers.append((yield from ask(Stat(path))))  # noqa: PERF401
    return answers


def swallowing(*paths: str) -> Flow[str]:
    """Ask for the facts of each path and swallow every error."""
    for path in paths:
        with suppress(Exception):
            yield from ask(Stat(path))
    return "fine"


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(Stat("a"), id="operation"),
        pytest.param(Stat, id="class"),
        pytest.param(Op, id="base-class"),
        pytest.param(lambda op: op.path == "a", id="predicate"),
    ],
)
def test_expected_operation_gets_its_answer(expected: Any) -> None:
    """A step names the operation, its class, or a condition."""
    with ScriptedIO([(expected, "answer")]) as io:
        assert run(stats("a"), io) == ["answer"]
    assert io.operations == [Stat("a")]
    assert repr(io) == "ScriptedIO(1 of 1 steps)"


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(Stat("a"), id="operation"),
        pytest.param(Emit, id="class"),
        pytest.param(lambda op: op.path == "a", id="predicate"),
    ],
)
def test_unexpected_operation_fails(expected: Any) -> None:
    """Another operation than the expected one is an AssertionError that shows both."""
    io = ScriptedIO([(Stat("x"), None), (expected, None)])
    with pytest.raises(AssertionError, match=r"operation 2 is not the expected one") as caught:
        run(stats("x", "b"), io)
    assert "asked:    Stat(path='b')" in str(caught.value)
    assert "  expected: " in str(caught.value)
    assert io.operations == [Stat("x"), Stat("b")]
    assert io.open_scopes == 0


def test_difference_is_shown_field_by_field() -> None:
    """Two operations of a kind are compared by field, URLs included but redacted."""

    def flow() -> Flow[None]:
        yield from ask(Send("GET", "https://me:hunter2@localhost/b", hop=1))

    io = ScriptedIO([(Send("GET", "https://localhost/a"), None)])
    with pytest.raises(AssertionError) as caught:
        run(flow(), io)
    text = str(caught.value)
    assert "url: expected 'https://localhost/a', asked 'https://***@localhost/b'" in text
    assert "hop: expected 0, asked 1" in text
    assert "method:" not in text
    assert "hunter2" not in text


def test_operation_beyond_the_script_fails() -> None:
    """A flow that asks for more than the script holds is told so."""
    with pytest.raises(AssertionError, match="operation 2 was not expected: the script ends here"):
        run(stats("a", "b"), ScriptedIO([(Stat, None)]))


def test_flow_cannot_swallow_a_failure() -> None:
    """A flow that catches everything still fails its test, when its scope closes."""
    io = ScriptedIO([(Stat("a"), None), (Stat("c"), None)])
    with pytest.raises(AssertionError, match="operation 2 is not"):
        run(swallowing("a", "b", "c"), io)
    assert io.operations == [Stat("a"), Stat("b")]
    with pytest.raises(AssertionError, match="operation 2 is not"):
        io.finish()


def test_left_steps_fail_at_the_end() -> None:
    """A flow that ends too early leaves steps, which are listed."""
    steps: list[tuple[Any, None]] = [
        (Stat("a"), None),
        (Now(), None),
        (Emit, None),
        (lambda op: True, None),
    ]
    with (
        pytest.raises(AssertionError, match="3 of 4 steps were never asked for") as caught,
        ScriptedIO(steps) as io,
    ):
        run(stats("a"), io)
    assert str(caught.value).splitlines()[1:3] == ["  Now()", "  Emit"]


def test_failure_of_the_block_is_not_hidden() -> None:
    """An error of the test itself comes out, not a complaint about steps that it left."""
    with pytest.raises(LookupError, match="mine"), ScriptedIO([(Now(), None)]):
        raise LookupError("mine")


@pytest.mark.parametrize("error", [ConnectionFailed("no route"), KeyboardInterrupt()])
def test_exception_as_answer_is_raised(error: BaseException) -> None:
    """A step may fail."""
    with ScriptedIO([(Stat, error)]) as io, pytest.raises(type(error)) as caught:
        run(stats("a"), io)
    assert caught.value is error
    assert io.open_scopes == 0


def test_flow_may_catch_the_scripted_error() -> None:
    """An error that the script means is the flow's to handle."""
    with ScriptedIO([(Stat, ConnectionFailed("no route"))]) as io:
        assert run(swallowing("a"), io) == "fine"


def test_answer_can_be_computed() -> None:
    """A `Compute` sees the operation: it runs a call, or feeds a body through."""

    class Upper:
        def feed(self, block: bytes, /) -> list[bytes]:
            stored.append(block.upper())
            return []

        def finish(self) -> list[bytes]:
            return []

    stored: list[bytes] = []

    def drained(op: Drain) -> int:
        list(op.through.feed(b"body"))
        return 4

    def flow() -> Flow[tuple[int, int]]:
        called = yield from ask(Call(lambda: 7))
        received = yield from ask(Drain(body=Body(1), through=Upper()))
        return called, received

    script = [(Call, Compute(lambda op: op.function())), (Drain, Compute(drained))]
    with ScriptedIO(script) as io:
        assert run(flow(), io) == (7, 4)
    assert stored == [b"BODY"]


def test_several_flows_share_one_script() -> None:
    """The script goes on where the last flow left it."""
    with ScriptedIO([(Stat("a"), 1), (Stat("b"), 2)]) as io:
        assert run(stats("a"), io) == [1]
        assert run(stats("b"), io) == [2]


def test_open_scopes_are_counted() -> None:
    """A test can see whether a flow's scope is open."""
    io = ScriptedIO([])
    with io.scope():
        assert io.open_scopes == 1
    assert io.open_scopes == 0


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_twin_plays_the_same_script(backend: str) -> None:
    """`arun` takes the script through `as_async`, under both event loops."""
    with ScriptedIO([(Stat("a"), 1), (Stat, 2)]) as io:
        assert anyio.run(arun, stats("a", "b"), io.as_async(), backend=backend) == [1, 2]
    with pytest.raises(AssertionError, match="the script ends here"):
        anyio.run(arun, swallowing("c"), io.as_async(), backend=backend)
    assert io.open_scopes == 0


def test_kit_needs_no_pytest() -> None:
    """The kit is for any test runner: importing it loads none."""
    code = (
        "import sys; from etagkit.testing import ScriptedIO; ScriptedIO([]).finish();"
        "print(sorted({'pytest', '_pytest', 'unittest', 'anyio', 'httpx'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]"
