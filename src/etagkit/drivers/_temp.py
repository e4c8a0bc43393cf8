"""A temporary file: this process's own until it has its final name, removed if it never gets it.

An interrupt (KeyboardInterrupt) may come between any two steps, so ownership begins before the file
is there, and whoever loses the object removes the file.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import stat

from etagkit.drivers import _platform
from etagkit.drivers._local_errors import local_errors
from etagkit.errors import InvalidArgument, LocalFileError
from etagkit.flow import FileFacts, Temp

#: What a new version takes over from the old file: rights, but no set-user-id, which a write to a
#: file takes away too.
_PERMISSIONS = 0o777

#: Rights that a new file asks for; the process's umask or the folder's default ACL takes some away.
_COMMON = 0o666


def facts_of(status: os.stat_result) -> FileFacts:
    """Return the facts that tell one state of a file from another."""
    return FileFacts(
        size=status.st_size,
        mtime_ns=status.st_mtime_ns,
        ctime_ns=status.st_ctime_ns,
        inode=status.st_ino,
    )


class OwnFile:
    """A file that this process created and removes again, unless it is let live on.

    The descriptor is opened and kept by `io.FileIO` in one step: as a number in a variable it could
    be lost to an interrupt, and with it the lock that keeps the file from being swept.
    """

    # defaults of the class: an interrupt within `__init__` must not confuse `__del__`
    _file: io.FileIO | None = None
    _mine = False
    _process = -1

    def __init__(self, path: str) -> None:
        """Name the file; it is not there yet."""
        self.path = path
        self._process = os.getpid()

    def __del__(self) -> None:
        """Remove what nobody holds any more; a forked child leaves its parent's file alone."""
        if self._process == os.getpid():
            self.discard()

    @property
    def descriptor(self) -> int:
        """The open descriptor."""
        if self._file is None:
            message = "the file is not open"
            raise ValueError(message)
        return self._file.fileno()

    def create(self, mode: int = _COMMON) -> None:
        """Create and open the file.

        Raises:
            FileExistsError: somebody has a file of this name; it stays theirs.
        """
        opener = functools.partial(os.open, mode=mode)
        self._mine = True  # before it is there, so that there is no moment without an owner
        try:
            self._file = io.FileIO(self.path, "x+", opener=opener)
        except OSError:
            self._mine = False
            raise

    def stands(self) -> bool:
        """Whether the open file is the one that has the name."""
        try:
            return os.path.samestat(os.lstat(self.path), os.fstat(self.descriptor))
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """Close the descriptor, once."""
        if self._file is not None:
            self._file.close()

    def discard(self) -> None:
        """Close and remove; this never fails."""
        with contextlib.suppress(OSError):
            self.close()
        if self._mine:
            with contextlib.suppress(OSError):
                os.unlink(self.path)
            self._mine = False


class OpenTemp(OwnFile):
    """A temporary file that this process is writing; errors name the `target` it is meant for."""

    def __init__(self, path: str, target: str) -> None:
        """Name the file and what it is meant for."""
        super().__init__(path)
        self.temp = Temp(path)
        self.target = target
        self._written = 0
        self._mtime_ns: int | None = None

    def write(self, data: bytes) -> None:
        """Append `data`, all of it."""
        with local_errors(self.target):
            rest = memoryview(data)
            while rest:
                count = os.write(self.descriptor, rest)
                self._written += count
                rest = rest[count:]
        self._mtime_ns = None

    def settle(self) -> None:
        """Note the time of the last write: whoever writes to the file from now on is noticed."""
        with local_errors(self.target):
            self._mtime_ns = os.fstat(self.descriptor).st_mtime_ns

    def flush(self) -> None:
        """Bring the content to the disk."""
        with local_errors(self.target):
            self._check_unaltered()
            _platform.flush(self.descriptor)
        self.settle()

    def publish(self, target: str) -> FileFacts:
        """Give it its final name, with the permissions of the old file or else of any new one.

        Raises:
            LocalFileError: the temporary file is not what was written; nothing is published.
            InvalidArgument: something that is no file stands under the name.
        """
        with local_errors(target):
            before = self._check_unaltered()
            self._set_mode(target)
            if not _platform.RENAMES_OPEN_FILES:
                self.close()
            _platform.replace(self.path, target)
            self._mine = False
            after = os.fstat(self.descriptor) if _platform.RENAMES_OPEN_FILES else os.stat(target)
            self.close()
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise LocalFileError("the file was altered while it was published", path=target)
        return facts_of(after)

    def _check_unaltered(self) -> os.stat_result:
        """Return the file's status if it is what this process wrote and has its name.

        The times of file systems are coarse (4 milliseconds in many kernels): a write of the same
        length within one tick of ours is not seen.
        """
        status = os.fstat(self.descriptor)
        if status.st_size != self._written:
            raise LocalFileError(
                "somebody else wrote to the temporary file",
                path=self.target,
                expected=f"{self._written} octets",
                found=f"{status.st_size} octets",
            )
        if not _platform.RENAMES_OPEN_FILES:
            return status  # Windows: nobody can replace an open file, and its times come late
        if not self.stands():
            raise LocalFileError("the temporary file was replaced or removed", path=self.target)
        if self._mtime_ns not in {None, status.st_mtime_ns}:
            raise LocalFileError("somebody else wrote to the temporary file", path=self.target)
        return status

    def _set_mode(self, target: str) -> None:
        try:
            old = os.stat(target)
        except FileNotFoundError:
            old = None
        if old is not None and not stat.S_ISREG(old.st_mode):
            raise InvalidArgument(
                "the target is there and is no regular file", found=stat.filemode(old.st_mode)
            )
        if old is not None and hasattr(os, "fchmod"):
            mode = old.st_mode & _PERMISSIONS
            with contextlib.suppress(PermissionError):  # file systems without permissions
                os.fchmod(self.descriptor, mode)


def mode_for(target: str) -> int:
    """Return the permissions that a file for `target` is created with: never more than it had."""
    try:
        return stat.S_IMODE(os.stat(target).st_mode) & _PERMISSIONS
    except OSError:
        return _COMMON
