"""The map of RFC 9110: what it names exists, and it names enough."""

from __future__ import annotations

import importlib
import re
from functools import reduce

import pytest

from tests._support import PROJECT

PAGE = (PROJECT / "docs" / "rfc-map.md").read_text(encoding="utf-8")

#: Rows with five cells: section, level, demand, function, test.
ROWS = [
    cells
    for line in PAGE.splitlines()
    if len(cells := [cell.strip() for cell in line.strip("|").split(" | ")]) == 5
    and cells[3].startswith("`")
]


def test_the_page_has_rows() -> None:
    """The table is read, and covers the sections that it promises."""
    assert len(ROWS) == PAGE.count(".py::test_")
    assert len(ROWS) >= 50
    sections = {row[0] for row in ROWS}
    wanted = {"8.8.3", "13.1.1", "13.1.2", "13.1.3", "13.1.4", "13.1.5", "13.2.1", "13.2.2"}
    assert wanted | {"14.2", "14.4", "15.4.5"} <= sections


@pytest.mark.parametrize("name", sorted({row[3].strip("`") for row in ROWS}))
def test_every_function_on_the_map_exists(name: str) -> None:
    """A function that was renamed is renamed on the page."""
    http = importlib.import_module("etagkit.http")
    assert reduce(getattr, name.split("."), http) is not None


@pytest.mark.parametrize("test", sorted({row[4].strip("` |") for row in ROWS}))
def test_every_test_on_the_map_exists(test: str) -> None:
    """A test that was renamed or removed is noticed here."""
    path, _, name = test.partition("::")
    text = (PROJECT / "tests" / path).read_text(encoding="utf-8")
    assert re.search(rf"^def {re.escape(name)}\(", text, re.MULTILINE)
