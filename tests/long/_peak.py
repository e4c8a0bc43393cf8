"""Fetch one file and tell how far this process grew: `python -m tests.long._peak JOB`.

JOB is a JSON object: `url`, `to`, `asynchronous`, `decode`. What is printed is one as well: `idle`,
what the process held when it was ready to fetch, and `peak`, the most that it held since, both in
octets; and what was fetched.

The numbers are those of the kernel for this process (proc(5), VmRSS and VmHWM). `getrusage` would
not do: its maximum is inherited from the process that started this one.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
from typing import TYPE_CHECKING, Any

import httpx

import etagkit

if TYPE_CHECKING:
    from etagkit.transfer import FetchResult


def _memory(name: str) -> int:
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    raise LookupError(name)


def _idle() -> int:
    """Return what the process holds now, and let the peak be counted from here."""
    gc.collect()
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")  # where that is not allowed, the peak counts from the start, and is higher
    return _memory("VmRSS")


async def _afetch(job: dict[str, Any]) -> tuple[int, FetchResult]:
    async with httpx.AsyncClient(trust_env=False) as client:
        idle = _idle()
        decode: bool = job["decode"]
        return idle, await etagkit.afetch(job["url"], job["to"], client=client, decode=decode)


def _fetch(job: dict[str, Any]) -> tuple[int, FetchResult]:
    with httpx.Client(trust_env=False) as client:
        idle = _idle()
        decode: bool = job["decode"]
        return idle, etagkit.fetch(job["url"], job["to"], client=client, decode=decode)


def _main() -> None:
    job = json.loads(sys.argv[1])
    idle, result = asyncio.run(_afetch(job)) if job["asynchronous"] else _fetch(job)
    record = result.record
    told = {
        "idle": idle,
        "peak": _memory("VmHWM"),
        "size": record.size,
        "sha256": record.sha256,
        "strategy": record.strategy,
    }
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _main()
