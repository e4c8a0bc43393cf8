"""The main job against real servers: fetch, prove, skip, and fetch again when something moved."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import attrs
import httpx
import httpx2
import pytest

import etagkit
from etagkit import DownloadContext, Fetched, SourceProber
from etagkit.transfer import Reason
from tests.servers._files import REAL_FILES

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from etagkit import FetchResult
    from tests.servers._server import RealServer

pytestmark = pytest.mark.server

_GIB = 1 << 30


def _sha256sum(path: Path) -> str:
    """Return what the system's own tool says of a file."""
    done = subprocess.run(["sha256sum", str(path)], check=True, capture_output=True, text=True)
    return done.stdout.split()[0]


def _body_bytes(server: RealServer) -> int:
    return sum(entry.body_bytes for entry in server.access_log())


@pytest.fixture
def site(server: RealServer, real_files: Path) -> RealServer:
    """Return a server that serves the real files from copies of their own."""
    for name in REAL_FILES:
        server.write(f"files/{name}", (real_files / name).read_bytes())
    server.clear_log()
    return server


def test_the_main_job(site: RealServer, tmp_path: Path) -> None:
    """Real files are fetched once, skipped without a body, and fetched again when they moved."""
    urls = {name: f"{site.base_url}/files/{name}" for name in REAL_FILES}
    with DownloadContext() as context:
        for name, url in urls.items():
            first = context.fetch(url, tmp_path)
            assert isinstance(first, Fetched)
            assert first.record.sha256 == REAL_FILES[name] == _sha256sum(tmp_path / name)
        site.clear_log()
        for url in urls.values():
            assert not context.fetch(url, tmp_path).changed
        assert [entry.method for entry in site.access_log()] == ["HEAD"] * len(urls)
        assert _body_bytes(site) == 0

        touched, deleted, edited, _ = REAL_FILES
        site.touch(f"files/{touched}")
        (tmp_path / deleted).unlink()
        damaged = bytearray((tmp_path / edited).read_bytes())
        damaged[100] ^= 1
        (tmp_path / edited).write_bytes(damaged)
        reasons = {name: context.fetch(url, tmp_path).reason for name, url in urls.items()}
        assert reasons == {
            touched: Reason.SOURCE_CHANGED,
            deleted: Reason.LOCAL_MISSING,
            edited: Reason.LOCAL_DIFFERS,
            _: Reason.UNCHANGED,
        }
        assert {name: _sha256sum(tmp_path / name) for name in REAL_FILES} == REAL_FILES


def test_what_the_strategies_prove_of_real_files(site: RealServer, tmp_path: Path) -> None:
    """Archives and gzipped JSON that others made are recognised by their bytes and pass."""
    with DownloadContext() as context:
        names = {
            name: context.fetch(f"{site.base_url}/files/{name}", tmp_path).record.strategy
            for name in REAL_FILES
        }
    assert names == {
        "flit_core-3.12.0.tar.gz": "gzip",
        "idna-3.10-py3-none-any.whl": "binary",
        "sts-service-2.json.gz": "gzip+json",
        "s3-service-2.json.gz": "gzip+json",
    }


def test_probing_a_large_file_costs_a_sample(
    server: RealServer, big_file: Callable[[int], Path]
) -> None:
    """Probing 64 MiB moves at most the sample, as the server's own log says."""
    size = 64 << 20
    server.link("large.bin", big_file(size))
    server.clear_log()
    with SourceProber() as prober:
        intent = prober.probe_source(f"{server.base_url}/large.bin")
    assert (intent.size, intent.accepts_ranges) == (size, True)
    assert _body_bytes(server) == 1024


# --- every client, HTTP/1.1 and HTTP/2 ----------------------------------------------------------


@attrs.frozen(kw_only=True)
class Way:
    """One client that a user may pass, and how it is driven."""

    library: str
    asynchronous: bool
    backend: str = "asyncio"
    http2: bool = False

    def __str__(self) -> str:
        """Return a name for the test's id."""
        colour = self.backend if self.asynchronous else "sync"
        return f"{self.library}-{colour}-{'h2' if self.http2 else 'h1'}"

    def fetch(self, url: str, to: Path, trust: ssl.SSLContext) -> FetchResult:
        """Fetch `url` to `to` by a client of this kind."""
        library = {"httpx": httpx, "httpx2": httpx2}[self.library]
        if not self.asynchronous:
            with library.Client(http2=self.http2, verify=trust) as client:
                return etagkit.fetch(url, to, client=client)

        async def main() -> FetchResult:
            async with library.AsyncClient(http2=self.http2, verify=trust) as client:
                return await etagkit.afetch(url, to, client=client)

        return anyio.run(main, backend=self.backend)


WAYS = [
    Way(library=library, asynchronous=asynchronous, backend=backend, http2=http2)
    for library in ("httpx", "httpx2")
    for asynchronous, backend in ((False, "asyncio"), (True, "asyncio"), (True, "trio"))
    for http2 in (False, True)
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_every_client(server: RealServer, way: Way, tmp_path: Path) -> None:
    """Each client fetches, skips without a body, and speaks the protocol that it was made for."""
    content = bytes(range(256)) * 8192
    server.write("clients/data.bin", content)
    server.clear_log()
    url = f"{server.tls_url}/clients/data.bin"
    target = tmp_path / "data.bin"
    assert way.fetch(url, target, server.ssl_context()).changed
    assert target.read_bytes() == content
    before = _body_bytes(server)
    assert before == len(content) + 1024
    assert not way.fetch(url, target, server.ssl_context()).changed
    assert _body_bytes(server) == before
    protocols = {entry.protocol for entry in server.access_log()}
    assert protocols == {"HTTP/2.0" if way.http2 else "HTTP/1.1"}


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_sync_form_inside_a_running_loop(
    server: RealServer, backend: str, tmp_path: Path
) -> None:
    """The sync one-liners work where an event loop is running already."""
    server.write("loop/data.txt", b"inside a loop")
    url = f"{server.base_url}/loop/data.txt"

    async def main() -> tuple[FetchResult, FetchResult]:
        first = etagkit.fetch(url, tmp_path)
        await anyio.lowlevel.checkpoint()
        return first, etagkit.fetch(url, tmp_path)

    first, second = anyio.run(main, backend=backend)
    assert (first.changed, second.changed) == (True, False)


# --- full size -----------------------------------------------------------------------------------


def _large(server: RealServer, source: Path, to: Path) -> None:
    truth = _sha256sum(source)
    server.link("gigabyte.bin", source)
    server.clear_log()
    url = f"{server.base_url}/gigabyte.bin"
    assert etagkit.fetch(url, to).record.sha256 == truth == _sha256sum(to)
    server.clear_log()
    assert not etagkit.fetch(url, to).changed
    assert _body_bytes(server) == 0


def test_one_gibibyte(nginx: RealServer, big_file: Callable[[int], Path], tmp_path: Path) -> None:
    """A file of 1 GiB comes whole, by the system's own digest, and is skipped the next time."""
    _large(nginx, big_file(_GIB), tmp_path / "big.bin")
    shutil.rmtree(tmp_path)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_one_gibibyte_from_every_server(
    server: RealServer, big_file: Callable[[int], Path], tmp_path: Path
) -> None:
    """A file of 1 GiB comes whole from each server, and is skipped the next time."""
    _large(server, big_file(_GIB), tmp_path / "big.bin")
    shutil.rmtree(tmp_path)
