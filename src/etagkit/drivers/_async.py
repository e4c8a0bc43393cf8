"""The async driver, on anyio: the same operations under asyncio and trio.

What blocks (files, SQLite, hashing and decoding) runs in worker threads; the event loop only
receives. Blocks are collected to `_BATCH` octets first, because handing over costs about 50
microseconds. Cancellation is delivered between steps: a thread that writes is waited for
(`in_thread`), then the scope, shielded, closes the bodies and removes what was not published.
"""

from __future__ import annotations

import contextlib
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import anyio

from etagkit.drivers import _http, _http_bodies, _http_errors
from etagkit.drivers._clock import Clock
from etagkit.drivers._files import Files
from etagkit.drivers._local import LocalScope, carry
from etagkit.drivers._pace import Pace
from etagkit.drivers._telling import tell, tell_answer
from etagkit.drivers._threads import in_thread
from etagkit.flow import Answer, Body, Drain, Emit, Now, Op, Peek, Release, Send

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

#: Octets handed to a worker thread at once: the cost of handing over vanishes next to hashing
#: them (half a millisecond), and memory stays small.
_BATCH = 1 << 20


class AsyncDriver:
    """Performs flows over an async client.

    `client` is an `httpx.AsyncClient` or `httpx2.AsyncClient`; it stays the caller's to close.
    `listener` is called with every event on the event loop and should not block.
    """

    def __init__(
        self,
        client: _http.AsyncHttpClient,
        *,
        files: Files | None = None,
        clock: Clock | None = None,
        listener: Callable[[Any], None] | None = None,
    ) -> None:
        """Take the client and, for tests, other files and clocks."""
        self.library = _http.check_client(client, asynchronous=True)
        self.client = client
        self.files = files or Files()
        self.clock = clock or Clock()
        self.listener = listener

    @contextlib.asynccontextmanager
    async def scope(self) -> AsyncGenerator[AsyncScope]:
        """Open a scope for one flow."""
        scope = AsyncScope(self)
        try:
            yield scope
        finally:
            with anyio.CancelScope(shield=True):
                await scope.aclose()


class AsyncScope:
    """The bodies and temporary files of one flow."""

    def __init__(self, driver: AsyncDriver) -> None:
        """Start with nothing open."""
        self._driver = driver
        self._local = LocalScope(driver.files)
        self._bodies: dict[Body, _http_bodies.AsyncIncoming] = {}
        self._sent = 0

    async def perform(self, op: Op[Any], /) -> Any:  # noqa: PLR0911  one line per operation
        """Do `op` and return its answer."""
        match op:
            case Send():
                return await self._send(op)
            case Peek(body, limit):
                return await self._peek(body, limit)
            case Drain():
                return await self._drain(op)
            case Release(body):
                return await self._release(body)
            case Now():
                return self._driver.clock.now()
            case Emit(event):
                return tell(self._driver.listener, event)
            case _:
                return await in_thread(self._local.perform, op)

    async def aclose(self) -> None:
        """Close what is open and remove what was not published."""
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(in_thread, self._local.close)
            for body in self._bodies.values():
                stack.push_async_callback(body.aclose)
        self._bodies.clear()

    def _emit(self, event: object) -> None:
        if self._driver.listener is not None:
            self._driver.listener(event)

    async def _send(self, op: Send) -> Answer:
        client = self._driver.client
        request = _http.build(client, op)
        try:
            response = await client.send(request, **_http.send_options(client, op))
        except Exception as exc:
            error = _http_errors.translate(exc, self._driver.library, op)
            if error is None:
                raise
            raise error from exc
        head = _http.head_of(response, op)
        tell_answer(head)
        self._sent += 1
        body = Body(self._sent)
        self._bodies[body] = _http_bodies.AsyncIncoming(response, head, self._driver.library)
        return Answer(head, body)

    async def _release(self, body: Body) -> None:
        async with self._taken(body) as incoming:
            await incoming.let_go(self._driver.clock.steady)

    async def _peek(self, body: Body, limit: int) -> bytes:
        seen = bytearray()
        patience = _http_bodies.Patience(self._driver.clock.steady, _http_bodies.SAMPLE_SECONDS)
        async with self._taken(body) as incoming, aclosing(incoming.blocks()) as blocks:
            async for block in blocks:
                seen += block
                if _http_bodies.has_seen(incoming.head, len(seen), limit):
                    break
                patience.check(incoming.head.url)
        return bytes(seen[:limit])

    async def _drain(self, op: Drain) -> int:
        """Carry a body to its end: the loop receives, a worker thread checks, hashes and writes."""
        store = self._local.writer(op.into)
        pace = Pace(op.progress, self._emit, self._driver.clock.steady)
        batch: list[bytes] = []
        waiting = 0
        async with self._taken(op.body) as incoming, aclosing(incoming.blocks()) as blocks:
            async for block in blocks:
                batch.append(block)
                waiting += len(block)
                pace.advance(len(block))
                if waiting >= _BATCH:
                    await in_thread(carry, op.through, store, batch)
                    batch, waiting = [], 0
        await in_thread(carry, op.through, store, batch)
        await in_thread(self._local.finish, op.through, op.into)
        return pace.finish()

    @contextlib.asynccontextmanager
    async def _taken(self, body: Body) -> AsyncGenerator[_http_bodies.AsyncIncoming]:
        """Take over a body and close it, also when cancelled in the middle of it."""
        incoming = self._bodies.pop(body)
        try:
            yield incoming
        finally:
            with anyio.CancelScope(shield=True):
                await incoming.aclose()
