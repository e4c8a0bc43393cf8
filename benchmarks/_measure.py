"""Rounds, medians and ratios."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

import attrs

from etagkit.display import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@attrs.frozen(kw_only=True)
class Sample:
    """One run of one contestant: seconds on the wall, and of processor time where known."""

    seconds: float
    cpu: float | None = None
    peak_growth: int | None = None  #: octets of memory above the idle process


def interleave(
    contestants: Mapping[str, Callable[[], Sample]], rounds: int
) -> dict[str, list[Sample]]:
    """Run every contestant once a round, after one round that does not count.

    The order turns by one each round, so that nobody always comes after the same neighbour.
    """
    names = list(contestants)
    taken: dict[str, list[Sample]] = {name: [] for name in names}
    for number in range(rounds + 1):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            sample = contestants[name]()
            if number:
                taken[name].append(sample)
    return taken


def ratio(taken: Mapping[str, Sequence[Sample]], name: str, base: str) -> float:
    """Return how many times as fast as `base` the contestant `name` is: the median over rounds."""
    pairs = zip(taken[name], taken[base], strict=True)
    return statistics.median(other.seconds / own.seconds for own, other in pairs)


def report(title: str, taken: Mapping[str, Sequence[Sample]], base: str, work: float) -> Table:
    """Return a table of medians; `work` is what one run does, in MiB or in pieces."""
    rows = []
    for name, samples in taken.items():
        median = statistics.median(sample.seconds for sample in samples)
        cpus = [sample.cpu for sample in samples if sample.cpu is not None]
        growth = [s.peak_growth for s in samples if s.peak_growth is not None]
        rows.append(
            (
                name,
                f"{median:.3f}",
                f"{min(s.seconds for s in samples):.3f}",
                f"{work / median:.0f}",
                f"{statistics.median(cpus):.2f}" if cpus else "-",
                f"{max(growth) / 2**20:.0f}" if growth else "-",
                f"{ratio(taken, name, base):.2f}",
            )
        )
    columns = ("", "median s", "best s", "work/s", "cpu s", "+MiB", f"x {base}")
    return Table(title=title, columns=columns, rows=tuple(rows))
