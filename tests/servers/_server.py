"""A real web server as a child process: started, asked, read, stopped.

What differs between nginx, Apache and Caddy stands in `_recipes`; here is what they share.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self
from urllib.parse import quote

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

    import trustme

#: Seconds for a server to answer its first request; a loaded machine loads a Go program slowly.
START_LIMIT = 20.0

#: Seconds for a server to end after it was told to, before it is killed.
STOP_LIMIT = 5.0

#: Seconds for a finished request to show up in the access log.
LOG_LIMIT = 5.0

#: Attempts to start: a port that was free a moment ago may be taken by another test worker.
_ATTEMPTS = 3

#: Seconds between two looks at a file or a port that another process will change.
_LOOK = 0.005

#: Time of modification of the first file: 2024-01-01, long past on any machine's clock.
_FIRST_MOMENT = 1_704_067_200

#: Path of the requests by which a log is known to be complete; they are left out of every result.
_SENTINEL = "/sentinel-"


@attrs.frozen(kw_only=True)
class AccessEntry:
    """One finished request, as the server's own log has it.

    `path` is decoded and without the query, `body_bytes` counts what was sent after the head, and
    `protocol` is `HTTP/1.1` or `HTTP/2.0`.
    """

    method: str
    path: str
    status: int
    body_bytes: int
    protocol: str


@attrs.frozen(kw_only=True)
class Site:
    """Where one running server has its things."""

    folder: Path
    root: Path
    http_port: int
    tls_port: int
    certificate: Path

    @property
    def access_log(self) -> Path:
        """The file to which the server logs its requests."""
        return self.folder / "access.log"


class Recipe(Protocol):
    """What is particular to one kind of server."""

    name: str

    @abstractmethod
    def command(self, program: Path, site: Site) -> list[str]:
        """Write the configuration of `site` and return the command that serves it."""

    @abstractmethod
    def environment(self, site: Site) -> Mapping[str, str]:
        """Return what the process needs in its environment."""

    @abstractmethod
    def parse(self, line: str) -> AccessEntry:
        """Return the entry that a line of the access log makes."""


def public_folder(prefix: str) -> Path:
    """Return a new folder that any user can enter: servers may drop root's rights.

    The temporary folders of pytest can not be used, being closed to other users.
    """
    for parent in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):
        if all(step.stat().st_mode & 0o001 for step in (parent, *parent.parents)):
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent)).resolve()
            folder.chmod(0o755)
            return folder
    message = "no temporary folder that every user can enter"
    raise RuntimeError(message)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens on at this moment."""
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)
        ]
        return [sock.getsockname()[1] for sock in sockets]


class RealServer:
    """A server that serves the files below `root` over http and, with HTTP/2, over https.

    Attributes:
        root: the document root; put files there with `write` or `link`, which make them readable.
        authority: PEM file of the certificate authority that signed the server's certificate.
    """

    def __init__(self, recipe: Recipe, program: Path, ca: trustme.CA) -> None:
        """Start `program` by `recipe` on two free ports."""
        self.name = recipe.name
        self._recipe = recipe
        self._ca = ca
        self._folder = public_folder(f"etagkit-{recipe.name}-")
        self._tokens = itertools.count(1)
        self._moments = itertools.count(_FIRST_MOMENT)
        self._offset = 0
        self.root = self._folder / "root"
        self.root.mkdir(mode=0o755)
        self.authority = self._folder / "authority.pem"
        ca.cert_pem.write_to_path(self.authority)
        certificate = self._folder / "server.pem"
        ca.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(
            certificate
        )
        try:
            self._site, self._process = self._start(program, certificate)
        except BaseException:
            shutil.rmtree(self._folder)
            raise

    # --- where it is -----------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The URL over http, without a slash at its end."""
        return f"http://127.0.0.1:{self._site.http_port}"

    @property
    def tls_url(self) -> str:
        """The URL over https, where HTTP/2 is offered, without a slash at its end."""
        return f"https://127.0.0.1:{self._site.tls_port}"

    def ssl_context(self) -> ssl.SSLContext:
        """Return a new client context that trusts this server and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(context)
        return context

    # --- what it serves --------------------------------------------------------------------

    def write(self, name: str, content: bytes) -> Path:
        """Write a file below `root`, replacing an earlier one in one step, and return its path.

        It gets a time of modification as `touch` gives it.
        """
        target = self._target(name)
        fresh = target.with_name(f".{target.name}.new")
        fresh.write_bytes(content)
        fresh.chmod(0o644)
        self._date(fresh)
        fresh.replace(target)
        return target

    def touch(self, name: str) -> None:
        """Give a file another time of modification, and so another entity tag.

        The time lies in the past and is a second later than any given before: nginx and Caddy make
        tags from whole seconds, and Apache weakens the tag of what changed a second ago.
        """
        self._date(self._target(name))

    def _date(self, path: Path) -> None:
        moment = next(self._moments)
        os.utime(path, (moment, moment))

    def link(self, name: str, source: Path) -> Path:
        """Serve `source` as `name`, without a copy where the file system allows it.

        Then both are one file: `touch` dates the source as well.
        """
        target = self._target(name)
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(source)
        except OSError:
            shutil.copy2(source, target)
        target.chmod(0o644)
        return target

    def _target(self, name: str) -> Path:
        target = self.root / name.removeprefix("/")
        for folder in reversed(target.relative_to(self.root).parents[:-1]):
            (self.root / folder).mkdir(mode=0o755, exist_ok=True)
        return target

    # --- what it was asked -----------------------------------------------------------------

    def access_log(self) -> list[AccessEntry]:
        """Return all requests that were finished before this call, since the log was cleared.

        A request of our own is sent and waited for: what the servers log, they log in the order in
        which requests end.
        """
        self._settle()
        return self._entries()

    def wait_for(self, count: int, *, timeout: float = LOG_LIMIT) -> list[AccessEntry]:
        """Wait until at least `count` requests are logged since the log was cleared.

        Raises:
            TimeoutError: there were fewer after `timeout` seconds.
        """
        deadline = time.monotonic() + timeout
        while len(entries := self._entries()) < count:
            if time.monotonic() > deadline:
                message = f"{self.name} logged {len(entries)} requests, not {count}: {entries}"
                raise TimeoutError(message)
            time.sleep(_LOOK)
        return entries

    def clear_log(self) -> None:
        """Forget the requests that are finished; later results begin after them."""
        self._settle()
        self._offset += len(self._lines_since())

    def _lines_since(self) -> bytes:
        """Return the complete lines of the log that follow what was cleared."""
        with self._site.access_log.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        return data[: data.rfind(b"\n") + 1]

    def _all_entries(self) -> list[AccessEntry]:
        lines = self._lines_since().decode("utf-8", "replace").splitlines()
        return [self._recipe.parse(line) for line in lines]

    def _entries(self) -> list[AccessEntry]:
        return [entry for entry in self._all_entries() if not entry.path.startswith(_SENTINEL)]

    def _settle(self) -> None:
        path = f"{_SENTINEL}{next(self._tokens)}"
        _fetch(self._site.http_port, path)
        deadline = time.monotonic() + LOG_LIMIT
        while not any(entry.path == path for entry in self._all_entries()):
            if time.monotonic() > deadline:
                message = f"{self.name} does not write its log: {self._site.access_log}"
                raise TimeoutError(message)
            time.sleep(_LOOK)

    # --- its life --------------------------------------------------------------------------

    def _start(self, program: Path, certificate: Path) -> tuple[Site, subprocess.Popen[bytes]]:
        for attempt in range(1, _ATTEMPTS + 1):
            http_port, tls_port = free_ports(2)
            site = Site(
                folder=self._folder,
                root=self.root,
                http_port=http_port,
                tls_port=tls_port,
                certificate=certificate,
            )
            site.access_log.unlink(missing_ok=True)
            command = self._recipe.command(program, site)
            environment = {**os.environ, **self._recipe.environment(site)}
            with (self._folder / "output.log").open("wb") as output:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    cwd=self._folder,
                )
            if self._answers(process, site):
                return site, process
            _end(process)
            if attempt == _ATTEMPTS:
                break
        message = f"{self.name} did not start: {self._complaints()}"
        raise RuntimeError(message)

    def _answers(self, process: subprocess.Popen[bytes], site: Site) -> bool:
        """Wait until both ports are served by this process: they know a file nobody else has."""
        token = f"token-{os.urandom(8).hex()}"
        path = self.write(token, token.encode())
        deadline = time.monotonic() + START_LIMIT
        waiting = {site.http_port: None, site.tls_port: self.ssl_context()}
        while waiting and process.poll() is None and time.monotonic() < deadline:
            port, context = next(iter(waiting.items()))
            try:
                if _fetch(port, f"/{token}", context) == token.encode():
                    del waiting[port]
                    continue
            except (OSError, http.client.HTTPException):
                pass
            time.sleep(_LOOK)
        path.unlink()
        return not waiting

    def _complaints(self) -> str:
        texts = [
            path.read_text("utf-8", "replace")
            for path in sorted(self._folder.glob("*.log"))
            if path.name != "access.log"
        ]
        return "\n".join(text for text in texts if text) or "it said nothing"

    def stop(self) -> None:
        """End the process and remove its folder."""
        _end(self._process)
        shutil.rmtree(self._folder)

    def __enter__(self) -> Self:
        """Return the running server, with a log that begins now."""
        self.clear_log()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()

    def __repr__(self) -> str:
        """Say which server serves what where."""
        return f"<{self.name} at {self.base_url} and {self.tls_url}, root {self.root}>"


def _fetch(port: int, path: str, context: ssl.SSLContext | None = None) -> bytes:
    if context is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=LOG_LIMIT)
    else:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", port, timeout=LOG_LIMIT, context=context
        )
    with contextlib.closing(connection):
        connection.request("GET", quote(path))
        return connection.getresponse().read()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End one child of ours, and only that."""
    process.terminate()
    try:
        process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
