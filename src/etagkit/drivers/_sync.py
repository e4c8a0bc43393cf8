"""The sync driver: performs the operations of a flow with blocking calls, in the caller's thread.

It needs no event loop and starts none, so it works inside a running one (a notebook cell).
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from etagkit.drivers import _http, _http_bodies, _http_errors
from etagkit.drivers._clock import Clock
from etagkit.drivers._files import Files
from etagkit.drivers._local import LocalScope
from etagkit.drivers._pace import Pace
from etagkit.drivers._telling import tell, tell_answer
from etagkit.flow import Answer, Body, Drain, Emit, Now, Op, Peek, Release, Send

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class SyncDriver:
    """Performs flows over a sync client.

    `client` is an `httpx.Client` or `httpx2.Client`; it stays the caller's to close. `listener` is
    called with every event, in the thread that runs the flow; what it raises ends the flow.
    """

    def __init__(
        self,
        client: _http.HttpClient,
        *,
        files: Files | None = None,
        clock: Clock | None = None,
        listener: Callable[[Any], None] | None = None,
    ) -> None:
        """Take the client and, for tests, other files and clocks."""
        self.library = _http.check_client(client, asynchronous=False)
        self.client = client
        self.files = files or Files()
        self.clock = clock or Clock()
        self.listener = listener

    @contextlib.contextmanager
    def scope(self) -> Generator[SyncScope]:
        """Open a scope for one flow."""
        scope = SyncScope(self)
        try:
            yield scope
        finally:
            scope.close()


class SyncScope:
    """The bodies and temporary files of one flow."""

    def __init__(self, driver: SyncDriver) -> None:
        """Start with nothing open."""
        self._driver = driver
        self._local = LocalScope(driver.files)
        self._bodies: dict[Body, _http_bodies.Incoming] = {}
        self._sent = 0

    def perform(self, op: Op[Any], /) -> Any:  # noqa: PLR0911  one line per operation
        """Do `op` and return its answer."""
        match op:
            case Send():
                return self._send(op)
            case Peek(body, limit):
                return self._peek(body, limit)
            case Drain():
                return self._drain(op)
            case Release(body):
                return self._bodies.pop(body).let_go(self._driver.clock.steady)
            case Now():
                return self._driver.clock.now()
            case Emit(event):
                return tell(self._driver.listener, event)
            case _:
                return self._local.perform(op)

    def close(self) -> None:
        """Close what is open and remove what was not published."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._local.close)
            for body in self._bodies.values():
                stack.callback(body.close)
        self._bodies.clear()

    def _emit(self, event: object) -> None:
        if self._driver.listener is not None:
            self._driver.listener(event)

    def _send(self, op: Send) -> Answer:
        client = self._driver.client
        request = _http.build(client, op)
        try:
            response = client.send(request, **_http.send_options(client, op))
        except Exception as exc:
            error = _http_errors.translate(exc, self._driver.library, op)
            if error is None:
                raise
            raise error from exc
        head = _http.head_of(response, op)
        tell_answer(head)
        self._sent += 1
        body = Body(self._sent)
        self._bodies[body] = _http_bodies.Incoming(response, head, self._driver.library)
        return Answer(head, body)

    def _peek(self, body: Body, limit: int) -> bytes:
        seen = bytearray()
        patience = _http_bodies.Patience(self._driver.clock.steady, _http_bodies.SAMPLE_SECONDS)
        incoming = self._bodies.pop(body)
        with contextlib.closing(incoming), contextlib.closing(incoming.blocks()) as blocks:
            for block in blocks:
                seen += block
                if _http_bodies.has_seen(incoming.head, len(seen), limit):
                    break
                patience.check(incoming.head.url)
        return bytes(seen[:limit])

    def _drain(self, op: Drain) -> int:
        """Carry a body to its end: the hot loop."""
        store = self._local.writer(op.into)
        feed = op.through.feed
        pace = Pace(op.progress, self._emit, self._driver.clock.steady)
        incoming = self._bodies.pop(op.body)
        with contextlib.closing(incoming), contextlib.closing(incoming.blocks()) as blocks:
            for block in blocks:
                for piece in feed(block):
                    store(piece)
                pace.advance(len(block))
        self._local.finish(op.through, op.into)
        return pace.finish()
