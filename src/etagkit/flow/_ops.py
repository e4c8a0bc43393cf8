"""Operations: everything that a protocol may ask of the world, and nothing else.

A flow is a generator that yields operations and is sent their answers. It never performs I/O,
never reads a clock and does not know whether it runs sync or async; a driver does the work. Each
operation is a frozen value whose type parameter is the type of its answer, so that `ask` is exactly
typed:

    answer = yield from ask(Send("HEAD", url))      # answer: Answer

Bodies and temporary files are owned by the driver. A flow holds only handles (`Body`, `Temp`); when
it ends, by a result, an error or a cancellation, the driver closes what it left open and removes
what it did not publish. A flow never yields inside `finally`.

A body is one `Drain`, never one operation per chunk: the loop over the bytes stays in the driver.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from datetime import datetime
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

import attrs

from etagkit.http import Head

R = TypeVar("R")
T = TypeVar("T")


class Op(Generic[R]):
    """One thing that only the outside world can do; `R` is the type of the answer."""

    __slots__ = ()


#: A protocol: yields operations, is sent answers, returns `T`.
Flow: TypeAlias = Generator[Op[Any], Any, T]


def ask(op: Op[R]) -> Generator[Op[R], R, R]:
    """Ask the driver for `op` and return its answer.

    >>> def year() -> Flow[int]:
    ...     moment = yield from ask(Now())
    ...     return moment.year
    >>> flow = year()
    >>> next(flow)
    Now()
    """
    return (yield op)


# --- the network -------------------------------------------------------------------------------


@attrs.frozen
class Body:
    """Handle of a body that was announced and not read yet."""

    number: int


@attrs.frozen
class Answer:
    """The head of an answer, and the handle of its body."""

    head: Head
    body: Body


@attrs.frozen
class Send(Op[Answer]):
    """Send one request without a body and return the head of the answer, redirects not followed.

    `hop` counts the redirects that led here. `same_origin` is false when a redirect left the origin
    that the caller named: the driver then sends nothing that could be a credential.
    """

    method: str
    url: str = attrs.field(repr=False)
    headers: tuple[tuple[str, str], ...] = ()
    hop: int = attrs.field(default=0, kw_only=True)
    same_origin: bool = attrs.field(default=True, kw_only=True)


@attrs.frozen
class Peek(Op[bytes]):
    """Read at most `limit` octets of a body as sent, then let go of it."""

    body: Body
    limit: int


@attrs.frozen
class Release(Op[None]):
    """Let go of a body; the connection is kept only where that costs nothing."""

    body: Body


class Through(Protocol):
    """What a body is passed through on its way to the file: blocks in, blocks to store out.

    Both methods may raise; nothing is stored after that. They run in the driver's hot loop, in a
    worker thread under the async driver, never two at once.
    """

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        """Take the next octets as sent; return what is to be stored."""
        ...

    def finish(self) -> Iterable[bytes]:
        """The body ended as its framing said; return what is left to store."""
        ...


@attrs.frozen
class Temp:
    """Handle of a temporary file; `path` lies in the folder of its target."""

    path: str


@attrs.frozen(kw_only=True)
class Drain(Op[int]):
    """Read a body to its end, through `through`, into `into`; return the octets received.

    Raises `BodyCut` when the body ends before its framing says so. `progress` turns the number of
    octets received so far into an event; the driver emits it now and then, and once at the end.
    """

    body: Body
    through: Through
    into: Temp | None = None
    progress: Callable[[int], object] | None = None


# --- files -------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class FileFacts:
    """What the file system says about a file, enough to notice that somebody touched it."""

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


@attrs.frozen(kw_only=True)
class Place:
    """Where a path leads: absolute, symbolic links resolved, and what stands there."""

    path: str
    is_folder: bool


@attrs.frozen
class Locate(Op[Place]):
    """Resolve a path given by the caller."""

    path: str


@attrs.frozen
class Stat(Op[FileFacts | None]):
    """Return the facts of the regular file at `path`, or `None` where there is none."""

    path: str


@attrs.frozen
class HashFile(Op[tuple[str, FileFacts] | None]):
    """Return the SHA-256 (hex) of the file at `path` and the facts it had; `None` if absent."""

    path: str


@attrs.frozen
class ReadFile(Op[bytes | None]):
    """Return the first `limit` octets of the file at `path`, or `None` where none can be read."""

    path: str
    limit: int


@attrs.frozen
class Sweep(Op[int]):
    """Remove the temporary files that dead processes left in `folder`; return how many."""

    folder: str


@attrs.frozen
class CreateTemp(Op[Temp]):
    """Create an empty temporary file in the folder of `target`, making the folder if need be."""

    target: str


@attrs.frozen
class Write(Op[None]):
    """Append `data` to a temporary file."""

    temp: Temp
    data: bytes


@attrs.frozen
class Flush(Op[None]):
    """Bring a temporary file's content to the disk (fsync)."""

    temp: Temp


@attrs.frozen
class Publish(Op[FileFacts]):
    """Give a flushed temporary file its final name in one step, over whatever stood there."""

    temp: Temp
    target: str


@attrs.frozen
class SyncFolder(Op[None]):
    """Bring a folder's entries to the disk, so that a publish survives a power cut."""

    folder: str


@attrs.frozen
class Discard(Op[None]):
    """Remove a temporary file."""

    temp: Temp


# --- the rest of the world ---------------------------------------------------------------------


@attrs.frozen
class Call(Op[R]):
    """Call a blocking function of the floors below, such as a manifest look-up.

    The async driver runs it in a worker thread.
    """

    function: Callable[[], R]


@attrs.frozen
class Now(Op[datetime]):
    """Return the current time in UTC."""


@attrs.frozen
class Emit(Op[None]):
    """Tell the host about an event."""

    event: object
