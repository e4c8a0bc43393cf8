"""Bodies that a client receives: read raw, block by block, and let go of in bounded time."""

from __future__ import annotations

from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, cast

from etagkit._log import get_logger
from etagkit.drivers._http_errors import is_of_client, translate_body
from etagkit.errors import SourceError, SourceTimeout
from etagkit.http import Framing, Head

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from types import ModuleType

_log = get_logger("requests")

#: A body of an unwanted answer up to this size is read to its end, which keeps the connection;
#: a longer one costs more than a new connection.
DRAIN_TO_KEEP = 4096

#: Seconds that the rest of an unwanted body may take: a new connection, TLS included, is made in
#: less, and a chain of redirects must not become a wait.
LET_GO_SECONDS = 1.0

#: Seconds that a sample (a few KiB) may take, however steadily it drips: whatever takes longer
#: sends less than a hundred octets a second, and the file itself would never end.
SAMPLE_SECONDS = 60.0


def worth_reading(head: Head) -> bool:
    """Whether reading an unwanted body to its end is cheaper than a new connection."""
    if head.framing is Framing.NONE:
        return True
    return head.framing is Framing.LENGTH and (head.content_length or 0) <= DRAIN_TO_KEEP


def has_seen(head: Head, received: int, wanted: int) -> bool:
    """Whether reading may stop at `wanted` octets.

    It goes on where the announced end is reached: hearing of it costs nothing and keeps the
    connection for the next request.
    """
    return received >= wanted and not (
        head.framing is Framing.LENGTH and received == head.content_length
    )


class Patience:
    """A limit for something that arrives bit by bit, each bit within the client's own timeout."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        """Start the time, by a steady `clock`."""
        self._clock = clock
        self._seconds = seconds
        self._end = clock() + seconds

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return self._clock() > self._end

    def check(self, url: str) -> None:
        """Raise `SourceTimeout` once the time is over."""
        if self.over:
            raise SourceTimeout(
                "the source sends too slowly to be looked at",
                url=url,
                expected=f"an end within {self._seconds:g} seconds",
            )


def _hurry(response: Any) -> None:
    """Let a read of the rest wait no longer than the whole of it may take.

    The client looks up its limits anew in the request that it was given when it begins to read.
    """
    limits = response.request.extensions.get("timeout")
    if isinstance(limits, dict):
        times = cast("dict[str, float | None]", limits)
        times["read"] = min(times.get("read") or LET_GO_SECONDS, LET_GO_SECONDS)


async def _end(source: AsyncGenerator[bytes], library: ModuleType) -> None:
    """Close a body's generator, and with it those that it reads from.

    The client's generators do not close the ones below them, which trio warns of. A read that is
    cancelled ends all of them, the innermost first; octets that were received already are dropped.
    """
    import anyio

    with anyio.CancelScope(shield=True) as scope:
        scope.cancel()
        try:
            async for _ in source:
                pass
        except Exception as exc:
            if not is_of_client(exc, library):
                raise
    await source.aclose()


class Incoming:
    """A sync body: yields what was sent, block by block, with this library's errors."""

    def __init__(self, response: Any, head: Head, library: ModuleType) -> None:
        """Keep the open response."""
        self.head = head
        self._response = response
        self._library = library

    def blocks(self) -> Generator[bytes]:
        """Yield the octets as they come; no size is given, re-chunking would halve the speed."""
        received = 0
        source = self._response.iter_raw()
        try:
            while (block := next(source, None)) is not None:
                received += len(block)
                yield block
        except Exception as exc:
            error = translate_body(exc, self._library, self.head, received)
            if error is None:
                raise
            raise error from exc
        finally:
            source.close()

    def let_go(self, clock: Callable[[], float]) -> None:
        """Close; a small rest is read first, which keeps the connection for the next request."""
        patience = Patience(clock, LET_GO_SECONDS)
        try:
            if worth_reading(self.head) and not self._response.is_stream_consumed:
                _hurry(self._response)
                with closing(self.blocks()) as blocks:
                    for _ in blocks:
                        if patience.over:
                            break
        except SourceError as exc:
            _log.debug("an unwanted body broke off: %s", type(exc.__cause__).__name__)
        finally:
            self.close()

    def close(self) -> None:
        """Close without reading on, and with it the connection if there is more to come."""
        self._response.close()


class AsyncIncoming:
    """The async twin of `Incoming`."""

    def __init__(self, response: Any, head: Head, library: ModuleType) -> None:
        """Keep the open response."""
        self.head = head
        self._response = response
        self._library = library

    async def blocks(self) -> AsyncGenerator[bytes]:
        """Yield the octets as they come."""
        received = 0
        source = self._response.aiter_raw()
        try:
            while (block := await anext(source, None)) is not None:
                received += len(block)
                yield block
        except Exception as exc:
            error = translate_body(exc, self._library, self.head, received)
            if error is None:
                raise
            raise error from exc
        finally:
            await _end(source, self._library)

    async def let_go(self, clock: Callable[[], float]) -> None:
        """Close; a small rest is read first, which keeps the connection for the next request."""
        patience = Patience(clock, LET_GO_SECONDS)
        try:
            if worth_reading(self.head) and not self._response.is_stream_consumed:
                _hurry(self._response)
                async with aclosing(self.blocks()) as blocks:
                    async for _ in blocks:
                        if patience.over:
                            break
        except SourceError as exc:
            _log.debug("an unwanted body broke off: %s", type(exc.__cause__).__name__)
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Close without reading on, and with it the connection if there is more to come."""
        await self._response.aclose()
