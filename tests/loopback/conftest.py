"""The world of these tests: an origin on loopback, and every kind of client."""

from __future__ import annotations

import gc
import logging
from typing import TYPE_CHECKING

import pytest

from etagkit.testing import Origin
from tests.loopback._world import KINDS, TWO_KINDS, Kind, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Serve on loopback."""
    with Origin() as running:
        yield running


def _watched(
    kind: Kind, origin: Origin, folder: Path, caplog: pytest.LogCaptureFixture
) -> Iterator[World]:
    folder.mkdir()
    caplog.set_level(logging.DEBUG, logger="etagkit")
    caplog.set_level(logging.INFO, logger="httpx")
    caplog.set_level(logging.INFO, logger="httpx2")
    world = World(kind, origin, folder)
    yield world
    # at this point `caplog.text` holds only what was logged since the test's body ended
    world.check("\n".join(record.getMessage() for record in caplog.get_records("call")))


@pytest.fixture(params=KINDS, ids=str)
def world(
    request: pytest.FixtureRequest,
    origin: Origin,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[World]:
    """Give the test each kind of client, and check afterwards what must always hold."""
    yield from _watched(request.param, origin, tmp_path / "here", caplog)


@pytest.fixture(params=TWO_KINDS, ids=str)
def small_world(
    request: pytest.FixtureRequest,
    origin: Origin,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Iterator[World]:
    """Give the test one sync and one async client: for what no client can change."""
    yield from _watched(request.param, origin, tmp_path / "here", caplog)


@pytest.fixture(autouse=True, scope="module")
def leaks() -> Iterator[None]:
    """Let what was left open be noticed (sockets, generators) in the module that left it."""
    yield
    gc.collect()
