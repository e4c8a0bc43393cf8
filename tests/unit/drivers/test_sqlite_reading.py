"""Reading a SQLite file without writing: to it, beside it, or for anybody else."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etagkit.drivers import _sqlite, _sqlite_place
from etagkit.drivers._sqlite import Database, Layout
from etagkit.errors import (
    AccessDenied,
    InvalidArgument,
    ManifestBusy,
    ManifestCorrupt,
    ManifestError,
    ManifestTooNew,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FIRST = "CREATE TABLE t (n INTEGER NOT NULL) STRICT;"
SECOND = "CREATE TABLE u (n INTEGER) STRICT;"
LAYOUT = Layout(application_id=7, migrations=(FIRST,))
NEWER = Layout(application_id=7, migrations=(FIRST, SECOND))

_ALL = "SELECT n FROM t ORDER BY n"
_NOBODY = 65534


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Return every file of a folder with the time of its last change and its octets."""
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in folder.iterdir()}


def add(path: Path, *numbers: int) -> None:
    """Open the file, insert the numbers, and close it."""
    with Database(path, LAYOUT) as database:
        for number in numbers:
            database.execute("INSERT INTO t VALUES (?)", (number,))


def crashed(path: Path, *, index: bool = True) -> None:
    """Make a file with the number 1 whose log, left by a crash, adds the number 2."""
    live = path.with_name("live")
    add(live / "x.db", 1)
    with Database(live / "x.db", LAYOUT) as database:
        database.execute("INSERT INTO t VALUES (2)")
        for end in ("", "-wal", "-shm") if index else ("", "-wal"):
            shutil.copy(live / f"x.db{end}", f"{path}{end}")
    shutil.rmtree(live)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="etagkit-test-"))
    folder.chmod(0o755)
    yield folder
    folder.chmod(0o755)
    shutil.rmtree(folder)


def as_somebody(path: Path) -> str:
    """Return what a user who owns nothing here reads from the file, or the error's name."""
    code = """
        import os, sys
        from etagkit.drivers._sqlite import Database, Layout
        from etagkit.errors import AccessDenied
        if os.geteuid() == 0:
            os.setuid(int(sys.argv[3]))
        layout = Layout(application_id=7, migrations=(sys.argv[2],))
        try:
            with Database(sys.argv[1], layout, read_only=True) as it:
                print([n for (n,) in it.execute("SELECT n FROM t ORDER BY n")])
        except AccessDenied as exc:
            print(exc)
        """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), path, FIRST, str(_NOBODY)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


# --- what is written -----------------------------------------------------------------------------


def test_reading_changes_nothing(tmp_path: Path) -> None:
    """No file appears, none changes, not even the time of its last change."""
    add(tmp_path / "x.db", 1)
    before = contents(tmp_path)
    with Database(tmp_path / "x.db", LAYOUT, read_only=True) as database:
        assert database.execute(_ALL) == [(1,)]
        assert contents(tmp_path) == before
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["x.db", "typo/x.db"])
def test_a_missing_file_is_not_made(tmp_path: Path, name: str) -> None:
    """A name with nothing behind it is an error, and neither file nor folder appears."""
    with pytest.raises(InvalidArgument, match="no manifest here") as caught:
        Database(tmp_path / name, LAYOUT, read_only=True)
    assert caught.value.path == str(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("live", [False, True], ids=["alone", "beside-a-writer"])
def test_changes_are_refused(tmp_path: Path, *, live: bool) -> None:
    """A change is refused with the way to make it, whether in a transaction or on its own."""
    add(tmp_path / "x.db", 1)
    with contextlib.ExitStack() as stack:
        if live:
            writer = stack.enter_context(Database(tmp_path / "x.db", LAYOUT))
            writer.execute("DELETE FROM t")
            writer.execute("INSERT INTO t VALUES (1)")
        reader = stack.enter_context(Database(tmp_path / "x.db", LAYOUT, read_only=True))
        with pytest.raises(ManifestError, match="without read_only=True"), reader.transaction():
            pytest.fail("the block was entered")
        with pytest.raises(ManifestError, match="without read_only=True"):
            reader.execute("INSERT INTO t VALUES (2)")
        assert reader.execute(_ALL) == [(1,)]


def test_an_older_file_is_not_migrated(tmp_path: Path) -> None:
    """A file of an earlier layout is read where the queries can, and otherwise says what to do."""
    add(tmp_path / "x.db", 5)
    before = contents(tmp_path)
    with pytest.raises(ManifestError, match=r"older etagkit.*without read_only=True"):
        Database(tmp_path / "x.db", NEWER, read_only=True)
    lenient = Layout(application_id=7, migrations=(FIRST, SECOND), readable_from=1)
    with Database(tmp_path / "x.db", lenient, read_only=True) as database:
        assert database.execute(_ALL) == [(5,)]
        assert database.execute("PRAGMA user_version") == [(1,)]
    assert contents(tmp_path) == before


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """A file of a later layout may mean other things by the same names."""
    Database(tmp_path / "x.db", NEWER).close()
    with pytest.raises(ManifestTooNew):
        Database(tmp_path / "x.db", LAYOUT, read_only=True)


def test_a_layout_that_only_the_log_tells_is_refused(tmp_path: Path) -> None:
    """The version counts that a writer has not yet moved from its log to the file."""
    add(tmp_path / "x.db", 1)
    with Database(tmp_path / "x.db", NEWER), pytest.raises(ManifestTooNew):
        Database(tmp_path / "x.db", LAYOUT, read_only=True)


@pytest.mark.parametrize(
    ("data", "error"),
    [(b"x", ManifestCorrupt), (b"key,value\n" * 1000, ManifestCorrupt), (b"", ManifestError)],
    ids=["octet", "text", "empty"],
)
def test_what_is_no_manifest_is_refused(
    tmp_path: Path, data: bytes, error: type[ManifestError]
) -> None:
    """A file that is none of ours, or that nothing was written to yet, is not an empty one."""
    (tmp_path / "x.db").write_bytes(data)
    with pytest.raises(error):
        Database(tmp_path / "x.db", LAYOUT, read_only=True)
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [data]


def test_the_log_of_another_program_is_left_alone(tmp_path: Path) -> None:
    """Another program's database with a log gets no index from us."""
    connection = sqlite3.connect(tmp_path / "theirs")
    connection.execute("PRAGMA application_id = 8")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE t (n)")
    connection.commit()
    for end in ("", "-wal"):
        shutil.copy(tmp_path / f"theirs{end}", tmp_path / f"x.db{end}")
    connection.close()
    with pytest.raises(ManifestCorrupt, match="another program"):
        Database(tmp_path / "x.db", LAYOUT, read_only=True)
    assert not (tmp_path / "x.db-shm").exists()


def test_only_a_file_can_be_read(tmp_path: Path) -> None:
    """A folder or a pipe in its place is named as what it is."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ManifestError, match="something else"):
            Database(path, LAYOUT, read_only=True)


def test_a_closed_reader_says_so(tmp_path: Path) -> None:
    """Closing is final, also when the file has changed since."""
    add(tmp_path / "x.db", 1)
    reader = Database(tmp_path / "x.db", LAYOUT, read_only=True)
    reader.close()
    add(tmp_path / "x.db", 2)
    with pytest.raises(ManifestError, match="closed"):
        reader.execute(_ALL)


# --- beside writers ------------------------------------------------------------------------------


def test_a_reader_sees_what_writers_commit(tmp_path: Path) -> None:
    """Before, during and after any writer each answer is the state of that moment."""
    add(tmp_path / "x.db", 1)
    with Database(tmp_path / "x.db", LAYOUT, read_only=True) as reader:
        assert reader.execute(_ALL) == [(1,)]
        add(tmp_path / "x.db", 2)
        assert reader.execute(_ALL) == [(1,), (2,)]
        with Database(tmp_path / "x.db", LAYOUT) as writer:
            assert reader.execute(_ALL) == [(1,), (2,)]
            writer.execute("INSERT INTO t VALUES (3)")
            assert reader.execute(_ALL) == [(1,), (2,), (3,)]
            with writer.transaction():
                writer.execute("INSERT INTO t VALUES (4)")
                assert reader.execute(_ALL) == [(1,), (2,), (3,)]
            assert reader.execute(_ALL) == [(1,), (2,), (3,), (4,)]
        assert reader.execute(_ALL) == [(1,), (2,), (3,), (4,)]
        add(tmp_path / "x.db", 5)
        assert reader.execute(_ALL) == [(n,) for n in range(1, 6)]


def test_a_file_that_is_replaced_is_read_anew(tmp_path: Path) -> None:
    """The name counts: another file under it is what is read from then on."""
    add(tmp_path / "x.db", 1)
    add(tmp_path / "other.db", 2)
    with Database(tmp_path / "x.db", LAYOUT, read_only=True) as reader:
        (tmp_path / "other.db").replace(tmp_path / "x.db")
        assert reader.execute(_ALL) == [(2,)]
        (tmp_path / "x.db").unlink()
        with pytest.raises(InvalidArgument, match="no manifest here"):
            reader.execute(_ALL)


def before_checking(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Let `act` happen between each query and the look at what has become of the file."""
    look = _sqlite_place.standing

    def late(path: str) -> _sqlite_place.Standing:
        act()
        return look(path)

    monkeypatch.setattr(_sqlite, "standing", late)


def test_an_answer_from_a_changing_file_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a writer came and went under a query, the query is made again."""
    add(tmp_path / "x.db", 1)
    todo = [2]
    with Database(tmp_path / "x.db", LAYOUT, read_only=True) as reader:
        before_checking(monkeypatch, lambda: add(tmp_path / "x.db", todo.pop()) if todo else None)
        assert reader.execute(_ALL) == [(1,), (2,)]
        assert todo == []


def test_a_file_that_never_rests_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who never gets a whole answer is told so, and may try again."""
    add(tmp_path / "x.db", 1)
    with Database(tmp_path / "x.db", LAYOUT, read_only=True, timeout=0) as reader:
        before_checking(monkeypatch, lambda: add(tmp_path / "x.db", 2))
        with pytest.raises(ManifestBusy, match="faster than it can be read") as caught:
            reader.execute(_ALL)
    assert caught.value.retryable


def test_a_damaged_file_is_still_called_damaged(tmp_path: Path) -> None:
    """An error of a file that rests is its own, and no reason to try for long."""
    add(tmp_path / "x.db", *range(2000))
    data = (tmp_path / "x.db").read_bytes()
    (tmp_path / "x.db").write_bytes(data[: len(data) // 2])
    start = time.monotonic()
    with pytest.raises(ManifestCorrupt, match="damaged"):
        Database(tmp_path / "x.db", LAYOUT, read_only=True).execute(_ALL)
    assert time.monotonic() - start < _sqlite.BUSY_SECONDS / 2


def test_the_times_of_a_young_file_are_waited_for(tmp_path: Path) -> None:
    """A file is told from its next state by its times once these cannot be the same any more."""
    (tmp_path / "x.db").write_bytes(b"two")
    *_, changed, _ = _sqlite_place.settled(str(tmp_path / "x.db")).file
    assert time.time_ns() - changed >= _sqlite_place._TICK * 1e9


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_a_reader_works_on_in_a_child(tmp_path: Path) -> None:
    """Parent and child read on after a fork, each through a connection of its own."""
    add(tmp_path / "x.db", 1)
    code = """
        import os, sys
        from etagkit.drivers._sqlite import Database, Layout
        layout = Layout(application_id=7, migrations=(sys.argv[2],))
        with Database(sys.argv[1], layout, read_only=True) as reader:
            child = os.fork()
            assert reader.execute("SELECT n FROM t") == [(1,)]
            if child:
                assert os.waitpid(child, 0)[1] == 0
        """
    command = [sys.executable, "-W", "error", "-c", textwrap.dedent(code)]
    subprocess.run([*command, tmp_path / "x.db", FIRST], check=True, timeout=60)


# --- without permission --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("folder", "file"), [(0o555, 0o444), (0o555, 0o644), (0o777, 0o444), (0o777, 0o644)]
)
def test_files_of_somebody_else_can_be_read(open_folder: Path, folder: int, file: int) -> None:
    """Without permission to write file or folder it is read, and no log is left to its owner."""
    add(open_folder / "x.db", 1)
    (open_folder / "x.db").chmod(file)
    before = contents(open_folder)
    open_folder.chmod(folder)
    assert as_somebody(open_folder / "x.db") == "[1]"
    assert contents(open_folder) == before


def test_the_log_of_a_writer_is_read_with_its_index(open_folder: Path) -> None:
    """What somebody else has committed to the log alone is seen, whether the writer lives or not.

    Nobody may make another index than the writer's, so without it the log cannot be read.
    """
    crashed(open_folder / "x.db")
    open_folder.chmod(0o555)
    assert as_somebody(open_folder / "x.db") == "[1, 2]"
    open_folder.chmod(0o755)
    with Database(open_folder / "x.db", LAYOUT) as writer:
        writer.execute("INSERT INTO t VALUES (3)")
        assert as_somebody(open_folder / "x.db") == "[1, 2, 3]"


@pytest.mark.parametrize("folder", [0o555, 0o777])
def test_a_log_without_its_index_is_not_passed_over(open_folder: Path, folder: int) -> None:
    """A log that cannot be read is an error, never left out, and gets no index from a stranger."""
    crashed(open_folder / "x.db", index=False)
    before = contents(open_folder)
    open_folder.chmod(folder)
    assert "copy the manifest and the files" in as_somebody(open_folder / "x.db")
    assert contents(open_folder) == before


def test_a_log_without_its_index_is_read_by_its_owner(tmp_path: Path) -> None:
    """Somebody who may write the file may make the index, and sees what the log holds."""
    crashed(tmp_path / "x.db", index=False)
    before = {name: (tmp_path / name).read_bytes() for name in ("x.db", "x.db-wal")}
    with Database(tmp_path / "x.db", LAYOUT, read_only=True) as reader:
        assert reader.execute(_ALL) == [(1,), (2,)]
    assert {name: (tmp_path / name).read_bytes() for name in before} == before


def test_a_file_that_may_not_be_read_says_so(open_folder: Path) -> None:
    """Permission to read is all that is asked for."""
    add(open_folder / "x.db", 1)
    (open_folder / "x.db").chmod(0o000)
    if os.geteuid() == 0:
        assert "may not be read" in as_somebody(open_folder / "x.db")
    else:
        with pytest.raises(AccessDenied, match="may not be read"):
            Database(open_folder / "x.db", LAYOUT, read_only=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system of its own."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("mounting needs the superuser")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def test_a_read_only_mount_can_be_read(disk: Path) -> None:
    """On a medium that nobody can write reading works, and writing names the way to read."""
    add(disk / "x.db", 1)
    crashed(disk / "left.db", index=False)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with Database(disk / "x.db", LAYOUT, read_only=True) as reader:
        assert reader.execute(_ALL) == [(1,)]
    with pytest.raises(AccessDenied, match="copy the manifest"):
        Database(disk / "left.db", LAYOUT, read_only=True)
    with pytest.raises(AccessDenied, match="read_only=True"):
        Database(disk / "x.db", LAYOUT)
    with pytest.raises(AccessDenied) as caught:
        Database(disk / "new.db", LAYOUT)
    assert "read_only" not in str(caught.value.advice)
