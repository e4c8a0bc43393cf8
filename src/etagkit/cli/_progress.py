"""How a run of fetches is followed on standard error: a bar, lines, or nothing but failures.

The numbers are those of the wire: octets as sent, which is what takes the time. They are folded
from events by `Progress`, a value; the bar only draws it.
"""

from __future__ import annotations

import enum
import os
import sys
from typing import TYPE_CHECKING, Any, Protocol, Self

import attrs

from etagkit.cli._items import Item, Outcome
from etagkit.cli._output import tell
from etagkit.display import elide_middle, human_size, printable
from etagkit.events import Advanced, Started, TransferEvent

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import Console
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

#: Cells for the name of the active file: leaves room for a bar in 80 columns.
_NAME = 28


@attrs.frozen(kw_only=True)
class Active:
    """The file whose body is coming in."""

    name: str
    received: int = 0
    total: int | None = None

    @property
    def fraction(self) -> float:
        """How much of it is here, from 0 to 1; 0 where the size is not known."""
        return min(self.received / self.total, 1.0) if self.total else 0.0


@attrs.frozen(kw_only=True)
class Progress:
    """How far a run of `files` files is; `wire` counts the octets of all bodies so far."""

    files: int
    done: int = 0
    wire: int = 0
    active: Active | None = None

    def after(self, event: TransferEvent) -> Progress:
        """Return the progress after `event`.

        A body that starts over begins at nothing again; what it had cost on the wire stays counted.

        >>> run = Progress(files=1).after(Started(url="http://h/a", path="/a", total=10))
        >>> run.after(Advanced(url="http://h/a", path="/a", received=5, total=10)).completed
        0.5
        """
        match event:
            case Started(path=path, total=total):
                return attrs.evolve(self, active=Active(name=os.path.basename(path), total=total))
            case Advanced(path=path, received=received, total=total):
                before = 0 if self.active is None else self.active.received
                now = Active(name=os.path.basename(path), received=received, total=total)
                return attrs.evolve(self, active=now, wire=self.wire + received - before)
            case _:
                return self

    def finished(self) -> Progress:
        """Return the progress after one file more has come to its end, whatever it was."""
        return attrs.evolve(self, done=self.done + 1, active=None)

    @property
    def completed(self) -> float:
        """Files that are done, with the part of the active one that is here."""
        return self.done + (0.0 if self.active is None else self.active.fraction)


class Style(enum.Enum):
    """How a run is followed."""

    BAR = "bar"
    LINES = "lines"
    FAILURES = "failures"


def choose_style(*, quiet: bool, drawable: bool, log_shown: bool, data_there: bool) -> Style:
    """Return how to follow a run.

    `drawable` says whether standard error is a terminal that can move its cursor; a bar there
    would be torn by the log, and by data that goes to the same terminal (`data_there`).
    """
    if quiet:
        return Style.FAILURES
    return Style.BAR if drawable and not log_shown and not data_there else Style.LINES


def amount(octets: int, total: int | None, seconds: float) -> str:
    """Return how much has come, of how much where that is known, and how fast.

    >>> amount(1024, 4096, 2.0), amount(1024, None, 0.0)
    ('1.0 KiB of 4.0 KiB  512 B/s', '1.0 KiB')
    """
    much = human_size(octets) if total is None else f"{human_size(octets)} of {human_size(total)}"
    return f"{much}  {human_size(int(octets / seconds))}/s" if seconds > 0 else much


class Follower(Protocol):
    """Follows a run: told about each event and about the end of each item."""

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(self, *_: object) -> None:
        """Leave standard error as it should be."""
        ...

    def event(self, event: TransferEvent) -> None:
        """Take an event of the transfer that is under way."""
        ...

    def ended(self, item: Item) -> None:
        """Take the end of an item."""
        ...


class Lines:
    """One line on standard error for each item; with `only_failures` for those that failed."""

    def __init__(self, *, only_failures: bool = False) -> None:
        """Choose what is told."""
        self._only_failures = only_failures

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to leave."""

    def event(self, event: TransferEvent) -> None:
        """Ignore the way; lines tell about ends."""

    def ended(self, item: Item) -> None:
        """Print the line."""
        if item.outcome is Outcome.FAILED or not self._only_failures:
            tell(item.line())


class Bar:
    """A bar for the whole run and one for the active file; failures are printed above them."""

    def __init__(self, files: int, stream: TextIO | None = None) -> None:
        """Prepare to draw on `stream`, by default standard error."""
        from rich.console import Console

        self._console = Console(file=sys.stderr if stream is None else stream, highlight=False)
        self._progress = Progress(files=files)
        self._bars = _bars(self._console)
        self._total = self._bars.add_task("", total=float(files), **_total_fields(self._progress))
        self._active: TaskID | None = None

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bars away; the table that follows says what became of everything."""
        self._bars.stop()

    def event(self, event: TransferEvent) -> None:
        """Draw what has come."""
        self._progress = self._progress.after(event)
        active = self._progress.active
        if active is not None and isinstance(event, Started | Advanced):
            if self._active is None or isinstance(event, Started):
                self._end_active()
                self._active = self._bars.add_task("", name=_active_name(active), octets=0, of=None)
            self._bars.update(
                self._active,
                total=None if active.total is None else float(active.total),
                completed=float(active.received),
                octets=active.received,
                of=active.total,
            )
            self._draw_total()

    def ended(self, item: Item) -> None:
        """Count the item; one that failed is told at once."""
        from rich.text import Text

        self._progress = self._progress.finished()
        self._end_active()
        if item.outcome is Outcome.FAILED:
            self._console.print(Text(printable(item.line())), soft_wrap=True)
        self._draw_total()

    def _draw_total(self) -> None:
        fields = _total_fields(self._progress)
        self._bars.update(self._total, completed=self._progress.completed, **fields)

    def _end_active(self) -> None:
        if self._active is not None:
            self._bars.remove_task(self._active)
            self._active = None


def _active_name(active: Active) -> str:
    return elide_middle(printable(active.name), _NAME)


def _total_fields(progress: Progress) -> dict[str, Any]:
    name = f"{progress.done} of {progress.files} files"
    return {"name": name, "octets": progress.wire, "of": None}


def _bars(console: Console) -> Bars:
    """Return what draws: name, bar, amount. Standard output is left alone: data goes there."""
    from rich.progress import BarColumn, ProgressColumn, Task, TextColumn
    from rich.progress import Progress as Bars
    from rich.table import Column
    from rich.text import Text

    class Amount(ProgressColumn):
        """The octets of the wire."""

        def render(self, task: Task) -> Text:
            """Return the words for one bar."""
            return Text(amount(task.fields["octets"], task.fields["of"], task.elapsed or 0.0))

    return Bars(
        TextColumn("{task.fields[name]}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None),
        Amount(table_column=Column(no_wrap=True)),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
