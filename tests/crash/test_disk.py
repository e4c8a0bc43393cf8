"""A disk that is full, a folder that may not be used: a typed error, and the old file untouched.

Errors of the operating system are made for real where that is possible: a small file system in
memory (needs root, on Linux), a limit on the size of files, another user. What no system can be
brought to on demand, such as a disk that finds out at `fsync` that it is full, is raised in the
place of the call, and at every other call that changes a file as well.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import pytest

from etagkit.errors import AccessDenied, DiskFull, EtagKitError, LocalFileError, ManifestError
from etagkit.testing import Behaviour, Reply, Visit
from tests.crash._job import Watch
from tests.crash._trial import NEW, PASSWORD, SCENES, SIZE, Scene, Trial

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from etagkit.testing import Origin
    from tests.crash._children import Children
    from tests.crash._job import Fetch

pytestmark = pytest.mark.crash

#: The user that has no rights: `nobody` on most systems; it need not have an entry.
_NOBODY = 65534

_BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])


def _check_error(error: BaseException | None, wanted: type[EtagKitError], trial: Trial) -> None:
    """The error is of the kind `wanted`, names everything, and shows no secret."""
    assert isinstance(error, EtagKitError), repr(error)
    assert type(error) is wanted, repr(error)
    assert error.url is not None
    assert error.url == trial.url.replace(f"me:{PASSWORD}", "***")
    assert error.path is not None
    assert error.path.startswith((str(trial.folder), str(trial.manifest)))
    assert error.url in str(error)
    assert error.path in str(error)
    assert error.found is not None, str(error)
    if wanted in {DiskFull, AccessDenied}:  # of other troubles nothing is known but their name
        assert error.expected is not None, str(error)
        assert error.advice is not None
    for shown in (str(error), repr(error), repr(vars(error))):
        assert PASSWORD not in shown


# --- any call may fail ---------------------------------------------------------------------------

#: Calls whose failure does not keep the file from being published.
_DISPENSABLE = frozenset(
    {
        "make folder",  # it is there already
        "make .etagkit",  # likewise, after the first file
        "chmod temp",  # rights that cannot be given are not given
    }
)


@pytest.mark.parametrize(
    "failure",
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EACCES, AccessDenied),
        (errno.EROFS, AccessDenied),
        (errno.EIO, LocalFileError),
    ],
    ids=lambda failure: errno.errorcode[failure[0]],
)
@pytest.mark.parametrize("scene", ["fresh", "update with sidecar"])
def test_any_call_fails(
    children: Children,
    origin: Origin,
    client: httpx.Client,
    quick_folder: Path,
    scene: str,
    failure: tuple[int, type[LocalFileError]],
) -> None:
    """An error of any call gives a typed error, leaves nothing half, and the next run repairs."""
    code, wanted = failure
    met: set[str] = set()
    for number in itertools.count(1):
        trial = Trial(SCENES[scene], origin, client, quick_folder / str(number))
        job = attrs.evolve(
            trial.job, watch=Watch.FILES, octets=(1, SIZE), fail_at=number, fail_with=code
        )
        report = children.run(job)
        if len(report.points) < number:
            break
        failed = report.points[number - 1]
        met.add(failed)
        try:
            if report.error is None:
                assert failed in _DISPENSABLE
                trial.check_success()
            else:
                of_manifest = wanted is LocalFileError and failed == "make .etagkit"
                _check_error(report.error, ManifestError if of_manifest else wanted, trial)
                if "rename temp data.bin" not in report.points[: number - 1]:
                    trial.check_untouched()
            trial.check_safety()
            assert trial.leftovers() == []
            trial.check_repair()
        except Exception as exc:
            exc.add_note(f"point {number} failed: {failed}")
            raise
        shutil.rmtree(trial.folder)
    assert met > {
        "create temp",
        "lock temp",
        "1 octets written",
        f"{SIZE} octets written",
        "fsync temp",
        "rename temp data.bin",
        "fsync folder",
    }


@_BOTH
def test_size_limit(
    children: Children,
    origin: Origin,
    client: httpx.Client,
    tmp_path: Path,
    asynchronous: bool,
) -> None:
    """A body beyond what the system lets a process write is a full disk."""
    trial = Trial(SCENES["update"], origin, client, tmp_path / "here")
    job = attrs.evolve(trial.job, asynchronous=asynchronous, largest_file=SIZE // 2)
    _check_error(children.run(job).error, DiskFull, trial)
    trial.check_untouched()
    trial.check_repair()


# --- a small file system -------------------------------------------------------------------------


@attrs.frozen
class Disk:
    """A file system of a few megabytes."""

    folder: Path

    def fill(self, leave: int) -> None:
        """Take all space but `leave` octets."""
        self.free()
        with (self.folder / "ballast").open("wb") as file:
            status = os.statvfs(self.folder)
            surplus = status.f_bavail * status.f_frsize - leave
            assert surplus > 0
            file.write(bytes(surplus))

    def take_inodes(self, leave: int) -> None:
        """Create so many files that only `leave` more can be."""
        others = self.folder / "others"
        others.mkdir()
        for number in range(os.statvfs(self.folder).f_ffree - leave):
            (others / str(number)).touch()

    def free(self) -> None:
        """Give everything back."""
        (self.folder / "ballast").unlink(missing_ok=True)
        shutil.rmtree(self.folder / "others", ignore_errors=True)

    def set_read_only(self, *, read_only: bool) -> None:
        """Mount it again, for reading only or as before."""
        _system("mount", "-o", f"remount,{'ro' if read_only else 'rw'}", str(self.folder))


def _system(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Mount a small file system, or skip: nobody but root may do that, and not in every container.

    It does not lie below the folders of pytest, which other runs may want to remove meanwhile.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("mounting a small file system needs Linux and root")
    folder = Path(tempfile.mkdtemp(prefix="etagkit-disk-")).resolve()
    try:
        options = "size=2m,nr_inodes=100,mode=755"
        _system("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder))
    except (OSError, subprocess.CalledProcessError) as exc:
        folder.rmdir()
        pytest.skip(f"this system lets not even root mount a file system here: {exc}")
    try:
        yield Disk(folder)
    finally:
        _system("umount", "--lazy", str(folder))
        folder.rmdir()


@attrs.frozen
class Meanwhile(Behaviour):
    """Does something on this machine before it answers well."""

    action: Callable[[], None]

    def reply(self, visit: Visit) -> Reply:
        """Do it, and answer."""
        self.action()
        return visit.well()


@_BOTH
def test_full_in_the_body(
    children: Children, origin: Origin, client: httpx.Client, disk: Disk, asynchronous: bool
) -> None:
    """The disk is full in the middle of the body: the old version stands, and nothing else."""
    trial = Trial(SCENES["update"], origin, client, disk.folder / "here")
    origin.always(trial.route, Meanwhile(lambda: disk.fill(leave=SIZE // 2), methods="GET"))
    report = children.run(attrs.evolve(trial.job, asynchronous=asynchronous))
    _check_error(report.error, DiskFull, trial)
    disk.free()
    trial.check_untouched()
    origin.script(trial.route)
    trial.check_repair()


@_BOTH
@pytest.mark.parametrize("recorded", [None, b"small"], ids=["first", "update"])
def test_full_at_the_record(
    children: Children,
    origin: Origin,
    client: httpx.Client,
    disk: Disk,
    recorded: bytes | None,
    asynchronous: bool,
) -> None:
    """There is room for the file and none for its record: an error, and no record that lies."""
    scene = Scene(recorded=recorded, source=NEW)
    trial = Trial(scene, origin, client, disk.folder / "here")
    pages = SIZE + 4096  # of the file, rounded up; one inode's worth more
    origin.always(trial.route, Meanwhile(lambda: disk.fill(leave=pages), methods="GET"))
    report = children.run(attrs.evolve(trial.job, asynchronous=asynchronous))
    _check_error(report.error, DiskFull, trial)
    assert isinstance(report.error, DiskFull)
    assert report.error.path == str(trial.manifest)
    disk.free()
    trial.check_safety()
    assert trial.content() == NEW
    assert trial.leftovers() == []
    origin.script(trial.route)
    trial.check_repair()


def test_full_from_the_start(
    children: Children, origin: Origin, client: httpx.Client, disk: Disk
) -> None:
    """Where not even the manifest can be opened for want of space, the error says so."""
    trial = Trial(SCENES["update"], origin, client, disk.folder / "here")
    disk.fill(leave=0)
    _check_error(children.run(trial.job).error, DiskFull, trial)
    disk.free()
    trial.check_untouched()
    trial.check_repair()


@pytest.mark.parametrize("left", [0, 1, 2])
def test_no_inodes(
    children: Children, origin: Origin, client: httpx.Client, disk: Disk, left: int
) -> None:
    """A file system that has space, but no room for another file, is full.

    An open manifest takes two files more (its log and the log's index), then comes the download.
    """
    trial = Trial(SCENES["update"], origin, client, disk.folder / "here")
    disk.take_inodes(left)
    _check_error(children.run(trial.job).error, DiskFull, trial)
    disk.free()
    trial.check_untouched()
    trial.check_repair()


@pytest.mark.parametrize("apart", [False, True], ids=["manifest there", "manifest elsewhere"])
def test_read_only_disk(
    children: Children,
    origin: Origin,
    client: httpx.Client,
    disk: Disk,
    tmp_path: Path,
    apart: bool,
) -> None:
    """On a file system mounted for reading only, access is denied, also to root."""
    manifest = tmp_path / "manifest.sqlite" if apart else None
    trial = Trial(SCENES["update"], origin, client, disk.folder / "here", manifest=manifest)
    disk.set_read_only(read_only=True)
    try:
        report = children.run(trial.job)
    finally:
        disk.set_read_only(read_only=False)
    _check_error(report.error, AccessDenied, trial)
    trial.check_untouched()
    trial.check_repair()


# --- rights --------------------------------------------------------------------------------------


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that any user may enter and write."""
    with tempfile.TemporaryDirectory(prefix="etagkit-open-") as name:
        folder = Path(name).resolve()
        folder.chmod(0o777)
        yield folder
        for path in (folder, *folder.rglob("*")):
            with contextlib.suppress(OSError):
                path.chmod(0o777)


class Powerless:
    """Somebody who has no rights but those that everybody has."""

    def __init__(
        self, children: Children, origin: Origin, client: httpx.Client, folder: Path
    ) -> None:
        """Take who runs jobs, the source, who prepares it, and where."""
        self.children = children
        self.origin = origin
        self.client = client
        self.folder = folder

    def trial(self, scene: str) -> Trial:
        """Set a scene up in which others may write both the folder and the manifest."""
        kept = self.folder / "kept"
        kept.mkdir()
        here = self.folder / "here"
        trial = Trial(
            SCENES[scene], self.origin, self.client, here, manifest=kept / "manifest.sqlite"
        )
        for path in (kept, here, *kept.iterdir(), *here.iterdir()):
            path.chmod(0o777)
        return trial

    def run(self, job: Fetch) -> BaseException | None:
        """Do `job` as that somebody: as this user, or as another where this one may do anything."""
        user = _NOBODY if os.geteuid() == 0 else None
        return self.children.run(attrs.evolve(job, user=user)).error


@pytest.fixture
def powerless(
    children: Children, origin: Origin, client: httpx.Client, open_folder: Path
) -> Powerless:
    """Return somebody without rights."""
    return Powerless(children, origin, client, open_folder)


@_BOTH
@pytest.mark.parametrize("mode", [0o555, 0o000], ids=["not writable", "not searchable"])
@pytest.mark.parametrize("scene", ["fresh", "update"])
def test_folder_without_permission(
    powerless: Powerless, scene: str, mode: int, asynchronous: bool
) -> None:
    """A folder that may not be written, or not even entered: access denied, nothing changed."""
    trial = powerless.trial(scene)
    trial.folder.chmod(mode)
    error = powerless.run(attrs.evolve(trial.job, asynchronous=asynchronous))
    trial.folder.chmod(0o777)
    _check_error(error, AccessDenied, trial)
    trial.check_untouched()
    trial.check_repair()


def test_folder_that_cannot_be_made(powerless: Powerless) -> None:
    """A target folder that may not be created: access denied, and no part of it is there."""
    trial = powerless.trial("fresh")
    trial.folder.chmod(0o555)
    error = powerless.run(attrs.evolve(trial.job, to=f"{trial.folder}/a/b/data.bin"))
    _check_error(error, AccessDenied, trial)
    assert list(trial.folder.iterdir()) == []


def test_unreadable_target(powerless: Powerless) -> None:
    """A target that may not be read cannot be checked: access denied, and it stays as it is."""
    trial = powerless.trial("unchanged")
    target = Path(trial.path)
    target.chmod(0o000)
    error = powerless.run(attrs.evolve(trial.job, hash_local=True))
    target.chmod(0o777)
    _check_error(error, AccessDenied, trial)
    trial.check_untouched()


def test_unwritable_manifest(powerless: Powerless) -> None:
    """A manifest that may not be written is refused before anything is transferred."""
    trial = powerless.trial("update")
    trial.manifest.chmod(0o444)
    powerless.origin.clear_log()
    error = powerless.run(trial.job)
    trial.manifest.chmod(0o777)
    _check_error(error, AccessDenied, trial)
    assert powerless.origin.log == []
    trial.check_untouched()
    trial.check_repair()
