"""The order that makes a power cut harmless: content, name, folder, record, each in its turn.

A crash of the process alone cannot show it, since the system keeps what was written; so the calls
themselves are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest

from tests.crash._job import Watch
from tests.crash._trial import SCENES, SIZE, Trial

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from etagkit.testing import Origin
    from tests.crash._children import Children

pytestmark = pytest.mark.crash

_FILE = [
    "create temp",
    "lock temp",
    f"{SIZE} octets written",
    "fsync temp",
    "chmod temp",
    "rename temp data.bin",
    "fsync folder",
]

_RECORD = ["BEGIN IMMEDIATE", "INSERT INTO resource", "INSERT OR REPLACE", "COMMIT"]

_SIDECAR = [
    "create temp",
    "lock temp",
    "fsync temp",
    "chmod temp",
    "rename temp data.bin.meta.json",
    "fsync folder",
]

#: What changes nothing: questions, transactions that only read, and folders that are there already.
_READING = ("PRAGMA", "SELECT", "BEGIN read", "ROLLBACK", "make ")


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("scene", ["update", "update with sidecar", "refetch"])
def test_order(
    children: Children,
    origin: Origin,
    client: httpx.Client,
    tmp_path: Path,
    scene: str,
    asynchronous: bool,
) -> None:
    """The content is flushed before the rename, the folder after it; then comes the record."""
    trial = Trial(SCENES[scene], origin, client, tmp_path / "here")
    watch = Watch.FILES | Watch.STATEMENTS
    job = attrs.evolve(trial.job, asynchronous=asynchronous, watch=watch, octets=(SIZE,))
    report = children.run(job)
    assert report.outcome == "Fetched"
    changes = [point for point in report.points if not point.startswith(_READING)]
    assert changes == _FILE + _RECORD + (_SIDECAR if trial.scene.sidecar else [])


def test_first_record(
    children: Children, origin: Origin, client: httpx.Client, tmp_path: Path
) -> None:
    """A manifest that is not there yet is made after the first file was published."""
    trial = Trial(SCENES["fresh"], origin, client, tmp_path / "here")
    report = children.run(attrs.evolve(trial.job, watch=Watch.FILES | Watch.STATEMENTS))
    assert report.outcome == "Fetched"
    synced = report.points.index("fsync folder")
    assert report.points.index("make .etagkit") > synced
    assert report.points.index("BEGIN IMMEDIATE") > synced
    assert report.points[-1] == "COMMIT"
