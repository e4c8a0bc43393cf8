"""What a facade needs to run a flow: a client, a manifest and a driver, made once and closed once.

A client or manifest that the caller passed stays the caller's to close. Without a client one is
made when the first request needs it; without a manifest each target folder gets its own,
`<folder>/.etagkit/manifest.sqlite`, so that state travels with the files that it describes.
"""

from __future__ import annotations

import inspect
import os
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import attrs

from etagkit.drivers import (
    AsyncDriver,
    AsyncHttpClient,
    HttpClient,
    SyncDriver,
    default_async_client,
    default_client,
)
from etagkit.errors import InvalidArgument
from etagkit.flow import Flow, arun, run
from etagkit.manifest import (
    ManifestStore,
    SQLiteManifest,
    default_manifest_path,
    is_same_version,
    records_base,
    succeeding,
)

if TYPE_CHECKING:
    from datetime import datetime

    from etagkit.events import TransferEvent
    from etagkit.flow import FileFacts
    from etagkit.manifest import ManifestRecord

T = TypeVar("T")


class Manifests:
    """The manifest that the caller passed, or one for each target folder, opened on demand."""

    def __init__(self, given: ManifestStore | str | os.PathLike[str] | None) -> None:
        """Take a store, a path of one, or nothing."""
        self._own: dict[str, ManifestStore] = {}
        self._lock = threading.Lock()
        self._path: str | None = None
        self._given: ManifestStore | None = None
        if isinstance(given, str | os.PathLike):
            self._path = _manifest_path(given)
        elif given is None or callable(getattr(given, "get", None)):
            self._given = given
        else:
            raise InvalidArgument(
                "a manifest is a store or the path of its file", found=type(given).__name__
            )

    def shelf(self, target: str) -> Shelf:
        """Return where the record of the file `target` (absolute) is kept."""
        if self._given is not None:
            given = self._given
            return Shelf(open=lambda: given, path=None, base=given.base)
        folder = os.path.dirname(target)
        path = default_manifest_path(folder) if self._path is None else self._path
        return Shelf(open=lambda: self._opened(path), path=path, base=records_base(path))

    def _opened(self, path: str) -> ManifestStore:
        with self._lock:
            if path not in self._own:
                self._own[path] = SQLiteManifest(path)
            return self._own[path]

    def close(self) -> None:
        """Close the stores that were opened here."""
        with self._lock:
            for store in self._own.values():
                store.close()
            self._own.clear()


@attrs.frozen(kw_only=True)
class Shelf:
    """The place of one target's record.

    A manifest that does not exist yet is made at the first record, so that a failed download leaves
    nothing behind.
    """

    open: Callable[[], ManifestStore]
    path: str | None  #: of the manifest's file, `None` where the caller passed a store
    base: str | None  #: folder that targets are recorded relative to

    def get(self, resource: str) -> ManifestRecord | None:
        """Return the current record of `resource`, or `None`."""
        return self.open().get(resource) if self._stands() else None

    def last_at(self, target: str) -> ManifestRecord | None:
        """Return the record that was published last at this target, of whatever source."""
        return next(iter(self.open().at_target(target)), None) if self._stands() else None

    def put(self, record: ManifestRecord) -> ManifestRecord:
        """Make `record` the current version and return it as it is kept."""
        store = self.open()
        current = store.get(record.resource)
        if current is not None and is_same_version(current, record):
            record = succeeding(current, record)
        store.put(record)
        return record

    def touch(self, resource: str, checked_at: datetime, local: FileFacts | None) -> None:
        """Note that the source called the current version unchanged."""
        self.open().touch(resource, checked_at=checked_at, local=local)

    def _stands(self) -> bool:
        return self.path is None or os.path.exists(self.path)


class Session:
    """A sync client and its driver."""

    def __init__(
        self,
        client: HttpClient | None,
        listener: Callable[[TransferEvent], None] | None = None,
    ) -> None:
        """Take the caller's client, or make one when it is needed."""
        self._listener = _checked(listener)
        self._owned: HttpClient | None = None
        self._driver = None if client is None else SyncDriver(client, listener=listener)
        self._lock = threading.Lock()
        self._closed = False

    def run(self, flow: Flow[T]) -> T:
        """Run `flow` to its end.

        Raises:
            InvalidArgument: the session was closed.
        """
        with self._lock:
            if self._closed:
                flow.close()
                raise _closed()
            if self._driver is None:
                self._owned = client = default_client()
                self._driver = SyncDriver(client, listener=self._listener)
        return run(flow, self._driver)

    def close(self) -> None:
        """Close the client if it was made here."""
        with self._lock:
            self._closed = True
            if self._owned is not None:
                self._owned.close()


class AsyncSession:
    """An async client and its driver."""

    def __init__(
        self,
        client: AsyncHttpClient | None,
        listener: Callable[[TransferEvent], None] | None = None,
    ) -> None:
        """Take the caller's client, or make one when it is needed."""
        self._listener = _checked(listener)
        self._owned: AsyncHttpClient | None = None
        self._driver = None if client is None else AsyncDriver(client, listener=listener)
        self._closed = False

    async def run(self, flow: Flow[T]) -> T:
        """Run `flow` to its end.

        Raises:
            InvalidArgument: the session was closed.
        """
        if self._closed:
            flow.close()
            raise _closed()
        if self._driver is None:
            self._owned = client = default_async_client()
            self._driver = AsyncDriver(client, listener=self._listener)
        return await arun(flow, self._driver)

    async def aclose(self) -> None:
        """Close the client if it was made here."""
        self._closed = True
        if self._owned is not None:
            await self._owned.aclose()


def _checked(
    listener: Callable[[TransferEvent], None] | None,
) -> Callable[[TransferEvent], None] | None:
    """Return `listener` if its calls would do something."""
    if inspect.iscoroutinefunction(listener) or not (listener is None or callable(listener)):
        raise InvalidArgument(
            "on_event must be a plain function of one event",
            found=listener,
            advice="from async code, put events into a queue: on_event=queue.put_nowait",
        )
    return listener


def _manifest_path(given: str | os.PathLike[str]) -> str:
    path = os.fsdecode(given)
    if not path or "\0" in path:
        raise InvalidArgument("the manifest must be a path", found=path, expected="a file")
    return os.path.abspath(os.path.expanduser(path))


def _closed() -> InvalidArgument:
    return InvalidArgument("this object was closed", advice="use it inside its with block")
