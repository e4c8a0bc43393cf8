"""What several test modules share.

A test of a real server is marked `server` and gets the program through `require_server`:

    pytestmark = pytest.mark.server

    @pytest.fixture(scope="session")
    def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        program = require_server("nginx")
        ...

On a user's machine a program that is not installed skips the test with the reason. Where servers
are promised (`ETAGKIT_REQUIRE_SERVERS=1`, or `CI=true` as most CI services set it), it fails the
test instead: a skipped test of a real server would prove nothing and look green. A condition that
has nothing to do with a program (a port range, a kernel feature) calls `server_missing` itself.

Call these in fixtures or tests, never while a module is imported: a module that skips itself has no
tests left whose absence could be noticed.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

#: The package root of the checkout (or of the copy in which an installed wheel is tested).
PROJECT = Path(__file__).resolve().parent.parent

#: Programs under which a server is known, in the order in which they are looked for.
_PROGRAMS = {
    "apache": ("apache2", "httpd"),
    "caddy": ("caddy",),
    "nginx": ("nginx",),
}

#: Folders that hold servers and are often missing in the PATH of an ordinary user: Debian puts
#: daemons into sbin, and caddy comes as a script of the Python environment that runs the tests.
_MORE_FOLDERS = (str(Path(sys.executable).parent), "/usr/sbin", "/usr/local/sbin")

_YES = frozenset({"1", "true", "yes", "on"})


def servers_required() -> bool:
    """Tell whether a missing server fails a test instead of skipping it."""
    return any(
        os.environ.get(name, "").lower() in _YES for name in ("ETAGKIT_REQUIRE_SERVERS", "CI")
    )


def server_missing(reason: str) -> NoReturn:
    """End the test: failed where servers are required, skipped elsewhere."""
    if servers_required():
        pytest.fail(f"a required server is missing: {reason}", pytrace=False)
    pytest.skip(reason)


def require_server(name: str) -> Path:
    """Return the program of the server `name`, or end the test as `server_missing` does.

    `name` is `nginx`, `apache` or `caddy`, or the name of any other program.
    """
    programs = _PROGRAMS.get(name, (name,))
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *_MORE_FOLDERS])
    for program in programs:
        found = shutil.which(program, path=path)
        if found is not None:
            return Path(found)
    server_missing(f"{name} is not installed (looked for {', '.join(programs)})")
