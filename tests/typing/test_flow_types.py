"""What type checkers see of flows: `ask` and the runners are exactly typed.

The assertions are checked by mypy and pyright (`nox -s types`); at run time they only have to hold
together. Names that pyright and mypy must refuse carry an ignore, which both report once it is
not needed any more.
"""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any, assert_type

from etagkit.flow import (
    IO,
    Answer,
    AsyncIO,
    Body,
    Call,
    CreateTemp,
    Drain,
    Emit,
    FileFacts,
    Flow,
    HashFile,
    Locate,
    Now,
    Op,
    Peek,
    Place,
    Publish,
    Release,
    Send,
    Stat,
    Sweep,
    Temp,
    Through,
    arun,
    ask,
    run,
)
from etagkit.http import Head, Headers
from etagkit.integrity import RollingHasher
from etagkit.testing import Compute, ScriptedIO

HEAD = Head(status=200, headers=Headers(), url="")
BODY = Body(1)
TEMP = Temp("t")
FACTS = FileFacts(size=0, mtime_ns=0, ctime_ns=0, inode=0)


class Keep:
    """A `Through` by its shape alone."""

    def feed(self, block: bytes, /) -> list[bytes]:
        """Store as it comes."""
        return [block]

    def finish(self) -> tuple[bytes, ...]:
        """Nothing is left."""
        return ()


def everything(through: Through) -> Flow[str]:
    """Ask for operations of each kind of answer."""
    assert_type((yield from ask(Send("GET", "http://localhost/"))), Answer)
    assert_type((yield from ask(Peek(BODY, 4))), bytes)
    assert_type((yield from ask(Release(BODY))), None)
    assert_type((yield from ask(Drain(body=BODY, through=through, into=TEMP))), int)
    assert_type((yield from ask(Locate("a"))), Place)
    assert_type((yield from ask(Stat("a"))), FileFacts | None)
    assert_type((yield from ask(HashFile("a"))), tuple[str, FileFacts] | None)
    assert_type((yield from ask(Sweep("."))), int)
    assert_type((yield from ask(CreateTemp("a"))), Temp)
    assert_type((yield from ask(Publish(TEMP, "a"))), FileFacts)
    assert_type((yield from ask(Call(RollingHasher))), RollingHasher)
    assert_type((yield from ask(Now())), datetime)
    assert_type((yield from ask(Emit("event"))), None)
    inner = yield from part()
    assert_type(inner, int)
    return "result"


def part() -> Flow[int]:
    """Return the year."""
    moment = yield from ask(Now())
    return moment.year


def sync_result(io: IO) -> str:
    """`run` returns what the flow returns."""
    result = run(everything(Keep()), io)
    assert_type(result, str)
    return result


async def async_result(io: AsyncIO) -> str:
    """`arun` returns what the flow returns."""
    result = await arun(everything(Keep()), io)
    assert_type(result, str)
    return result


def test_flow_is_exactly_typed() -> None:
    """The types above are those of the answers that a driver gives."""
    moment = datetime(2024, 2, 29, tzinfo=UTC)
    script: list[tuple[type[Op[Any]], object]] = [
        (Send, Answer(HEAD, BODY)),
        (Peek, b"PK"),
        (Release, None),
        (Drain, Compute(lambda op: len(b"".join(op.through.feed(b"body"))))),
        (Locate, Place(path="/a", is_folder=False)),
        (Stat, FACTS),
        (HashFile, None),
        (Sweep, 0),
        (CreateTemp, TEMP),
        (Publish, FACTS),
        (Call, RollingHasher()),
        (Now, moment),
        (Emit, None),
        (Now, moment),
    ]
    with ScriptedIO(script) as io:
        assert sync_result(io) == "result"
    drivers: tuple[IO, AsyncIO] = (ScriptedIO([]), ScriptedIO([]).as_async())
    assert len(drivers) == 2


def test_flow_alias_is_a_generator() -> None:
    """A flow is a generator of operations and nothing more."""
    flow = part()
    assert_type(flow, Generator[Op[Any], Any, int])
    assert isinstance(flow, Generator)
    flow.close()


def refused() -> Flow[int]:
    """What both checkers must refuse."""
    wrong: str = yield from ask(Now())  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType]
    yield from ask("GET")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    return wrong  # type: ignore[return-value]  # pyright: ignore[reportReturnType]
