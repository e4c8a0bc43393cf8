"""One download in a process of its own: `python -m benchmarks._child HOW URL PATH`.

Prints seconds, processor seconds, the growth of memory over the idle process, and the SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable


def by_fetch(url: str, path: str) -> str:
    """The main job: probe, download, verify, publish, record."""
    import etagkit

    return etagkit.fetch(url, path).record.sha256


def by_afetch(url: str, path: str) -> str:
    """The async twin."""
    import anyio

    import etagkit

    async def main() -> str:
        return (await etagkit.afetch(url, path)).record.sha256

    return anyio.run(main)


def by_httpx(url: str, path: str) -> str:
    """What people write by hand over httpx: no check, no fsync, no record."""
    import httpx

    digest = hashlib.sha256()
    with httpx.stream("GET", url) as response, Path(path).open("wb") as file:
        for block in response.iter_bytes():
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def by_socket(url: str, path: str) -> str:
    """The limit of one Python thread: recv_into, hash, write, and nothing else."""
    parts = urlsplit(url)
    digest, block = hashlib.sha256(), memoryview(bytearray(1 << 18))
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as peer:
        request = f"GET {parts.path} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n"
        peer.sendall(request.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += peer.recv(4096)
        rest = head.partition(b"\r\n\r\n")[2]
        with Path(path).open("wb", buffering=0) as file:
            digest.update(rest)
            file.write(rest)
            while count := peer.recv_into(block):
                digest.update(block[:count])
                file.write(block[:count])
    return digest.hexdigest()


HOW: dict[str, Callable[[str, str], str]] = {
    "fetch": by_fetch,
    "afetch": by_afetch,
    "httpx": by_httpx,
    "socket": by_socket,
}


def peak() -> int:
    """Return the largest resident size of this process so far, in octets."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main() -> None:
    """Measure one download; a tiny one first, so that imports and TLS set-up do not count."""
    how, url, path = sys.argv[1:4]
    warm = f"{path}.warm"
    HOW[how](url.rpartition("/")[0] + "/small.bin", warm)
    os.unlink(warm)
    idle, cpu, start = peak(), time.process_time(), time.perf_counter()
    sha256 = HOW[how](url, path)
    print(
        json.dumps(
            {
                "seconds": time.perf_counter() - start,
                "cpu": time.process_time() - cpu,
                "growth": peak() - idle,
                "sha256": sha256,
            }
        )
    )


if __name__ == "__main__":
    main()
