"""The facades: a prober, a context for many downloads, and their async twins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from etagkit.transfer import _decide
from etagkit.transfer._flow_fetch import fetch
from etagkit.transfer._flow_probe import check_changed, probe
from etagkit.transfer._session import AsyncSession, Manifests, Session
from etagkit.transfer._strategies import DownloadStrategy, default_strategies, job_of

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from etagkit.drivers import AsyncHttpClient, HttpClient
    from etagkit.events import TransferEvent
    from etagkit.http import Validators
    from etagkit.manifest import ManifestRecord, ManifestStore
    from etagkit.transfer._model import ChangeReport, FetchOptions, FetchResult, RemoteFileIntent


class SourceProber:
    """Finds out what is behind a URL, without downloading it.

    `client` is an `httpx.Client` or `httpx2.Client`, which stays the caller's to close; without
    one, the prober makes its own and closes it.

    >>> from etagkit.testing import Origin
    >>> with Origin() as origin, SourceProber() as prober:
    ...     origin.put("/a.json", b'{"a": 1}', etag='"v1"')
    ...     prober.probe_source(origin.url("/a.json")).etag
    ETag('"v1"')
    """

    def __init__(
        self,
        client: HttpClient | None = None,
        *,
        on_event: Callable[[TransferEvent], None] | None = None,
    ) -> None:
        """Take the caller's client, if any."""
        self._session = Session(client, on_event)

    def probe_source(self, url: str, known: ManifestRecord | None = None) -> RemoteFileIntent:
        """Return what is behind `url`: one HEAD, and a GET of the first KiB where that is needed.

        With a `known` record of the same version the type is taken from the record instead.

        Raises:
            InvalidURL: not an absolute http or https URL.
            SourceError: the source cannot be reached, or gives no representation.
        """
        return self._session.run(probe(url, known))

    def has_changed(self, url: str, held: Validators | None) -> ChangeReport:
        """Return whether the source has another version than `held` names: one request.

        `None` stands for something that was never fetched.

        Raises:
            SourceError: the source cannot be reached, or gives no representation.
        """
        return self._session.run(check_changed(url, held))

    def close(self) -> None:
        """Close the client if the prober made it."""
        self._session.close()

    def __enter__(self) -> Self:
        """Return the prober."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close."""
        self.close()


class AsyncSourceProber:
    """Async twin of `SourceProber`, over an `httpx.AsyncClient` or `httpx2.AsyncClient`."""

    def __init__(
        self,
        client: AsyncHttpClient | None = None,
        *,
        on_event: Callable[[TransferEvent], None] | None = None,
    ) -> None:
        """Take the caller's client, if any."""
        self._session = AsyncSession(client, on_event)

    async def probe_source(self, url: str, known: ManifestRecord | None = None) -> RemoteFileIntent:
        """Return what is behind `url`; see `SourceProber.probe_source`."""
        return await self._session.run(probe(url, known))

    async def has_changed(self, url: str, held: Validators | None) -> ChangeReport:
        """Return whether the source has another version than `held` names: one request."""
        return await self._session.run(check_changed(url, held))

    async def aclose(self) -> None:
        """Close the client if the prober made it."""
        await self._session.aclose()

    async def __aenter__(self) -> Self:
        """Return the prober."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.aclose()


class DownloadContext:
    """Fetches many files over one client and one manifest, each by the strategy that fits it.

    `client` stays the caller's to close. `manifest` is a store, or the path of its file; without
    one, each target folder has its own. `strategies` are tried in order. `on_event` is called with
    every event.
    """

    def __init__(
        self,
        client: HttpClient | None = None,
        *,
        manifest: ManifestStore | str | os.PathLike[str] | None = None,
        strategies: Sequence[DownloadStrategy] | None = None,
        on_event: Callable[[TransferEvent], None] | None = None,
    ) -> None:
        """Keep what all downloads share."""
        self._session = Session(client, on_event)
        self._manifests = Manifests(manifest)
        self.strategies = tuple(default_strategies() if strategies is None else strategies)

    def probe_source(self, url: str, known: ManifestRecord | None = None) -> RemoteFileIntent:
        """Return what is behind `url`; see `SourceProber.probe_source`."""
        return self._session.run(probe(url, known))

    def choose_strategy(self, intent: RemoteFileIntent) -> DownloadStrategy:
        """Return the first strategy that accepts what the prober saw.

        Raises:
            InvalidArgument: none does.
        """
        return _decide.choose_strategy(intent, self.strategies)

    def fetch(
        self,
        url: str,
        to: str | os.PathLike[str],
        *,
        options: FetchOptions | None = None,
        strategy: DownloadStrategy | None = None,
    ) -> FetchResult:
        """Bring `url` to `to` unless it is there already, whole and current.

        `to` is a file, or a folder that then gets a file named after the URL. With `strategy` that
        one is used, whatever the bytes look like.

        Raises:
            EtagKitError: see `etagkit.errors`; what stood there before still does, unless the error
                is marked as `published`: then only the record could not be made.
        """
        chosen = self.strategies if strategy is None else (strategy,)
        job = job_of(url, to, self._manifests, options, chosen, insists=strategy is not None)
        return self._session.run(fetch(job))

    def close(self) -> None:
        """Close what the context opened itself."""
        self._session.close()
        self._manifests.close()

    def __enter__(self) -> Self:
        """Return the context."""
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close."""
        self.close()


class AsyncDownloadContext:
    """Async twin of `DownloadContext`, over an `httpx.AsyncClient` or `httpx2.AsyncClient`."""

    def __init__(
        self,
        client: AsyncHttpClient | None = None,
        *,
        manifest: ManifestStore | str | os.PathLike[str] | None = None,
        strategies: Sequence[DownloadStrategy] | None = None,
        on_event: Callable[[TransferEvent], None] | None = None,
    ) -> None:
        """Keep what all downloads share."""
        self._session = AsyncSession(client, on_event)
        self._manifests = Manifests(manifest)
        self.strategies = tuple(default_strategies() if strategies is None else strategies)

    async def probe_source(self, url: str, known: ManifestRecord | None = None) -> RemoteFileIntent:
        """Return what is behind `url`; see `SourceProber.probe_source`."""
        return await self._session.run(probe(url, known))

    def choose_strategy(self, intent: RemoteFileIntent) -> DownloadStrategy:
        """Return the first strategy that accepts what the prober saw."""
        return _decide.choose_strategy(intent, self.strategies)

    async def fetch(
        self,
        url: str,
        to: str | os.PathLike[str],
        *,
        options: FetchOptions | None = None,
        strategy: DownloadStrategy | None = None,
    ) -> FetchResult:
        """Bring `url` to `to` unless it is there already; see `DownloadContext.fetch`."""
        chosen = self.strategies if strategy is None else (strategy,)
        job = job_of(url, to, self._manifests, options, chosen, insists=strategy is not None)
        return await self._session.run(fetch(job))

    async def aclose(self) -> None:
        """Close what the context opened itself."""
        await self._session.aclose()
        self._manifests.close()

    async def __aenter__(self) -> Self:
        """Return the context."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Close."""
        await self.aclose()
