"""SQLite files of ours: opened, migrated, locked and closed in one place.

A `Database` is one connection behind one lock. SQLite lets one writer in at a time anyway, so a
connection per thread would gain nothing for short transactions; it would leave a connection behind
in every thread that ends, which nobody closes (a `ResourceWarning` from Python 3.13 on).

Durability: write-ahead log with `synchronous=NORMAL`. The file survives any crash whole, but a
power cut may take the last transactions with it. For a record of what was fetched that costs one
fetch more; it never makes the record say something that is not so. Where the file system cannot
keep a write-ahead log, a rollback journal with `synchronous=FULL` takes its place, and a warning is
logged.

A file that is not ours, or that a newer version has written, is refused before SQLite could write
a byte to it. A write-ahead log works only between processes of one machine: keep the file on a
local file system, not on a share that several machines write.

Reading without writing: even a reader needs the log's index, and SQLite makes both beside the file
where they are missing, leaves them there, and makes them the reader's own, so that the owner of the
file can be locked out. A file opened with `read_only` is therefore read as one that never changes
(`immutable`) while no log stands beside it, and each answer counts only if the file is still what
it was. Where a log stands, its writer made the index too, and locks do their work.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sqlite3
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias
from urllib.parse import quote

from etagkit._log import get_logger
from etagkit.drivers._sqlite_errors import allowed, for_reading_only, primary, translated
from etagkit.drivers._sqlite_layout import (
    Layout,
    check,
    check_readable,
    migrate,
    number,
    one_state,
)
from etagkit.drivers._sqlite_place import Standing, prepare, settled, standing
from etagkit.errors import InvalidArgument, ManifestBusy, ManifestError

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

__all__ = ["Database", "Layout"]

logger = get_logger("sqlite")

Row: TypeAlias = tuple[Any, ...]

#: Seconds to wait for another writer. A transaction of ours takes milliseconds, so hundreds of
#: waiting processes get their turn in it; who waits longer meets a process that hangs.
BUSY_SECONDS = 30.0

#: Seconds between two tries to switch the journal, for which SQLite does not wait by itself.
_PAUSE = 0.02

#: Seconds that a fork waits for transactions of other threads, which take milliseconds. A thread
#: that itself waits for another process may take longer; the child then refuses to use the file.
_FORK_PATIENCE = 5.0

#: STRICT tables came with SQLite 3.37 (https://www.sqlite.org/stricttables.html).
_OLDEST = (3, 37, 0)


class _Handle:
    """One connection and its lock, made ready for a fork."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.connection: sqlite3.Connection | None = None
        self.lost = False

    def close(self) -> None:
        """Close the connection, if there is one; the next use opens another."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()

    def before_fork(self) -> bool:
        """Take the lock and close; return whether the lock was free within the patience."""
        if not self.lock.acquire(timeout=_FORK_PATIENCE):
            return False
        if self.connection is not None and not self.connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):
                self.close()
        return True

    def in_child(self) -> None:
        """Start anew; a connection that was left open may be neither used nor closed here."""
        self.lock = threading.RLock()
        if self.connection is not None:
            self.lost = True
            with contextlib.suppress(ImportError):
                import ctypes

                ctypes.pythonapi.Py_IncRef(ctypes.py_object(self.connection))  # never given back
            self.connection = None


@functools.cache
def _handles() -> weakref.WeakSet[_Handle]:
    """Return the handles to care for when the process forks; the hooks are set up on first use.

    SQLite keeps its locks in tables of the process. A child inherits the tables but not the locks,
    so it may not even open a file again that was open when it was born
    (https://www.sqlite.org/howtocorrupt.html section 2.6). Files are therefore closed before a
    fork, and opened by parent and child when they need them.
    """
    handles: weakref.WeakSet[_Handle] = weakref.WeakSet()
    held: dict[int, list[_Handle]] = {}

    def before() -> None:
        held[threading.get_ident()] = [one for one in list(handles) if one.before_fork()]

    def in_parent() -> None:
        for handle in held.pop(threading.get_ident(), ()):
            handle.lock.release()

    def in_child() -> None:
        held.clear()
        for handle in list(handles):
            handle.in_child()

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=before, after_in_parent=in_parent, after_in_child=in_child)
    return handles


class Database:
    """One SQLite file of ours. Threads may share it, and so may a process and its forks.

    >>> layout = Layout(application_id=7, migrations=("CREATE TABLE t (n INTEGER) STRICT;",))
    >>> with Database("some/folder/numbers.db", layout) as database:
    ...     with database.transaction():
    ...         _ = database.execute("INSERT INTO t VALUES (?)", (3,))
    ...     database.execute("SELECT n FROM t")
    [(3,)]

    Args:
        path: the file; it and its folder are created where missing.
        layout: the mark and the migrations of this kind of file.
        read_only: read what is there, and write nothing, neither to the file nor beside it. The
            file must exist; one of an older layout is read if it can be, and never migrated.
        timeout: seconds to wait for other writers.
        vfs: SQLite's way to the file; `unix-dotfile` for example where a mount knows no file locks.

    Raises:
        ManifestTooNew: a newer version has written the file. It is left untouched.
        ManifestCorrupt: the file is something else. It is left untouched.
        InvalidArgument: no file name, or with `read_only` no such file.
        AccessDenied, DiskFull: the file system did not let us.
        ManifestError: anything else; `retryable` says whether waiting may help.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        layout: Layout,
        *,
        read_only: bool = False,
        timeout: float = BUSY_SECONDS,
        vfs: str | None = None,
    ) -> None:
        """Open the file, so that one that cannot be used is refused here and not later."""
        name = os.fspath(path)
        if not name or "\0" in name:
            raise InvalidArgument("not a file name", found=name)
        self.path = os.path.abspath(name)
        self.read_only = read_only
        self._layout = layout
        self._timeout = timeout
        self._vfs = vfs
        self._closed = False
        self._inside = False  # a transaction's block; only looked at under the lock
        self._handle = _Handle()
        self._seen: Standing | None = None  # what the connection reads, with `read_only`
        self.execute("PRAGMA user_version")
        _handles().add(self._handle)

    @property
    def journal_mode(self) -> str:
        """The journal in use: `wal`, or `delete` where a write-ahead log does not work."""
        return str(self.execute("PRAGMA journal_mode")[0][0])

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run one statement and return all its rows.

        Outside of `transaction` each statement is a transaction of its own.
        """
        with self._handle.lock, self._translated():
            try:
                return self._read(sql, values) if self.read_only else self._run(sql, values)
            except (UnicodeEncodeError, OverflowError) as exc:
                raise InvalidArgument("a value that SQLite cannot hold", path=self.path) from exc

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Run the statements of the block as one transaction that holds the write lock throughout.

        It begins with the lock (`BEGIN IMMEDIATE`), so what is read within it still holds when it
        is written. An exception undoes everything.

        Raises:
            ManifestError: the file was opened with `read_only`, or a transaction is open already.
        """
        with self._handle.lock, self._translated():
            if self.read_only:
                raise for_reading_only(self.path)
            connection = self._live()
            if self._inside:
                raise ManifestError("a transaction within a transaction", path=self.path)
            try:
                if connection.in_transaction:  # an interrupt hit between two statements of ours
                    connection.execute("ROLLBACK")
                self._inside = True
                connection.execute("BEGIN IMMEDIATE")
                yield
                if self._owns(connection):
                    connection.execute("COMMIT")
            except BaseException:
                if self._owns(connection) and connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):  # what happened first matters more
                        connection.execute("ROLLBACK")
                raise
            finally:
                self._inside = False

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._handle.lock:
            self._closed = True
            self._handle.close()

    def __enter__(self) -> Self:
        """Return the database itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        """Return the class and the path."""
        return f"{type(self).__name__}({self.path!r})"

    def _owns(self, connection: sqlite3.Connection) -> bool:
        """Whether `connection` is this process's: a child may leave a block its parent entered."""
        return self._handle.connection is connection

    def _translated(self) -> contextlib.AbstractContextManager[None]:
        return translated(self.path, read_only=self.read_only)

    def _run(self, sql: str, values: Sequence[object]) -> list[Row]:
        return self._live().execute(sql, values).fetchall()

    def _read(self, sql: str, values: Sequence[object]) -> list[Row]:
        """Run a query on one state of the file: again where it changed under the query."""
        deadline = time.monotonic() + self._timeout
        self._refuse_unusable()
        while True:
            try:
                rows = self._run(sql, values)
            except (sqlite3.Error, ManifestError):  # half of one state, half of another?
                if self._undisturbed() or time.monotonic() > deadline:
                    raise
            else:
                if self._undisturbed():
                    return rows
                if time.monotonic() > deadline:
                    raise ManifestBusy(
                        "the manifest changes faster than it can be read",
                        path=self.path,
                        advice="try again later",
                    )
            self._handle.close()

    def _undisturbed(self) -> bool:
        """Whether the file is still read as it must be, and is what it was if nothing locks it."""
        now = standing(self.path)
        return now == self._seen or (now.log and self._seen is not None and self._seen.log)

    def _refuse_unusable(self) -> None:
        if self._closed:
            raise ManifestError("the manifest is closed", path=self.path)
        if self._handle.lost:
            raise ManifestError(
                "this process was forked in the middle of a transaction",
                path=self.path,
                advice="use another start method, or fork before the manifest is used",
            )

    def _live(self) -> sqlite3.Connection:
        self._refuse_unusable()
        if self._handle.connection is None:
            self._handle.connection = self._open_reading() if self.read_only else self._open()
        return self._handle.connection

    def _open(self) -> sqlite3.Connection:
        _refuse_old_sqlite()
        if prepare(self.path):
            self._probe()
        connection = self._connect("rwc", timeout=self._timeout)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA trusted_schema = OFF")  # views of ours call no functions
            migrate(connection, self._layout)
            _choose_journal(connection, self.path, time.monotonic() + self._timeout)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_reading(self) -> sqlite3.Connection:
        _refuse_old_sqlite()
        self._seen = settled(self.path)
        mode = "ro&immutable=1"
        if self._seen.log:
            self._probe()
            # Without its index, which only somebody who may write the file has a right to make.
            mode = "ro" if allowed(self.path, os.W_OK) else "ro&readonly_shm=1"
        connection = self._connect(mode, timeout=self._timeout)
        try:
            connection.execute("PRAGMA trusted_schema = OFF")
            check_readable(connection, self._layout)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect(self, mode: str, *, timeout: float = 0.0) -> sqlite3.Connection:
        name = Path(self.path).as_posix()
        uri = f"file://{'' if name.startswith('/') else '/'}{quote(os.fsencode(name))}?mode={mode}"
        return sqlite3.connect(
            uri if self._vfs is None else f"{uri}&vfs={quote(self._vfs)}",
            uri=True,
            timeout=timeout,
            isolation_level=None,
            check_same_thread=False,  # the lock sees to it
        )

    def _probe(self) -> None:
        """Refuse a file of somebody else by its header, without lock, journal or recovery.

        It is read through SQLite, not with `open`: closing a file of one's own drops every POSIX
        lock that this process holds on it. What a write-ahead log changes is not seen here; but a
        file gets its mark before it gets such a log, and `migrate` looks at the version again.
        """
        connection = self._connect("ro&immutable=1")
        try:
            with one_state(connection):
                check(connection, self._layout)
        except sqlite3.DatabaseError as exc:
            # Another process may be writing pages this very moment: only a file that does not begin
            # like a database is known to be none.
            if primary(exc) == sqlite3.SQLITE_NOTADB:
                raise
        finally:
            connection.close()


def _refuse_old_sqlite() -> None:
    if sqlite3.sqlite_version_info < _OLDEST:
        raise ManifestError(
            "this Python's SQLite is too old for a manifest file",
            expected=".".join(map(str, _OLDEST)),
            found=sqlite3.sqlite_version,
            advice="use a Python built with a newer SQLite",
        )


def _choose_journal(connection: sqlite3.Connection, path: str, deadline: float) -> None:
    mode = _switch_to_wal(connection, deadline)
    if mode == "wal":
        connection.execute("PRAGMA synchronous = NORMAL")
        number(connection, "PRAGMA user_version")  # sets up the log's index: fail here, not later
        return
    connection.execute("PRAGMA synchronous = FULL")  # NORMAL is safe with a write-ahead log only
    logger.warning(
        "no write-ahead log is possible at %s; writers and readers will wait for each other",
        path,
        extra={"path": path, "journal_mode": mode},
    )


def _switch_to_wal(connection: sqlite3.Connection, deadline: float) -> str:
    """Return the journal mode that the file ends up in."""
    while True:
        try:
            return str(connection.execute("PRAGMA journal_mode = WAL").fetchone()[0])
        except sqlite3.OperationalError as exc:
            if primary(exc) == sqlite3.SQLITE_PROTOCOL:  # locks of a share that does not keep them
                return "delete"
            if primary(exc) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)
