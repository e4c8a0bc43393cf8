"""Stores to test with: each test of the contract runs against every one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from etagkit.manifest import ManifestStore, MemoryManifest, SQLiteManifest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ManifestStore]:
    """An empty store."""
    made: ManifestStore
    made = MemoryManifest() if request.param == "memory" else SQLiteManifest(tmp_path / "m.db")
    with made:
        yield made
