"""Many at one target: processes and threads that fetch the same file at the same time, and sweeps.

Nothing locks the target. Everybody writes a temporary file of his own and publishes it whole; the
last rename and the last record win, and where these are not of one run the next run notices.
"""

from __future__ import annotations

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import attrs
import pytest

from etagkit.drivers import Files, _platform, _sqlite_layout
from etagkit.manifest import SQLiteManifest
from etagkit.testing import Behaviour, Outcome, Reply, Stall, Visit, Well
from etagkit.transfer import DownloadContext, Fetched, Skipped
from tests.crash._job import SweepOften
from tests.crash._trial import NEW, OLD, PATIENCE, SCENES, SIZE, Trial, quick_client, wait_until

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    import httpx

    from etagkit.testing import Origin
    from tests.crash._children import Children

pytestmark = pytest.mark.crash

#: Rounds of two processes; what varies between them is who is first at each step.
_ROUNDS = 10


@attrs.frozen
class Meeting(Behaviour):
    """Answers when everybody has asked, the second time that is: the first look for the type."""

    barrier: threading.Barrier
    bodies: tuple[bytes, ...] = ()

    def reply(self, visit: Visit) -> Reply:
        """Wait for the others; give each of them another version where there are several."""
        if "range" in visit.request.headers:
            return visit.well()
        place = self.barrier.wait(PATIENCE)
        if not self.bodies:
            return visit.well()
        body = self.bodies[place % len(self.bodies)]
        return attrs.evolve(visit.well(), body=body).replacing({"ETag": f'"{place}"'})


@pytest.mark.parametrize("scene", ["fresh", "update with sidecar", "refetch"])
def test_two_processes(
    children: Children,
    more_children: Children,
    origin: Origin,
    client: httpx.Client,
    tmp_path: Path,
    scene: str,
) -> None:
    """Two processes fetch one file to one place: it is whole and recorded, nothing else is left."""
    for number in range(_ROUNDS):
        trial = Trial(SCENES[scene], origin, client, tmp_path / str(number))
        origin.always(trial.route, Meeting(threading.Barrier(2), methods="GET"))
        crowd = (children, more_children)
        for each in crowd:
            each.begin(trial.job)
        reports = [each.end() for each in crowd]
        assert [(each.error, each.outcome) for each in reports] == [(None, "Fetched")] * 2
        origin.script(trial.route)
        trial.check_safety()
        assert trial.content() == trial.scene.source
        assert trial.leftovers() == []
        trial.check_rest()
        trial.check_repair()


def test_two_processes_two_versions(
    children: Children,
    more_children: Children,
    origin: Origin,
    client: httpx.Client,
    tmp_path: Path,
) -> None:
    """Where the source changes in between, one version stands whole; the next run settles it."""
    for number in range(_ROUNDS):
        trial = Trial(SCENES["fresh"], origin, client, tmp_path / str(number))
        behaviour = Meeting(threading.Barrier(2), (OLD, NEW), methods="GET")
        origin.always(trial.route, behaviour)
        crowd = (children, more_children)
        for each in crowd:
            each.begin(trial.job)
        reports = [each.end() for each in crowd]
        assert [(each.error, each.outcome) for each in reports] == [(None, "Fetched")] * 2
        origin.script(trial.route)
        assert trial.content() in {OLD, NEW}
        assert trial.leftovers() == []
        trial.check_repair()


@pytest.mark.parametrize("shared", [True, False], ids=["one context", "a context each"])
def test_many_threads(origin: Origin, client: httpx.Client, tmp_path: Path, shared: bool) -> None:
    """Eight threads fetch one file to one place: every one succeeds, and the file is whole."""
    trial = Trial(SCENES["update"], origin, client, tmp_path / "here")
    threads = 8
    start = threading.Barrier(threads)

    def fetch(context: DownloadContext) -> type:
        start.wait(PATIENCE)
        return type(context.fetch(trial.url, trial.path))

    def fetch_alone(_: int) -> type:
        with quick_client() as own, DownloadContext(own, manifest=trial.manifest) as context:
            return fetch(context)

    with ThreadPoolExecutor(threads) as pool:
        if shared:
            with DownloadContext(client, manifest=trial.manifest) as context:
                results = set(pool.map(lambda _: fetch(context), range(threads)))
        else:
            results = set(pool.map(fetch_alone, range(threads)))
    assert results <= {Fetched, Skipped}
    assert Fetched in results
    trial.check_safety()
    assert trial.content() == NEW
    assert trial.leftovers() == []
    trial.check_rest()


def test_many_files_one_manifest(
    children: Children,
    more_children: Children,
    origin: Origin,
    client: httpx.Client,
    tmp_path: Path,
) -> None:
    """Two processes fill one folder, first of all its manifest, and neither hinders the other."""
    for number in range(_ROUNDS):
        folder = tmp_path / str(number)
        trials = [Trial(SCENES["fresh"], origin, client, folder / name) for name in ("a", "b")]
        jobs = [
            attrs.evolve(trial.job, manifest=str(folder / "manifest.sqlite")) for trial in trials
        ]
        barrier = threading.Barrier(2)
        for trial, each, job in zip(trials, (children, more_children), jobs, strict=True):
            origin.always(trial.route, Meeting(barrier, methods="GET"))
            each.begin(job)
        reports = [each.end() for each in (children, more_children)]
        assert [(each.error, each.outcome) for each in reports] == [(None, "Fetched")] * 2


def test_a_manifest_that_comes_into_being_under_ones_eyes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest that another process makes between two looks at the file is not a foreign file."""
    path = tmp_path / "manifest.sqlite"
    number = _sqlite_layout.number
    others: list[threading.Thread] = []

    def look(connection: sqlite3.Connection, sql: str) -> int:
        seen = number(connection, sql)
        if not others:  # this was the first look, at an empty file
            others.append(threading.Thread(target=lambda: SQLiteManifest(path).close()))
            others[0].start()
            others[0].join(0.5)  # it ends now, or waits for a lock that is held here
        return seen

    monkeypatch.setattr(_sqlite_layout, "number", look)
    with SQLiteManifest(path) as manifest:
        assert manifest.count() == 0
    others[0].join(PATIENCE)
    assert not others[0].is_alive()


# --- sweeps --------------------------------------------------------------------------------------


@pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])
def test_a_sweep_spares_the_living(
    children: Children, origin: Origin, client: httpx.Client, tmp_path: Path, asynchronous: bool
) -> None:
    """A hundred runs beside it do not remove the temporary file of a process that still writes."""
    slow = Trial(SCENES["fresh"], origin, client, tmp_path)
    origin.put("/other", b"small")
    origin.script(slow.route, Well(), Well(), Stall(SIZE // 2))  # HEAD, sample, body
    children.begin(attrs.evolve(slow.job, asynchronous=asynchronous))
    wait_until(slow.leftovers)
    living = slow.leftovers()
    for _ in range(100):
        with DownloadContext(client) as context:
            context.fetch(origin.url("/other"), tmp_path / "other")
        assert slow.leftovers() == living
    origin.release()
    report = children.end()
    assert (report.error, report.outcome) == (None, "Fetched")
    assert slow.content() == NEW
    assert slow.leftovers() == []


def test_a_sweep_removes_the_dead(
    children: Children, origin: Origin, client: httpx.Client, tmp_path: Path
) -> None:
    """When the process dies, its temporary file goes with the next sweep; foreign files stay."""
    slow = Trial(SCENES["fresh"], origin, client, tmp_path)
    origin.script(slow.route, Well(), Well(), Stall(SIZE // 2))
    pid = children.begin(slow.job)
    origin.wait_for(lambda each: each.outcome is Outcome.STALLED)
    wait_until(slow.leftovers)
    foreign = [".etagkit-notes.part", "data.part", ".etagkit-0-1.part"]
    for name in foreign:
        (tmp_path / name).write_bytes(b"mine")
    assert Files().sweep(str(tmp_path)) == 0
    os.kill(pid, signal.SIGKILL)
    assert children.end().signal == signal.SIGKILL
    assert Files().sweep(str(tmp_path)) == 1
    assert slow.leftovers() == sorted(foreign)


def test_sweeps_race_with_downloads(children: Children, tmp_path: Path) -> None:
    """Files that are created while another process sweeps without a pause are all published."""
    files, target = Files(), str(tmp_path / "file")
    end = tmp_path / "end"
    children.begin(SweepOften(folder=str(tmp_path), until=str(end)))
    for number in range(500):
        opened = files.create_temp(target)
        opened.write(b"%d" % number)
        opened.publish(target)
        assert (tmp_path / "file").read_bytes() == b"%d" % number
    end.touch()
    report = children.end()
    assert (report.error, report.signal) == (None, 0)
    assert sorted(os.listdir(tmp_path)) == ["end", "file"]


def test_a_sweep_between_creation_and_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file swept in the moment before it was locked is noticed, and another one is taken."""
    files = Files()
    swept: list[int] = []
    lock = _platform.try_lock

    def sweep_first(descriptor: int) -> bool | None:
        if not swept:
            swept.append(0)  # the sweep itself locks
            swept[0] = Files().sweep(str(tmp_path))
        return lock(descriptor)

    monkeypatch.setattr(_platform, "try_lock", sweep_first)
    opened = files.create_temp(str(tmp_path / "file"))
    assert swept == [1]
    assert os.path.exists(opened.temp.path)
    opened.write(b"whole")
    opened.publish(str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"whole"
    assert os.listdir(tmp_path) == ["file"]
