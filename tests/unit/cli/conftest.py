"""An origin, and the command: in this process where that is enough, in one of its own otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import attrs
import pytest

import etagkit
from etagkit.cli import main
from etagkit.testing import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Where this etagkit lies, for processes that start in another folder.
HOME = str(Path(etagkit.__path__[0]).parent)


@attrs.frozen(kw_only=True)
class Done:
    """How a run of the command ended."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What `--json` printed: one object a line, and nothing else."""
        return [json.loads(line) for line in self.out.splitlines()]


class Runs(Protocol):
    """Runs the command."""

    def __call__(self, *arguments: str | Path) -> Done:
        """Run it to its end."""
        ...


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Serve three files."""
    with Origin() as running:
        running.put("/a.json", b'{"a": 1}', content_type="application/json", etag='"v1"')
        running.put("/b.csv", b"a,b\n1,2\n", content_type="text/csv", etag='"b1"')
        running.put("/c.bin", bytes(range(256)), etag='"c1"')
        yield running


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, without proxies and without a home."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.fixture
def etagkit_(folder: Path, capfd: pytest.CaptureFixture[str]) -> Runs:
    """Run the command in this process."""

    def run(*arguments: str | Path) -> Done:
        capfd.readouterr()
        code = main([str(each) for each in arguments])
        captured = capfd.readouterr()
        return Done(code=code, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a process that is to find this etagkit."""
    return {**os.environ, "PYTHONPATH": HOME, "COLUMNS": "100"}


@pytest.fixture
def process(folder: Path, environment: dict[str, str]) -> Runs:
    """Run the command in a process of its own, with pipes for its outputs."""

    def run(*arguments: str | Path) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "etagkit", *map(str, arguments)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Done(code=done.returncode, out=done.stdout, err=done.stderr)

    return run
