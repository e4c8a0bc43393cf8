"""The order of the steps of a fetch, played with scripted answers: no network, no disk."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import anyio
import attrs
import pytest

from etagkit import events
from etagkit.errors import (
    AccessDenied,
    BodyCut,
    ConnectionFailed,
    DiskFull,
    EtagKitError,
    ManifestError,
    UnexpectedContent,
    UnexpectedStatus,
)
from etagkit.flow import (
    Answer,
    Body,
    Call,
    CreateTemp,
    Discard,
    Drain,
    Emit,
    FileFacts,
    Flush,
    HashFile,
    Locate,
    Now,
    Peek,
    Place,
    Publish,
    ReadFile,
    Release,
    Send,
    Stat,
    Sweep,
    SyncFolder,
    Temp,
    Write,
    arun,
    run,
)
from etagkit.http import Head, Headers
from etagkit.manifest import MAX_SIDECAR, MemoryManifest, render_sidecar, resource_id
from etagkit.testing import Compute, ScriptedIO
from etagkit.transfer import Fetched, FetchOptions, Skipped, default_strategies
from etagkit.transfer._flow_fetch import Job, fetch
from etagkit.transfer._session import Shelf

if TYPE_CHECKING:
    from collections.abc import Callable

    from etagkit.flow import Op

URL = "http://localhost/a.txt"
NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)
FACTS = FileFacts(size=5, mtime_ns=1, ctime_ns=2, inode=3)
TEMP = Temp("/data/.temp")
PUBLISH = (Flush(TEMP), Publish(TEMP, "/data/a.txt"), SyncFolder("/data"))


def _job(store: MemoryManifest, **options: Any) -> Job:
    return Job(
        url=URL,
        to="/data/a.txt",
        options=FetchOptions(**options),
        shelf=lambda target: Shelf(open=lambda: store, path=None, base="/data"),
        strategies=default_strategies(),
    )


def _answer(number: int, method: str, status: int = 200, **fields: str) -> Answer:
    headers = {"ETag": '"v1"', "Content-Length": "5", **fields}
    lines = Headers.of({name.replace("_", "-"): value for name, value in headers.items()})
    return Answer(Head(status=status, headers=lines, url=URL, method=method), Body(number))


def _sends(method: str, **fields: str) -> Callable[[Op[Any]], bool]:
    def accepts(op: Op[Any]) -> bool:
        return (
            isinstance(op, Send)
            and op.method == method
            and dict(op.headers).get("Accept-Encoding") == "identity"
            and set(fields.items()) <= set(op.headers)
        )

    accepts.__qualname__ = f"{method} {fields}"
    return accepts


def _emits(kind: type) -> Callable[[Op[Any]], bool]:
    def accepts(op: Op[Any]) -> bool:
        return isinstance(op, Emit) and isinstance(op.event, kind)

    accepts.__qualname__ = f"Emit {kind.__name__}"
    return accepts


def _fed(body: bytes) -> Compute:
    def drain(op: Drain) -> int:
        assert b"".join([*op.through.feed(body), *op.through.finish()]) == body
        return len(body)

    return Compute(drain)


CALL = (Call, Compute(lambda op: op.function()))

SETTLE: list[tuple[Any, Any]] = [
    (Locate("/data/a.txt"), Place(path="/data/a.txt", is_folder=False)),
    (Sweep("/data"), 0),
    CALL,  # the shelf
    CALL,  # the record
    (Stat("/data/a.txt"), None),
]

PROBE: list[tuple[Any, Any]] = [
    (_sends("HEAD"), _answer(1, "HEAD")),
    (Release(Body(1)), None),
    (
        _sends("GET", Range="bytes=0-1023"),
        _answer(2, "GET", 206, Content_Range="bytes 0-4/5"),
    ),
    (Peek(Body(2), 1024), b"hello"),
    (_emits(events.Probed), None),
]

#: The same with another version at the source.
CHANGED: list[tuple[Any, Any]] = [
    (_sends("HEAD"), _answer(1, "HEAD", ETag='"v2"')),
    PROBE[1],
    (
        _sends("GET", Range="bytes=0-1023"),
        _answer(2, "GET", 206, ETag='"v2"', Content_Range="bytes 0-4/5"),
    ),
    *PROBE[3:],
]

RECEIVE: list[tuple[Any, Any]] = [
    (Now(), NOON),
    (_sends("GET"), _answer(3, "GET")),
    (CreateTemp("/data/a.txt"), TEMP),
    (_emits(events.Started), None),
    (Drain, _fed(b"hello")),
    (_emits(events.Verified), None),
]

COMMIT: list[tuple[Any, Any]] = [
    (PUBLISH[0], None),
    (PUBLISH[1], FACTS),
    (PUBLISH[2], None),
    (_emits(events.Published), None),
    (Now(), NOON),
    CALL,  # the record
]

#: Whoever asked for a sidecar once has it kept.
NO_SIDECAR: tuple[Any, Any] = (ReadFile("/data/a.txt.meta.json", MAX_SIDECAR + 1), None)

TOLD: list[tuple[Any, Any]] = [NO_SIDECAR, (_emits(events.Recorded), None)]


def _filled() -> MemoryManifest:
    """Return a manifest that holds the record of one whole fetch."""
    store = MemoryManifest()
    with ScriptedIO([*SETTLE, *PROBE, *RECEIVE, *COMMIT, *TOLD]) as io:
        run(fetch(_job(store)), io)
    return store


def test_the_whole_story() -> None:
    """Sweep, probe, body, then fsync before rename before fsync of the folder before record."""
    store = MemoryManifest()
    with ScriptedIO([*SETTLE, *PROBE, *RECEIVE, *COMMIT, *TOLD]) as io:
        result = run(fetch(_job(store)), io)
    assert isinstance(result, Fetched)
    assert store.get(resource_id(URL, "a.txt")) == result.record
    assert result.record.local == FACTS


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_whole_story_async(backend: str) -> None:
    """The same script plays under the async runner."""
    store = MemoryManifest()
    with ScriptedIO([*SETTLE, *PROBE, *RECEIVE, *COMMIT, *TOLD]) as io:
        anyio.run(arun, fetch(_job(store)), io.as_async(), backend=backend)
    assert store.count() == 1
    assert io.open_scopes == 0


def test_the_sidecar_comes_last() -> None:
    """It is written like the file: to a temporary file, flushed, published; after the record."""
    temp = Temp("/data/.sidecar")
    check = (Stat("/data/a.txt.meta.json"), None)
    steps: list[tuple[Any, Any]] = [
        (CreateTemp("/data/a.txt.meta.json"), temp),
        (lambda op: isinstance(op, Write) and op.temp == temp and b"crc32" in op.data, None),
        (Flush(temp), None),
        (Publish(temp, "/data/a.txt.meta.json"), FACTS),
        (SyncFolder("/data"), None),
    ]
    store = MemoryManifest()
    begin = [*SETTLE[:-1], check, SETTLE[-1]]
    with ScriptedIO([*begin, *PROBE, *RECEIVE, *COMMIT, NO_SIDECAR, *steps, TOLD[-1]]) as io:
        run(fetch(_job(store, sidecar=True)), io)


@pytest.mark.parametrize("ours", [True, False])
def test_a_sidecar_that_stands_is_kept_true(ours: bool) -> None:
    """An old sidecar is rewritten unasked; a file of that name that is none of ours is let be."""
    (old,) = _filled().records()
    standing = render_sidecar(attrs.evolve(old, sha256="0" * 64)) if ours else b"{}"
    temp = Temp("/data/.sidecar")
    rewritten: list[tuple[Any, Any]] = [
        (CreateTemp("/data/a.txt.meta.json"), temp),
        (lambda op: isinstance(op, Write) and old.sha256.encode() in op.data, None),
        (Flush(temp), None),
        (Publish(temp, "/data/a.txt.meta.json"), FACTS),
        (SyncFolder("/data"), None),
    ]
    steps = [(NO_SIDECAR[0], standing), *(rewritten if ours else ())]
    with ScriptedIO([*SETTLE, *PROBE, *RECEIVE, *COMMIT, *steps, TOLD[-1]]) as io:
        run(fetch(_job(MemoryManifest())), io)


def test_a_known_version_is_one_request() -> None:
    """A HEAD with the recorded tag ends it: no GET, no temporary file."""
    store = _filled()
    steps = [
        *SETTLE[:-1],
        (Stat("/data/a.txt"), FACTS),
        *PROBE[:2],
        PROBE[-1],
        (Now(), NOON),
        CALL,  # touch
        NO_SIDECAR,
        (_emits(events.Skipped), None),
    ]
    with ScriptedIO(steps) as io:
        assert isinstance(run(fetch(_job(store)), io), Skipped)


def test_a_touched_file_is_hashed_after_the_source_was_asked() -> None:
    """Hashing costs time: it is done only where the source still has the recorded version."""
    store = _filled()
    (record,) = store.records()
    moved = attrs.evolve(FACTS, mtime_ns=9)
    begin = [*SETTLE[:-1], (Stat("/data/a.txt"), moved)]
    same = [*PROBE[:2], PROBE[-1], (HashFile("/data/a.txt"), (record.sha256, moved))]
    skip: list[tuple[Any, Any]] = [CALL, NO_SIDECAR, (_emits(events.Skipped), None)]
    with ScriptedIO([*begin, *same, (Now(), NOON), *skip]) as io:
        result = run(fetch(_job(store)), io)
    assert result.record.local == moved
    (record,) = store.records()
    assert record.local == moved
    rest = [*begin[:-1], (Stat("/data/a.txt"), FACTS), *CHANGED, *RECEIVE, *COMMIT, *TOLD]
    with ScriptedIO(rest) as io:
        assert isinstance(run(fetch(_job(store)), io), Fetched)


FAILED = (_emits(events.Failed), None)
REFUSALS: dict[str, tuple[list[tuple[Any, Any]], type[EtagKitError]]] = {
    "the folder may not be read": (
        [*SETTLE[:-1], (Stat("/data/a.txt"), AccessDenied("no"))],
        AccessDenied,
    ),
    "no answer": (
        [
            *SETTLE,
            (_sends("HEAD"), ConnectionFailed("no")),
            (_sends("GET"), ConnectionFailed("no")),
            (_sends("GET"), ConnectionFailed("no")),  # a new connection is tried once
        ],
        ConnectionFailed,
    ),
    "another status": (
        [
            *SETTLE,
            *PROBE,
            RECEIVE[0],
            (_sends("GET"), _answer(3, "GET", 500)),
            (Release(Body(3)), None),
        ],
        UnexpectedStatus,
    ),
    "the body is cut": (
        [*SETTLE, *PROBE, *RECEIVE[:4], (Drain, BodyCut("cut"))],
        BodyCut,
    ),
    "the disk is full": (
        [*SETTLE, *PROBE, *RECEIVE[:4], (Drain, DiskFull("full"))],
        DiskFull,
    ),
    "a page came": (
        [*SETTLE, *PROBE, *RECEIVE[:4], (Drain, _fed(b"<p>no")), (Discard(TEMP), None)],
        UnexpectedContent,
    ),
    "no fsync": (
        [*SETTLE, *PROBE, *RECEIVE, (Flush(TEMP), DiskFull("full"))],
        DiskFull,
    ),
    "no rename": (
        [*SETTLE, *PROBE, *RECEIVE, COMMIT[0], (PUBLISH[1], AccessDenied("no"))],
        AccessDenied,
    ),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_nothing_is_recorded_that_was_not_published(name: str) -> None:
    """Whatever fails before the rename, no record is made, and the host hears of it."""
    steps, error = REFUSALS[name]
    store = MemoryManifest()
    with ScriptedIO([*steps, FAILED]) as io, pytest.raises(error) as caught:
        run(fetch(_job(store)), io)
    assert store.count() == 0
    assert caught.value.url == URL
    assert caught.value.path == "/data/a.txt"


def test_a_manifest_that_cannot_be_written() -> None:
    """The file stands, the error says why there is no record; the next run begins anew."""
    steps = [*SETTLE, *PROBE, *RECEIVE, *COMMIT[:-1], (Call, ManifestError("locked")), FAILED]
    with ScriptedIO(steps) as io, pytest.raises(ManifestError):
        run(fetch(_job(MemoryManifest())), io)


def test_an_old_record_stays_when_the_new_body_fails() -> None:
    """A failed update changes nothing."""
    store = _filled()
    (before,) = store.records()
    steps = [
        *SETTLE[:-1],
        (Stat("/data/a.txt"), FACTS),
        *CHANGED,
        *RECEIVE[:4],
        (Drain, BodyCut("cut")),
        FAILED,
    ]
    with ScriptedIO(steps) as io, pytest.raises(BodyCut):
        run(fetch(_job(store)), io)
    assert list(store.records()) == [before]
