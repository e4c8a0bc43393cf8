"""The package's modules as the architecture tests see them, and a way to ask a fresh process."""

from __future__ import annotations

import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import etagkit

#: The installed package: the checkout's if installed editable, or the one of the tested wheel.
ROOT = Path(etagkit.__path__[0])


def _walk() -> list[tuple[str, bool]]:
    found = pkgutil.walk_packages([str(ROOT)], "etagkit.", onerror=lambda _: None)
    return sorted((module.name, module.ispkg) for module in found)


MODULES = ["etagkit", *(name for name, _ in _walk())]
PACKAGES = ["etagkit", *(name for name, is_package in _walk() if is_package)]

#: Modules that only know values: all of `http` and `flow`, and these floors of every feature.
PURE = [
    name
    for name in MODULES
    if name.split(".")[1:2] in (["http"], ["flow"])
    or name.rpartition(".")[2].startswith(("_model", "_decide", "_flow"))
]


def path_of(module: str) -> Path:
    """Return the source file of a module of etagkit."""
    stem = ROOT.joinpath(*module.split(".")[1:])
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


def in_fresh_process(code: str) -> Any:
    """Run `code` in a new interpreter and return what it printed, read as JSON.

    `-I` keeps the environment and the working folder out; warnings are errors there too.
    """
    done = subprocess.run(
        [sys.executable, "-I", "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
