"""Errors of SQLite, and of the file system below it, as errors of ours."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from etagkit.errors import (
    AccessDenied,
    DiskFull,
    EtagKitError,
    ManifestBusy,
    ManifestCorrupt,
    ManifestError,
)

if TYPE_CHECKING:
    from collections.abc import Generator

#: Free octets below which an I/O error of SQLite means a full disk: a write-ahead log needs 32 KiB
#: of shared memory beside it before its first page.
_NO_SPACE = 64 * 1024

#: Files that an open database needs beside it: the write-ahead log and the log's index.
_MORE_FILES = 2

#: What SQLite answers where it got no space or no file, among other reasons.
_STARVED = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})

_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

_PERMISSIONS = "check the permissions of the file and its folder"
_READ_ONLY = "to read it as it is, open it with read_only=True"

#: Primary result codes (https://www.sqlite.org/rescode.html): the low byte of the extended ones.
_PRIMARY = 0xFF


def allowed(path: str | os.PathLike[str], mode: int) -> bool:
    """Whether this process may use `path` in this way, a read-only mount counting as no."""
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def not_ours(path: str) -> ManifestCorrupt:
    """Return the error for a file that is no database of ours."""
    return ManifestCorrupt(
        "the file is not a manifest", path=path, advice="it was left untouched; name another file"
    )


def primary(exc: sqlite3.Error) -> int:
    """Return the primary result code; 0 for what did not come from SQLite itself."""
    return int(getattr(exc, "sqlite_errorcode", 0)) & _PRIMARY


def for_reading_only(path: str) -> ManifestError:
    """Return the error for a change to a file that was opened for reading only."""
    return ManifestError(
        "the manifest was opened for reading only",
        path=path,
        advice="to change it, open it without read_only=True",
    )


@contextlib.contextmanager
def translated(path: str, *, read_only: bool = False) -> Generator[None]:
    """Let errors of SQLite leave the block as errors of ours that name `path`."""
    try:
        yield
    except EtagKitError as exc:
        exc.about(path=path)
        raise
    except sqlite3.Error as exc:
        refused = _from_reading(exc, path) if read_only else None
        raise refused or _from_sqlite(exc, path) from exc


def from_os(exc: OSError, path: str) -> EtagKitError:
    """Return the error for what the file system said about the file or its folder."""
    if exc.errno in _DENIED:
        return no_access("the manifest's folder may not be used", path, exc.strerror)
    if exc.errno in _FULL:
        return _no_room(path, exc.strerror)
    return ManifestError("the manifest cannot be reached", path=path, found=exc.strerror)


def _from_reading(exc: sqlite3.Error, path: str) -> EtagKitError | None:
    """Return what only happens to somebody who reads without writing."""
    if getattr(exc, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY:  # not one of its extensions
        return for_reading_only(path)
    if primary(exc) in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}:
        return AccessDenied(
            "a log stands beside the manifest that cannot be read without writing",
            path=path,
            found=str(exc),
            advice="copy the manifest and the files whose names begin with its name to a folder "
            "that you may write, and read it there",
        )
    return None


def _from_sqlite(exc: sqlite3.Error, path: str) -> EtagKitError:
    code = primary(exc)
    if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return ManifestBusy(
            "another process keeps the manifest locked",
            path=path,
            advice="try again later, or end the process that hangs",
        )
    if code == sqlite3.SQLITE_NOTADB:
        return not_ours(path)
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA}:
        # Statements are fixed, so one that does not fit means tables that are not as we made them.
        return ManifestCorrupt(
            f"the manifest is damaged ({exc})",
            path=path,
            advice="keep a copy, then restore it or start a new one",
        )
    if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM} or _denied(code, path):
        return no_access("the manifest may not be written", path, exc)
    if code == sqlite3.SQLITE_FULL or (code in _STARVED and _full(path)):
        return _no_room(path, exc)
    return ManifestError(f"the manifest could not be read or written ({exc})", path=path)


def _denied(code: int, path: str) -> bool:
    """Whether SQLite's "unable to open" has its reason in permissions."""
    if code != sqlite3.SQLITE_CANTOPEN:
        return False
    wanted = os.R_OK | os.W_OK
    return not (
        allowed(Path(path).parent, wanted | os.X_OK)
        and (allowed(path, wanted) or not os.path.lexists(path))
    )


def _full(path: str) -> bool:
    folder = Path(path).parent
    try:
        if shutil.disk_usage(folder).free < _NO_SPACE:
            return True
        status = os.statvfs(folder) if hasattr(os, "statvfs") else None
    except OSError:
        return False
    # A file system without a limit on files tells neither how many it takes nor how many more.
    return status is not None and status.f_files > 0 and status.f_favail < _MORE_FILES


def no_access(reason: str, path: str, found: object) -> AccessDenied:
    """Return the error for a file that may not be written; what stands there may still be read."""
    readable = allowed(path, os.R_OK)
    return AccessDenied(
        reason,
        path=path,
        expected="permission to write",
        found=str(found),
        advice=f"{_PERMISSIONS}; {_READ_ONLY}" if readable else _PERMISSIONS,
    )


def unreadable(path: str) -> AccessDenied:
    """Return the error for a file that may not even be read."""
    return AccessDenied(
        "the manifest may not be read",
        path=path,
        expected="permission to read",
        advice=_PERMISSIONS,
    )


def _no_room(path: str, found: object) -> DiskFull:
    return DiskFull(
        "no space left for the manifest",
        path=path,
        expected="room for a record",
        found=str(found),
        advice="make room",
    )
