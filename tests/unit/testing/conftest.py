"""Origins and clients for the tests of the testing kit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from etagkit.testing import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The time at which every origin here lives.
NOW = datetime(2024, 2, 29, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    """Return the time by the clock of `origin`."""
    return NOW


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Serve with a clock that stands still."""
    with Origin(now=lambda: NOW) as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """Return a client that asks for what is there and goes nowhere else."""
    with httpx.Client(
        trust_env=False, timeout=5, headers={"Accept-Encoding": "identity"}
    ) as running:
        yield running
