"""What `import etagkit` costs, beside `import httpx`, over the bare interpreter."""

from __future__ import annotations

import statistics
import subprocess
import sys
from functools import partial

from benchmarks._measure import Sample, interleave
from etagkit.display import Table

#: The demand: this share of the time of `import httpx`.
SHARE = 1 / 3

_CODE = "import time; t = time.perf_counter(); {}; print(time.perf_counter() - t)"


def _sample(statement: str) -> Sample:
    done = subprocess.run(
        [sys.executable, "-I", "-c", _CODE.format(statement)],
        check=True,
        capture_output=True,
        text=True,
    )
    return Sample(seconds=float(done.stdout))


def run(rounds: int) -> bool:
    """Print the table and return whether the demand is met."""
    statements = ("import etagkit", "import httpx", "from etagkit import ETag")
    taken = interleave({each: partial(_sample, each) for each in statements}, rounds)
    medians = {name: statistics.median(s.seconds for s in taken[name]) for name in statements}
    rows = tuple(
        (name, f"{seconds * 1000:.1f}", f"{seconds / medians['import httpx']:.2f}")
        for name, seconds in medians.items()
    )
    print(Table(title="Import", columns=("", "median ms", "x import httpx"), rows=rows))
    share = medians["import etagkit"] / medians["import httpx"]
    print(f"demand: at most {SHARE:.2f} of import httpx: {share:.3f}")
    return share <= SHARE
