"""The exit codes of every command, in one table, and how the end of the items decides on one."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from etagkit.errors import EtagKitError, IntegrityError

if TYPE_CHECKING:
    from collections.abc import Sequence


class ExitCode(enum.IntEnum):
    """What the process tells its caller; numbers are never given another meaning."""

    DONE = 0  #: everything that was asked for is so
    ERROR = 1  #: the one thing that was asked for failed, or nothing could be begun
    USAGE = 2  #: the command line makes no sense (click and most programs use 2 for it)
    UNCHANGED = 3  #: nothing changed; only where the caller asks to be told
    SOME_FAILED = 4  #: of several items at least one failed
    INTEGRITY = 5  #: bytes are not the right ones
    CONFLICTS = 6  #: conflicts are left for somebody to decide
    INTERRUPTED = 130  #: by Ctrl-C: 128 and the number of SIGINT, as shells count


class Fate(enum.Enum):
    """How one item ended, as far as the exit code needs to know."""

    CHANGED = "changed"
    UNCHANGED = "unchanged"
    FAILED = "failed"
    CORRUPT = "corrupt"  #: failed, because bytes are not the right ones


def fate_of(error: Exception) -> Fate:
    """Return how an item ended that ended with `error`."""
    return Fate.CORRUPT if isinstance(error, IntegrityError) else Fate.FAILED


def exit_code(fates: Sequence[Fate], *, tell_unchanged: bool = False) -> ExitCode:
    """Return the code for a run over items that ended so.

    >>> exit_code([Fate.UNCHANGED, Fate.FAILED])
    <ExitCode.SOME_FAILED: 4>
    """
    failures = [fate for fate in fates if fate in {Fate.FAILED, Fate.CORRUPT}]
    if not failures:
        idle = tell_unchanged and all(fate is Fate.UNCHANGED for fate in fates)
        return ExitCode.UNCHANGED if idle else ExitCode.DONE
    if all(fate is Fate.CORRUPT for fate in failures):
        return ExitCode.INTEGRITY
    return ExitCode.ERROR if len(fates) == 1 else ExitCode.SOME_FAILED


def code_of_error(error: EtagKitError) -> ExitCode:
    """Return the code for an error that ended the whole run."""
    return exit_code([fate_of(error)])
