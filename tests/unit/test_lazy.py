"""Public names load their module only when somebody asks for them."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from etagkit._lazy import attach

if TYPE_CHECKING:
    import types
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[types.ModuleType]:
    """Give a package `lazy_sample` with a module whose every import is counted."""
    folder = tmp_path / "lazy_sample"
    folder.mkdir()
    (folder / "_part.py").write_text("import lazy_sample\nlazy_sample.imports += 1\nvalue = [1]\n")
    (folder / "__init__.py").write_text(
        "from etagkit._lazy import attach\nimports = 0\n"
        "__getattr__, __dir__ = attach(__name__, {'._part': ['value'], 'math': ['pi', 'lost']})\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("lazy_sample", "lazy_sample._part"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    importlib.invalidate_caches()
    yield importlib.import_module("lazy_sample")
    for name in ("lazy_sample", "lazy_sample._part"):
        sys.modules.pop(name, None)


def test_import_of_the_package_loads_no_part(package: types.ModuleType) -> None:
    """A package is imported without any of its modules."""
    assert "lazy_sample._part" not in sys.modules
    assert package.imports == 0


def test_name_is_looked_up_once_and_kept(package: types.ModuleType) -> None:
    """The second access finds the name in the package itself."""
    first = package.value
    del sys.modules["lazy_sample._part"]
    assert package.value is first
    assert vars(package)["value"] is first
    assert package.imports == 1


def test_absolute_modules_are_allowed(package: types.ModuleType) -> None:
    """A table may name modules outside of the package."""
    import math

    assert package.pi == math.pi


@pytest.mark.parametrize("name", ["nothing", "_part_", "__wrapped__"])
def test_unknown_name_is_an_attribute_error_with_both_names(
    package: types.ModuleType, name: str
) -> None:
    """A name that no table holds fails as on any other module."""
    with pytest.raises(AttributeError, match=f"module 'lazy_sample' has no attribute '{name}'"):
        getattr(package, name)
    assert not hasattr(package, name)


def test_name_that_its_module_does_not_have_fails(package: types.ModuleType) -> None:
    """A table that promises too much fails at the access, not silently."""
    with pytest.raises(AttributeError, match="lost"):
        _ = package.lost


def test_dir_lists_the_public_names_sorted(package: types.ModuleType) -> None:
    """`dir` shows what can be asked for, loaded or not."""
    assert dir(package) == ["lost", "pi", "value"]


def test_attach_works_without_the_package_in_sys_modules() -> None:
    """Nothing breaks where the package is not, or not any more, imported under its name."""
    load, names = attach("no.such.package", {"math": ["pi"]})
    assert load("pi") == pytest.approx(3.14159, abs=1e-5)
    assert names() == ["pi"]
