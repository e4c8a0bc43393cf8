"""Files: written beside their target under a name of their own, and published in one step.

A temporary file has a random name that no other process uses, so whatever locks are worth on this
file system, nobody can write into it or publish it but its owner. Its name carries the host, and
its owner holds a lock on it: that is how the next run tells a dead process's file from a live one's
(`sweep`). A lock that cannot be had only makes the sweep wait, it never makes a publish wrong.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import socket
import stat
import time
from typing import TYPE_CHECKING

import attrs

from etagkit.drivers import _platform
from etagkit.errors import AccessDenied, DiskFull, InvalidArgument, LocalFileError
from etagkit.flow import FileFacts, Place, Temp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Block for hashing a local file: beyond 64 KiB the speed does not change.
_BLOCK = 1 << 20

#: Age in seconds from which a temporary file whose owner cannot be asked (another host, no locks)
#: counts as dead. A day is longer than any one transfer should take.
_DEAD_AFTER = 24 * 3600

#: What a new version takes over from the old file: rights, but no set-user-id, which a write to a
#: file takes away too.
_PERMISSIONS = 0o777

_TEMP = re.compile(r"\.etagkit-(?P<host>[0-9a-f]{8})-[0-9a-f]{16}\.part")

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def _host_mark() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _random_name() -> str:
    return secrets.token_hex(8)


@contextlib.contextmanager
def local_errors(path: str) -> Iterator[None]:
    """Turn an OSError about `path` into one of ours."""
    try:
        yield
    except LocalFileError:
        raise
    except OSError as exc:
        raise _translate(exc, path) from exc


def _translate(exc: OSError, path: str) -> LocalFileError:
    words = exc.strerror or str(exc)
    if exc.errno in _FULL:
        return DiskFull(
            "no space is left", path=path, found=words, advice="free some space and run again"
        )
    if exc.errno in _DENIED:
        return AccessDenied("this process may not do that here", path=path, found=words)
    return LocalFileError("the file cannot be used", path=path, found=words)


def _facts(status: os.stat_result) -> FileFacts:
    return FileFacts(
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
    )


@attrs.define
class OpenTemp:
    """A temporary file that this process is writing."""

    temp: Temp
    descriptor: int

    def write(self, data: bytes) -> None:
        """Append `data`, all of it."""
        with local_errors(self.temp.path):
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self.descriptor, rest) :]

    def flush(self) -> None:
        """Bring the content to the disk."""
        with local_errors(self.temp.path):
            _platform.flush(self.descriptor)

    def publish(self, target: str) -> FileFacts:
        """Give it its final name, with the permissions that the old file had."""
        with local_errors(target):
            before = os.fstat(self.descriptor)
            with contextlib.suppress(FileNotFoundError):
                self._take_mode(os.stat(target))
            if not _platform.RENAMES_OPEN_FILES:
                self.close()
            _platform.replace(self.temp.path, target)
            after = os.stat(target) if self.descriptor < 0 else os.fstat(self.descriptor)
        self.close()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise LocalFileError("the file was altered while it was published", path=target)
        return _facts(after)

    def _take_mode(self, old: os.stat_result) -> None:
        if not stat.S_ISREG(old.st_mode):
            raise InvalidArgument(
                "the target is there and is no regular file", found=stat.filemode(old.st_mode)
            )
        if hasattr(os, "fchmod"):
            with contextlib.suppress(PermissionError):
                os.fchmod(self.descriptor, old.st_mode & _PERMISSIONS)

    def close(self) -> None:
        """Close the descriptor, once."""
        descriptor, self.descriptor = self.descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def discard(self) -> None:
        """Close and remove."""
        self.close()
        with contextlib.suppress(OSError):
            os.unlink(self.temp.path)


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
        if not stat.S_ISREG(status.st_mode):
            raise LocalFileError(
                "the target is there and is no regular file",
                path=path,
                found=stat.filemode(status.st_mode),
            )
        return _facts(status)

    def hash(self, path: str) -> tuple[str, FileFacts] | None:
        """Return SHA-256 and facts of the file at `path`; the facts are those of the bytes read."""
        with local_errors(path):
            try:
                file = open(path, "rb", buffering=0)  # noqa: SIM115  closed just below
            except FileNotFoundError:
                return None
            with file:
                before = os.fstat(file.fileno())
                digest = hashlib.sha256()
                while block := file.read(_BLOCK):
                    digest.update(block)
                after = os.fstat(file.fileno())
        if _facts(before) != _facts(after):
            raise LocalFileError("the file was being written while it was read", path=path)
        return digest.hexdigest(), _facts(after)

    def create_temp(self, target: str) -> OpenTemp:
        """Create and lock a temporary file beside `target`."""
        folder = os.path.dirname(target)
        with local_errors(target):
            os.makedirs(folder, exist_ok=True)
            while True:
                path = os.path.join(folder, f".etagkit-{self._host}-{self._name()}.part")
                flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
                try:
                    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o666)
                except FileExistsError:
                    continue
                if _platform.try_lock(descriptor) is not False and _is_still(path, descriptor):
                    return OpenTemp(Temp(path), descriptor)
                os.close(descriptor)  # a sweep was faster than our lock; take another name

    def sweep(self, folder: str) -> int:
        """Remove the temporary files in `folder` whose owners are dead; return how many."""
        removed = 0
        with contextlib.suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                match = _TEMP.fullmatch(entry.name)
                if match is not None:
                    removed += self._remove_if_dead(entry.path, match["host"])
        return removed

    def _remove_if_dead(self, path: str, host: str) -> bool:
        """Remove under the lock, so that an owner who locks later finds its file gone."""
        try:
            descriptor = os.open(path, os.O_RDWR | getattr(os, "O_CLOEXEC", 0))
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


def _is_still(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
