"""Tables as text, as HTML and through rich."""

from __future__ import annotations

import io
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from typing_extensions import override

from etagkit.display import Table, display_width
from etagkit.errors import InvalidArgument

CELL = st.text(st.characters(), max_size=80)


def rows_of(*rows: tuple[str, ...], right: tuple[str, ...] = ()) -> Table:
    """Return a table with the columns `name` and `size`."""
    return Table(title="Files", columns=("name", "size"), rows=rows, right=right)


def test_numbers_stand_at_the_right_where_asked() -> None:
    """Only the named column is aligned to the right, its head as well."""
    lines = str(rows_of(("a", "3 B"), ("bb", "1.5 KiB"), right=("size",))).splitlines()
    assert lines == ["Files", "name     size", "----  -------", "a         3 B", "bb    1.5 KiB"]


@pytest.mark.property
@given(st.lists(st.tuples(CELL, CELL), max_size=5))
def test_text_is_aligned_and_has_a_line_for_each_row(cells: list[tuple[str, str]]) -> None:
    """Whatever stands in the cells, each row is one line and the columns are straight."""
    lines = rows_of(*cells).to_text(widest=20).split("\n")
    assert len(lines) == len(cells) + 3
    start = len(lines[2].split("  ")[0]) + 2
    for line in lines[3:]:
        assert display_width(line) <= 20 + 2 + 20
        assert display_width(line) <= start or _cell_starts_at(line, start)


def _cell_starts_at(line: str, start: int) -> bool:
    taken = 0
    for character in line:
        if taken == start:
            return True
        taken += display_width(character)
    return taken == start


def test_wide_cells_lose_their_middle_and_hashes_do_not() -> None:
    """A long URL is shortened; 64 hex digits are shown whole, or nobody could copy them."""
    text = str(Table.of_pairs("T", [("url", "http://h/" + "x" * 90 + "/end"), ("hash", "f" * 64)]))
    assert "f" * 64 in text
    assert "http://h/xx" in text
    assert "...x" in text
    assert text.splitlines()[1].endswith("/end")


def test_pairs_without_a_value_are_left_out() -> None:
    """None and the empty text say nothing; zero and false do."""
    table = Table.of_pairs("T", [("a", None), ("b", ""), ("c", 0), ("d", False)])
    assert table.rows == (("c", "0"), ("d", "False"))
    assert str(table) == "T\nc  0\nd  False"


def test_rows_must_fit_the_columns() -> None:
    """A row that is too short is an error that says so, not a crooked table."""
    with pytest.raises(InvalidArgument, match="expected 2, found 1"):
        rows_of(("only",))
    with pytest.raises(InvalidArgument, match="no such column"):
        rows_of(("a", "b"), right=("weight",))


class _Reader(HTMLParser):
    """Collects the tags and the texts of a document."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.texts: list[str] = []
        self.feed(html)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    @override
    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_html_escapes_every_cell() -> None:
    """Title, heads and cells are text, whatever they hold."""
    evil = "<script>alert('x')</script>&\"\x1b"
    table = Table(title=evil, columns=(evil, "b"), rows=((evil, evil),))
    read = _Reader(table.to_html())
    assert read.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert read.texts.count(evil.replace("\x1b", "\ufffd")) == 4


def test_html_shows_cells_whole_and_brings_no_colour() -> None:
    """Long cells keep their middle, and the notebook's own colours stay, light or dark."""
    html = rows_of(("x" * 500, "1"), right=("size",)).to_html()
    assert "x" * 500 in html
    assert "text-align:right" in html
    assert "background" not in html
    assert "#" not in html
    assert rows_of()._repr_html_() == rows_of().to_html()


def test_rich_draws_the_table_and_reads_no_markup() -> None:
    """A console prints it as a table; `[red]` in a file name stays what it is."""
    stream = io.StringIO()
    console = Console(file=stream, width=60, force_terminal=True, highlight=False)
    console.print(rows_of(("[red]a[/red]\x1b[2J", "3 B"), right=("size",)))
    text = stream.getvalue()
    assert "[red]a[/red]\ufffd[2J" in text
    assert "Files" in text
    assert "\x1b[2J" not in text


def drawn(table: Table, width: int) -> list[str]:
    """Return the lines of `table` on a console of `width` cells."""
    stream = io.StringIO()
    Console(file=stream, width=width).print(table, crop=False)
    return [line.rstrip() for line in stream.getvalue().splitlines()]


LONG = Table(
    title="https://h/" + "t" * 200,
    columns=("name", "why", "date", "size"),
    rows=(
        (
            "begin-" + "n" * 100 + "-end",
            "a reason in words that fill more than one line",
            "2024-05-01",
            "1 B",
        ),
    ),
    right=("size",),
    elastic=("name",),
    prose=("why",),
    spare=("size", "date"),
)


@pytest.mark.property
@given(st.integers(40, 250))
def test_a_drawn_table_fits(width: int) -> None:
    """At any width names lose their middle, prose is broken between words, the rest is whole."""
    lines = drawn(LONG, width)
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("https://h/")
    assert lines[3].startswith("begin")
    assert lines[3].split()[0].endswith("end")
    assert "2024-05-01" in lines[3] or "date" not in lines[1]
    words = {word for line in lines[3:] for word in line[len(lines[3].split()[0]) :].split()}
    assert set(LONG.rows[0][1].split()) <= words


def test_columns_go_in_the_order_that_was_named() -> None:
    """First the spare ones, the first of them first; with room all are there."""
    assert [drawn(LONG, width)[1].split() for width in (52, 51, 46, 45)] == [
        ["name", "why", "date", "size"],
        ["name", "why", "date"],
        ["name", "why", "date"],
        ["name", "why"],
    ]


def test_what_has_no_room_at_all_is_not_cut() -> None:
    """A hash is worth nothing without its end: the line is longer than the terminal."""
    table = Table(columns=("sha256",), rows=(("f" * 64,),))
    assert "f" * 64 in drawn(table, 20)
    assert drawn(Table.of_pairs("", [("hash", "f" * 64)]), 20) == ["hash  " + "f" * 64]


def test_rich_draws_pairs_without_a_head() -> None:
    """Pairs have no column names, and so no line below them."""
    stream = io.StringIO()
    Console(file=stream, width=60).print(Table.of_pairs("T", [("size", 3)]))
    assert [line.rstrip() for line in stream.getvalue().splitlines()] == ["T", "size  3"]
