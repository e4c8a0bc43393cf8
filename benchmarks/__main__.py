"""`python -m benchmarks [--mib N] [--rounds N] [--only NAME]`: print every table, check demands."""

from __future__ import annotations

import argparse
import platform
import sys

from benchmarks import download, imports


def main() -> int:
    """Run what was asked for; return 1 if a demand is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file downloaded")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["download", "imports"])
    options = parser.parse_args()
    print(f"Python {platform.python_version()} on {platform.machine()}, {options.rounds} rounds\n")
    met = True
    if options.only in {None, "imports"}:
        met &= imports.run(max(options.rounds, 11))
        print()
    if options.only in {None, "download"}:
        met &= download.run(options.mib * 2**20, options.rounds)
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
