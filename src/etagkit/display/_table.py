"""Rows and cells, as text for a pipe, as HTML for a notebook, and drawn by rich on a terminal."""

from __future__ import annotations

import bisect
import html
from typing import TYPE_CHECKING

import attrs
from typing_extensions import override

from etagkit.display._text import display_width, elide_middle, printable
from etagkit.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.table import Table as RichTable

#: Widest cell in text form: a SHA-256 in hex stands whole, and a row of two cells fits into 80.
WIDEST = 64

#: Cells below which no cell is shortened: a few letters of each end say which of several it is.
_NARROWEST = 12

#: The same for prose, which is broken between words: two or three of them fit into a line.
_NARROWEST_PROSE = 20

#: Blanks between two columns.
_GAP = 2

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


def _known_columns(table: Table, _: object, names: tuple[str, ...]) -> None:
    for name in names:
        if name not in table.columns:
            raise InvalidArgument("no such column", found=name, expected=", ".join(table.columns))


@attrs.frozen(kw_only=True, str=False)
class Table:
    """A titled table of text cells; a table whose columns have no names is shown without a head.

    Cells may hold anything: control characters are replaced, in HTML everything is escaped, and
    rich reads no markup in them. HTML shows every cell whole. In text form a cell that is too wide
    loses its middle. On a terminal the table is fitted to the width: only `elastic` and `prose`
    give way, so that dates, numbers and hashes stay whole and on one line.

    Attributes:
        columns: the names of the columns.
        rows: one cell for each column.
        title: what stands above.
        right: the names of the columns that are aligned to the right, as numbers are.
        elastic: those whose cells may lose their middle. Without names, the last column is.
        prose: those whose cells may be broken between words.
        spare: those that are left out, in this order, where all that does not make enough room.

    >>> rows = (("a.txt", "3 B"), ("b.csv", "1.5 KiB"))
    >>> print(Table(title="Files", columns=("name", "size"), rows=rows, right=("size",)))
    Files
    name      size
    -----  -------
    a.txt      3 B
    b.csv  1.5 KiB

    Raises:
        InvalidArgument: a row has not as many cells as there are columns, or one of the others
            names a column that is not there.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = attrs.field(validator=_rectangular)
    title: str = ""
    right: tuple[str, ...] = attrs.field(default=(), validator=_known_columns)
    elastic: tuple[str, ...] = attrs.field(default=(), validator=_known_columns)
    prose: tuple[str, ...] = attrs.field(default=(), validator=_known_columns)
    spare: tuple[str, ...] = attrs.field(default=(), validator=_known_columns)

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
        widths = _widths([head, *rows])
        lines = [head, tuple("-" * width for width in widths), *rows] if self._headed else rows
        title = [printable(self.title)] if self.title else []
        return "\n".join([*title, *(self._line(cells, widths) for cells in lines)])

    def _line(self, cells: tuple[str, ...], widths: list[int]) -> str:
        padded: list[str] = []
        for cell, width, right in zip(cells, widths, self._aligned_right(), strict=True):
            blank = " " * (width - display_width(cell))
            padded.append(f"{blank}{cell}" if right else f"{cell}{blank}")
        return (" " * _GAP).join(padded).rstrip()

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

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the table for rich, in the width that there is."""
        from rich.text import Text

        room = options.max_width
        if self.spare and _whole_width(self._least()) > room:
            yield from self._without(self.spare[0]).__rich_console__(console, options)
            return
        if self.title:
            yield Text(elide_middle(printable(self.title), room), style="bold")
        widths = self._fitted(room)
        # Where even that is too wide, a line that the terminal breaks is better than lost cells.
        needed = max(room, _whole_width(widths))
        yield from console.render(self._drawn(widths), options.update_width(needed))

    def _drawn(self, widths: Sequence[int]) -> RichTable:
        from rich import box
        from rich.table import Table as RichTable
        from rich.text import Text

        # A box without lines between the columns still puts one blank there.
        blank = _GAP - 1 if self._headed else _GAP
        drawn = RichTable(
            show_header=self._headed,
            box=box.SIMPLE_HEAD if self._headed else None,
            show_edge=False,
            pad_edge=False,
            padding=(0, blank, 0, 0),
        )
        columns = zip(self.columns, widths, self._aligned_right(), strict=True)
        for name, width, right in columns:
            drawn.add_column(
                Text(printable(name)),
                justify="right" if right else "left",
                width=width,
                no_wrap=name not in self.prose,
                overflow="fold",
            )
        # Texts, not strings: a string is read for markup, and `[red]` may stand in a file name.
        for row in self.rows:
            cells = zip(row, self.columns, widths, strict=True)
            drawn.add_row(*(Text(self._shown(*each)) for each in cells))
        return drawn

    def _shown(self, cell: str, name: str, width: int) -> str:
        text = printable(cell)
        return text if name in self.prose else elide_middle(text, width)

    def _without(self, name: str) -> Table:
        """Return the table without one column."""
        at = self.columns.index(name)
        return attrs.evolve(
            self,
            columns=self.columns[:at] + self.columns[at + 1 :],
            rows=tuple(row[:at] + row[at + 1 :] for row in self.rows),
            right=_less(self.right, name),
            elastic=_less(self.elastic, name),
            prose=_less(self.prose, name),
            spare=_less(self.spare, name),
        )

    def _fitted(self, room: int) -> list[int]:
        """Return the width of each column: prose gives way first, and the widest of a kind."""
        least, widths = self._least(), _widths([self.columns, *self.rows])
        for kind in (self.prose, self.elastic if self._headed else self.columns):
            floors = [
                low if name in kind else width
                for name, low, width in zip(self.columns, least, widths, strict=True)
            ]
            widths = _narrowed(widths, floors, room)
        return widths

    def _least(self) -> list[int]:
        """Return how narrow each column can be."""
        whole = _widths([self.columns, *self.rows])
        if not self._headed:  # the last column gives way; a SHA-256 in hex stays whole
            return [*whole[:-1], *(min(width, WIDEST) for width in whole[-1:])]
        floors = dict.fromkeys(self.elastic, _NARROWEST) | dict.fromkeys(
            self.prose, _NARROWEST_PROSE
        )
        return [
            min(width, max(floors.get(name, width), display_width(name)))
            for name, width in zip(self.columns, whole, strict=True)
        ]


def _narrowed(widths: Sequence[int], floors: Sequence[int], room: int) -> list[int]:
    """Return `widths` with the widest made narrower, down to `floors`, until they fit."""

    def under(cap: int) -> list[int]:
        return [max(low, min(high, cap)) for low, high in zip(floors, widths, strict=True)]

    caps = range(max(widths, default=0) + 1)
    fitting = bisect.bisect_right(caps, room, key=lambda cap: _whole_width(under(cap)))
    return under(max(fitting - 1, 0))


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the width of each column, all cells whole."""
    return [
        max(display_width(printable(cell)) for cell in column) for column in zip(*rows, strict=True)
    ]


def _whole_width(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * max(len(widths) - 1, 0)


def _less(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(each for each in names if each != name)


def _escaped(text: str) -> str:
    return html.escape(printable(text))
