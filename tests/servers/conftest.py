"""Real servers on loopback and files for them, one set for each test process."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import trustme

from tests._support import require_server, server_missing
from tests.servers._files import NotObtained, obtain_real_files, write_big_file
from tests.servers._recipes import Apache, Caddy, Nginx
from tests.servers._server import RealServer, public_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return the certificate authority of all servers of this process."""
    return trustme.CA()


@pytest.fixture(scope="session")
def nginx(authority: trustme.CA) -> Iterator[RealServer]:
    """Run nginx."""
    with RealServer(Nginx(), require_server("nginx"), authority) as server:
        yield server


@pytest.fixture(scope="session")
def apache(authority: trustme.CA) -> Iterator[RealServer]:
    """Run Apache."""
    with RealServer(Apache(), require_server("apache"), authority) as server:
        yield server


@pytest.fixture(scope="session")
def caddy(authority: trustme.CA) -> Iterator[RealServer]:
    """Run Caddy."""
    with RealServer(Caddy(), require_server("caddy"), authority) as server:
        yield server


@pytest.fixture(params=["nginx", "apache", "caddy"])
def server(request: pytest.FixtureRequest) -> RealServer:
    """Return each of the servers in turn, with an empty log."""
    running: RealServer = request.getfixturevalue(request.param)
    running.clear_log()
    return running


@pytest.fixture(scope="session")
def real_files(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of files that others made: a source archive, a wheel, two gzipped JSONs.

    They come from the package index that pip is configured for, and stay in pytest's cache.
    """
    cache = request.config.cache if hasattr(request.config, "cache") else None
    home = tmp_path_factory.mktemp("cache") if cache is None else cache.mkdir("real-files")
    try:
        return obtain_real_files(home / "files")
    except NotObtained as error:
        server_missing(f"real files: {error}")


@pytest.fixture(scope="session")
def big_file() -> Iterator[Callable[[int], Path]]:
    """Return a function that gives the big file of a size, written once."""
    folder = public_folder("etagkit-big-")

    def get(size: int) -> Path:
        path = folder / f"big-{size}.bin"
        return path if path.exists() else write_big_file(path, size)

    yield get
    shutil.rmtree(folder)
