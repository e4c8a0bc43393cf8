"""The page about errors: its table is that of the error tree."""

from __future__ import annotations

import inspect
import re

import pytest

from etagkit import errors
from etagkit.errors import EtagKitError, InvalidHeader
from tests._support import PROJECT

_PAGE = (PROJECT / "docs" / "howto" / "errors.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| (?P<names>`[A-Z].*?) \| (?P<retryable>[^|]*?) \|", re.MULTILINE)

#: The first names of each row, up to a remark in parentheses, with what the row says of a retry.
TOLD = {
    name: row["retryable"]
    for row in _ROW.finditer(_PAGE)
    for name in re.findall(r"`(\w+)`", row["names"].partition("(")[0])
}


def outermost() -> set[str]:
    """Return the classes that nothing refines; a fetch raises no `InvalidHeader`."""
    every = [cls for _, cls in inspect.getmembers(errors, inspect.isclass)]
    return {
        cls.__name__
        for cls in every
        if issubclass(cls, EtagKitError)
        and not cls.__subclasses__()
        and not issubclass(cls, InvalidHeader)
    }


def test_every_error_is_told() -> None:
    """No class of the tree's ends is missing in the table."""
    assert outermost() - TOLD.keys() == set()


@pytest.mark.parametrize("name", sorted(TOLD.keys() - {"UnexpectedStatus"}))
def test_the_table_says_what_retryable_says(name: str) -> None:
    """A row's yes or no is that of the class."""
    error: EtagKitError = getattr(errors, name)("something")
    assert TOLD[name] == ("yes" if error.retryable else "no")


def test_a_status_is_retryable_as_the_table_says() -> None:
    """408, 425, 429 and 5xx may pass, others do not."""
    assert TOLD["UnexpectedStatus"] == "408, 425, 429 and 5xx"
    passing = {
        status
        for status in range(300, 600)
        if errors.UnexpectedStatus("something", status=status).retryable
    }
    assert passing == {408, 425, 429, *range(500, 600)}
