"""Memory stays bounded whatever is fetched: large files, bombs, JSON that is one long string."""

from __future__ import annotations

import functools
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

from etagkit.testing import Behaviour, Fields, Framing, Origin, Reply, Visit
from tests._support import PROJECT

_MIB = 1 << 20

#: How far a process may grow beyond what it held before, whatever the size of what it fetches.
_GROWTH = 64 * _MIB

_SIZES = [
    pytest.param(256 * _MIB, id="256 MiB"),
    pytest.param(1024 * _MIB, id="1 GiB", marks=[pytest.mark.long, pytest.mark.timeout(600)]),
]

_BOTH = pytest.mark.parametrize("asynchronous", [False, True], ids=["sync", "async"])

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the peak of a process is read from Linux's /proc"
)


@functools.cache
def _noise() -> bytes:
    """Return a mebibyte that no coding makes smaller."""
    return random.Random(0).randbytes(_MIB)


@attrs.frozen(kw_only=True)
class Made:
    """A large body: what `blocks` gives, made anew each time, so that nobody has to hold it."""

    size: int
    content_type: str
    blocks: Callable[[int], Iterator[bytes]]
    framing: Framing = Framing.LENGTH


@attrs.frozen
class Large(Behaviour):
    """Sends a large body without ever holding it, whatever part of it was asked for."""

    made: Made

    def reply(self, visit: Visit) -> Reply:
        """Return the whole."""
        return Reply(
            status=200,
            headers=Fields((("ETag", '"large"'), ("Content-Type", self.made.content_type))),
            body=self.made.blocks(self.made.size),
            framing=self.made.framing,
            declared=self.made.size,
        )


def _binary(size: int) -> Iterator[bytes]:
    for _ in range(size // _MIB):
        yield _noise()


def _zeros(size: int) -> Iterator[bytes]:
    for _ in range(size // _MIB):
        yield bytes(_MIB)


def _one_string(size: int) -> Iterator[bytes]:
    yield b'"'
    for _ in range(size // _MIB - 1):
        yield b"a" * _MIB
    yield b"a" * (_MIB - 2) + b'"'


def _gzipped(blocks: Callable[[int], Iterator[bytes]], size: int) -> bytes:
    """Return a gzip file of what `blocks` gives; a thousandth of it, where that is uniform."""
    coder = zlib.compressobj(9, wbits=31)
    return b"".join([*map(coder.compress, blocks(size)), coder.flush()])


def _sha256(blocks: Iterator[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Serve on loopback."""
    with Origin() as running:
        yield running


@pytest.fixture
def folder() -> Iterator[str]:
    """Return a folder whose large files do not outlive the test, as those of `tmp_path` do."""
    with tempfile.TemporaryDirectory(prefix="etagkit-large-") as name:
        yield name


def _fetch(url: str, folder: str, *, asynchronous: bool, decode: bool = False) -> dict[str, Any]:
    """Fetch in a process of its own; fail if it grew too far."""
    job = {
        "url": url,
        "to": os.path.join(folder, ""),
        "asynchronous": asynchronous,
        "decode": decode,
    }
    command = [sys.executable, "-m", "tests.long._peak", json.dumps(job)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    growth = told["peak"] - told["idle"]
    assert 0 < growth <= _GROWTH, f"grew by {growth / _MIB:.1f} MiB"
    return told


@_BOTH
@pytest.mark.parametrize("framing", [Framing.LENGTH, Framing.CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("size", _SIZES)
def test_large_file(
    origin: Origin, folder: str, size: int, framing: Framing, asynchronous: bool
) -> None:
    """A file of any size is fetched within a few blocks of memory."""
    made = Made(size=size, content_type="application/octet-stream", blocks=_binary, framing=framing)
    origin.always("/large.bin", Large(made))
    told = _fetch(origin.url("/large.bin"), folder, asynchronous=asynchronous)
    assert (told["size"], told["strategy"]) == (size, "binary")
    assert told["sha256"] == _sha256(_binary(size))
    assert os.path.getsize(os.path.join(folder, "large.bin")) == size


@_BOTH
@pytest.mark.parametrize("decode", [False, True], ids=["as sent", "decoded"])
@pytest.mark.parametrize("size", _SIZES)
def test_gzip_bomb(
    origin: Origin, folder: str, size: int, decode: bool, asynchronous: bool
) -> None:
    """What a thousand times smaller body decodes to is checked, and stored, piece by piece."""
    bomb = _gzipped(_zeros, size)
    assert len(bomb) * 900 < size
    origin.put("/zeros.gz", bomb, content_type="application/gzip")
    told = _fetch(origin.url("/zeros.gz"), folder, asynchronous=asynchronous, decode=decode)
    assert told["strategy"] == ("gzip:decoded" if decode else "gzip")
    assert told["size"] == (size if decode else len(bomb))
    if decode:
        assert told["sha256"] == _sha256(_zeros(size))


@_BOTH
@pytest.mark.parametrize("size", _SIZES)
def test_coded_bomb(origin: Origin, folder: str, size: int, asynchronous: bool) -> None:
    """The same where the coding was added by the source, which was asked for none."""
    fields = {"Content-Encoding": "gzip"}
    origin.put("/zeros.bin", _gzipped(_zeros, size), headers=fields)
    told = _fetch(origin.url("/zeros.bin"), folder, asynchronous=asynchronous)
    assert (told["size"], told["sha256"]) == (size, _sha256(_zeros(size)))


@_BOTH
@pytest.mark.parametrize("size", _SIZES)
def test_one_string(origin: Origin, folder: str, size: int, asynchronous: bool) -> None:
    """JSON is proved well-formed without holding it, be it a single string."""
    made = Made(size=size, content_type="application/json", blocks=_one_string)
    origin.always("/string.json", Large(made))
    told = _fetch(origin.url("/string.json"), folder, asynchronous=asynchronous)
    assert (told["size"], told["strategy"]) == (size, "json")


@pytest.mark.parametrize("size", _SIZES)
def test_one_string_in_a_bomb(origin: Origin, folder: str, size: int) -> None:
    """Gzipped JSON is decoded and proved in one pass, and neither form is held."""
    bomb = _gzipped(_one_string, size)
    origin.put("/string.json.gz", bomb, content_type="application/gzip")
    told = _fetch(origin.url("/string.json.gz"), folder, asynchronous=False)
    assert (told["size"], told["strategy"]) == (len(bomb), "gzip+json")


def test_many_members(origin: Origin, folder: str) -> None:
    """A gzip file may be a million small files in a row, each with a header of its own."""
    members = zlib.compress(b"x", wbits=31) * 1_000_000
    origin.put("/members.gz", members, content_type="application/gzip")
    told = _fetch(origin.url("/members.gz"), folder, asynchronous=False, decode=True)
    assert told["size"] == 1_000_000
