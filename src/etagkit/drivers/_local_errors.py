"""What the operating system says about a file, as errors of this library."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from etagkit.errors import AccessDenied, DiskFull, EtagKitError, InvalidArgument, LocalFileError

if TYPE_CHECKING:
    from collections.abc import Generator

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


@contextlib.contextmanager
def local_errors(path: str) -> Generator[None]:
    """Turn what is raised about `path` into an error of ours.

    The functions of `os` raise ValueError or TypeError for what can be no path at all: with a zero
    octet or a lone surrogate in it, or no text.
    """
    try:
        yield
    except (EtagKitError, UnicodeDecodeError):  # the latter is about a content, never a path
        raise
    except OSError as exc:
        raise _translate(exc, path) from exc
    except (ValueError, TypeError) as exc:
        raise InvalidArgument(
            "not a path that a file can have",
            path=path,
            found=type(exc).__name__,
            advice="look for zero octets and half surrogates in it",
        ) from exc


def _translate(exc: OSError, path: str) -> LocalFileError:
    words = exc.strerror or str(exc)
    if exc.errno in _FULL:
        return DiskFull(
            "no space is left",
            path=path,
            expected="room for the file",
            found=words,
            advice="free some space and run again",
        )
    if exc.errno in _DENIED:
        return AccessDenied(
            "this process may not do that here",
            path=path,
            expected="permission",
            found=words,
            advice="check the permissions of the file and its folder",
        )
    return LocalFileError("the file cannot be used", path=path, found=words)
