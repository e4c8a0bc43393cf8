"""What stands where a database of ours should be, as the file system tells it."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path

import attrs

from etagkit.drivers._sqlite_errors import allowed, from_os, no_access, not_ours, unreadable
from etagkit.errors import InvalidArgument, ManifestError

#: Seconds by which the times of files may lag: they move with the kernel's clock tick, which takes
#: 10 ms at the most. Younger than that, two states of a file may bear the same time.
_TICK = 0.02

#: What SQLite keeps beside a file while the file alone does not tell everything.
_LOGS = ("-wal", "-journal")


def prepare(path: str) -> bool:
    """Create the folder of `path`; return whether a file with content stands at `path`."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        facts = os.stat(path)
    except FileNotFoundError:
        return False
    except OSError as exc:
        raise from_os(exc, path) from exc
    _refuse_other_things(facts, path)
    if not allowed(path, os.R_OK | os.W_OK):
        # SQLite would open it for reading, and leave a log and an index that its owner cannot use.
        raise no_access("the manifest may not be written", path, "a file for reading only")
    return facts.st_size > 0


@attrs.frozen
class Standing:
    """What stands at a path: which state of which file, and whether a log beside it goes on."""

    file: tuple[int, ...]
    log: bool


def standing(path: str) -> Standing:
    """Return what stands at `path`, where a file to read must be.

    The log is looked at first. If there is none, and the file is then found as it was before, no
    log came and went in between: its content would have gone into the file.

    Raises:
        InvalidArgument: there is no file.
        AccessDenied, ManifestError: it cannot be read.
    """
    try:
        log = any(_holds_something(os.path.realpath(path) + end) for end in _LOGS)
        facts = os.stat(path)
    except FileNotFoundError as exc:
        raise InvalidArgument(
            "there is no manifest here",
            path=path,
            advice="name an existing manifest file; with read_only=True none is made",
        ) from exc
    except OSError as exc:
        raise from_os(exc, path) from exc
    _refuse_other_things(facts, path)
    if not allowed(path, os.R_OK):
        raise unreadable(path)
    state = (facts.st_dev, facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns)
    return Standing(state, log)


def settled(path: str) -> Standing:
    """Return what stands at `path`, its times being old enough to tell it from any later state."""
    found = standing(path)
    *_, mtime, _ = found.file
    if not found.log and abs(time.time_ns() - mtime) < _TICK * 1e9:
        time.sleep(_TICK)
        found = standing(path)
    return found


def _holds_something(path: str) -> bool:
    try:
        return os.stat(path).st_size > 0
    except FileNotFoundError:
        return False


def _refuse_other_things(facts: os.stat_result, path: str) -> None:
    if not stat.S_ISREG(facts.st_mode):
        raise ManifestError(
            "something else stands where the manifest file should be",
            path=path,
            advice="name a file",
        )
    if facts.st_size == 1:  # SQLite takes a file of one octet for an empty one, and writes over it
        raise not_ours(path)
