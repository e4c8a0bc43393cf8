"""Text from anywhere: safe for a terminal, measured in cells, shortened in the middle."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etagkit.display import display_width, elide_middle, human_size, printable

ANY_TEXT = st.text(st.characters())


@pytest.mark.property
@given(ANY_TEXT)
def test_printable_text_cannot_steer_a_terminal(text: str) -> None:
    """Nothing is left of controls, line ends, direction marks and surrogates; the length stays."""
    shown = printable(text)
    assert len(shown) == len(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
    assert printable(shown) == shown


@pytest.mark.parametrize("text", ["a.csv", "資料 2024", "caf\u00e9\u00a0x", "a\u3000b", ""])
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    """Letters of any script and spaces of any width are shown."""
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "cells"),
    [("", 0), ("abc", 3), ("資料", 4), ("e\u0301", 1), ("\uff21", 2), ("\u3000", 2)],
)
def test_width_counts_cells(text: str, cells: int) -> None:
    """Wide characters take two cells, combining marks none."""
    assert display_width(text) == cells


@pytest.mark.property
@given(ANY_TEXT, st.integers(0, 40))
def test_elided_text_fits(text: str, width: int) -> None:
    """Whatever comes in, the result fits, and what fits already is left alone."""
    shown = elide_middle(text, width)
    assert display_width(shown) <= width
    assert (shown == text) == (display_width(text) <= width)


@pytest.mark.property
@given(st.text("abcdef", min_size=21), st.just(20))
def test_elided_text_keeps_both_ends(text: str, width: int) -> None:
    """Beginning and end are what tells one URL from another."""
    head, gap, tail = elide_middle(text, width).partition("...")
    assert gap
    assert text.startswith(head)
    assert text.endswith(tail)
    assert abs(len(head) - len(tail)) <= 1


def test_a_mark_does_not_lose_its_letter() -> None:
    """The end does not begin with a combining mark, which would sit on the gap."""
    text = "x" * 20 + "e" + "\u0301" + "yy"
    assert elide_middle(text, 8).endswith("...yy")


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1024 * 1024 - 1, "1.0 MiB"),
        (5 * 1024**3, "5.0 GiB"),
        (1024**6, "1024.0 PiB"),
    ],
)
def test_sizes_for_people(octets: int | None, words: str) -> None:
    """Binary units; a value that rounds up to the next unit is shown in that."""
    assert human_size(octets) == words
