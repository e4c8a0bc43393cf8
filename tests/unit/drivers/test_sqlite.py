"""The SQLite driver: who may open a file, how it is locked, and what its errors become."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from etagkit.drivers import _sqlite_errors
from etagkit.drivers._sqlite import Database, Layout
from etagkit.errors import (
    AccessDenied,
    DiskFull,
    InvalidArgument,
    ManifestBusy,
    ManifestCorrupt,
    ManifestError,
    ManifestTooNew,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST = "CREATE TABLE t (n INTEGER NOT NULL) STRICT; -- a comment; with a semicolon\n"
SECOND = "CREATE TABLE u (n INTEGER) STRICT; INSERT INTO u VALUES (1);"
LAYOUT = Layout(application_id=7, migrations=(FIRST,))
NEWER = Layout(application_id=7, migrations=(FIRST, SECOND))

_NOBODY = 65534


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder with its octets."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def insert(database: Database, count: int) -> None:
    """Insert the numbers below `count` in one transaction."""
    with database.transaction():
        for number in range(count):
            database.execute("INSERT INTO t VALUES (?)", (number,))


def fill(path: Path, *, left: int) -> None:
    """Write a file that leaves `left` octets of its file system."""
    with path.open("wb", buffering=0) as ballast:
        with contextlib.suppress(OSError):
            while ballast.write(b"x" * 4096):
                pass
        ballast.truncate(ballast.tell() - left)
    assert shutil.disk_usage(path.parent).free == left


def run_python(code: str, *arguments: object, options: tuple[str, ...] = ()) -> str:
    """Run `code` in a fresh Python in which every warning is an error; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", textwrap.dedent(code)]
        + [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


# --- opening -------------------------------------------------------------------------------------


def test_a_new_file_is_created_with_its_folders(tmp_path: Path) -> None:
    """Opening makes folder and file, marks the file as ours and turns on the write-ahead log."""
    path = tmp_path / "some" / "folder" / "x.db"
    with Database(path, LAYOUT) as database:
        assert database.path == str(path)
        assert database.journal_mode == "wal"
        assert database.execute("PRAGMA synchronous") == [(1,)]  # NORMAL
        assert database.execute("PRAGMA foreign_keys") == [(1,)]
        assert database.execute("PRAGMA application_id") == [(7,)]
        assert database.execute("PRAGMA user_version") == [(1,)]
        database.execute("INSERT INTO t VALUES (1)")
    assert list(contents(path.parent)) == ["x.db"]  # nothing but the file is left after closing
    with Database(path, LAYOUT) as database:
        assert database.execute("SELECT n FROM t") == [(1,)]


@pytest.mark.parametrize(
    "name", ["a b", "50%41.db", "a?mode=ro", "a#b", "ü\udcff", ":memory:", "file:x"]
)
def test_any_file_name_is_taken_literally(tmp_path: Path, name: str) -> None:
    """Characters with a meaning in URIs, octets that are no text, SQLite's own words: all names."""
    with Database(tmp_path / name, LAYOUT):
        pass
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_what_is_no_file_name_is_refused(name: str) -> None:
    """A name that the system cannot have is the caller's mistake."""
    with pytest.raises(InvalidArgument):
        Database(name, LAYOUT)


def test_a_relative_path_is_bound_when_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changing the working folder later does not move the database."""
    monkeypatch.chdir(tmp_path)
    with Database("x.db", LAYOUT) as database:
        assert database.path == str(tmp_path / "x.db")


def test_an_empty_file_is_adopted(tmp_path: Path) -> None:
    """A crash between creating and filling leaves an empty file: the next run goes on."""
    (tmp_path / "x.db").touch()
    with Database(tmp_path / "x.db", LAYOUT) as database:
        assert database.execute("SELECT * FROM t") == []


def test_missing_migrations_are_applied(tmp_path: Path) -> None:
    """A file of an earlier version is brought to the present one, its content kept."""
    with Database(tmp_path / "x.db", LAYOUT) as database:
        database.execute("INSERT INTO t VALUES (5)")
    with Database(tmp_path / "x.db", NEWER) as database:
        assert database.execute("SELECT * FROM t") == [(5,)]
        assert database.execute("SELECT * FROM u") == [(1,)]
        assert database.execute("PRAGMA user_version") == [(2,)]


def test_a_migration_that_fails_leaves_no_trace(tmp_path: Path) -> None:
    """Half a migration never stays: the file is as the last whole one left it."""
    broken = Layout(
        application_id=7, migrations=(FIRST, "CREATE TABLE u (n INTEGER) STRICT; NO SUCH THING;")
    )
    with pytest.raises(ManifestCorrupt):
        Database(tmp_path / "x.db", broken)
    with Database(tmp_path / "x.db", LAYOUT) as database:
        assert database.execute("SELECT name FROM sqlite_schema") == [("t",)]


def test_processes_may_migrate_at_once(tmp_path: Path) -> None:
    """Processes that all find the file missing, or old, apply each migration once."""
    code = """
        import sys
        from etagkit.drivers._sqlite import Database, Layout
        scripts = [f"CREATE TABLE t{n} (n INTEGER) STRICT; INSERT INTO t{n} VALUES (1);"
                   for n in range(30)]
        layout = Layout(application_id=7, migrations=tuple(scripts))
        input()
        with Database(sys.argv[1], layout) as database:
            assert database.journal_mode == "wal"
            for n in range(30):
                assert database.execute(f"SELECT * FROM t{n}") == [(1,)]
        """
    command = [sys.executable, "-c", textwrap.dedent(code), str(tmp_path / "x.db")]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, text=True) for _ in range(4)]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0


# --- files that are not ours ---------------------------------------------------------------------


def test_a_newer_file_is_refused_untouched(tmp_path: Path) -> None:
    """A file of a newer version keeps every octet, and nothing appears beside it."""
    Database(tmp_path / "x.db", NEWER).close()
    before = contents(tmp_path)
    with pytest.raises(ManifestTooNew, match="update etagkit") as caught:
        Database(tmp_path / "x.db", LAYOUT)
    assert caught.value.path == str(tmp_path / "x.db")
    assert contents(tmp_path) == before


def test_a_file_that_becomes_newer_meanwhile_is_refused(tmp_path: Path) -> None:
    """The version counts that the write-ahead log holds, not only the one in the file."""
    Database(tmp_path / "x.db", LAYOUT).close()
    with Database(tmp_path / "x.db", NEWER) as newer:
        with pytest.raises(ManifestTooNew):
            Database(tmp_path / "x.db", LAYOUT)
        assert newer.execute("SELECT * FROM u") == [(1,)]


@pytest.mark.parametrize(
    "data",
    [b"x", b"key,value\n" * 1000, b"\0" * 8192, b"SQLite format 2\0" + b"\0" * 5000],
    ids=["octet", "text", "zeros", "nearly"],
)
def test_a_file_that_is_no_database_is_refused_untouched(tmp_path: Path, data: bytes) -> None:
    """Somebody's file that has the name of the manifest is not written to."""
    (tmp_path / "x.db").write_bytes(data)
    with pytest.raises(ManifestCorrupt, match="untouched"):
        Database(tmp_path / "x.db", LAYOUT)
    assert contents(tmp_path) == {"x.db": data}


@pytest.mark.parametrize("mark", [0, 8])
def test_the_database_of_another_program_is_refused_untouched(tmp_path: Path, mark: int) -> None:
    """Another program's database, left by a crash with its log, is not even recovered."""
    live, left = tmp_path / "live", tmp_path / "left"
    live.mkdir()
    connection = sqlite3.connect(live / "x.db")
    connection.execute("CREATE TABLE theirs (n)")
    connection.execute(f"PRAGMA application_id = {mark}")
    connection.commit()
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("INSERT INTO theirs VALUES (1)")
    connection.commit()
    shutil.copytree(live, left)
    connection.close()
    before = contents(left)
    assert {"x.db", "x.db-wal"} <= set(before)
    with pytest.raises(ManifestCorrupt, match="another program"):
        Database(left / "x.db", LAYOUT)
    assert contents(left) == before


def test_a_torn_file_is_refused(tmp_path: Path) -> None:
    """A database of ours that lost its second half is called damaged, and stays as it is."""
    with Database(tmp_path / "x.db", LAYOUT) as database:
        insert(database, 5000)
    data = (tmp_path / "x.db").read_bytes()
    (tmp_path / "x.db").write_bytes(data[: len(data) // 2])
    with pytest.raises(ManifestCorrupt, match="damaged"):
        Database(tmp_path / "x.db", LAYOUT)
    assert (tmp_path / "x.db").read_bytes() == data[: len(data) // 2]


def test_tables_that_are_not_ours_are_called_damaged(tmp_path: Path) -> None:
    """A table that somebody dropped is damage, not a mystery."""
    with Database(tmp_path / "x.db", LAYOUT) as database:
        database.execute("DROP TABLE t")
        with pytest.raises(ManifestCorrupt, match="no such table"):
            database.execute("SELECT * FROM t")


def test_a_folder_or_pipe_in_its_place_is_refused(tmp_path: Path) -> None:
    """Only a file can be opened, and the refusal does not wait for the other end of a pipe."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ManifestError, match="something else"):
            Database(path, LAYOUT)


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    """A path through a file leads nowhere; the error names it."""
    (tmp_path / "file").touch()
    with pytest.raises(ManifestError) as caught:
        Database(tmp_path / "file" / "x.db", LAYOUT)
    assert caught.value.path == str(tmp_path / "file" / "x.db")


# --- the file system -----------------------------------------------------------------------------


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="etagkit-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("what", ["new file", "new folder", "file", "read-only file", "hidden"])
def test_missing_permission_is_a_typed_error(open_folder: Path, what: str) -> None:
    """Where the user may not write, the error is AccessDenied and nothing is changed."""
    path = open_folder / "sub" / "x.db" if what == "new folder" else open_folder / "x.db"
    if what not in {"new file", "new folder"}:
        Database(path, LAYOUT).close()
        path.chmod({"read-only file": 0o444, "hidden": 0o000}.get(what, 0o666))
    before = contents(open_folder)
    open_folder.chmod(0o777 if what in {"read-only file", "hidden"} else 0o555)
    code = """
        import os, sys
        from etagkit.drivers._sqlite import Database, Layout
        from etagkit.errors import AccessDenied
        import ctypes
        if os.geteuid() == 0:
            os.setuid(int(sys.argv[3]))
        try:
            with Database(sys.argv[1], Layout(application_id=7, migrations=(sys.argv[2],))) as it:
                with it.transaction():
                    it.execute("INSERT INTO t VALUES (1)")
        except AccessDenied as exc:
            print(isinstance(exc, PermissionError), exc.path == sys.argv[1])
            print("read_only=True" in exc.advice)
        """
    readable = what in {"file", "read-only file"}  # the advice names what is possible
    assert run_python(code, path, FIRST, _NOBODY) == f"True True\n{readable}\n"
    open_folder.chmod(0o755)
    assert contents(open_folder) == before


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() != 0 or mount is None or umount is None:
        pytest.skip("mounting needs the superuser")
    folder = tmp_path / "disk"
    folder.mkdir()
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def test_a_full_disk_under_way(tiny_disk: Path) -> None:
    """A transaction that finds no space is undone and told as DiskFull; a small one still fits."""
    with Database(tiny_disk / "x.db", LAYOUT) as database:
        database.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(DiskFull, match="make room"):
            insert(database, 100_000)
        assert database.execute("SELECT count(*) FROM t") == [(1,)]
        insert(database, 10)


@pytest.mark.parametrize("left", [0, 4, 16], ids="{}-KiB-left".format)
def test_a_full_disk_from_the_start(tiny_disk: Path, left: int) -> None:
    """No space to open the file is DiskFull; once there is room, the same call works."""
    fill(tiny_disk / "ballast", left=left * 1024)
    with pytest.raises(DiskFull):
        Database(tiny_disk / "x.db", LAYOUT)
    (tiny_disk / "ballast").unlink()
    with Database(tiny_disk / "x.db", LAYOUT) as database:
        database.execute("INSERT INTO t VALUES (1)")


def test_full_is_told_by_sqlite_too(tmp_path: Path) -> None:
    """SQLite's own limit of pages reads as a full disk as well."""
    with Database(tmp_path / "x.db", LAYOUT) as database:
        database.execute("PRAGMA max_page_count = 3")
        with pytest.raises(DiskFull):
            insert(database, 10_000)


def test_without_write_ahead_log_it_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Where no write-ahead log is possible a rollback journal does, safely, and the log says so."""
    with (
        caplog.at_level(logging.WARNING, logger="etagkit"),
        Database(tmp_path / "x.db", LAYOUT, vfs="unix-dotfile") as database,
    ):
        assert database.journal_mode == "delete"
        assert database.execute("PRAGMA synchronous") == [(2,)]  # FULL
        database.execute("INSERT INTO t VALUES (1)")
        assert database.execute("SELECT n FROM t") == [(1,)]
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert str(tmp_path / "x.db") in record.getMessage()


# --- locking and transactions --------------------------------------------------------------------


def _insert_and_fail(database: Database) -> None:
    database.execute("INSERT INTO t VALUES (1)")
    message = "an error of ours"
    raise OverflowError(message)


def test_a_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    """An exception undoes every statement of the block and comes out as it is."""
    with Database(tmp_path / "x.db", LAYOUT) as database:
        with pytest.raises(OverflowError, match="of ours"), database.transaction():
            _insert_and_fail(database)
        assert database.execute("SELECT n FROM t") == []
        with database.transaction():
            database.execute("INSERT INTO t VALUES (2)")
        assert database.execute("SELECT n FROM t") == [(2,)]


def test_another_writer_is_waited_for_and_then_reported(tmp_path: Path) -> None:
    """Who waits in vain gets an error that says to try again, and can."""
    with (
        Database(tmp_path / "x.db", LAYOUT) as one,
        Database(tmp_path / "x.db", LAYOUT, timeout=0.05) as other,
    ):
        with one.transaction():
            one.execute("INSERT INTO t VALUES (1)")
            assert other.execute("SELECT n FROM t") == []  # readers do not wait
            with pytest.raises(ManifestBusy, match="try again later") as caught:
                other.execute("INSERT INTO t VALUES (2)")
            with pytest.raises(ManifestBusy), other.transaction():
                pytest.fail("the block was entered without the lock")
        other.execute("INSERT INTO t VALUES (2)")
        assert one.execute("SELECT n FROM t") == [(1,), (2,)]
    assert isinstance(caught.value, ManifestError)
    assert caught.value.retryable
    assert pickle.loads(pickle.dumps(caught.value)).retryable


def test_a_patient_writer_gets_its_turn(tmp_path: Path) -> None:
    """A writer that finds the file locked goes on as soon as it is free."""
    entered = threading.Event()

    def hold() -> None:
        with Database(tmp_path / "x.db", LAYOUT) as one, one.transaction():
            one.execute("INSERT INTO t VALUES (1)")
            entered.set()
            threading.Event().wait(0.1)

    with Database(tmp_path / "x.db", LAYOUT) as other:
        thread = threading.Thread(target=hold)
        thread.start()
        assert entered.wait(10)
        other.execute("INSERT INTO t VALUES (2)")
        thread.join()
        assert other.execute("SELECT n FROM t") == [(1,), (2,)]


@pytest.mark.parametrize("begin", ["BEGIN", "BEGIN IMMEDIATE"], ids=["reader", "writer"])
def test_the_switch_of_the_journal_is_waited_for(tmp_path: Path, begin: str) -> None:
    """A file whose journal must be switched is waited for, in vain or not, like any other lock."""
    path = tmp_path / "x.db"
    Database(path, LAYOUT).close()
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute(begin)
    other.execute("SELECT * FROM t").fetchall()
    with pytest.raises(ManifestBusy):
        Database(path, LAYOUT, timeout=0.05)
    timer = threading.Timer(0.1, other.execute, args=("COMMIT",))
    timer.start()
    with Database(path, LAYOUT) as database:
        assert database.journal_mode == "wal"
    timer.join()
    other.close()


def test_threads_do_not_enter_each_others_transactions(tmp_path: Path) -> None:
    """What one thread writes within its block is not seen, or undone, by another."""
    with Database(tmp_path / "x.db", LAYOUT) as database:

        def add(number: int) -> None:
            for _ in range(50):
                with database.transaction():
                    [(last,)] = database.execute("SELECT count(*) FROM t")
                    database.execute("INSERT INTO t VALUES (?)", (last,))

        threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert database.execute("SELECT n FROM t ORDER BY n") == [(n,) for n in range(300)]


def test_closing_another_handle_keeps_the_locks_of_this_one(tmp_path: Path) -> None:
    """Opening and closing the file again in one process does not let a second process in."""
    with Database(tmp_path / "x.db", LAYOUT) as database, database.transaction():
        Database(tmp_path / "x.db", LAYOUT).close()
        with pytest.raises(ManifestTooNew):
            Database(tmp_path / "x.db", Layout(application_id=7, migrations=()))
        code = """
            import sqlite3, sys
            connection = sqlite3.connect(sys.argv[1], timeout=0)
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as exc:
                print(exc)
            connection.close()
            """
        assert run_python(code, tmp_path / "x.db") == "database is locked\n"


@pytest.mark.parametrize("value", ["\ud800", 2**63], ids=["surrogate", "huge"])
def test_values_that_sqlite_cannot_hold(tmp_path: Path, value: object) -> None:
    """A value without a column type is the caller's mistake, in a block too."""
    with Database(tmp_path / "x.db", LAYOUT) as database:
        with pytest.raises(InvalidArgument), database.transaction():
            database.execute("INSERT INTO t VALUES (?)", (value,))
        database.execute("INSERT INTO t VALUES (1)")


# --- the end -------------------------------------------------------------------------------------


def test_closing_is_idempotent_and_final(tmp_path: Path) -> None:
    """A closed database says so instead of opening again."""
    database = Database(tmp_path / "x.db", LAYOUT)
    database.close()
    database.close()
    with pytest.raises(ManifestError, match="closed"):
        database.execute("SELECT 1")
    with pytest.raises(ManifestError, match="closed"), database.transaction():
        pytest.fail("the block was entered")


def test_nothing_is_left_open(tmp_path: Path) -> None:
    """Threads that end, files that are refused and children that fork leave no warning behind."""
    code = """
        import gc, os, sys, threading
        from etagkit.drivers._sqlite import Database, Layout
        from etagkit.errors import ManifestError
        layout = Layout(application_id=7, migrations=("CREATE TABLE t (n INTEGER) STRICT;",))
        def refused():
            try:
                Database(sys.argv[1], Layout(application_id=8, migrations=()))
            except ManifestError:
                print("refused")
        with Database(sys.argv[1], layout) as database:
            thread = threading.Thread(target=database.execute, args=("SELECT 1",))
            thread.start()
            thread.join()
            refused()
        gc.collect()
        """
    assert run_python(code, tmp_path / "x.db", options=("-X", "dev")) == "refused\n"


_FORK = """
    import os, sys, threading
    from etagkit.drivers._sqlite import Database, Layout
    from etagkit.errors import ManifestError

    layout = Layout(application_id=7, migrations=("CREATE TABLE t (n INTEGER) STRICT;",))
    database = Database(sys.argv[1], layout)

    def wait_for(child):
        assert os.waitpid(child, 0)[1] == 0

    def show():
        print(database.execute("SELECT n FROM t ORDER BY n"))
        print(database.execute("PRAGMA integrity_check"))
        database.close()
    """

_FORK_AND_WRITE = """
    database.execute("INSERT INTO t VALUES (0)")
    child = os.fork()
    for number in range(100):
        with database.transaction():
            [(last,)] = database.execute("SELECT max(n) FROM t")
            database.execute("INSERT INTO t VALUES (?)", (last + 1,))
    if child == 0:
        {end}
        os._exit(0)
    wait_for(child)
    show()
    """

_FORK_WITHIN = """
    with database.transaction():
        database.execute("INSERT INTO t VALUES (0)")
        child = os.fork()
        if child == 0:
            {inside}
    if child == 0:
        try:
            database.execute("INSERT INTO t VALUES (2)")
        except ManifestError as exc:
            assert "forked" in str(exc)
            sys.exit(0)
        sys.exit(1)
    wait_for(child)
    database.execute("INSERT INTO t VALUES (1)")
    show()
    """

_FORK_BESIDE = """
    entered, forked = threading.Event(), threading.Event()

    def work():
        for number in range(200):
            with database.transaction():
                database.execute("INSERT INTO t VALUES (?)", (number,))
            if number == 20:
                entered.set()

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait()
    children = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            assert database.execute("SELECT count(*) FROM t") > [(20,)]
            os._exit(0)
        children.append(child)
    thread.join()
    for child in children:
        wait_for(child)
    show()
    """


def run_fork(code: str, path: Path) -> str:
    """Run one of the scripts above; from Python 3.12 on, forking beside a thread warns."""
    whole = textwrap.dedent(_FORK) + textwrap.dedent(code)
    return run_python(whole, path, options=("-W", "ignore:This process:DeprecationWarning"))


def whole(rows: range) -> str:
    """Return what `show` prints when all `rows` are there."""
    return f"{[(number,) for number in rows]}\n[('ok',)]\n"


fork_only = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")


@fork_only
@pytest.mark.parametrize("end", ["pass", "database.close()"], ids=["leaves", "closes"])
def test_parent_and_child_share_a_file(tmp_path: Path, end: str) -> None:
    """A database opened before a fork works in both processes at once, and loses nothing."""
    assert run_fork(_FORK_AND_WRITE.format(end=end), tmp_path / "x.db") == whole(range(201))


@fork_only
@pytest.mark.parametrize("inside", ["pass", "sys.exit(0)", "database.close(); sys.exit(0)"])
def test_a_fork_within_a_transaction_leaves_it_to_the_parent(tmp_path: Path, inside: str) -> None:
    """The child cannot use the file, says so, and does not end the parent's transaction."""
    assert run_fork(_FORK_WITHIN.format(inside=inside), tmp_path / "x.db") == whole(range(2))


@fork_only
def test_a_fork_waits_for_the_transactions_of_other_threads(tmp_path: Path) -> None:
    """Whatever other threads write, a child is born with no transaction open."""
    assert run_fork(_FORK_BESIDE, tmp_path / "x.db") == whole(range(200))


def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SQLite without STRICT tables is named as the reason before anything is created."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    with pytest.raises(ManifestError, match="too old"):
        Database(tmp_path / "x.db", LAYOUT)
    assert contents(tmp_path) == {}


def test_errors_are_access_denied_on_a_read_only_file_system() -> None:
    """A read-only mount is a matter of permission."""
    error = _sqlite_errors.from_os(OSError(errno.EROFS, "Read-only file system"), "x.db")
    assert isinstance(error, AccessDenied)


def test_an_interrupt_between_two_statements_leaves_no_lock(tmp_path: Path) -> None:
    """A transaction that an interrupt left open is undone before the next one begins."""
    path = tmp_path / "data.sqlite"
    with Database(path, LAYOUT) as database, Database(path, LAYOUT, timeout=0.1) as other:
        database._live().execute("BEGIN IMMEDIATE")  # where Ctrl-C hit before the block was entered
        with database.transaction():
            pass
        with other.transaction():
            pass


def test_a_transaction_within_a_transaction_is_refused(tmp_path: Path) -> None:
    """The outer one goes on as if nothing had been asked."""
    with Database(tmp_path / "data.sqlite", LAYOUT) as database, database.transaction():
        with pytest.raises(ManifestError, match="within a transaction"):
            database.transaction().__enter__()
        assert database._live().in_transaction
