"""`python -m etagkit` is the command `etagkit`."""

from __future__ import annotations

import sys

from etagkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
