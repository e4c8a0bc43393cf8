"""Operations are values: compared by what they ask for, and silent about URLs."""

from __future__ import annotations

import attrs
import pytest

from etagkit import flow
from etagkit.flow import Call, Emit, Now, Op, Send, Stat, Temp, Write, ask

OPERATIONS = [
    value
    for value in map(flow.__getattr__, flow.__all__)
    if isinstance(value, type) and issubclass(value, Op) and value is not Op
]


def test_ask_yields_its_operation_and_returns_the_answer() -> None:
    """`ask` is the operation on the way out and its answer on the way in."""
    op = Call(lambda: "")
    asked = ask(op)
    assert next(asked) is op
    with pytest.raises(StopIteration) as done:
        asked.send("answer")
    assert done.value.value == "answer"


@pytest.mark.parametrize("cls", OPERATIONS, ids=lambda cls: cls.__name__)
def test_operations_are_frozen_values(cls: type[Op[object]]) -> None:
    """No operation can be changed on its way to the driver, or grow attributes."""
    assert attrs.has(cls)
    assert not hasattr(cls, "__dict__") or "__slots__" in vars(cls)
    assert cls.__setattr__ is not object.__setattr__


def test_operations_compare_by_value() -> None:
    """Two equal requests are equal, whoever made them."""
    assert Stat("a") == Stat("a") != Stat("b")
    assert Now() == Now()
    assert Write(Temp("t"), b"x") == Write(Temp("t"), b"x")
    assert Emit(1) != Emit(2)
    assert Send("GET", "u") != Send("GET", "u", hop=1)
    assert Send("GET", "u") != Send("GET", "u", same_origin=False)
    assert Call(len) != Call(max)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_request_does_not_show_its_url() -> None:
    """A request's repr holds no URL, which may hold a secret."""
    assert "hunter2" not in repr(Send("GET", "https://me:hunter2@localhost/"))
