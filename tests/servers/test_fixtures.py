"""The servers and files that other tests rely on are what they claim to be."""

from __future__ import annotations

import gzip
import json
import ssl
import tarfile
import time
import zipfile
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.servers._files import REAL_FILES, sha256, write_big_file
from tests.servers._server import AccessEntry, RealServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.server

BODY = b"etagkit\n" * 50_000


@pytest.fixture(params=["http/1.1", "tls+h2"])
def asked(request: pytest.FixtureRequest, server: RealServer) -> Iterator[httpx.Client]:
    """Return a client for each protocol whose relative URLs go to the server."""
    secure = request.param == "tls+h2"
    with httpx.Client(
        base_url=server.tls_url if secure else server.base_url,
        verify=server.ssl_context(),
        http2=secure,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    ) as client:
        yield client


def test_file_is_served_with_a_validator_and_logged(
    server: RealServer, asked: httpx.Client
) -> None:
    """GET gives the file with an ETag, the same tag gives 304, and the log has both, counted."""
    server.write("dir/f.json", BODY)
    first = asked.get("/dir/f.json")
    assert (first.status_code, first.content) == (200, BODY)
    assert first.headers["content-type"] == "application/json"
    assert first.headers["etag"].startswith('"')
    second = asked.get("/dir/f.json", headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")
    protocol = "HTTP/2.0" if asked.base_url.scheme == "https" else "HTTP/1.1"
    assert first.http_version == protocol.removesuffix(".0")
    entry = AccessEntry(
        method="GET", path="/dir/f.json", status=200, body_bytes=len(BODY), protocol=protocol
    )
    unchanged = AccessEntry(
        method="GET", path="/dir/f.json", status=304, body_bytes=0, protocol=protocol
    )
    assert server.wait_for(2) == [entry, unchanged]
    assert server.access_log() == [entry, unchanged]


def test_ranges_and_heads_are_counted(server: RealServer, asked: httpx.Client) -> None:
    """A part counts its own bytes, and HEAD none."""
    server.write("f.bin", BODY)
    assert asked.get("/f.bin", headers={"Range": "bytes=10-19"}).content == BODY[10:20]
    assert asked.head("/f.bin").headers["content-length"] == str(len(BODY))
    entries = server.access_log()
    assert [(e.method, e.status, e.body_bytes) for e in entries] == [
        ("GET", 206, 10),
        ("HEAD", 200, 0),
    ]


def test_replaced_file_gets_another_tag(server: RealServer, asked: httpx.Client) -> None:
    """What is replaced, even by as many bytes, or touched is served at once under a new tag."""
    server.write("g.txt", b"one")
    tags = [asked.get("/g.txt").headers["etag"]]
    for change in (lambda: server.write("g.txt", b"two"), lambda: server.touch("g.txt")):
        change()
        fresh = asked.get("/g.txt", headers={"If-None-Match": tags[-1]})
        assert (fresh.status_code, fresh.content) == (200, b"two")
        tags.append(fresh.headers["etag"])
    assert len(set(tags)) == 3
    assert not any(tag.startswith("W/") for tag in tags)


def test_paths_are_logged_decoded_and_without_query(
    server: RealServer, asked: httpx.Client
) -> None:
    """All servers log the path in the same form."""
    server.write("a b.txt", b"x")
    assert asked.get("/a%20b.txt?token=1").content == b"x"
    assert [entry.path for entry in server.access_log()] == ["/a b.txt"]


def test_cleared_log_begins_again(server: RealServer, asked: httpx.Client) -> None:
    """What is finished before the log is cleared never shows up after it."""
    server.write("f.txt", b"x")
    for _ in range(20):
        asked.get("/f.txt")
        server.clear_log()
        assert server.access_log() == []
    asked.get("/missing")
    (entry,) = server.wait_for(1)
    assert (entry.path, entry.status) == ("/missing", 404)


def test_waiting_for_entries_that_do_not_come_has_an_end(server: RealServer) -> None:
    """`wait_for` fails with what is there."""
    with pytest.raises(TimeoutError, match="logged 0 requests, not 1"):
        server.wait_for(1, timeout=0.01)


def test_certificate_is_trusted_through_the_context_only(server: RealServer) -> None:
    """A client without the test authority refuses the server; with its file it is content."""
    server.write("f.txt", b"x")
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(f"{server.tls_url}/f.txt", trust_env=False)
    context = ssl.create_default_context(cafile=str(server.authority))
    assert httpx.get(f"{server.tls_url}/f.txt", verify=context, trust_env=False).content == b"x"


def test_big_files_are_linked_and_served_whole(
    server: RealServer, asked: httpx.Client, big_file: Callable[[int], Path], tmp_path: Path
) -> None:
    """A big file needs no second copy, and arrives as it was written."""
    size = 20_000_001
    source = big_file(size)
    assert server.link("big.bin", source).samefile(source)
    with asked.stream("GET", "/big.bin") as response, (tmp_path / "got").open("wb") as file:
        for piece in response.iter_raw():
            file.write(piece)
    assert sha256(tmp_path / "got") == sha256(source)
    assert [entry.body_bytes for entry in server.access_log()] == [size]


def test_big_file_is_the_same_everywhere_and_fast(tmp_path: Path) -> None:
    """The content is fixed, no block is like another, and writing does not hold tests up."""
    begin = time.perf_counter()
    path = write_big_file(tmp_path / "big", 256 * 1024 * 1024 + 5)
    seconds = time.perf_counter() - begin
    assert path.stat().st_size == 256 * 1024 * 1024 + 5
    assert seconds < 10, f"{256 / seconds:.0f} MiB/s"
    with path.open("rb") as file:
        blocks = [file.read(4 * 1024 * 1024) for _ in range(3)]
    assert len(set(blocks)) == 3
    assert blocks[0][8:] == blocks[1][8:]
    small = sha256(write_big_file(tmp_path / "small", 1000))
    assert small == "ae526eba1237dda3380ff1670fbec05d32d7cedff70af6dbc284822e09a1f715"


def test_real_files_are_what_others_made(real_files: Path) -> None:
    """Archives open, documents parse, digests are those that were pinned."""
    assert {path.name: sha256(path) for path in real_files.iterdir()} == REAL_FILES
    with tarfile.open(real_files / "flit_core-3.12.0.tar.gz") as archive:
        assert "flit_core-3.12.0/pyproject.toml" in archive.getnames()
    with zipfile.ZipFile(real_files / "idna-3.10-py3-none-any.whl") as wheel:
        assert wheel.testzip() is None
    sizes = []
    for name in ("sts-service-2.json.gz", "s3-service-2.json.gz"):
        packed = (real_files / name).read_bytes()
        assert json.loads(gzip.decompress(packed))["metadata"]["protocol"]
        sizes.append(len(packed))
    small, large = sizes
    assert small < 50_000
    assert large > 100_000
