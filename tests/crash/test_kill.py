"""Killed at any step, the final name holds the old or the new file, and the next run repairs.

Every run is repeated and killed at its first point, at its second, and so on until it ends by
itself. See `_points` for what a point is and `_trial` for what is checked.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import time
from typing import TYPE_CHECKING

import attrs
import pytest

from etagkit.testing import Outcome, Stall, Well
from tests.crash._job import Watch
from tests.crash._trial import OLD, SCENES, SIZE, Trial, wait_until

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


class Sweep:
    """Kills one run after another at each of its points."""

    def __init__(
        self, children: Children, origin: Origin, client: httpx.Client, folder: Path
    ) -> None:
        """Take who runs jobs, the source, who repairs, and where."""
        self.children = children
        self.origin = origin
        self.client = client
        self.folder = folder

    def run(self, scene: str, watch: Watch, *, asynchronous: bool = False) -> set[str]:
        """Return the names of the points at which a child was killed."""
        met: set[str] = set()
        for number in itertools.count(1):
            folder = self.folder / str(number)
            trial = Trial(SCENES[scene], self.origin, self.client, folder)
            job = attrs.evolve(
                trial.job, asynchronous=asynchronous, watch=watch, octets=_OCTETS, kill_at=number
            )
            report = self.children.run(job)
            if report.signal == 0:
                assert (report.error, report.outcome) == (None, trial.scene.outcome)
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


#: The scenes whose runs differ; the others differ in what is found before and after them.
_USUAL = ["fresh with sidecar", "update", "update with sidecar", "refetch", "edited"]

_IDLE = ["unchanged", "unchanged, sidecar lost"]


def _check_met(met: set[str], scene: str, watch: Watch) -> None:
    assert met >= _around(_OPERATIONS)
    if watch & Watch.STATEMENTS:
        assert met >= _STEPS
    if SCENES[scene].sidecar:
        assert met >= _around(frozenset({"Write"})) | {"rename temp data.bin.meta.json"}


@pytest.mark.parametrize("scene", _USUAL)
def test_any_step(sweep: Sweep, scene: str) -> None:
    """A process killed at any step leaves a whole file and no deceiving record; a rerun repairs."""
    _check_met(sweep.run(scene, Watch.STEPS), scene, Watch.STEPS)


def test_any_operation_async(sweep: Sweep) -> None:
    """The same under the async driver, whose file work runs in threads."""
    watch = Watch.OPERATIONS | Watch.FILES
    met = sweep.run("update with sidecar", watch, asynchronous=True)
    _check_met(met, "update with sidecar", watch)


@pytest.mark.parametrize("scene", _IDLE)
def test_any_step_of_a_skip(sweep: Sweep, scene: str) -> None:
    """A run that has nothing to fetch can be killed at any step as well."""
    met = sweep.run(scene, Watch.STEPS)
    assert met >= _around(frozenset({"Locate", "Sweep", "Stat", "Send", "Release", "Call", "Emit"}))
    assert not met & {"before CreateTemp", "before Drain"} or SCENES[scene].loses_sidecar


@pytest.mark.long
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("scene", SCENES)
def test_any_instruction(sweep: Sweep, scene: str, asynchronous: bool) -> None:
    """The same within the statements of the database, for every scene and both drivers."""
    met = sweep.run(scene, Watch.STEPS | Watch.INSTRUCTIONS, asynchronous=asynchronous)
    assert "instruction" in met
    if scene not in _IDLE:
        _check_met(met, scene, Watch.STEPS)


# --- killed from outside ---------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_waiting_for_an_answer(
    children: Children,
    origin: Origin,
    client: httpx.Client,
    tmp_path: Path,
    method: str,
    asynchronous: bool,
) -> None:
    """Killed while the source keeps it waiting for an answer, nothing was changed."""
    trial = Trial(SCENES["update"], origin, client, tmp_path / "here")
    origin.clear_log()
    origin.always(trial.route, Stall(None, methods=method))
    pid = children.begin(attrs.evolve(trial.job, asynchronous=asynchronous))
    origin.wait_for(lambda each: each.method == method and each.outcome is Outcome.STALLED)
    os.kill(pid, signal.SIGKILL)
    assert children.end().signal == signal.SIGKILL
    trial.check_untouched()
    origin.script(trial.route)
    trial.check_repair()


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_waiting_for_the_rest(
    children: Children, origin: Origin, client: httpx.Client, tmp_path: Path, asynchronous: bool
) -> None:
    """Killed in the middle of a body that does not come, a run leaves one partial file, no more."""
    trial = Trial(SCENES["update"], origin, client, tmp_path / "here")
    origin.clear_log()
    origin.script(trial.route, Well(), Well(), Stall(SIZE // 2))
    pid = children.begin(attrs.evolve(trial.job, asynchronous=asynchronous))
    wait_until(trial.leftovers)
    os.kill(pid, signal.SIGKILL)
    assert children.end().signal == signal.SIGKILL
    assert len(trial.leftovers()) == 1
    trial.check_safety()
    assert trial.content() == OLD
    origin.script(trial.route)
    trial.check_repair()


@pytest.mark.long
@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_any_moment(
    children: Children, origin: Origin, client: httpx.Client, quick_folder: Path, asynchronous: bool
) -> None:
    """Killed at moments that no program chose, 300 runs keep the same promises."""
    killed = 0
    for number in range(300):
        trial = Trial(SCENES["update with sidecar"], origin, client, quick_folder / str(number))
        pid = children.begin(attrs.evolve(trial.job, asynchronous=asynchronous))
        time.sleep(random.uniform(0, 0.06))  # the moment is the point of this test
        os.kill(pid, signal.SIGKILL)
        killed += children.end().signal == signal.SIGKILL
        trial.check_safety()
        trial.check_repair()
    assert killed > 30
