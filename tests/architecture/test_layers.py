"""The import contracts: kept by the source, and able to notice when they are not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests._support import PROJECT
from tests.architecture._source import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A copy of the package and its contracts, to do wrong things to."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT, tmp_path / "etagkit", ignore=ignore)
    shutil.copy2(PROJECT / "pyproject.toml", tmp_path)
    return tmp_path


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = (
        "import sys; sys.path.insert(0, '.'); "
        "from importlinter.cli import lint_imports; "
        "sys.exit(lint_imports(cache_dir=None, config_filename='pyproject.toml'))"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _plant(house: Path, module: str, line: str) -> None:
    path = house / "etagkit" / module
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(f"{text}\n{line}\n", encoding="utf-8")


def test_the_contracts_are_kept(house: Path) -> None:
    """No import in the package goes up or sideways, or from pure code to the world."""
    done = _lint_imports(house)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("http/_etag.py", "from etagkit.flow import _run", "Imports go down"),
        ("http/_etag.py", "import etagkit.integrity._model", "Imports go down"),
        ("errors.py", "from etagkit.http._etag import ETag", "Imports go down"),
        ("http/_dates.py", "import time", "Values, decisions and flows"),
        ("http/_dates.py", "def late():\n    import httpx", "Values, decisions and flows"),
        ("flow/_run.py", "import asyncio", "Values, decisions and flows"),
        ("integrity/_model.py", "import sqlite3", "Values, decisions and flows"),
        ("integrity/_decide.py", "from etagkit.drivers import _io", "Values, decisions and flows"),
        ("integrity/_model.py", "import etagkit.integrity._decide", "Inside a feature"),
        ("newroom.py", "X = 1", "Imports go down"),
    ],
)
def test_a_wrong_import_breaks_a_contract(
    house: Path, module: str, line: str, contract: str
) -> None:
    """Each kind of forbidden import is noticed, and so is a package without a place."""
    (house / "etagkit" / "drivers").mkdir(exist_ok=True)
    (house / "etagkit" / "drivers" / "__init__.py").touch()
    (house / "etagkit" / "drivers" / "_io.py").touch()
    _plant(house, module, line)
    done = _lint_imports(house)
    assert done.returncode != 0
    assert contract in done.stdout + done.stderr
