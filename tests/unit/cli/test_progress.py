"""Progress as numbers, and who is told how."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from etagkit.cli._exit import Fate
from etagkit.cli._items import Failure, Item, Outcome
from etagkit.cli._progress import Bar, Lines, Progress, Style, amount, choose_style
from etagkit.events import Advanced, Recorded, Started

if TYPE_CHECKING:
    from etagkit.events import TransferEvent

URL = "http://h/a.bin"


def started(total: int | None = 100) -> Started:
    """Return the beginning of a body."""
    return Started(url=URL, path="/to/a.bin", total=total)


def advanced(received: int, total: int | None = 100) -> Advanced:
    """Return a body under way."""
    return Advanced(url=URL, path="/to/a.bin", received=received, total=total)


def after(*events: TransferEvent, files: int = 2) -> Progress:
    """Return the progress after `events`."""
    progress = Progress(files=files)
    for event in events:
        progress = progress.after(event)
    return progress


def test_octets_of_the_wire_add_up() -> None:
    """Each octet is counted once, over all files."""
    first = after(started(), advanced(40), advanced(100), Recorded(url=URL, path="/to/a.bin"))
    both = first.finished().after(started()).after(advanced(7))
    assert (first.wire, both.wire, both.done) == (100, 107, 1)
    assert both.completed == pytest.approx(1.07)


def test_a_restart_rolls_the_file_back_and_not_the_wire() -> None:
    """A body that starts over begins at nothing; what the first try cost stays counted."""
    progress = after(started(), advanced(60), started(), advanced(10))
    assert progress.active is not None
    assert (progress.active.received, progress.wire) == (10, 70)


def test_an_unknown_size_has_no_part() -> None:
    """Without a total the run's bar waits for the file's end."""
    progress = after(started(None), advanced(60, None))
    assert (progress.completed, progress.wire) == (0.0, 60)


def test_more_than_announced_is_no_more_than_all() -> None:
    """A server that sends too much does not push the bar over its end."""
    assert after(started(), advanced(150)).completed == 1.0


@pytest.mark.parametrize(
    ("octets", "total", "seconds", "words"),
    [
        (0, None, 0.0, "0 B"),
        (1024, 2048, 0.0, "1.0 KiB of 2.0 KiB"),
        (4096, None, 2.0, "4.0 KiB  2.0 KiB/s"),
    ],
)
def test_amounts_in_words(octets: int, total: int | None, seconds: float, words: str) -> None:
    """How much, of how much if that is known, and how fast once there is a time."""
    assert amount(octets, total, seconds) == words


@pytest.mark.parametrize(
    ("quiet", "drawable", "log", "data", "style"),
    [
        (False, True, False, False, Style.BAR),
        (False, False, False, False, Style.LINES),
        (False, True, True, False, Style.LINES),
        (False, True, False, True, Style.LINES),
        (True, True, False, False, Style.FAILURES),
    ],
)
def test_a_bar_is_drawn_only_where_nothing_tears_it(
    quiet: bool, drawable: bool, log: bool, data: bool, style: Style
) -> None:
    """No terminal, a log, or data on the same terminal: lines; quiet: failures only."""
    assert choose_style(quiet=quiet, drawable=drawable, log_shown=log, data_there=data) is style


FINE = Item(url=URL, outcome=Outcome.SKIPPED, fate=Fate.UNCHANGED, reason="unchanged")
FAILED = Item(
    url=URL,
    outcome=Outcome.FAILED,
    fate=Fate.FAILED,
    reason="gone",
    failure=Failure(kind="status", message="gone [red] \x1b[2J\x07", retryable=False),
)


@pytest.mark.parametrize(("only_failures", "lines"), [(False, 2), (True, 1)])
def test_lines_tell_about_ends(
    only_failures: bool, lines: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line for each item, or for each failure, on standard error."""
    with Lines(only_failures=only_failures) as follower:
        follower.event(started())
        follower.ended(FINE)
        follower.ended(FAILED)
    told = capsys.readouterr()
    assert (len(told.err.splitlines()), told.out) == (lines, "")
    assert not {"\x1b", "\x07"} & set(told.err)


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_the_bar_shows_run_and_file_and_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, octets and failures are drawn; no markup and no escape of theirs gets through."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    terminal = _Terminal()
    with Bar(2, terminal) as bar:
        bar.event(started(1024))
        bar.event(advanced(512, 1024))
        bar._bars.refresh()
        bar.ended(FAILED)
        bar.event(started(None))
        bar.event(advanced(2048, None))
        bar._bars.refresh()
        bar.ended(FINE)
    drawn = terminal.getvalue()
    assert "0 of 2 files" in drawn
    assert "512 B of 1.0 KiB" in drawn
    assert "2.0 KiB" in drawn
    assert "failed: http://h/a.bin: gone [red] \ufffd[2J" in drawn
    assert "\x1b[2J" not in drawn
    assert drawn.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))
    assert isinstance(bar._console, Console)
