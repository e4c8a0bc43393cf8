"""How often progress is told: enough for the eye, too seldom to cost anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds between two progress events: ten a second look smooth in a terminal or a notebook.
_INTERVAL = 0.1


class Pace:
    """Counts octets and tells about them at most every `_INTERVAL` seconds, and at the end."""

    __slots__ = ("_clock", "_emit", "_last", "_make", "received")

    def __init__(
        self,
        make: Callable[[int], object] | None,
        emit: Callable[[object], None],
        clock: Callable[[], float],
    ) -> None:
        """Take what makes an event of a count, where to send it, and a steady clock."""
        self.received = 0
        self._make = make
        self._emit = emit
        self._clock = clock
        self._last = clock()

    def advance(self, octets: int) -> None:
        """Count `octets` more."""
        self.received += octets
        if self._make is not None:
            now = self._clock()
            if now - self._last >= _INTERVAL:
                self._last = now
                self._emit(self._make(self.received))

    def finish(self) -> int:
        """Tell about the end and return the count."""
        if self._make is not None:
            self._emit(self._make(self.received))
        return self.received
