"""Points of a run: the places at which a process can be killed, or an error can strike.

They are numbered as they are reached. A run is repeated with 1, 2, 3, ... as the fatal number until
it ends without meeting it; so no step can be left out, also none that the code gets later.

Everything here changes the process that it is used in (functions of `os` and `sqlite3`), which is a
child that lives for one job.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import anyio

from etagkit.drivers import AsyncDriver, SyncDriver
from etagkit.drivers._async import AsyncScope
from etagkit.drivers._sync import SyncScope
from tests.crash._job import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator

    from etagkit.drivers import AsyncHttpClient, HttpClient
    from etagkit.flow import Op
    from tests.crash._job import Fetch

#: Instructions of SQLite's virtual machine between two points. A record takes some hundreds.
_INSTRUCTIONS = 20


class Points:
    """Counts points, and lets the process die or a call fail at one of them."""

    def __init__(self, job: Fetch, last_words: Callable[[Points], None]) -> None:
        """Take the fatal number from `job`; `last_words` is called right before the death."""
        self.names: list[str] = []
        self._job = job
        self._last_words = last_words
        self._lock = threading.Lock()

    def reach(self, name: str) -> None:
        """Note that the process is at the point `name`."""
        with self._lock:
            self.names.append(name)
            if len(self.names) == self._job.kill_at:
                self._last_words(self)
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()
            if len(self.names) == self._job.fail_at:
                raise OSError(self._job.fail_with, os.strerror(self._job.fail_with))

    def reach_operation(self, when: str, op: Op[Any]) -> None:
        """Note that the process is right before or after `op`, where operations are watched."""
        if Watch.OPERATIONS in self._job.watch:
            self.reach(f"{when} {type(op).__name__}")

    def watch(self) -> None:
        """Make the steps that the job watches points."""
        if Watch.FILES in self._job.watch:
            _Calls(self, os.path.dirname(self._job.to), list(self._job.octets)).install()
        if self._job.watch & (Watch.STATEMENTS | Watch.INSTRUCTIONS):
            _watch_sqlite(self, self._job.watch)


# --- operations --------------------------------------------------------------------------------


class WatchedDriver(SyncDriver):
    """A sync driver whose operations are points."""

    def __init__(self, client: HttpClient, points: Points) -> None:
        """Take the client, and who counts."""
        super().__init__(client)
        self.points = points

    @contextlib.contextmanager
    def scope(self) -> Generator[SyncScope]:
        """Open a scope as the driver does."""
        scope = _WatchedScope(self, self.points)
        try:
            yield scope
        finally:
            scope.close()


class _WatchedScope(SyncScope):
    def __init__(self, driver: SyncDriver, points: Points) -> None:
        super().__init__(driver)
        self._points = points

    def perform(self, op: Op[Any], /) -> Any:
        self._points.reach_operation("before", op)
        answer = super().perform(op)
        self._points.reach_operation("after", op)
        return answer


class AsyncWatchedDriver(AsyncDriver):
    """An async driver whose operations are points."""

    def __init__(self, client: AsyncHttpClient, points: Points) -> None:
        """Take the client, and who counts."""
        super().__init__(client)
        self.points = points

    @contextlib.asynccontextmanager
    async def scope(self) -> AsyncGenerator[AsyncScope]:
        """Open a scope as the driver does."""
        scope = _AsyncWatchedScope(self, self.points)
        try:
            yield scope
        finally:
            with anyio.CancelScope(shield=True):
                await scope.aclose()


class _AsyncWatchedScope(AsyncScope):
    def __init__(self, driver: AsyncDriver, points: Points) -> None:
        super().__init__(driver)
        self._points = points

    async def perform(self, op: Op[Any], /) -> Any:
        self._points.reach_operation("before", op)
        answer = await super().perform(op)
        self._points.reach_operation("after", op)
        return answer


# --- calls of the operating system ---------------------------------------------------------------


class _Calls:
    """The calls that change files below one folder."""

    def __init__(self, points: Points, folder: str, octets: list[int]) -> None:
        self._points = points
        self._folder = folder
        self._marks = sorted(octets)
        self._written = 0
        self._open: dict[int, str] = {}

    def install(self) -> None:
        """Put points before the functions of `os` that file drivers use."""
        self._put_open_and_close()
        self._put_write()
        self._put_on_descriptors()
        self._put_on_paths()

    def _put_open_and_close(self) -> None:
        opener, closer = os.open, os.close

        def open_(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            name = self._name(path)
            if name is not None and flags & os.O_CREAT:
                self._points.reach(f"create {name}")
            descriptor = opener(path, flags, mode, dir_fd=dir_fd)
            if name is not None:
                self._open[descriptor] = name
            return descriptor

        def close(descriptor: int) -> None:
            self._open.pop(descriptor, None)
            closer(descriptor)

        os.open, os.close = open_, close  # type: ignore[assignment]

    def _put_write(self) -> None:
        writer = os.write

        def write(descriptor: int, data: Any, /) -> int:
            if self._open.get(descriptor) != "temp":
                return writer(descriptor, data)
            at_mark = bool(self._marks) and self._written + len(data) >= self._marks[0]
            if at_mark:  # as a nearly full disk does: it takes a part
                data = data[: self._marks[0] - self._written]
            count = writer(descriptor, data)
            self._written += count
            if at_mark and self._written == self._marks[0]:
                self._points.reach(f"{self._marks.pop(0)} octets written")
            return count

        os.write = write

    def _put_on_descriptors(self) -> None:
        for module, function, word in (
            (os, "fsync", "fsync"),
            (os, "fchmod", "chmod"),
            (fcntl, "flock", "lock"),
        ):
            setattr(module, function, self._on_descriptor(getattr(module, function), word))

    def _on_descriptor(self, real: Callable[..., Any], word: str) -> Callable[..., Any]:
        def call(descriptor: int, *rest: Any) -> Any:
            name = self._open.get(descriptor)
            if name is not None:
                self._points.reach(f"{word} {name}")
            return real(descriptor, *rest)

        return call

    def _put_on_paths(self) -> None:
        for function, word in (("mkdir", "make"), ("unlink", "remove"), ("replace", "rename")):
            setattr(os, function, self._on_path(getattr(os, function), word))

    def _on_path(self, real: Callable[..., Any], word: str) -> Callable[..., Any]:
        def call(path: str, *rest: Any, **more: Any) -> Any:
            paths = [each for each in (path, *rest) if isinstance(each, str | os.PathLike)]
            names = [self._name(os.fspath(each)) for each in paths]
            if None not in names:
                self._points.reach(" ".join(map(str, (word, *names))))
            return real(path, *rest, **more)

        return call

    def _name(self, path: str) -> str | None:
        """Return what `path` is called in the name of a point; `None` outside of the folder."""
        if path == self._folder:
            return "folder"
        if os.path.dirname(path) != self._folder:
            return None
        name = os.path.basename(path)
        return "temp" if name.endswith(".part") else name


# --- SQLite ------------------------------------------------------------------------------------


def _watch_sqlite(points: Points, watch: Watch) -> None:
    real = sqlite3.connect

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(*arguments, **options)
        if Watch.STATEMENTS in watch:
            connection.set_trace_callback(lambda sql: points.reach(_first_words(sql)))
        if Watch.INSTRUCTIONS in watch:
            connection.set_progress_handler(lambda: points.reach("instruction"), _INSTRUCTIONS)
        return connection

    sqlite3.connect = connect  # type: ignore[assignment]


def _first_words(sql: str) -> str:
    """Return the beginning of a statement, without its values."""
    words = " ".join(sql.split()[:3]).partition("(")[0].strip()
    return "BEGIN read" if words == "BEGIN" else words  # the transactions that write say IMMEDIATE
