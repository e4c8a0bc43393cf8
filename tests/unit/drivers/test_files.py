"""Temporary files, publishing, sweeping: the local side of a transfer, on a real file system."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import signal
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from etagkit.drivers import Files, _platform
from etagkit.errors import AccessDenied, InvalidArgument, LocalFileError
from etagkit.flow import Place

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from etagkit.drivers._files import OpenTemp

#: Longer than the driver's own limit for files whose owner cannot be asked.
_TWO_DAYS = 2 * 24 * 3600


def _parts(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir() if each.name.endswith(".part"))


def _temp(files: Files, target: Path, content: bytes = b"new") -> OpenTemp:
    temp = files.create_temp(str(target))
    temp.write(content)
    temp.flush()
    return temp


@contextlib.contextmanager
def _umask(mask: int) -> Generator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# --- where a path leads ----------------------------------------------------------------------


def test_a_path_is_resolved(tmp_path: Path) -> None:
    """`locate` follows symbolic links and tells folders from files."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    files = Files()
    assert files.locate(str(tmp_path / "link" / "x")) == Place(
        path=str(tmp_path / "real" / "x"), is_folder=False
    )
    assert files.locate(str(tmp_path / "link")).is_folder
    assert files.locate(f"{tmp_path}/missing/").is_folder
    assert not files.locate(f"{tmp_path}/missing").is_folder


def test_a_home_folder_is_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` at the beginning is the home folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Files().locate("~/a").path == str(tmp_path / "a")


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    """A separator at the end of a file's path is refused."""
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(LocalFileError, match="a file stands where a folder was named"):
        Files().locate(f"{tmp_path}/a/")


# --- facts and hashes ------------------------------------------------------------------------


def test_facts_are_those_of_the_file(tmp_path: Path) -> None:
    """`stat` and `hash` give the same facts, and the SHA-256 is that of the bytes."""
    path = tmp_path / "a"
    path.write_bytes(b"abc" * 1_000_000)
    files = Files()
    facts = files.stat(str(path))
    assert facts is not None
    assert facts.size == 3_000_000
    assert files.hash(str(path)) == (hashlib.sha256(path.read_bytes()).hexdigest(), facts)


@pytest.mark.parametrize("name", ["missing", "missing/below", "file/below"])
def test_nothing_is_no_error(tmp_path: Path, name: str) -> None:
    """Where no file stands, `stat` gives `None`."""
    (tmp_path / "file").write_bytes(b"")
    assert Files().stat(str(tmp_path / name)) is None


def test_a_missing_file_has_no_hash(tmp_path: Path) -> None:
    """Where no file stands, `hash` gives `None`."""
    assert Files().hash(str(tmp_path / "missing")) is None


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_only_files_have_facts(tmp_path: Path, make: object) -> None:
    """A folder or a pipe is refused, and is not read from."""
    assert callable(make)
    make(tmp_path / "odd")
    with pytest.raises(LocalFileError, match="no regular file"):
        Files().stat(str(tmp_path / "odd"))


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """A pipe that comes into the place of a file is neither hashed nor read."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LocalFileError, match="no regular file"):
        Files().hash(str(tmp_path / "pipe"))
    assert Files().read(str(tmp_path / "pipe"), 10) is None


@pytest.mark.parametrize("name", ["a\0b", "a\ud800"])
@pytest.mark.parametrize(
    "act",
    [
        Files.locate,
        Files.stat,
        Files.hash,
        lambda files, path: files.read(path, 1),
        Files.create_temp,
        Files.sweep,
        Files.sync_folder,
    ],
)
def test_what_can_be_no_path(tmp_path: Path, act: Any, name: str) -> None:
    """A zero octet or half a surrogate is a mistake of the caller's, and told as one."""
    with pytest.raises(InvalidArgument, match="not a path"):
        act(Files(), str(tmp_path / name / "file"))
    assert os.listdir(tmp_path) == []


def test_a_file_that_grows_has_no_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is written while it is read is not taken for what it was."""
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    real = os.fstat
    calls = itertools.count()

    def growing(descriptor: int) -> os.stat_result:
        if next(calls) == 1:
            with path.open("ab") as file:
                file.write(b"d")
        return real(descriptor)

    monkeypatch.setattr("etagkit.drivers._files.os.fstat", growing)
    with pytest.raises(LocalFileError, match="being written"):
        Files().hash(str(path))


# --- temporary files -------------------------------------------------------------------------


def test_a_temp_lies_beside_its_target(tmp_path: Path) -> None:
    """It is made in the target's folder, which is made too, under a hidden name."""
    temp = Files().create_temp(str(tmp_path / "a" / "b" / "file"))
    try:
        assert os.path.dirname(temp.temp.path) == str(tmp_path / "a" / "b")
        assert os.path.basename(temp.temp.path).startswith(".etagkit-")
        assert os.stat(temp.temp.path).st_size == 0
    finally:
        temp.discard()
    assert _parts(tmp_path / "a" / "b") == []


def test_a_name_in_use_is_passed_over(tmp_path: Path) -> None:
    """Two temporary files never share a name, whatever the source of names says."""
    names = iter(["1" * 16, "1" * 16, "2" * 16])
    files = Files(name=lambda: next(names))
    one = files.create_temp(str(tmp_path / "a"))
    two = files.create_temp(str(tmp_path / "a"))
    assert one.temp.path != two.temp.path
    one.discard()
    two.discard()


def test_publish_replaces_in_one_step(tmp_path: Path) -> None:
    """The old file stays whole until the new one has its name, with the facts that are returned."""
    target = tmp_path / "file"
    target.write_bytes(b"old")
    temp = _temp(Files(), target)
    assert target.read_bytes() == b"old"
    facts = temp.publish(str(target))
    assert target.read_bytes() == b"new"
    assert facts == Files().stat(str(target))
    assert _parts(tmp_path) == []


def test_closed_files_are_published_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where open files cannot be renamed, the file is closed first."""
    monkeypatch.setattr(_platform, "RENAMES_OPEN_FILES", False)
    facts = _temp(Files(), tmp_path / "file").publish(str(tmp_path / "file"))
    assert facts == Files().stat(str(tmp_path / "file"))


def test_a_new_file_follows_the_umask(tmp_path: Path) -> None:
    """A file that was not there before gets the permissions of any new file."""
    with _umask(0o027):
        _temp(Files(), tmp_path / "file").publish(str(tmp_path / "file"))
    assert stat.S_IMODE(os.stat(tmp_path / "file").st_mode) == 0o640


@pytest.mark.parametrize(("old", "new"), [(0o600, 0o600), (0o444, 0o444), (0o4755, 0o755)])
def test_a_new_version_keeps_the_permissions(tmp_path: Path, old: int, new: int) -> None:
    """What the owner allowed stays allowed; a set-user-id bit does not pass to new content."""
    target = tmp_path / "file"
    target.write_bytes(b"old")
    target.chmod(old)
    _temp(Files(), target).publish(str(target))
    assert stat.S_IMODE(target.stat().st_mode) == new


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_only_files_are_replaced(tmp_path: Path, make: object) -> None:
    """A folder or a pipe under the final name is never replaced."""
    assert callable(make)
    target = tmp_path / "odd"
    make(target)
    temp = _temp(Files(), target)
    with pytest.raises(InvalidArgument, match="no regular file"):
        temp.publish(str(target))
    temp.discard()
    assert not target.is_file()
    assert _parts(tmp_path) == []


def test_a_discarded_temp_may_be_gone(tmp_path: Path) -> None:
    """Discarding never fails, not even twice."""
    temp = _temp(Files(), tmp_path / "file")
    os.unlink(temp.temp.path)
    temp.discard()
    temp.discard()


def test_a_file_in_the_way_of_a_folder(tmp_path: Path) -> None:
    """A target below a file is an error of ours that names the target."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LocalFileError) as caught:
        Files().create_temp(str(tmp_path / "file" / "below"))
    assert caught.value.path == str(tmp_path / "file" / "below")


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="there are no users to drop to")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    """Where this process may not write, the error is a PermissionError with the path."""
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    script = (
        "import os, sys\n"
        "from etagkit.drivers import Files\n"
        "from etagkit.errors import AccessDenied\n"
        "if os.geteuid() == 0: os.setuid(65534)\n"
        "try: Files().create_temp(sys.argv[1] + '/file')\n"
        "except AccessDenied as exc: sys.exit(0 if exc.path.startswith(sys.argv[1]) else 2)\n"
        "sys.exit(1)\n"
    )
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.geteuid() and parent != parent.parent:
            parent.chmod(parent.stat().st_mode | 0o011)
    done = subprocess.run([sys.executable, "-c", script, str(folder)], check=False, timeout=30)
    assert done.returncode == 0


def test_errors_are_translated() -> None:
    """A folder that cannot be flushed because it is not there is an error of ours."""
    with pytest.raises(LocalFileError):
        Files().sync_folder("/nonexistent/folder")
    assert issubclass(AccessDenied, PermissionError)


# --- sweeping --------------------------------------------------------------------------------


_CHILD = """
import sys, time
from etagkit.drivers import Files
temp = Files().create_temp(sys.argv[1])
temp.write(b"half")
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.crash
def test_the_temps_of_dead_processes_are_swept(tmp_path: Path) -> None:
    """A file of a live process stays; once the process was killed, it is removed."""
    target = tmp_path / "file"
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(target)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        assert len(_parts(tmp_path)) == 1
        assert Files().sweep(str(tmp_path)) == 0
        assert len(_parts(tmp_path)) == 1
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=30)
    assert Files().sweep(str(tmp_path)) == 1
    assert _parts(tmp_path) == []


def test_the_temps_of_this_process_are_alive(tmp_path: Path) -> None:
    """A sweep of the same process leaves alone what another thread is writing."""
    temp = _temp(Files(), tmp_path / "file")
    assert Files(clock=lambda: 1e12).sweep(str(tmp_path)) == 0
    temp.publish(str(tmp_path / "file"))
    assert (tmp_path / "file").read_bytes() == b"new"


def test_other_hosts_files_go_by_age(tmp_path: Path) -> None:
    """A lock says nothing about another machine: its files count as dead after a day."""
    foreign = tmp_path / ".etagkit-00000000-0123456789abcdef.part"
    foreign.write_bytes(b"half")
    written = foreign.stat().st_mtime
    assert Files(clock=lambda: written + 60).sweep(str(tmp_path)) == 0
    assert Files(clock=lambda: written + _TWO_DAYS).sweep(str(tmp_path)) == 1
    assert _parts(tmp_path) == []


def test_without_locks_files_go_by_age(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without locks a sweep waits a day, and creating works."""
    monkeypatch.setattr(_platform, "try_lock", lambda descriptor: None)
    temp = _temp(Files(), tmp_path / "file")
    written = os.stat(temp.temp.path).st_mtime
    assert Files(clock=lambda: written + 60).sweep(str(tmp_path)) == 0
    assert Files(clock=lambda: written + _TWO_DAYS).sweep(str(tmp_path)) == 1
    temp.discard()


@pytest.mark.parametrize(
    "name",
    [
        ".etagkit-0-0.part",
        "etagkit-00000000-0123456789abcdef.part",
        ".etagkit-00000000-0123456789abcdef.part.bak",
        ".etagkit-00000000-0123456789ABCDEF.part",
        "file.part",
    ],
)
def test_other_files_are_never_swept(tmp_path: Path, name: str) -> None:
    """Only names that this library gives are looked at."""
    (tmp_path / name).write_bytes(b"mine")
    assert Files(clock=lambda: 1e12).sweep(str(tmp_path)) == 0
    assert (tmp_path / name).exists()


def test_a_link_among_the_temps_is_not_followed_to_its_end(tmp_path: Path) -> None:
    """A link with the name of a temporary file may go; what it points to stays."""
    (tmp_path / "precious").write_bytes(b"mine")
    (tmp_path / ".etagkit-00000000-0123456789abcdef.part").symlink_to("precious")
    Files(clock=lambda: 1e12).sweep(str(tmp_path))
    assert (tmp_path / "precious").read_bytes() == b"mine"


def test_a_folder_that_is_not_there_is_swept(tmp_path: Path) -> None:
    """There is nothing to remove in it."""
    assert Files().sweep(str(tmp_path / "missing")) == 0


def test_sweeping_and_creating_race(tmp_path: Path) -> None:
    """However they interleave, whoever was given a temporary file can publish it."""
    stop = threading.Event()
    failures: list[BaseException] = []

    def sweep() -> None:
        files = Files(clock=lambda: 1e12)
        while not stop.is_set():
            files.sweep(str(tmp_path))

    def create(number: int) -> None:
        try:
            files = Files()
            for turn in range(40):
                target = tmp_path / f"{number}-{turn}"
                _temp(files, target, str(target).encode()).publish(str(target))
        except BaseException as exc:  # noqa: BLE001  shown by the test's own thread
            failures.append(exc)

    sweepers = [threading.Thread(target=sweep) for _ in range(2)]
    creators = [threading.Thread(target=create, args=(number,)) for number in range(3)]
    for thread in (*sweepers, *creators):
        thread.start()
    for thread in creators:
        thread.join()
    stop.set()
    for thread in sweepers:
        thread.join()
    assert failures == []
    assert _parts(tmp_path) == []
    assert all(each.read_bytes() == str(each).encode() for each in tmp_path.iterdir())
