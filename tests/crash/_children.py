"""Children that do one job each and may be killed at it.

Starting Python and importing the library takes a second, a run takes milliseconds. So there is one
process that has done both, has a single thread, and forks a child for each job (`python -m
tests.crash._children`); a test talks to it through `Children`. Its first act is a fetch of its own:
whatever the library imports only when needed is there before a child gives up its rights.

A message is a pickled value after its length in 8 octets. A job is answered with the child's
process id; then the word `_END` with its `Report`, when the child has ended. Until that word the
child stays known to the system, dead or alive, so that its id can be given to `os.kill`.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import resource
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
from typing import IO, TYPE_CHECKING, Any, Self

import attrs
import httpx

from etagkit.drivers import Files
from etagkit.testing import Origin
from etagkit.transfer import AsyncDownloadContext, DownloadContext, FetchOptions, LocalCheck
from tests._support import PROJECT
from tests.crash._job import Fetch, Report, SweepOften
from tests.crash._points import AsyncWatchedDriver, Points, WatchedDriver

if TYPE_CHECKING:
    from collections.abc import Callable

    from etagkit.transfer import FetchResult

#: Seconds without an octet after which a client in a child gives up.
_PATIENCE = 30.0

#: What asks for the report.
_END = "end"


# --- the side of the tests ---------------------------------------------------------------------


class Children:
    """Runs jobs in children, one at a time; use several for several children at once."""

    def __init__(self) -> None:
        """Start the process that forks."""
        command = [sys.executable, "-m", "tests.crash._children"]
        self._server = subprocess.Popen(
            command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def run(self, job: Fetch | SweepOften) -> Report:
        """Let a child do `job`, and return what became of it."""
        self.begin(job)
        return self.end()

    def begin(self, job: Fetch | SweepOften) -> int:
        """Let a child begin with `job`, and return its process id."""
        _send(_pipe(self._server.stdin), job)
        pid: int = _receive(_pipe(self._server.stdout))
        return pid

    def end(self) -> Report:
        """Wait for the child, and return what became of its job."""
        _send(_pipe(self._server.stdin), _END)
        report: Report = _receive(_pipe(self._server.stdout))
        return report

    def __enter__(self) -> Self:
        """Use within a block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process that forks."""
        with self._server:
            _pipe(self._server.stdin).close()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream


def _send(stream: IO[bytes], message: object) -> None:
    data = pickle.dumps(message)
    stream.write(len(data).to_bytes(8) + data)
    stream.flush()


def _receive(stream: IO[bytes]) -> Any:
    head = stream.read(8)
    if len(head) < 8:
        raise EOFError
    return pickle.loads(stream.read(int.from_bytes(head)))


# --- the process that forks --------------------------------------------------------------------


def _serve() -> None:
    _warm_up()
    assert threading.active_count() == 1, "a process with threads cannot be forked safely"
    jobs, replies = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            job = _receive(jobs)
        except EOFError:
            return
        mine, its = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(mine)
            _be_child(job, its)
        os.close(its)
        _send(replies, pid)
        assert _receive(jobs) == _END
        with os.fdopen(mine, "rb") as pipe:
            said = pipe.read()
        _, status = os.waitpid(pid, 0)
        report: Report = pickle.loads(said) if said else Report()
        ended_by = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        _send(replies, attrs.evolve(report, signal=ended_by))


def _warm_up() -> None:
    with Origin() as origin, tempfile.TemporaryDirectory() as folder:
        origin.put("/a.json", b"[1]")
        url = origin.url("/a.json")
        for asynchronous in (False, True):
            job = Fetch(url=url, to=f"{folder}/{asynchronous}", asynchronous=asynchronous)
            assert _perform(job, lambda _: None).outcome == "Fetched"


# --- the child ---------------------------------------------------------------------------------


def _be_child(job: Fetch | SweepOften, pipe: int) -> None:
    """Do the job, say what became of it, and end without any clearing up."""

    def last_words(points: Points) -> None:
        writing = os.fdopen(pipe, "wb", closefd=False)
        writing.write(pickle.dumps(Report(points=tuple(points.names))))
        writing.flush()

    try:
        report = _perform(job, last_words)
        with os.fdopen(pipe, "wb") as stream:
            stream.write(pickle.dumps(report))
    finally:
        os._exit(0)


def _perform(job: Fetch | SweepOften, last_words: Callable[[Points], None]) -> Report:
    if isinstance(job, SweepOften):
        return _sweep(job)
    if job.largest_file is not None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (job.largest_file, job.largest_file))
    if job.user is not None:
        os.setgroups([])
        os.setgid(job.user)
        os.setuid(job.user)
    points = Points(job, last_words)
    points.watch()
    try:
        result = asyncio.run(_afetch(job, points)) if job.asynchronous else _fetch(job, points)
    except Exception as exc:  # noqa: BLE001  it is handed to the test
        return Report(points=tuple(points.names), error=exc)
    return Report(points=tuple(points.names), outcome=type(result).__name__)


def _client_options() -> dict[str, Any]:
    """Loopback needs no certificates, and loading them would take longer than the job."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return {"verify": context, "trust_env": False, "timeout": _PATIENCE}


def _options(job: Fetch) -> FetchOptions:
    check = LocalCheck.HASH if job.hash_local else LocalCheck.STAT
    return FetchOptions(force=job.force, sidecar=job.sidecar, local_check=check)


def _fetch(job: Fetch, points: Points) -> FetchResult:
    with (
        httpx.Client(**_client_options()) as client,
        DownloadContext(client, manifest=job.manifest) as context,
    ):
        context._session._driver = WatchedDriver(client, points)
        return context.fetch(job.url, job.to, options=_options(job))


async def _afetch(job: Fetch, points: Points) -> FetchResult:
    async with (
        httpx.AsyncClient(**_client_options()) as client,
        AsyncDownloadContext(client, manifest=job.manifest) as context,
    ):
        context._session._driver = AsyncWatchedDriver(client, points)
        return await context.fetch(job.url, job.to, options=_options(job))


def _sweep(job: SweepOften) -> Report:
    files, removed = Files(), 0
    while not os.path.exists(job.until):
        removed += files.sweep(job.folder)
    return Report(removed=removed)


if __name__ == "__main__":
    _serve()
