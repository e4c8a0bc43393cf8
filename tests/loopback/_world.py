"""One test body, every client: fetching from a loopback origin into a folder that is watched.

A `World` speaks to the origin through one kind of client; the async ones run in an event loop of
their own. After each test `World.check` holds what lies on the disk against what the origin ever
held: no test body has to ask whether something half, old or secret was left behind.
"""

from __future__ import annotations

import functools
import os
import ssl
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import attrs

import etagkit
from etagkit.manifest import ManifestRecord, SQLiteManifest, parse_sidecar
from etagkit.testing import Origin, Outcome
from etagkit.transfer import FetchResult

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from etagkit.testing import Exchange
    from etagkit.transfer import ChangeReport, RemoteFileIntent

T = TypeVar("T")

#: Requests that one call may cost, redirects apart: HEAD, sample and body, and once more for a
#: source that changed under way.
_MOST_REQUESTS = 6


@attrs.frozen
class Kind:
    """A library, and the event loop its async client runs in (`None`: the sync client)."""

    library: str
    backend: str | None

    def __str__(self) -> str:
        return f"{self.library}-{self.backend or 'sync'}"


KINDS = tuple(
    Kind(library, backend)
    for library in ("httpx", "httpx2")
    for backend in (None, "asyncio", "trio")
)

#: For tests of what the drivers do not touch: one sync and one async client.
TWO_KINDS = (Kind("httpx", None), Kind("httpx2", "trio"))


@functools.cache
def _no_authorities() -> ssl.SSLContext:
    """Loading the authorities takes longer than a test, and loopback needs none."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class World:
    """An origin, a kind of client, a folder, and a memory of what was ever right."""

    def __init__(self, kind: Kind, origin: Origin, folder: Path) -> None:
        """Start with an empty folder."""
        self.kind = kind
        self.origin = origin
        self.folder = folder
        self.client: dict[str, Any] = {}  # options of every client
        self.events: list[Any] = []
        self.shown: list[str] = []  # everything a person could have been shown
        self.secrets: list[bytes] = []
        self.tampered: set[str] = set()  # files that the test spoilt itself
        self.budget: int = 0
        self.calls = 0
        self._good: set[bytes] = set()
        self._manifests: set[str] = set()

    # --- the origin ------------------------------------------------------------------------

    def put(self, path: str, body: bytes, **options: Any) -> str:
        """Put a resource, remember its bytes as good ones, and return its URL."""
        self.allow(body)
        self.origin.put(path, body, **options)
        return self.origin.url(path)

    def allow(self, *bodies: bytes) -> None:
        """Remember bytes that may stand under a final name."""
        self._good.update(bodies)

    def asked(self) -> list[str]:
        """Return method and status of every exchange so far."""
        return [f"{each.method} {each.status}" for each in self.origin.log]

    def bodies(self) -> int:
        """Return how many octets of bodies the origin sent."""
        return sum(each.body_sent for each in self.origin.log if each.method == "GET")

    def last(self, method: str = "GET") -> Exchange:
        """Return the last exchange of `method`."""
        return [each for each in self.origin.log if each.method == method][-1]

    # --- the calls -------------------------------------------------------------------------

    def fetch(self, url: str, to: str | os.PathLike[str] = "file", **options: Any) -> FetchResult:
        """Fetch `url` to `to` below the folder, through a client of this kind."""
        target = self.path(to)
        options.setdefault("on_event", self.events.append)
        manifest = options.get("manifest")
        if isinstance(manifest, str | os.PathLike):
            self._manifests.add(os.fspath(manifest))
        result = self._call("fetch", url, target, **options)
        assert isinstance(result, FetchResult)
        return result

    def probe(self, url: str) -> RemoteFileIntent:
        """Probe `url` through a client of this kind."""
        seen: RemoteFileIntent = self._call("probe", url)
        return seen

    def has_changed(self, url: str, held: Any, **options: Any) -> ChangeReport:
        """Ask whether `url` changed through a client of this kind."""
        report: ChangeReport = self._call("has_changed", url, held, **options)
        return report

    def path(self, to: str | os.PathLike[str] = "file") -> str:
        """Return `to` as a path below the folder; a slash at its end stays."""
        return os.path.join(self.folder, os.fspath(to))

    def read(self, to: str = "file") -> bytes:
        """Return the bytes of a file below the folder."""
        with open(self.path(to), "rb") as file:
            return file.read()

    def run(self, sync: Callable[[Any], T], asynchronous: Callable[[Any], Awaitable[T]]) -> T:
        """Call the function of this colour with an open client."""
        module = import_module(self.kind.library)
        options = {"trust_env": False, "timeout": 5, "verify": _no_authorities(), **self.client}
        if self.kind.backend is None:
            with module.Client(**options) as client:
                return sync(client)

        async def call() -> T:
            async with module.AsyncClient(**options) as client:
                return await asynchronous(client)

        return anyio.run(call, backend=self.kind.backend)

    def _call(self, name: str, *arguments: Any, **options: Any) -> Any:
        self.calls += 1
        try:
            result = self.run(
                lambda client: getattr(etagkit, name)(*arguments, client=client, **options),
                lambda client: getattr(etagkit, f"a{name}")(*arguments, client=client, **options),
            )
        except Exception as exc:
            self.shown += [str(exc), repr(exc), repr(getattr(exc, "__dict__", {}))]
            raise
        self.shown += [str(result), repr(result), result._repr_html_()]
        return result

    # --- what is there ---------------------------------------------------------------------

    def files(self) -> Iterator[tuple[str, bytes]]:
        """Iterate over every file below the folder: relative path and content."""
        for folder, _, names in os.walk(self.folder):
            for name in names:
                path = os.path.join(folder, name)
                if os.path.isfile(path) and not os.path.islink(path):
                    with open(path, "rb") as file:
                        yield os.path.relpath(path, self.folder), file.read()

    def names(self) -> list[str]:
        """Return the relative paths of all files but those of manifests."""
        return sorted(name for name, _ in self.files() if not _is_manifest(name))

    def records(self) -> list[ManifestRecord]:
        """Return the current records of every manifest below the folder."""
        found: list[ManifestRecord] = []
        for name, _ in list(self.files()):
            if name.endswith((".sqlite", ".db")):
                with SQLiteManifest(self.path(name)) as store:
                    found += store.records()
        return found

    def record(self) -> ManifestRecord:
        """Return the only record."""
        (record,) = self.records()
        return record

    # --- what must hold --------------------------------------------------------------------

    def check(self, log: str) -> None:
        """Check what must hold after any call, whatever happened."""
        contents = dict(self.files())
        for name, content in contents.items():
            assert ".part" not in name, f"a temporary file was left: {name}"
            if name.endswith(".meta.json"):
                parse_sidecar(content)
            elif not _is_manifest(name) and name not in self.tampered:
                assert content in self._good, f"{name} holds what the origin never held"
        self._check_records(contents)
        self._check_secrets(contents, log)
        redirects = sum(300 <= (each.status or 0) < 304 for each in self.origin.log)
        most = self.calls * _MOST_REQUESTS + redirects + self.budget
        assert len(self.origin.log) <= most, f"too many requests: {self.asked()}"

    def _check_records(self, contents: dict[str, bytes]) -> None:
        for record in self.records():
            assert record.local is not None
            path = self.path(record.target)
            name = os.path.relpath(path, self.folder)
            if name in self.tampered or not os.path.exists(path):
                continue
            content = contents[name]
            assert (len(content), _sha256(content)) == (record.size, record.sha256)
            status = os.stat(path)
            assert (status.st_size, status.st_ino) == (record.local.size, record.local.inode)

    def _check_secrets(self, contents: dict[str, bytes], log: str) -> None:
        shown = "\n".join([*self.shown, *map(repr, self.events), log]).encode()
        for secret in self.secrets:
            assert secret not in shown, "a secret was shown"
            for name, content in contents.items():
                assert secret not in content, f"a secret is in {name}"
                assert secret not in os.fsencode(name)

    def settle(self) -> None:
        """Wait until the origin noticed every client that left."""
        self.origin.wait_for(
            lambda each: each.outcome not in {Outcome.SENDING, Outcome.STALLED},
            times=len(self.origin.log),
        )


def _is_manifest(name: str) -> bool:
    return name.startswith(".etagkit/") or "/.etagkit/" in name or ".db" in name


def _sha256(content: bytes) -> str:
    import hashlib

    return hashlib.sha256(content).hexdigest()
