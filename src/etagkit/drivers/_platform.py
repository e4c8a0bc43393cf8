"""What differs between operating systems: locks, renames, and the durability of a folder.

Linux is tested; macOS and Windows are written for. Everything else calls these few functions.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys

if sys.platform == "win32":  # pragma: no cover - exercised on Windows only
    import msvcrt

    def try_lock(descriptor: int) -> bool | None:
        """Take an exclusive lock without waiting: true, false if held, `None` if unsupported."""
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def sync_folder(folder: str) -> None:
        """Do nothing: Windows has no handle of a folder to flush, NTFS journals the rename."""

else:
    import fcntl

    #: What a file system answers that knows no locks.
    _UNSUPPORTED = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS})

    def try_lock(descriptor: int) -> bool | None:
        """Take an exclusive lock without waiting: true, false if held, `None` if unsupported.

        The kernel lets go of it when the process dies, however it dies.
        """
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError as exc:
            if exc.errno in _UNSUPPORTED:
                return None
            raise
        return True

    def sync_folder(folder: str) -> None:
        """Flush a folder's entries, so that a rename survives a power cut.

        A file system that cannot do it (some network ones) answers EINVAL; there is no more to do.
        """
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as exc:
            if exc.errno not in {errno.EINVAL, *_UNSUPPORTED}:
                raise
        finally:
            os.close(descriptor)


#: Whether a file may be renamed while it is open; on Windows it must be closed first.
RENAMES_OPEN_FILES = sys.platform != "win32"


def flush(descriptor: int) -> None:
    """Bring a file's content to the disk itself.

    On macOS `fsync` stops at the drive's cache; F_FULLFSYNC goes through it (fsync(2) there).
    """
    if sys.platform == "darwin":  # pragma: no cover - exercised on macOS only
        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
            return
    os.fsync(descriptor)


def replace(source: str, target: str) -> None:
    """Give `source` the name `target` in one step, over whatever file had it (rename(2))."""
    os.replace(source, target)
