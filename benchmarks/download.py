"""One large file from a real nginx to disk, with its SHA-256."""

from __future__ import annotations

import hashlib
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks._measure import Sample, interleave, ratio, report

if TYPE_CHECKING:
    from collections.abc import Callable

#: The demand: this much of the speed of `curl -o` followed by `sha256sum`.
FLOOR = 0.8

#: The demand: octets of memory above the idle process, whatever the size of the file.
CEILING = 64 * 2**20

_BASE = "curl -o; sha256sum"


def run(size: int, rounds: int) -> bool:
    """Print the table and return whether the demands are met."""
    try:
        import trustme

        from tests.servers._files import write_big_file
        from tests.servers._recipes import Nginx
        from tests.servers._server import RealServer
    except ImportError as exc:
        print(f"download: left out, {exc.name} is missing (install the dependency group tests)")
        return True
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None or shutil.which("curl") is None:
        print("download: left out, it needs nginx and curl")
        return True
    with (
        RealServer(Nginx(), Path(program), trustme.CA()) as server,
        tempfile.TemporaryDirectory(prefix="etagkit-bench-") as scratch,
    ):
        big = write_big_file(server.root / "big.bin", size)
        write_big_file(server.root / "small.bin", 4096)
        with big.open("rb") as file:
            truth = hashlib.file_digest(file, "sha256").hexdigest()
        return _race(f"{server.base_url}/big.bin", Path(scratch), truth, size, rounds)


def _race(url: str, scratch: Path, truth: str, size: int, rounds: int) -> bool:
    contestants: dict[str, Callable[[], Sample]] = {
        _BASE: lambda: _curl(url, scratch, truth),
        "curl -o, no hash": lambda: _curl(url, scratch, None),
        "etagkit.fetch": lambda: _child("fetch", url, scratch, truth),
        "etagkit.afetch": lambda: _child("afetch", url, scratch, truth),
        "httpx by hand": lambda: _child("httpx", url, scratch, truth),
        "limit: one socket": lambda: _child("socket", url, scratch, truth),
    }
    taken = interleave(contestants, rounds)
    print(report(f"{size / 2**20:.0f} MiB to disk (work/s: MiB/s)", taken, _BASE, size / 2**20))
    speed = min(ratio(taken, name, _BASE) for name in ("etagkit.fetch", "etagkit.afetch"))
    growth = max(
        sample.peak_growth or 0
        for name in ("etagkit.fetch", "etagkit.afetch")
        for sample in taken[name]
    )
    print(
        f"demand: at least {FLOOR} x {_BASE}: {speed:.2f}; "
        f"memory at most {CEILING // 2**20} MiB above idle: {growth / 2**20:.1f}"
    )
    return speed >= FLOOR and growth <= CEILING


def _curl(url: str, scratch: Path, truth: str | None) -> Sample:
    path = scratch / "curl.bin"
    before, start = _children_cpu(), time.perf_counter()
    subprocess.run(["curl", "-sS", "-o", str(path), url], check=True)
    if truth is not None:
        done = subprocess.run(["sha256sum", str(path)], check=True, capture_output=True, text=True)
        assert done.stdout.split()[0] == truth
    sample = Sample(seconds=time.perf_counter() - start, cpu=_children_cpu() - before)
    path.unlink()
    return sample


def _children_cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _child(how: str, url: str, scratch: Path, truth: str) -> Sample:
    folder = Path(tempfile.mkdtemp(dir=scratch))
    command = [sys.executable, "-m", "benchmarks._child", how, url, str(folder / "file.bin")]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    shutil.rmtree(folder)
    told = json.loads(done.stdout)
    assert told["sha256"] == truth
    return Sample(seconds=told["seconds"], cpu=told["cpu"], peak_growth=told["growth"])
