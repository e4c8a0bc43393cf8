"""An origin, a client, and children that may be killed."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etagkit.testing import Origin
from tests.crash._trial import quick_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.crash._children import Children

#: Where Linux keeps files in memory.
_MEMORY = "/dev/shm"


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Serve on loopback, from the process that survives."""
    with Origin() as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    """Return a client for the runs that nobody disturbs."""
    with quick_client() as client:
        yield client


@pytest.fixture
def quick_folder() -> Iterator[Path]:
    """Return a folder in memory where there is such a place.

    What is on the disk does not matter to a process that is killed, only to a power cut; waiting
    for it would take most of the time of a test that writes a thousand files.
    """
    parent = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="etagkit-crash-", dir=parent) as folder:
        yield Path(folder).resolve()


@pytest.fixture(scope="session")
def children() -> Iterator[Children]:
    """Return who forks a child for each job."""
    yield from _children()


@pytest.fixture(scope="session")
def more_children() -> Iterator[Children]:
    """Return another one, for a second child at the same time."""
    yield from _children()


def _children() -> Iterator[Children]:
    if sys.platform == "win32":
        pytest.skip("this system has neither fork nor SIGKILL")
    from tests.crash._children import Children

    with Children() as children:
        yield children
