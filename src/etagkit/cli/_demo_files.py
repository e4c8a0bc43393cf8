"""The files of the demonstration: small, of several types, and the same every time."""

from __future__ import annotations

import gzip
import json
import random
import struct
import zlib

import attrs

_KIB = 1024

#: Octets of the binary: large enough that not transferring it shows in the sums.
_BINARY = 1024 * _KIB

#: Any number; the same bytes in every demonstration.
_SEED = 9110


@attrs.frozen(kw_only=True)
class DemoFile:
    """A file at the origin."""

    name: str
    content_type: str
    body: bytes


def demo_files() -> tuple[DemoFile, ...]:
    """Return the files of the first run."""
    return (
        DemoFile(
            name="readme.txt",
            content_type="text/plain; charset=utf-8",
            body=b"A validator says which version of a thing you hold.\n",
        ),
        DemoFile(name="prices.csv", content_type="text/csv", body=prices("19.90")),
        DemoFile(
            name="stations.json",
            content_type="application/json",
            body=json.dumps([{"id": n, "name": f"Station {n}"} for n in range(200)]).encode(),
        ),
        DemoFile(
            name="readings.json.gz",
            content_type="application/gzip",
            # No time and no name in the gzip header: the same bytes every time.
            body=gzip.compress(json.dumps(list(range(20_000))).encode(), mtime=0),
        ),
        DemoFile(
            name="model.bin",
            content_type="application/octet-stream",
            body=random.Random(_SEED).randbytes(_BINARY),  # noqa: S311  filling, not a secret
        ),
        DemoFile(name="logo.png", content_type="image/png", body=png(64, 64)),
    )


def prices(price: str) -> bytes:
    """Return the table whose one price changes before the third run."""
    return f"article,price\nkettle,24.50\nlamp,{price}\n".encode()


def png(width: int, height: int) -> bytes:
    r"""Return a picture: a grey gradient (PNG specification, 8-bit greyscale, no filter).

    >>> png(1, 1)[:4]
    b'\x89PNG'
    """
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = b"".join(b"\x00" + bytes((x + y) * 2 % 256 for x in range(width)) for y in range(height))
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    checked = kind + data
    return struct.pack(">I", len(data)) + checked + struct.pack(">I", zlib.crc32(checked))
