"""The clocks: the time of day in UTC for records, a steady one for pacing."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

import attrs


def _utc_now() -> datetime:
    return datetime.now(UTC)


@attrs.frozen(kw_only=True)
class Clock:
    """Where time comes from; tests put their own functions in.

    `now` gives the time of day in UTC, `steady` seconds that never go back.
    """

    now: Callable[[], datetime] = _utc_now
    steady: Callable[[], float] = time.monotonic
