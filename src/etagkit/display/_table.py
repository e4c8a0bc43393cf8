"""Rows and cells, as text for a terminal, as HTML for a notebook, and for rich."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import attrs
from typing_extensions import override

from etagkit.display._text import display_width, elide_middle, printable
from etagkit.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table as RichTable

#: Widest cell in text form: a SHA-256 in hex stands whole, and a row of two cells fits into 80.
WIDEST = 64

# No colour but a half transparent grey, so that the notebook's own theme, light or dark, stays.
_TABLE_STYLE = "border-collapse:collapse;margin:.4em 0"
_CAPTION_STYLE = "caption-side:top;text-align:left;font-weight:600;color:inherit;padding:.2em 0"
_CELL_STYLE = "padding:.15em 1em .15em 0;overflow-wrap:anywhere;vertical-align:top;text-align:"
_HEAD_STYLE = "border-bottom:1px solid rgba(128,128,128,.5);"


def _rectangular(table: Table, _: object, rows: tuple[tuple[str, ...], ...]) -> None:
    for row in rows:
        if len(row) != len(table.columns):
            raise InvalidArgument(
                "a row has another number of cells than the table has columns",
                expected=len(table.columns),
                found=len(row),
            )


def _known_columns(table: Table, _: object, right: tuple[str, ...]) -> None:
    for name in right:
        if name not in table.columns:
            raise InvalidArgument("no such column", found=name, expected=", ".join(table.columns))


@attrs.frozen(kw_only=True, str=False)
class Table:
    """A titled table of text cells; a table whose columns have no names is shown without a head.

    Cells may hold anything: control characters are replaced, in HTML everything is escaped, and
    rich reads no markup in them. In text form a cell that is too wide loses its middle; HTML and
    rich show it whole.

    Attributes:
        columns: the names of the columns.
        rows: one cell for each column.
        title: what stands above.
        right: the names of the columns that are aligned to the right, as numbers are.

    >>> rows = (("a.txt", "3 B"), ("b.csv", "1.5 KiB"))
    >>> print(Table(title="Files", columns=("name", "size"), rows=rows, right=("size",)))
    Files
    name      size
    -----  -------
    a.txt      3 B
    b.csv  1.5 KiB

    Raises:
        InvalidArgument: a row has not as many cells as there are columns, or `right` names a
            column that is not there.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = attrs.field(validator=_rectangular)
    title: str = ""
    right: tuple[str, ...] = attrs.field(default=(), validator=_known_columns)

    @classmethod
    def of_pairs(cls, title: str, pairs: Sequence[tuple[str, object]]) -> Table:
        """Return a two-column table of what is known; pairs without a value are left out."""
        rows = tuple((name, str(value)) for name, value in pairs if value not in (None, ""))
        return cls(title=title, columns=("", ""), rows=rows)

    @property
    def _headed(self) -> bool:
        return any(self.columns)

    def _aligned_right(self) -> tuple[bool, ...]:
        return tuple(bool(name) and name in self.right for name in self.columns)

    def to_text(self, *, widest: int = WIDEST) -> str:
        """Return aligned plain text; no cell is wider than `widest`."""
        rows = [tuple(elide_middle(printable(cell), widest) for cell in row) for row in self.rows]
        head = tuple(printable(name) for name in self.columns)
        seen = [head, *rows] if self._headed else rows
        widths = [max((display_width(row[i]) for row in seen), default=0) for i in range(len(head))]
        lines = [head, tuple("-" * width for width in widths), *rows] if self._headed else rows
        title = [printable(self.title)] if self.title else []
        return "\n".join([*title, *(self._line(cells, widths) for cells in lines)])

    def _line(self, cells: tuple[str, ...], widths: list[int]) -> str:
        padded: list[str] = []
        for cell, width, right in zip(cells, widths, self._aligned_right(), strict=True):
            blank = " " * (width - display_width(cell))
            padded.append(f"{blank}{cell}" if right else f"{cell}{blank}")
        return "  ".join(padded).rstrip()

    @override
    def __str__(self) -> str:
        """Return aligned plain text."""
        return self.to_text()

    def to_html(self) -> str:
        """Return an HTML table; every cell is escaped."""
        parts = [f'<table style="{_TABLE_STYLE}">']
        if self.title:
            parts.append(f'<caption style="{_CAPTION_STYLE}">{_escaped(self.title)}</caption>')
        if self._headed:
            names = self._html_cells(self.columns, "th", ' scope="col"', _HEAD_STYLE)
            parts.append(f"<thead><tr>{names}</tr></thead>")
        body = "".join(f"<tr>{self._html_cells(row, 'td')}</tr>" for row in self.rows)
        parts.append(f"<tbody>{body}</tbody></table>")
        return "".join(parts)

    def _html_cells(self, cells: tuple[str, ...], tag: str, more: str = "", style: str = "") -> str:
        return "".join(
            f'<{tag}{more} style="{style}{_CELL_STYLE}{"right" if right else "left"}">'
            f"{_escaped(cell)}</{tag}>"
            for cell, right in zip(cells, self._aligned_right(), strict=True)
        )

    def _repr_html_(self) -> str:
        return self.to_html()

    def __rich__(self) -> RichTable:
        """Return the table for rich, which calls this when a console prints it."""
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        # Texts, not strings: a string is read for markup, and `[red]` may stand in a file name.
        shown = RichTable(
            title=Text(printable(self.title), style="bold") if self.title else None,
            title_justify="left",
            show_header=self._headed,
            box=box.SIMPLE_HEAD if self._headed else None,
            show_edge=False,
            pad_edge=False,
        )
        for name, right in zip(self.columns, self._aligned_right(), strict=True):
            shown.add_column(
                Text(printable(name)), justify="right" if right else "left", overflow="fold"
            )
        for row in self.rows:
            shown.add_row(*(Text(printable(cell)) for cell in row))
        return shown


def _escaped(text: str) -> str:
    return html.escape(printable(text))
