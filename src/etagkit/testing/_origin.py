"""An HTTP origin on loopback that behaves perfectly until it is told not to."""

from __future__ import annotations

import contextlib
import functools
import logging
import socket
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

import attrs
from typing_extensions import override

from etagkit.errors import InvalidArgument
from etagkit.testing._origin_answer import answer, plain
from etagkit.testing._origin_behaviour import Behaviour, Well
from etagkit.testing._origin_head import Refusal
from etagkit.testing._origin_log import Exchange, Outcome
from etagkit.testing._origin_model import (
    Document,
    Fields,
    HeaderInput,
    Redirect,
    Request,
    Visit,
    derived_etag,
    header_lines,
    whole_seconds,
)
from etagkit.testing._origin_wire import Connection, Gates, Gone, Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_log = logging.getLogger("etagkit.testing")

#: Connections that may wait to be accepted: more than any test opens at once.
_BACKLOG = 256

#: Seconds that closing waits for its threads in all; they are daemons, so none can hold a process.
_JOIN_LIMIT = 0.4

#: Seconds that `wait_until` waits where the caller says nothing.
_WAIT_LIMIT = 5.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


@attrs.define
class _Script:
    """The behaviours of one path, and the one that comes next."""

    behaviours: tuple[Behaviour, ...]
    position: int = 0

    def take(self, request: Request) -> Behaviour:
        behaviour = self.behaviours[self.position]
        if not behaviour.concerns(request):
            return Well()
        self.position = min(self.position + 1, len(self.behaviours) - 1)
        return behaviour


def _absolute(path: str) -> str:
    if not path.startswith("/"):
        reason = "a path of the origin starts with a slash"
        raise InvalidArgument(reason, found=path)
    return path


class Origin:
    """An HTTP/1.1 server on 127.0.0.1 for tests and demonstrations.

    It answers GET and HEAD as RFC 9110 says: strong entity tags, conditions, single ranges,
    connections kept alive. Resources are put, changed and deleted while it runs. For each path it
    can be told to misbehave, for all requests or one by one, and it keeps a log of what it was
    asked. It starts when it is made; use it as a context manager, or call `close`.

    Args:
        now: the clock for `Date`, the default of `Last-Modified`, and the log.

    >>> import urllib.request
    >>> with Origin() as origin:
    ...     origin.put("/data.json", b"[1, 2]", content_type="application/json")
    ...     with urllib.request.urlopen(origin.url("/data.json")) as response:
    ...         response.status, response.read(), response.headers["ETag"]
    ...     origin.log
    (200, b'[1, 2]', '"3a316d6d3226f84c1e46e4447fa8d5fd"')
    [<GET /data.json -> 200, 6 body bytes, complete, Well>]
    """

    def __init__(self, *, now: Callable[[], datetime] = _utc_now) -> None:
        """Bind a free port and start to serve."""
        self._now = now
        self._gates = Gates()
        self._changed = threading.Condition()
        self._resources: dict[str, Document | Redirect] = {}
        self._scripts: dict[str, _Script] = {}
        self._visits: dict[str, int] = {}
        self._exchanges: dict[int, Exchange] = {}
        self._numbers = 0
        self._connections: dict[threading.Thread, Connection] = {}
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG)
        self._address: tuple[str, int] = self._listener.getsockname()
        self._acceptor = threading.Thread(
            target=self._accept, name=f"origin:{self._address[1]}", daemon=True
        )
        self._acceptor.start()

    # --- what it holds ---------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The URL of the origin, without a slash at its end."""
        return f"http://{self._address[0]}:{self._address[1]}"

    def url(self, path: str) -> str:
        """Return the URL of `path`, which may carry a query.

        >>> with Origin() as origin:
        ...     origin.url("/a b?x=1").removeprefix(origin.base_url)
        '/a%20b?x=1'
        """
        path, mark, query = path.partition("?")
        return f"{self.base_url}{quote(_absolute(path))}{mark}{query}"

    def put(
        self,
        path: str,
        body: bytes,
        *,
        content_type: str = "application/octet-stream",
        etag: str | None = None,
        last_modified: datetime | None = None,
        headers: HeaderInput = (),
    ) -> None:
        """Put a resource at `path`, in the place of any earlier one.

        Args:
            path: as in a URL, decoded, without a query.
            body: the bytes to serve.
            content_type: value of `Content-Type`.
            etag: value of `ETag`, sent as it is so that broken ones can be played; by default a
                strong tag derived from `body`.
            last_modified: with a time zone; by default the time of the origin's clock.
            headers: further fields, also in the place of those above.
        """
        header_lines({"Content-Type": content_type, "ETag": etag or ""})
        document = Document(
            body=bytes(body),
            content_type=content_type,
            etag=derived_etag(body) if etag is None else etag,
            last_modified=whole_seconds(last_modified or self._now()),
            headers=Fields(header_lines(headers)),
        )
        self._store(path, document)

    def redirect(self, path: str, to: str, *, status: int = 302, headers: HeaderInput = ()) -> None:
        """Let `path` answer with `status` and `Location: to`, which may be a path or a URL."""
        header_lines({"Location": to})
        fields = Fields(header_lines(headers))
        self._store(path, Redirect(to=to, status=status, headers=fields))

    def delete(self, path: str) -> None:
        """Let `path` answer 404; scripts and counts of the path stay."""
        with self._changed:
            self._resources.pop(_absolute(path), None)

    def _store(self, path: str, resource: Document | Redirect) -> None:
        with self._changed:
            self._resources[_absolute(path)] = resource

    # --- how it behaves --------------------------------------------------------------------

    def script(self, path: str, *behaviours: Behaviour) -> None:
        """Let the n-th request for `path` from now on meet the n-th behaviour; the last one stays.

        A request that a behaviour does not concern (see `Behaviour.methods`) is answered well and
        does not use it up. Without behaviours, the path behaves again.

        >>> from etagkit.testing import Cut, Status, Well
        >>> with Origin() as origin:
        ...     origin.put("/f", b"12345")
        ...     origin.script("/f", Status(503), Cut(after=2), Well())
        """
        with self._changed:
            if behaviours:
                self._scripts[_absolute(path)] = _Script(behaviours)
            else:
                self._scripts.pop(_absolute(path), None)

    def always(self, path: str, behaviour: Behaviour) -> None:
        """Let every request for `path` from now on meet `behaviour`."""
        self.script(path, behaviour)

    def release(self) -> None:
        """Let every stalled answer go on, also those still to come."""
        self._gates.released.set()

    # --- what happened ---------------------------------------------------------------------

    @property
    def log(self) -> list[Exchange]:
        """The exchanges so far, in the order of the requests.

        An exchange is there before the first byte of its answer leaves, and counts each byte
        before it leaves: what a client has seen, the log holds.
        """
        with self._changed:
            return list(self._exchanges.values())

    def clear_log(self) -> None:
        """Forget the exchanges so far, those under way included; the numbers go on."""
        with self._changed:
            self._exchanges.clear()

    def wait_for(
        self,
        condition: Callable[[Exchange], bool],
        *,
        times: int = 1,
        timeout: float = _WAIT_LIMIT,
    ) -> list[Exchange]:
        """Wait until `times` exchanges of the log satisfy `condition`, and return all that do.

        Raises:
            TimeoutError: there were fewer after `timeout` seconds.
        """

        def found() -> list[Exchange]:
            return [exchange for exchange in self.log if condition(exchange)]

        with self._changed:
            if not self._changed.wait_for(lambda: len(found()) >= times, timeout):
                message = f"not {times} such exchanges within {timeout} s: {self.log}"
                raise TimeoutError(message)
            return found()

    # --- serving ---------------------------------------------------------------------------

    def _accept(self) -> None:
        count = 0
        while not self._gates.closing.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                if self._gates.closing.is_set():
                    return
                _log.debug("could not accept a connection", exc_info=True)
                self._gates.closing.wait(0.01)  # out of descriptors: let some go first
                continue
            count += 1
            self._start(Connection(sock, self._gates), count)

    def _start(self, connection: Connection, number: int) -> None:
        thread = threading.Thread(
            target=self._serve,
            args=(connection, number),
            name=f"origin:{self._address[1]}:{number}",
            daemon=True,
        )
        with self._changed:
            if self._gates.closing.is_set():
                connection.close()
                return
            self._connections[thread] = connection
            thread.start()

    def _serve(self, connection: Connection, number: int) -> None:
        try:
            while True:
                request = connection.read_request()
                if request is None:
                    return
                if isinstance(request, Refusal):
                    _log.debug("refused a request: %s", request)
                    connection.refuse(request)
                    return
                if not self._exchange(connection, number, request):
                    return
        except Gone:
            return
        finally:
            connection.close()
            with self._changed:
                del self._connections[threading.current_thread()]

    def _exchange(self, connection: Connection, number: int, request: Request) -> bool:
        behaviour, visit, watch = self._open(number, request)
        try:
            reply = behaviour.reply(visit)
        except Exception as error:  # noqa: BLE001 -- a behaviour may be anybody's code
            _log.exception("%s failed to answer %s", behaviour.label, request.path)
            reply = plain(500, f"{behaviour.label} raised {error!r}")
        wish = request.headers.get("connection", "").lower()
        keep = request.version == "HTTP/1.1" and "close" not in wish
        return connection.send(reply, request=request, keep=keep, watch=watch)

    def _open(self, connection: int, request: Request) -> tuple[Behaviour, Visit, Watch]:
        """Open the exchange in the log, and return who answers, what is asked, and who is told."""
        path, now = request.path, self._now()
        with self._changed:
            script = self._scripts.get(path)
            behaviour = script.take(request) if script else Well()
            self._visits[path] = self._visits.get(path, 0) + 1
            self._numbers += 1
            exchange = Exchange(
                number=self._numbers,
                connection=connection,
                method=request.method,
                path=path,
                query=request.query,
                headers=request.headers,
                status=None,
                body_sent=0,
                outcome=Outcome.SENDING,
                behaviour=behaviour.label,
                at=now,
            )
            self._exchanges[exchange.number] = exchange
            self._changed.notify_all()
            visit = Visit(
                request=request,
                resource=self._resources.get(path),
                number=self._visits[path],
                now=now,
                answer=answer,
                store=self._store,
            )
        return behaviour, visit, functools.partial(self._note, exchange.number)

    def _note(self, number: int, status: int | None, body: int, outcome: Outcome | None) -> None:
        with self._changed:
            seen = self._exchanges.get(number)
            if seen is None:
                return  # forgotten by clear_log
            self._exchanges[number] = attrs.evolve(
                seen,
                status=seen.status if status is None else status,
                body_sent=seen.body_sent + body,
                outcome=seen.outcome if outcome is None else outcome,
            )
            self._changed.notify_all()

    # --- the end ---------------------------------------------------------------------------

    def close(self) -> None:
        """Break off what is under way, stop serving and join the threads; harmless when closed."""
        with self._changed:
            if self._gates.closing.is_set():
                return
            self._gates.closing.set()
            open_now = dict(self._connections)
        with contextlib.suppress(OSError), socket.create_connection(self._address, timeout=0.1):
            pass  # nothing else wakes a blocked accept() on every platform
        for connection in open_now.values():
            connection.shut()
        deadline = time.monotonic() + _JOIN_LIMIT
        for thread in (self._acceptor, *open_now):
            thread.join(max(0.0, deadline - time.monotonic()))
        self._listener.close()

    def __enter__(self) -> Self:
        """Return the running origin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    @override
    def __repr__(self) -> str:
        """Say where it is, what it holds and how much it has seen."""
        with self._changed:
            state = "closed" if self._gates.closing.is_set() else "serving"
            return (
                f"<Origin {self.base_url} {state}: {len(self._resources)} resources, "
                f"{len(self._scripts)} scripted paths, {len(self._exchanges)} exchanges, "
                f"{len(self._connections)} connections>"
            )
