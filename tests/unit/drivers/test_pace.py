"""Progress is told often enough to be seen, and no more often."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from etagkit.drivers._pace import Pace


def test_the_end_is_always_told() -> None:
    """However fast it went, the last event carries the whole count."""
    told: list[object] = []
    pace = Pace(lambda count: count, told.append, lambda: 0.0)
    pace.advance(3)
    pace.advance(4)
    assert told == []
    assert pace.finish() == 7
    assert told == [7]


def test_nobody_listens() -> None:
    """Without something to tell, octets are only counted."""
    pace = Pace(None, _unexpected, lambda: 0.0)
    pace.advance(5)
    assert pace.finish() == 5


def _unexpected(event: object) -> None:
    raise AssertionError(event)


@given(st.lists(st.tuples(st.integers(0, 100), st.floats(0, 1)), max_size=50))
def test_at_most_ten_times_a_second(steps: list[tuple[int, float]]) -> None:
    """Counts never fall, events come a tenth of a second apart, and the sum is right."""
    now = 0.0
    told: list[tuple[float, int]] = []
    pace = Pace(lambda count: count, lambda count: told.append((now, int(str(count)))), lambda: now)
    for octets, seconds in steps:
        now += seconds
        pace.advance(octets)
    moments = [moment for moment, _ in told]
    assert all(b - a >= 0.1 for a, b in itertools.pairwise(moments))
    assert pace.finish() == sum(octets for octets, _ in steps)
    counts = [count for _, count in told]
    assert counts == sorted(counts)
    assert counts[-1] == pace.received
