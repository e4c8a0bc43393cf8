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
"""

from __future__ import annotations

import contextlib
import errno
import functools
import logging
import os
import shutil
import sqlite3
import stat
import threading
import time
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeAlias
from urllib.parse import quote

import attrs

from etagkit.errors import (
    AccessDenied,
    DiskFull,
    EtagKitError,
    InvalidArgument,
    ManifestCorrupt,
    ManifestError,
    ManifestTooNew,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

logger = logging.getLogger("etagkit.drivers.sqlite")

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

#: Free octets below which an I/O error of SQLite means a full disk: a write-ahead log needs 32 KiB
#: of shared memory beside it before its first page.
_NO_SPACE = 64 * 1024

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_PERMISSIONS = "check the permissions of the file and its folder"

#: Primary result codes (https://www.sqlite.org/rescode.html): the low byte of the extended ones.
_PRIMARY = 0xFF


class DatabaseBusy(ManifestError):
    """Another process kept the file locked for longer than this one was willing to wait."""

    kind = "manifest_busy"
    _retryable = True


@attrs.frozen(kw_only=True)
class Layout:
    """What a database of ours holds: the mark in its header and the scripts that build it.

    `migrations` lead from an empty file to the present layout, one step each; their number is the
    version (`user_version`) that the file carries afterwards. A script that was released is never
    edited, only followed by another.
    """

    application_id: int
    migrations: tuple[str, ...]

    @property
    def version(self) -> int:
        """The version of a file that has seen every migration."""
        return len(self.migrations)


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
        timeout: seconds to wait for other writers.
        vfs: SQLite's way to the file; `unix-dotfile` for example where a mount knows no file locks.

    Raises:
        ManifestTooNew: a newer version has written the file. It is left untouched.
        ManifestCorrupt: the file is something else. It is left untouched.
        AccessDenied, DiskFull: the file system did not let us.
        ManifestError: anything else; `retryable` says whether waiting may help.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        layout: Layout,
        *,
        timeout: float = BUSY_SECONDS,
        vfs: str | None = None,
    ) -> None:
        """Open the file, so that one that cannot be used is refused here and not later."""
        name = os.fspath(path)
        if not name or "\0" in name:
            raise InvalidArgument("not a file name", found=name)
        self.path = os.path.abspath(name)
        self._layout = layout
        self._timeout = timeout
        self._vfs = vfs
        self._closed = False
        self._handle = _Handle()
        self._live()
        _handles().add(self._handle)

    @property
    def journal_mode(self) -> str:
        """The journal in use: `wal`, or `delete` where a write-ahead log does not work."""
        return str(self.execute("PRAGMA journal_mode")[0][0])

    def execute(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        """Run one statement and return all its rows.

        Outside of `transaction` each statement is a transaction of its own.
        """
        with self._handle.lock, _translated(self.path):
            try:
                return self._live().execute(sql, values).fetchall()
            except (UnicodeEncodeError, OverflowError) as exc:
                raise InvalidArgument("a value that SQLite cannot hold", path=self.path) from exc

    @contextlib.contextmanager
    def transaction(self) -> Generator[None]:
        """Run the statements of the block as one transaction that holds the write lock throughout.

        It begins with the lock (`BEGIN IMMEDIATE`), so what is read within it still holds when it
        is written. An exception undoes everything.
        """
        with self._handle.lock, _translated(self.path):
            connection = self._live()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                if self._owns(connection):
                    connection.execute("COMMIT")
            except BaseException:
                if self._owns(connection) and connection.in_transaction:
                    with contextlib.suppress(sqlite3.Error):  # what happened first matters more
                        connection.execute("ROLLBACK")
                raise

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

    def _live(self) -> sqlite3.Connection:
        if self._closed:
            raise ManifestError("the manifest is closed", path=self.path)
        if self._handle.lost:
            raise ManifestError(
                "this process was forked in the middle of a transaction",
                path=self.path,
                advice="use another start method, or fork before the manifest is used",
            )
        if self._handle.connection is None:
            with _translated(self.path):
                self._handle.connection = self._open()
        return self._handle.connection

    def _open(self) -> sqlite3.Connection:
        if sqlite3.sqlite_version_info < _OLDEST:
            raise ManifestError(
                "this Python's SQLite is too old for a manifest file",
                expected=".".join(map(str, _OLDEST)),
                found=sqlite3.sqlite_version,
                advice="use a Python built with a newer SQLite",
            )
        if _prepare(self.path):
            self._probe()
        connection = self._connect("rwc", timeout=self._timeout)
        try:
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA trusted_schema = OFF")  # views of ours call no functions
            _migrate(connection, self._layout)
            _choose_journal(connection, self.path, time.monotonic() + self._timeout)
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
        file gets its mark before it gets such a log, and `_migrate` looks at the version again.
        """
        connection = self._connect("ro&immutable=1")
        try:
            _check(connection, self._layout)
        except sqlite3.DatabaseError as exc:
            # Another process may be writing pages this very moment: only a file that does not begin
            # like a database is known to be none.
            if _primary(exc) == sqlite3.SQLITE_NOTADB:
                raise
        finally:
            connection.close()


def _prepare(path: str) -> bool:
    """Create the folder of `path`; return whether a file with content stands at `path`."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        facts = os.stat(path)
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise _from_os(exc, path) from exc
    if not stat.S_ISREG(facts.st_mode):
        raise ManifestError(
            "something else stands where the manifest file should be",
            path=path,
            advice="name a file",
        )
    if not _allowed(path, os.R_OK | os.W_OK):
        # SQLite would open it for reading, and leave a log and an index that its owner cannot use.
        raise AccessDenied("the manifest may not be written", path=path, advice=_PERMISSIONS)
    if facts.st_size == 1:  # SQLite takes a file of one octet for an empty one, and writes over it
        raise _not_ours(path)
    return facts.st_size > 0


def _allowed(path: str | os.PathLike[str], mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _not_ours(path: str) -> ManifestCorrupt:
    return ManifestCorrupt(
        "the file is not a manifest", path=path, advice="it was left untouched; name another file"
    )


def _number(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def _check(connection: sqlite3.Connection, layout: Layout) -> int:
    """Return the version of a file that is ours or empty; refuse any other."""
    mark = _number(connection, "PRAGMA application_id")
    version = _number(connection, "PRAGMA user_version")
    if mark != layout.application_id:
        if mark or version or _number(connection, "SELECT count(*) FROM sqlite_schema"):
            raise ManifestCorrupt(
                "the file is a database of another program",
                expected=f"application_id {layout.application_id}",
                found=mark,
                advice="it was left untouched; name another file",
            )
        return 0
    if version > layout.version:
        raise ManifestTooNew(
            "the file was written by a newer etagkit",
            expected=f"version {layout.version} or lower",
            found=version,
            advice="it was left untouched; update etagkit or name another file",
        )
    return version


def _migrate(connection: sqlite3.Connection, layout: Layout) -> None:
    """Apply the migrations that are missing, each in a transaction that looks once more."""
    if _check(connection, layout) == layout.version:
        return
    for number, script in enumerate(layout.migrations, start=1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if _check(connection, layout) < number:
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {layout.application_id:d}")
                connection.execute(f"PRAGMA user_version = {number:d}")
                logger.debug("migrated a database to version %d", number)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


def _statements(script: str) -> Iterator[str]:
    """Split a script: `executescript` would commit the transaction it is to be part of."""
    statement = ""
    for piece in script.split(";"):
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""


def _choose_journal(connection: sqlite3.Connection, path: str, deadline: float) -> None:
    mode = _switch_to_wal(connection, deadline)
    if mode == "wal":
        connection.execute("PRAGMA synchronous = NORMAL")
        _number(connection, "PRAGMA user_version")  # sets up the log's index: fail here, not later
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
            if _primary(exc) == sqlite3.SQLITE_PROTOCOL:  # locks of a share that does not keep them
                return "delete"
            if _primary(exc) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE)


def _primary(exc: sqlite3.Error) -> int:
    """Return the primary result code; 0 for what did not come from SQLite itself."""
    return int(getattr(exc, "sqlite_errorcode", 0)) & _PRIMARY


@contextlib.contextmanager
def _translated(path: str) -> Generator[None]:
    """Let errors of SQLite leave the block as errors of ours that name `path`."""
    try:
        yield
    except EtagKitError as exc:
        exc.about(path=path)
        raise
    except sqlite3.Error as exc:
        raise _from_sqlite(exc, path) from exc


def _from_os(exc: OSError, path: str) -> EtagKitError:
    if exc.errno in _DENIED:
        return AccessDenied("the manifest's folder may not be used", path=path, advice=_PERMISSIONS)
    if exc.errno in _FULL:
        return DiskFull("no space left for the manifest", path=path, advice="make room")
    return ManifestError(f"the manifest cannot be reached: {exc.strerror}", path=path)


def _from_sqlite(exc: sqlite3.Error, path: str) -> EtagKitError:
    code = _primary(exc)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return DatabaseBusy(
            "another process keeps the manifest locked",
            path=path,
            advice="try again later, or end the process that hangs",
        )
    if code == sqlite3.SQLITE_NOTADB:
        return _not_ours(path)
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA}:
        # Statements are fixed, so one that does not fit means tables that are not as we made them.
        return ManifestCorrupt(
            f"the manifest is damaged ({exc})",
            path=path,
            advice="keep a copy, then restore it or start a new one",
        )
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM} or _denied(code, path):
        return AccessDenied("the manifest may not be written", path=path, advice=_PERMISSIONS)
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _full(path)):
        return DiskFull("no space left for the manifest", path=path, advice="make room")
    return ManifestError(f"the manifest could not be read or written ({exc})", path=path)


def _denied(code: int, path: str) -> bool:
    """Whether SQLite's "unable to open" has its reason in permissions."""
    if code != sqlite3.SQLITE_CANTOPEN:
        return False
    wanted = os.R_OK | os.W_OK
    return not (
        _allowed(Path(path).parent, wanted | os.X_OK)
        and (_allowed(path, wanted) or not os.path.lexists(path))
    )


def _full(path: str) -> bool:
    try:
        return shutil.disk_usage(Path(path).parent).free < _NO_SPACE
    except OSError:
        return False
