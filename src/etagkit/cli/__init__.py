"""The command `etagkit`: probe, get, verify, history and demo."""

from __future__ import annotations

import importlib.util
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

#: What the extra `cli` brings. Both are looked for, since many environments have click anyway.
_NEEDED = ("click", "rich")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with `arguments` (those of the process by default); return its exit code.

    Without the extra `cli` the code is 1, and standard error names the command that installs it.
    """
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        from etagkit.errors import MissingExtra

        print(MissingExtra.of("cli", "the etagkit command"), file=sys.stderr)
        return 1
    from etagkit.cli import _app

    return _app.run(arguments)
