"""The notebook of the documentation, run from top to bottom in a real Jupyter kernel."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests._support import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = PROJECT / "docs" / "notebooks" / "first-steps.ipynb"

#: Runs before the notebook's own cells. What the kernel itself warns of is not ours, so only
#: warnings about the notebook, the package and things left open become errors.
STRICT = r"""
import socket, warnings

warnings.simplefilter("error", ResourceWarning)
warnings.filterwarnings("error", module=r"__main__|etagkit(\..*)?$")


class LoopbackOnly(socket.socket):
    def connect(self, address):
        assert address[0] in {"127.0.0.1", "::1"}, address
        return super().connect(address)


socket.socket = LoopbackOnly
"""

#: Seconds for one cell: they take milliseconds; a loaded machine may take its time.
CELL_LIMIT = 60


def load() -> Any:
    """Return the notebook as it lies in the project."""
    return nbformat.read(SOURCE, as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture
def own_jupyter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the user's Jupyter and IPython settings, and their history, out of it."""
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        folder = tmp_path / name.lower()
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    work = tmp_path / "work"
    work.mkdir()
    return work


def _cell(source: str) -> Any:
    return nbformat.v4.new_code_cell(source)  # type: ignore[no-untyped-call]


def outputs(notebook: Any) -> list[Any]:
    """Return what all cells gave out, in order."""
    return [output for cell in notebook.cells for output in cell.get("outputs", ())]


@pytest.mark.notebook
def test_the_notebook_runs_and_shows_its_results(own_jupyter: Path) -> None:
    """Every cell runs in a kernel, sync and awaited; results are tables, one of them a skip."""
    notebook = load()
    notebook.cells.insert(0, _cell(STRICT))
    client = NotebookClient(
        notebook,
        timeout=CELL_LIMIT,
        kernel_name="python3",
        resources={"metadata": {"path": str(own_jupyter)}},
    )
    client.execute()  # raises CellExecutionError for the first cell that fails

    shown = outputs(notebook)
    assert [output for output in shown if output.output_type in {"error", "stream"}] == []
    pages = [output.data["text/html"] for output in shown if "text/html" in output.get("data", {})]
    assert [page for page in pages if not page.startswith("<table")] == []
    captions = re.findall(r"<caption[^>]*>(.*?)</caption>", "".join(pages))
    assert len(captions) == len(pages)
    words = [caption.split()[0] for caption in captions]
    assert [word for word in words if word in {"fetched", "skipped"}] == [
        "fetched",
        "skipped",
        "fetched",
    ]
    assert any("source changed" in caption for caption in captions)
    texts = [output.data["text/plain"] for output in shown if "data" in output]
    assert "{'stations': ['Sol', 'Lave']}" in texts
    assert "['Sol', 'Lave', 'Diso']" in texts


def test_the_notebook_runs_from_its_source_alone() -> None:
    """It is kept without outputs and counts, so that nothing stale is ever read in it."""
    notebook = load()
    nbformat.validate(notebook)
    assert outputs(notebook) == []
    assert {cell.get("execution_count") for cell in notebook.cells} == {None}
    assert any(line.startswith("await ") for cell in notebook.cells for line in [cell.source])
