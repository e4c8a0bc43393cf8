"""The project's chores. `nox -l` lists them; `nox -s tests` is the one to start with.

Sessions use the Python that runs nox; `--force-python 3.13` chooses another. Versions come from
constraints.txt. What follows `--` goes to pytest: `nox -s tests -- -k resume -n 0`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["tests", "lint", "types", "docs"]
nox.options.reuse_venv = "yes"
nox.options.error_on_external_run = True
# pip everywhere: it reads the machine's pip.conf (mirrors, certificates). `-db uv` is faster.
nox.options.default_venv_backend = "virtualenv"

_ROOT = Path(__file__).parent
_PYPROJECT = nox.project.load_toml(_ROOT / "pyproject.toml")
_CONSTRAINTS = str(_ROOT / "constraints.txt")

#: Extras that the tests use, and that the type checkers must see.
_EXTRAS = "cli,http2,httpx2"

#: Two workers: a common laptop and most CI machines have at least two cores, and more would start
#: more real servers at once. `loadfile` keeps the examples of one document together.
_PARALLEL = ("-n", "2", "--dist", "loadfile")


def _install(session: nox.Session, *groups: str, package: str | None = None) -> None:
    """Install dependency groups and the package, editable unless a file is given, in one go."""
    wanted = nox.project.dependency_groups(_PYPROJECT, *groups)
    what = ("-e", f".[{_EXTRAS}]") if package is None else (f"{package}[{_EXTRAS}]",)
    session.install("-c", _CONSTRAINTS, *what, *wanted)


def _pytest(session: nox.Session, *arguments: str) -> None:
    session.run("python", "-m", "pytest", *_PARALLEL, *arguments, *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run all tests but the long ones, the examples in the documentation included."""
    _install(session, "tests")
    _pytest(session, "-m", "not long")


@nox.session
def long(session: nox.Session) -> None:
    """Run the tests of full sizes and long searches."""
    _install(session, "tests")
    session.run(
        *("python", "-m", "pytest", "-m", "long", "--timeout", "3600", *session.posargs),
        env={"HYPOTHESIS_PROFILE": "long"},
    )


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, format, spelling and the layers of the architecture."""
    _install(session, "lint")
    _lint(session)


@nox.session
def types(session: nox.Session) -> None:
    """Check the types with mypy and with pyright."""
    _install(session, "tests", "types", "docs")
    _types(session)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build; a warning is an error."""
    _install(session, "docs")
    _docs(session)


@nox.session(default=False)
def checks(session: nox.Session) -> None:
    """Do what lint, types and docs do, in one environment: what CI runs."""
    _install(session, "dev")
    _lint(session)
    _types(session)
    _docs(session)


def _lint(session: nox.Session) -> None:
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    session.run("lint-imports")
    session.run("codespell")


def _types(session: nox.Session) -> None:
    session.run("mypy")
    session.run("pyright", "--warnings")


def _docs(session: nox.Session) -> None:
    shutil.rmtree(_ROOT / "docs" / "_build", ignore_errors=True)
    session.run(
        *("sphinx-build", "-n", "-W", "--keep-going", "-q", "-j", "auto"),
        *("-b", "html", "docs", "docs/_build/html"),
    )


@nox.session
def bench(session: nox.Session) -> None:
    """Measure speed and memory: `python -m benchmarks`."""
    _install(session, "bench")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def min_deps(session: nox.Session) -> None:
    """Run the tests with the lowest versions of the core dependencies that we promise."""
    _install(session, "tests")
    session.install(*map(_lowest, _PYPROJECT["project"]["dependencies"]))
    _pytest(session, "-m", "not long and not server and not notebook", "tests")


def _lowest(requirement: str) -> str:
    """Pin a requirement to its lower bound: `httpx>=0.28.1,<1` becomes `httpx==0.28.1`."""
    name, _, bounds = requirement.partition(">=")
    return f"{name}=={bounds.split(',')[0]}"


#: Fails unless the package that the tests will import lies in the session's environment.
_IS_INSTALLED = (
    "import sys, etagkit; "
    "sys.exit(not etagkit.__path__[0].startswith(sys.prefix) and str(etagkit.__path__))"
)


@nox.session(reuse_venv=False)
def wheel(session: nox.Session) -> None:
    """Build the wheel and the source archive, and test the installed wheel without src/."""
    built = Path(session.create_tmp()) / "dist"
    shutil.rmtree(built, ignore_errors=True)
    session.install("-c", _CONSTRAINTS, "build")
    session.run("python", "-m", "build", "--outdir", str(built), silent=True)
    archives = sorted(built.iterdir())
    session.log("built %s", ", ".join(f"{a.name} ({a.stat().st_size:,} bytes)" for a in archives))
    (package,) = built.glob("*.whl")
    _install(session, "tests", package=str(package))
    with session.chdir(_copy_without_src(Path(session.create_tmp()) / "checkout")):
        session.run("python", "-c", _IS_INSTALLED)
        _pytest(session, *([] if "-m" in session.posargs else ["-m", "not long"]))


def _copy_without_src(to: Path) -> Path:
    """Copy what the tests read, so that the checkout's src/ is nowhere near the tested package."""
    shutil.rmtree(to, ignore_errors=True)
    to.mkdir(parents=True)
    leave = shutil.ignore_patterns("__pycache__", "_build")
    for name in ("tests", "docs", "benchmarks", ".ci"):
        if (_ROOT / name).is_dir():
            shutil.copytree(_ROOT / name, to / name, ignore=leave)
    for file in _ROOT.iterdir():
        if file.is_file():
            shutil.copy2(file, to)
    return to


@nox.session
def api(session: nox.Session) -> None:
    """Report public names that changed since the last release without saying so."""
    tag = session.run(
        *("git", "describe", "--tags", "--abbrev=0", "--match", "v*"),
        external=True,
        silent=True,
        success_codes=[0, 128],
    )
    if not isinstance(tag, str) or not tag.startswith("v"):
        session.log("no release is tagged yet: nothing to compare with")
        return
    session.install("-c", _CONSTRAINTS, *nox.project.dependency_groups(_PYPROJECT, "api"))
    session.run("griffe", "check", "etagkit", "--search", "src", "--against", tag.strip())
