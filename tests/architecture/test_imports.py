"""What an import loads, and what it leaves alone."""

from __future__ import annotations

import re
from importlib.metadata import packages_distributions, requires

import pytest

from tests.architecture._source import MODULES, PACKAGES, PURE, in_fresh_process

#: Not the package's dependencies, and yet nothing that a lazy or pure module should load.
_ALSO_HEAVY = {
    "asyncio",
    "hashlib",
    "multiprocessing",
    "pytest",
    "sqlite3",
    "ssl",
    "starlette",
    "trio",
}

#: The dependencies that pure code may use.
_LIGHT = {"attr", "attrs", "typing_extensions"}


def _distribution(requirement: str) -> str:
    name = re.match(r"[\w.-]+", requirement)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name.group()).lower()


def _dependencies() -> set[str]:
    """Return the top-level modules of everything that etagkit depends on, extras included."""
    ours = {_distribution(line) for line in requires("etagkit") or ()} - {"etagkit"}
    return {
        module
        for module, distributions in packages_distributions().items()
        if any(_distribution(one) in ours for one in distributions)
    }


def _loaded_by(module: str) -> set[str]:
    """Return the modules that are in memory after importing `module` and were not before."""
    return set(
        in_fresh_process(
            "import json, sys\n"
            "before = set(sys.modules)\n"
            f"import {module}\n"
            "print(json.dumps(sorted(set(sys.modules) - before)))\n"
        )
    )


def _tops(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_dependencies_are_known() -> None:
    """The list of what must not be loaded is not empty by accident."""
    assert {"httpx", "httpx2", "hishel", "anyio", "attr", "click", "rich"} <= _dependencies()


def test_importing_etagkit_loads_no_dependency() -> None:
    """`import etagkit` loads no HTTP client, no framework and no library, needed or optional."""
    assert not _tops(_loaded_by("etagkit")) & (_dependencies() | _ALSO_HEAVY)


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_no_module_of_it(package: str) -> None:
    """A package's `__init__` only promises names: it loads its parents and the lazy machinery."""
    parents = {package[: dot.start()] for dot in re.finditer(r"\.", package)}
    ours = {name for name in _loaded_by(package) if name.split(".")[0] == "etagkit"}
    assert ours <= {"etagkit", "etagkit._lazy", package, *parents}


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_loads_no_client(module: str) -> None:
    """Values, decisions and flows can be used without any HTTP client, database or event loop."""
    forbidden = (_dependencies() | _ALSO_HEAVY) - _LIGHT - {"hashlib"}
    loaded = _loaded_by(module)
    assert not _tops(loaded) & forbidden
    assert not {name for name in loaded if name.startswith("etagkit.drivers.")}


def test_importing_everything_has_no_side_effect() -> None:
    """No module starts a thread, opens a file or socket, or changes the process when imported."""
    changes = in_fresh_process(
        "import importlib, json, logging, os, signal, sys, threading, warnings\n"
        # What the standard library and the dependencies do on import is not the question here.
        "import anyio, asyncio, attrs, click, hishel, httpx, httpx2, rich.console, sqlite3\n"
        "def state():\n"
        "    fds = '/proc/self/fd'\n"
        "    return {\n"
        "        'cwd': os.getcwd(),\n"
        "        'environment': sorted(os.environ.items()),\n"
        "        'files': len(os.listdir(fds)) if os.path.isdir(fds) else 0,\n"
        "        'handlers': [len(logging.root.handlers), logging.root.level],\n"
        "        'levels': [n for n, l in logging.root.manager.loggerDict.items()\n"
        "                   if n.startswith('etagkit') and getattr(l, 'level', 0)],\n"
        "        'signals': [repr(signal.getsignal(s)) for s in (2, 15)],\n"
        "        'threads': threading.active_count(),\n"
        "        'warnings': len(warnings.filters),\n"
        "        'hooks': [repr(sys.excepthook), repr(sys.displayhook), len(sys.meta_path)],\n"
        "        'path': sys.path,\n"
        "    }\n"
        "before = state()\n"
        f"for name in {[name for name in MODULES if not name.endswith('__main__')]!r}:\n"
        "    importlib.import_module(name)\n"
        "after = state()\n"
        "print(json.dumps({k: [before[k], after[k]] for k in before if before[k] != after[k]}))\n"
    )
    assert changes == {}
