"""Where files go, what stands in the way, and who may work at the same time."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

import etagkit
from etagkit import errors
from etagkit.events import Advanced, Failed, Probed, Published, Recorded, Skipped, Started, Verified
from etagkit.testing import Cut, CutChunked, Outcome, Stall, Status, When
from etagkit.transfer import (
    AsyncDownloadContext,
    BinaryDownloadStrategy,
    DownloadContext,
    DownloadStrategy,
    Fetched,
    FetchOptions,
    GzipDownloadStrategy,
    JsonDownloadStrategy,
    Magic,
    SourceProber,
    default_strategies,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from etagkit.testing import Exchange, Origin
    from etagkit.transfer import RemoteFileIntent, Stage
    from tests.loopback._world import World

BODY = b"the file\n" * 3000


# --- names -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("..%2f..%2fetc%2fpasswd", "_.._etc_passwd"),
        ("a%00b", "a_b"),
        ("a%5cb", "a_b"),
        ("C%3a%5cx", "C__x"),
        (".hidden", "hidden"),
        ("%2ebashrc", "bashrc"),
        ("a%20", "a"),
        ("caf%C3%A9", "caf\xe9"),
        ("%FF", "\ufffd"),
        ("a%0ab", "a_b"),
        ("x" * 300, "x" * 200),
        ("x" * 300 + ".json", "x" * 195 + ".json"),
    ],
)
def test_hostile_names(small_world: World, path: str, name: str) -> None:
    """Whatever the last segment holds, the file lies in the folder, under a name that is safe."""
    from urllib.parse import unquote

    small_world.put(f"/{unquote(path)}", b"[1]")
    url = f"{small_world.origin.base_url}/{path}"
    result = small_world.fetch(url, "folder/")
    assert small_world.names() == [f"folder/{name}"]
    assert result.path.name == name


@pytest.mark.parametrize("path", ["", "a/", "CON", "nul.txt", "com1", "%2e%2e", "...", "%20"])
def test_names_that_cannot_be(small_world: World, path: str) -> None:
    """Without a usable name nothing is asked of the source; a full path is what is missing."""
    with pytest.raises(errors.InvalidArgument, match="no usable file name"):
        small_world.fetch(f"{small_world.origin.base_url}/{path}", "folder/")
    assert small_world.origin.log == []


# --- what stands in the way ------------------------------------------------------------------


def test_a_pipe_under_the_name(world: World) -> None:
    """A pipe is neither read nor replaced, and the source is not asked."""
    os.mkfifo(world.path("pipe"))
    with pytest.raises(errors.LocalFileError, match="no regular file"):
        world.fetch(world.put("/file", BODY), "pipe")
    assert world.origin.log == []


def test_a_file_in_the_place_of_a_folder(small_world: World) -> None:
    """A target below a file is an error that names it."""
    url = small_world.put("/file", BODY)
    small_world.fetch(url)
    with pytest.raises(errors.LocalFileError):
        small_world.fetch(url, "file/below")
    with pytest.raises(errors.LocalFileError):
        small_world.fetch(url, "file/")


@pytest.mark.parametrize("to", ["", "a\0b"])
def test_what_is_no_path(small_world: World, to: str) -> None:
    """It is refused with words."""
    with httpx.Client() as client, pytest.raises(errors.InvalidArgument, match="must be a path"):
        etagkit.fetch(small_world.origin.url("/file"), to, client=client)


def test_a_path_of_another_type(small_world: World) -> None:
    """Likewise."""
    with httpx.Client() as client, pytest.raises(errors.InvalidArgument, match="must be a path"):
        etagkit.fetch(small_world.origin.url("/file"), 7, client=client)  # type: ignore[arg-type]


@pytest.mark.parametrize("umask", [0o077, 0o022])
def test_a_new_file_follows_the_umask(small_world: World, umask: int) -> None:
    """New files get the permissions that the user gives to new files."""
    before = os.umask(umask)
    try:
        small_world.fetch(small_world.put("/file", BODY))
    finally:
        os.umask(before)
    assert os.stat(small_world.path()).st_mode & 0o777 == 0o666 & ~umask


def test_dead_temps_are_swept(small_world: World) -> None:
    """What an earlier run left half is gone after the next one."""
    from etagkit.drivers import Files

    temp = Files().create_temp(small_world.path("file"))
    temp.write(b"half")
    temp.close()
    small_world.fetch(small_world.put("/file", BODY))
    assert small_world.names() == ["file"]


# --- strategies ------------------------------------------------------------------------------


def test_a_strategy_that_is_insisted_on(world: World) -> None:
    """The first run needs no look at the source: one GET."""
    url = world.put("/file.json", b"no json")
    assert isinstance(world.fetch(url, strategy=BinaryDownloadStrategy()), Fetched)
    assert world.asked() == ["GET 200"]
    assert type(world.fetch(url, strategy=BinaryDownloadStrategy())).__name__ == "Skipped"
    assert world.asked() == ["GET 200", "HEAD 200"]
    with pytest.raises(errors.MalformedContent):
        world.fetch(url, strategy=JsonDownloadStrategy())
    assert world.read() == b"no json"


def test_execute(world: World) -> None:
    """A strategy can be used by itself, and then insists on itself."""
    url = world.put("/file", b'{"a": 1}')
    manifest = world.path("records.db")
    options = FetchOptions(expected_size=8)
    results = [
        world.run(
            lambda client: JsonDownloadStrategy().execute(
                url, world.path(), client=client, manifest=manifest, options=options
            ),
            lambda client: JsonDownloadStrategy().aexecute(
                url, world.path(), client=client, manifest=manifest, options=options
            ),
        )
        for _ in range(2)
    ]
    world.calls += 2
    assert [type(each).__name__ for each in results] == ["Fetched", "Skipped"]
    assert results[0].record.strategy == "json"
    assert not os.path.exists(world.path(".etagkit"))


class _Upper:
    """A stage that changes what is stored."""

    name = "upper"

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        return (block.upper(),)

    def finish(self) -> Iterable[bytes]:
        return (b"!",)


class _Shouting(DownloadStrategy):
    """A strategy of a user's own."""

    @property
    def name(self) -> str:
        return "shouting"

    def accepts(self, intent: RemoteFileIntent, /) -> bool:
        return intent.magic is Magic.TEXT

    def stages(self) -> tuple[Stage, ...]:
        return (_Upper(),)

    @property
    def store_after(self) -> int:
        return 1


def test_a_strategy_of_ones_own(world: World) -> None:
    """A subclass decides what is stored, and the record describes that."""
    url = world.put("/file", BODY)
    world.allow(BODY.upper() + b"!")

    strategies = (_Shouting(), *default_strategies())

    def sync(client: Any) -> Any:
        with DownloadContext(client, strategies=strategies) as context:
            return context.fetch(url, world.path())

    async def asynchronous(client: Any) -> Any:
        async with AsyncDownloadContext(client, strategies=strategies) as context:
            return await context.fetch(url, world.path())

    world.calls += 2
    results = [world.run(sync, asynchronous) for _ in range(2)]
    assert [type(each).__name__ for each in results] == ["Fetched", "Skipped"]
    assert world.read() == BODY.upper() + b"!"
    result = results[0]
    assert result.record.strategy == "shouting"
    assert result.record.wire_sha256 is not None


def test_no_strategy_fits(small_world: World) -> None:
    """A list that ends with none that takes anything says so."""
    url = small_world.put("/file", BODY)
    with httpx.Client(trust_env=False) as client:
        context = DownloadContext(client, strategies=[GzipDownloadStrategy()])
        with pytest.raises(errors.InvalidArgument, match="add BinaryDownloadStrategy"):
            context.fetch(url, small_world.path())
    small_world.calls += 1
    assert os.listdir(small_world.folder) == []


# --- events ----------------------------------------------------------------------------------


def _kinds(world: World) -> list[type]:
    """Return the classes of the events so far, progress counted once."""
    kinds: list[type] = []
    for event in world.events:
        if not (kinds and kinds[-1] is type(event) is Advanced):
            kinds.append(type(event))
    world.events.clear()
    return kinds


def test_the_order_of_events(world: World) -> None:
    """Each fetch tells the same story in the same order."""
    url = world.put("/file", BODY)
    world.fetch(url)
    last = [each for each in world.events if isinstance(each, Advanced)][-1]
    assert (last.received, last.total) == (len(BODY), len(BODY))
    assert _kinds(world) == [Probed, Started, Advanced, Verified, Published, Recorded]
    world.fetch(url)
    assert _kinds(world) == [Probed, Skipped]
    world.origin.always("/file", When(lambda request: request.method == "GET", Cut(after=5)))
    with pytest.raises(errors.BodyCut):
        world.fetch(url, force=True)
    assert _kinds(world) == [Probed, Failed]
    world.origin.script("/file", Cut(after=2000), Cut(after=2000))
    with pytest.raises(errors.BodyCut):
        world.fetch(url, force=True)
    assert _kinds(world) == [Probed, Started, Failed]
    world.origin.always("/file", Status(404))
    with pytest.raises(errors.UnexpectedStatus):
        world.fetch(url)
    assert _kinds(world) == [Failed]


@pytest.mark.parametrize("kind", [Probed, Started, Verified, Published, Recorded])
def test_a_listener_that_raises(world: World, kind: type) -> None:
    """What it raises comes out; what is on the disk is whole, and the next run repairs the rest."""
    url = world.put("/file", BODY)

    def listen(event: object) -> None:
        if isinstance(event, kind):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        world.fetch(url, on_event=listen)
    assert ("file" in world.names()) == (kind in {Published, Recorded})
    world.fetch(url)
    assert world.read() == BODY
    assert world.record().size == len(BODY)


# --- loops, threads, contexts ----------------------------------------------------------------


def test_sync_calls_inside_a_running_loop(origin: Origin, tmp_path: Path) -> None:
    """The sync functions start no loop of their own: they work in a notebook cell."""
    origin.put("/file", BODY)

    async def cell(number: int) -> None:
        with httpx.Client(trust_env=False) as client:
            target = tmp_path / str(number)
            etagkit.fetch(origin.url("/file"), target, client=client)
            assert target.read_bytes() == BODY
            assert etagkit.probe(origin.url("/file"), client=client).size == len(BODY)

    asyncio.run(cell(1))
    anyio.run(cell, 2, backend="trio")


@pytest.mark.parametrize("own_client", [True, False])
def test_threads_share_a_context(
    origin: Origin, tmp_path: Path, own_client: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many threads fetch through one context; at most one client is made for all of them."""
    from etagkit.drivers import default_client
    from etagkit.transfer import _session

    made: list[Any] = []
    together = threading.Barrier(8)

    def make() -> Any:
        made.append(default_client())
        return made[-1]

    monkeypatch.setattr(_session, "default_client", make)
    for number in range(16):
        origin.put(f"/{number}", bytes([number]) * 10_000)

    def fetch(number: int) -> bytes:
        if number < 8:
            together.wait(timeout=10)
        return context.fetch(origin.url(f"/{number}"), tmp_path / str(number)).read_bytes()

    client = None if own_client else httpx.Client(trust_env=False)
    with DownloadContext(client) as context, ThreadPoolExecutor(8) as pool:
        contents = list(pool.map(fetch, range(16)))
    assert contents == [bytes([number]) * 10_000 for number in range(16)]
    assert len(made) == own_client
    assert all(each.is_closed for each in made)
    if client is not None:
        assert not client.is_closed
        client.close()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_tasks_share_a_context(origin: Origin, tmp_path: Path, backend: str) -> None:
    """Many tasks fetch through one async context."""
    for number in range(12):
        origin.put(f"/{number}", bytes([number]) * 10_000)

    async def main() -> None:
        async with AsyncDownloadContext() as context, anyio.create_task_group() as group:
            for number in range(12):
                group.start_soon(context.fetch, origin.url(f"/{number}"), tmp_path / str(number))

    anyio.run(main, backend=backend)
    for number in range(12):
        assert (tmp_path / str(number)).read_bytes() == bytes([number]) * 10_000


def test_threads_at_one_target(origin: Origin, tmp_path: Path) -> None:
    """Who fetches the same file at the same time gets a whole one, and the next run agrees."""
    origin.put("/file", BODY)
    with httpx.Client(trust_env=False) as client, DownloadContext(client) as context:
        with ThreadPoolExecutor(4) as pool:
            jobs = [
                pool.submit(context.fetch, origin.url("/file"), tmp_path / "file") for _ in range(8)
            ]
            for job in jobs:
                assert job.result().path.read_bytes() == BODY
        context.fetch(origin.url("/file"), tmp_path / "file")
        skipped = context.fetch(origin.url("/file"), tmp_path / "file")
    assert type(skipped).__name__ == "Skipped"
    assert sorted(os.listdir(tmp_path)) == [".etagkit", "file"]


def test_a_closed_context(origin: Origin, tmp_path: Path) -> None:
    """Contexts and probers are used inside their block."""
    with DownloadContext() as context, SourceProber() as prober:
        pass
    with pytest.raises(errors.InvalidArgument, match="closed"):
        context.fetch(origin.url("/file"), tmp_path)
    with pytest.raises(errors.InvalidArgument, match="closed"):
        prober.probe_source(origin.url("/file"))
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("after", [0, 5000])
def test_cancelled_in_the_middle_of_a_fetch(
    origin: Origin, tmp_path: Path, backend: str, after: int
) -> None:
    """A cancelled fetch ends promptly and leaves the folder as it was."""
    origin.put("/file", BODY)
    origin.always("/file", When(lambda request: "range" not in request.headers, Stall(after)))
    origin.put("/other", BODY)
    events: list[object] = []

    def is_under_way(exchange: Exchange) -> bool:
        return exchange.method == "GET" and exchange.outcome is Outcome.STALLED

    async def main() -> None:
        limits = httpx.Limits(max_connections=1)
        async with (
            httpx.AsyncClient(trust_env=False, timeout=30, limits=limits) as client,
            AsyncDownloadContext(client, on_event=events.append) as context,
        ):
            async with anyio.create_task_group() as group:
                group.start_soon(context.fetch, origin.url("/file"), tmp_path / "file")
                await anyio.to_thread.run_sync(origin.wait_for, is_under_way)
                group.cancel_scope.cancel()
            assert os.listdir(tmp_path) == []
            with anyio.fail_after(5):
                await context.fetch(origin.url("/other"), tmp_path / "other")

    anyio.run(main, backend=backend)
    assert not any(isinstance(event, Failed) for event in events)


def test_a_cut_is_the_same_for_all(world: World) -> None:
    """Every client reports a body cut within a chunk in the same words."""
    world.put("/file", BODY)
    world.origin.always("/file", When(lambda r: "range" not in r.headers, CutChunked(after=100)))
    with pytest.raises(errors.BodyCut) as caught:
        world.fetch(world.origin.url("/file"))
    assert (caught.value.expected, caught.value.found) == ("a marked end", "100 octets")


def test_a_gzip_file_that_is_coded_once_more(small_world: World) -> None:
    """A true coding of a gzip file is undone, a label on it is not: the file is what counts."""
    import gzip

    inner = gzip.compress(b"text " * 1000)
    fields = {"Content-Encoding": "gzip"}
    twice = small_world.put("/twice.gz", gzip.compress(inner), headers=fields)
    small_world.fetch(twice, "twice.gz")
    assert small_world.read("twice.gz") == inner
    once = small_world.put("/once.gz", inner, headers=fields)
    small_world.fetch(once, "once.gz")
    assert small_world.read("once.gz") == inner
