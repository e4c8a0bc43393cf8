"""Killed at any step, the final name holds the old or the new file, and the next run repairs.

Every run is repeated and killed at its first point, at its second, and so on until it ends by
itself. See `_points` for what a point is and `_trial` for what is checked.
"""

from __future__ import annotations

import itertools
import shutil
import signal
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

#: After the first octet, in the middle, after the last; and within the sidecar.
_OCTETS = (1, SIZE // 2, SIZE, SIZE + 100)

#: Operations that every run which transfers something performs. A new step of the flow need not be
#: added, the sweep meets it by itself; a step that vanished must be noticed.
_OPERATIONS = frozenset(
    {
        "Locate",
        "Sweep",
        "Call",
        "Stat",
        "Send",
        "Release",
        "Peek",
        "CreateTemp",
        "Drain",
        "Flush",
        "Publish",
        "SyncFolder",
        "Now",
        "Emit",
    }
)

#: Within the operations, what must have been met for the sweep to be worth its name.
_STEPS = frozenset(
    {
        "create temp",
        "lock temp",
        "1 octets written",
        f"{SIZE // 2} octets written",
        f"{SIZE} octets written",
        "fsync temp",
        "rename temp data.bin",
        "fsync folder",
        "BEGIN IMMEDIATE",
        "INSERT INTO resource",
        "INSERT OR REPLACE",
        "COMMIT",
    }
)


@attrs.frozen
class Sweep:
    """Kills one run after another at each of its points."""

    children: Children
    origin: Origin
    client: httpx.Client
    folder: Path

    def run(self, scene: str, watch: Watch, *, asynchronous: bool = False) -> set[str]:
        """Return the names of the points at which a child was killed."""
        met: set[str] = set()
        for number in itertools.count(1):
            folder = self.folder / str(number)
            folder.mkdir()
            trial = Trial(SCENES[scene], self.origin, self.client, folder)
            job = attrs.evolve(
                trial.job, asynchronous=asynchronous, watch=watch, octets=_OCTETS, kill_at=number
            )
            report = self.children.run(job)
            if report.signal == 0:
                assert (report.error, report.outcome) == (None, "Fetched")
                trial.check_success()
                trial.check_rest()
                return met
            assert report.signal == signal.SIGKILL
            met.add(report.points[-1])
            try:
                trial.check_safety()
                trial.check_repair()
            except Exception as exc:
                exc.add_note(f"killed at point {number}: {report.points[-1]}")
                raise
            shutil.rmtree(folder)
        raise AssertionError("unreachable")


@pytest.fixture
def sweep(children: Children, origin: Origin, client: httpx.Client, quick_folder: Path) -> Sweep:
    """Return what kills."""
    return Sweep(children, origin, client, quick_folder)


def _around(operations: frozenset[str]) -> set[str]:
    return {f"{when} {name}" for when in ("before", "after") for name in operations}


@pytest.mark.parametrize("scene", SCENES)
def test_any_step(sweep: Sweep, scene: str) -> None:
    """A process killed at any step leaves a whole file and no deceiving record; a rerun repairs."""
    met = sweep.run(scene, Watch.STEPS)
    assert met >= _around(_OPERATIONS) | _STEPS
    if SCENES[scene].sidecar:
        assert met >= _around(frozenset({"Write"})) | {"rename temp data.bin.meta.json"}


@pytest.mark.parametrize("scene", ["fresh", "update with sidecar"])
def test_any_operation_async(sweep: Sweep, scene: str) -> None:
    """The same under the async driver, whose file work runs in threads."""
    met = sweep.run(scene, Watch.OPERATIONS | Watch.FILES, asynchronous=True)
    assert met >= _around(_OPERATIONS)
