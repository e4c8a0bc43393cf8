"""Files: written beside their target under a name of their own, and published in one step.

A temporary file has a random name that no other process uses, so whatever locks are worth on this
file system, nobody can write into it or publish it but its owner. Its name carries the host, and
its owner holds a lock on it: that is how the next run tells a dead process's file from a live one's
(`sweep`). A lock that cannot be had only makes the sweep wait, it never makes a publish wrong.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import secrets
import socket
import stat
import time
from typing import TYPE_CHECKING

from etagkit.drivers import _platform
from etagkit.drivers._local_errors import local_errors
from etagkit.drivers._temp import OpenTemp, facts_of, mode_for
from etagkit.errors import LocalFileError
from etagkit.flow import FileFacts, Place

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Files", "OpenTemp", "local_errors"]

#: Block for hashing a local file: beyond 64 KiB the speed does not change.
_BLOCK = 1 << 20

#: Age in seconds from which a temporary file whose owner cannot be asked (another host, no locks)
#: counts as dead. A day is longer than any one transfer should take.
_DEAD_AFTER = 24 * 3600

_TEMP = re.compile(r"\.etagkit-(?P<host>[0-9a-f]{8})-[0-9a-f]{16}\.part")


def _host_mark() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _random_name() -> str:
    return secrets.token_hex(8)


def _open_at_once(path: str, flags: int) -> int:
    """Open without waiting: a pipe would keep this process until somebody writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0))


def _check_regular(status: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise LocalFileError(
            "the target is there and is no regular file",
            path=path,
            found=stat.filemode(status.st_mode),
        )


class Files:
    """The local file system. `name` gives the random part of temporary names, `clock` seconds."""

    def __init__(
        self,
        *,
        name: Callable[[], str] = _random_name,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take where ids and the time come from."""
        self._name = name
        self._clock = clock
        self._host = _host_mark()

    def locate(self, path: str) -> Place:
        """Resolve `path`; a trailing separator means a folder, there already or not."""
        with local_errors(path):
            wants_folder = path.endswith((os.sep, "/"))
            resolved = os.path.realpath(os.path.expanduser(path))
            is_folder = os.path.isdir(resolved)
            if wants_folder and os.path.exists(resolved) and not is_folder:
                raise LocalFileError("a file stands where a folder was named", path=path)
        return Place(path=resolved, is_folder=is_folder or wants_folder)

    def stat(self, path: str) -> FileFacts | None:
        """Return the facts of the regular file at `path`, or `None` where nothing stands."""
        with local_errors(path):
            try:
                status = os.stat(path)
            except (FileNotFoundError, NotADirectoryError):
                return None
        _check_regular(status, path)
        return facts_of(status)

    def hash(self, path: str) -> tuple[str, FileFacts] | None:
        """Return SHA-256 and facts of the file at `path`; the facts are those of the bytes read."""
        with local_errors(path):
            try:
                file = io.FileIO(path, opener=_open_at_once)
            except (FileNotFoundError, NotADirectoryError):
                return None
            with file:
                before = os.fstat(file.fileno())
                _check_regular(before, path)
                digest = hashlib.sha256()
                while block := file.read(_BLOCK):
                    digest.update(block)
                after = os.fstat(file.fileno())
        if facts_of(before) != facts_of(after):
            raise LocalFileError("the file was being written while it was read", path=path)
        return digest.hexdigest(), facts_of(after)

    def read(self, path: str, limit: int) -> bytes | None:
        """Return the first `limit` octets of a regular file; `None` where it cannot be read."""
        with local_errors(path):
            try:
                with open(path, "rb", opener=_open_at_once) as file:
                    regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
                    return file.read(limit) if regular else None
            except OSError:
                return None

    def create_temp(self, target: str) -> OpenTemp:
        """Create and lock a temporary file beside `target`."""
        opened: OpenTemp | None = None
        try:
            with local_errors(target):
                folder = os.path.dirname(target)
                os.makedirs(folder, exist_ok=True)
                while opened is None or not _take(opened):
                    path = os.path.join(folder, f".etagkit-{self._host}-{self._name()}.part")
                    opened = OpenTemp(path, target)
            return opened  # noqa: TRY300  an interrupt at this line is caught below too
        except BaseException:  # an interrupt too: its traceback would keep the object alive
            if opened is not None:
                opened.discard()
            raise

    def sweep(self, folder: str) -> int:
        """Remove the temporary files in `folder` whose owners are dead; return how many."""
        removed = 0
        with local_errors(folder), contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                match = _TEMP.fullmatch(entry.name)
                if match is not None:
                    removed += self._remove_if_dead(entry.path, match["host"])
        return removed

    def _remove_if_dead(self, path: str, host: str) -> bool:
        """Remove under the lock, so that an owner who locks later finds its file gone."""
        try:
            descriptor = _open_at_once(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
        except OSError:
            return False
        try:
            dead = _platform.try_lock(descriptor) if host == self._host else None
            if dead is None:
                dead = self._clock() - os.fstat(descriptor).st_mtime > _DEAD_AFTER
            if dead:
                os.unlink(path)
        except OSError:
            return False
        else:
            return dead
        finally:
            os.close(descriptor)

    def sync_folder(self, folder: str) -> None:
        """Flush a folder's entries to the disk."""
        with local_errors(folder):
            _platform.sync_folder(folder)


def _take(opened: OpenTemp) -> bool:
    """Create and lock the file; false where its name is taken, or a sweep was faster than we."""
    try:
        opened.create(mode_for(opened.target))
        taken = _platform.try_lock(opened.descriptor) is not False and opened.stands()
    except FileExistsError:
        return False
    if not taken:
        opened.discard()
    return taken
