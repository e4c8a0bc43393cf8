"""What lets a value explain itself wherever it is printed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from typing_extensions import override

if TYPE_CHECKING:
    from etagkit.display._table import Table


class _Printer(Protocol):
    """The part of IPython's pretty printer that is used here."""

    def text(self, text: str, /) -> None: ...


class Shown:
    """A value that has a `table`: `print` gives it as text, IPython as text, notebooks as HTML.

    `repr` stays the short one of the class, for logs and debuggers.
    """

    __slots__ = ()

    def table(self) -> Table:
        """Return the value as a table."""
        raise NotImplementedError

    @override
    def __str__(self) -> str:
        """Return the table as text."""
        return str(self.table())

    def _repr_html_(self) -> str:
        return self.table().to_html()

    def _repr_pretty_(self, printer: _Printer, cycle: bool, /) -> None:  # noqa: FBT001
        # IPython's protocol; `cycle` is for values that hold themselves, which these cannot
        printer.text("..." if cycle else str(self))
