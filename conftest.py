"""Every example in the documentation is a test.

Python blocks of README.md and docs/**/*.md and the `>>>` examples in docstrings are executed by
Sybil, each document in its own empty folder and with its own names. The examples of one document
build on each other, so they keep their order however tests are shuffled. Under pytest-xdist they
must stay on one worker too: `--dist loadfile`, which noxfile.py passes.
"""

from __future__ import annotations

import os
import tempfile
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from typing import TYPE_CHECKING, Any

import pytest
from sybil import Sybil
from sybil.document import PythonDocStringDocument
from sybil.integration.pytest import SybilItem
from sybil.parsers.myst import PythonCodeBlockParser, SkipParser
from sybil.parsers.rest import DocTestParser
from sybil.parsers.rest import SkipParser as RestSkipParser
from sybil.sybil import SybilCollection

if TYPE_CHECKING:
    from sybil.typing import Parser

_FLAGS = ELLIPSIS | NORMALIZE_WHITESPACE
_FOLDER = "_sybil_folder"


def _enter_folder(namespace: dict[str, Any]) -> None:
    """Give the document's examples an empty working folder: they may write `data.csv`."""
    namespace[_FOLDER] = (os.getcwd(), tempfile.TemporaryDirectory(prefix="etagkit-docs-"))
    os.chdir(namespace[_FOLDER][1].name)


def _leave_folder(namespace: dict[str, Any]) -> None:
    home, folder = namespace.pop(_FOLDER)
    os.chdir(home)
    folder.cleanup()


def _sybil(folder: str, pattern: str, *parsers: Parser) -> Sybil:
    return Sybil(
        parsers,
        path=folder,
        pattern=pattern,
        exclude="_build/**/*",
        document_types={".py": PythonDocStringDocument},
        setup=_enter_folder,
        teardown=_leave_folder,
    )


_PAGE = (PythonCodeBlockParser(doctest_optionflags=_FLAGS), SkipParser())
_DOCSTRING = (DocTestParser(optionflags=_FLAGS), RestSkipParser())

pytest_collect_file = SybilCollection(
    [
        _sybil(".", "README.md", *_PAGE),
        _sybil("docs", "*.md", *_PAGE),
        _sybil("src", "*.py", *_DOCSTRING),
    ]
).pytest()


def _place(item: SybilItem) -> tuple[int, int]:
    return item.example.line, item.example.column


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the examples of each document together again, and into their order."""
    documents: dict[str, list[SybilItem]] = {}
    for item in items:
        if isinstance(item, SybilItem):
            documents.setdefault(str(item.path), []).append(item)
    ordered: list[pytest.Item] = []
    for item in items:
        if isinstance(item, SybilItem):
            examples = sorted(documents.pop(str(item.path), []), key=_place)
            ordered += examples
        else:
            ordered.append(item)
    items[:] = ordered
