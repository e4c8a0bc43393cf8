"""What a test asks of a child process, and what the child tells back."""

from __future__ import annotations

import enum

import attrs


class Watch(enum.Flag):
    """Which steps of a run count as points, at which a child can be killed or made to fail."""

    NONE = 0
    #: Before and after each operation of the flow.
    OPERATIONS = enum.auto()
    #: Before each call that changes the target's folder, and within the writing of the body.
    FILES = enum.auto()
    #: Before each SQL statement.
    STATEMENTS = enum.auto()
    #: Every few instructions within an SQL statement.
    INSTRUCTIONS = enum.auto()

    STEPS = OPERATIONS | FILES | STATEMENTS


@attrs.frozen(kw_only=True)
class Fetch:
    """Fetch `url` to `to`.

    Attributes:
        manifest: path of the manifest; the one of the target's folder where none is given.
        asynchronous: through `AsyncDownloadContext`, on asyncio.
        watch: which points there are.
        octets: counts of octets written to temporary files that are points (with `Watch.FILES`).
        kill_at: number of the point, from 1, at which the process kills itself.
        fail_at: number of the point at which `OSError(fail_with)` is raised in its place.
        user: who the process becomes before it starts.
        largest_file: limit of the operating system for one file, in octets.
    """

    url: str
    to: str
    manifest: str | None = None
    asynchronous: bool = False
    force: bool = False
    sidecar: bool = False
    hash_local: bool = False
    watch: Watch = Watch.NONE
    octets: tuple[int, ...] = ()
    kill_at: int | None = None
    fail_at: int | None = None
    fail_with: int = 0
    user: int | None = None
    largest_file: int | None = None


@attrs.frozen(kw_only=True)
class SweepOften:
    """Remove dead temporary files from `folder` over and over, until the file `until` is there."""

    folder: str
    until: str


@attrs.frozen(kw_only=True)
class Report:
    """What became of a job.

    Attributes:
        points: names of the points that were reached, in order; of a killed child, up to its end.
        outcome: class name of the result, `None` where there is none.
        error: what was raised.
        removed: how many temporary files a `SweepOften` removed.
        signal: number of the signal that ended the process, 0 where it ended by itself.
    """

    points: tuple[str, ...] = ()
    outcome: str | None = None
    error: BaseException | None = None
    removed: int = 0
    signal: int = 0
