"""The project's own files: what they promise to each other."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version

import pytest

from tests._support import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))

EXTRAS = {
    *("cli", "notebook", "tables", "plot", "watch"),
    *("http2", "httpx2", "fast", "zstd", "crc"),
    *("fastapi", "flask", "django"),
    *("obstore", "fsspec", "redis", "postgres", "dask"),
}


def test_all_extras_exist_and_all_holds_them() -> None:
    """The promised extras exist, and `all` installs every one of them."""
    extras = PYPROJECT["project"]["optional-dependencies"]
    assert set(extras) == EXTRAS | {"all"}
    held = re.findall(r"\w+", " ".join(re.findall(r"\[(.*?)\]", " ".join(extras["all"]))))
    assert sorted(held) == sorted(EXTRAS)


def test_the_constraints_are_names_and_versions_only() -> None:
    """No address, path or hash stands in the constraints, and they are sorted."""
    lines = (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins)
    assert pins == sorted(pins, key=str.lower)


@pytest.mark.parametrize("requirement", PYPROJECT["project"]["dependencies"])
def test_every_core_dependency_has_a_lower_bound(requirement: str) -> None:
    """The lowest version is stated, so that it can be tested."""
    assert re.fullmatch(r"[\w-]+>=[\d.]+(,<\d+)?", requirement)


def test_the_installed_version_is_the_projects() -> None:
    """The tests run against this version of the package, not another that lies around."""
    assert version("etagkit") == PYPROJECT["project"]["version"]


def test_the_readme_has_the_two_commands() -> None:
    """The README's first page tells how to see it work and how to run the tests."""
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    environment = "python3 -m venv .venv && .venv/bin/pip install"
    assert f"{environment} '.[cli]' && .venv/bin/etagkit demo" in text
    assert f"{environment} nox && .venv/bin/nox -s tests" in text


def test_the_changelog_has_an_unreleased_section() -> None:
    """What users will notice has a place to be written down."""
    assert "## [Unreleased]" in (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
