"""One line each: probe a URL, ask whether it changed, fetch it. Sync, and async with the prefix a.

Each call makes its own client and closes it, unless one is passed; many calls want a
`DownloadContext` or a `SourceProber`, which keep connections open.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeAlias

import attrs
from anyio.to_thread import run_sync

from etagkit.errors import InvalidArgument
from etagkit.http import ETag, Validators
from etagkit.manifest import ManifestRecord, ManifestStore, resource_id
from etagkit.transfer._client import (
    AsyncDownloadContext,
    AsyncSourceProber,
    DownloadContext,
    SourceProber,
)
from etagkit.transfer._decide import check_url, file_name, target_key
from etagkit.transfer._model import (
    ChangeReport,
    Fetched,
    FetchOptions,
    FetchResult,
    LocalCheck,
    LocalState,
    Reason,
    RemoteFileIntent,
    Skipped,
)
from etagkit.transfer._session import Manifests
from etagkit.transfer._strategies import DownloadStrategy, default_strategies
from etagkit.transfer._verify import state_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from etagkit.drivers import AsyncHttpClient, HttpClient
    from etagkit.events import TransferEvent
    from etagkit.transfer._magic import Magic

#: What can say which version somebody holds: a tag, validators, a record, a result or a probe, or
#: the path of a fetched file, whose record then says it.
Held: TypeAlias = (
    ETag
    | Validators
    | ManifestRecord
    | Fetched
    | Skipped
    | RemoteFileIntent
    | str
    | os.PathLike[str]
)


def probe(url: str, *, client: HttpClient | None = None) -> RemoteFileIntent:
    """Return what is behind `url`: size, validators, type, without downloading it.

    >>> from etagkit.testing import Origin
    >>> with Origin() as origin:
    ...     origin.put("/hello.txt", b"hello", etag='"v1"')
    ...     seen = probe(origin.url("/hello.txt"))
    >>> seen.size, seen.etag
    (5, ETag('"v1"'))

    Raises:
        SourceError: the source cannot be reached, or gives no representation.
    """
    with SourceProber(client) as prober:
        return prober.probe_source(url)


async def aprobe(url: str, *, client: AsyncHttpClient | None = None) -> RemoteFileIntent:
    """Async twin of `probe`."""
    async with AsyncSourceProber(client) as prober:
        return await prober.probe_source(url)


def has_changed(
    url: str,
    held: Held,
    *,
    client: HttpClient | None = None,
    manifest: ManifestStore | str | os.PathLike[str] | None = None,
) -> ChangeReport:
    """Return whether the source has another version than the one that `held` names.

    The answer is truthy unless it is certain that nothing changed. `held` is a tag (an `ETag`, or
    text in its quotes), validators, a record, the result of a fetch or probe, or the path of a
    file. For a path the file itself counts as well: one that was never fetched, is gone or was
    altered is no longer what the source has.

    Raises:
        InvalidArgument: `held` is nothing that says a version.
        SourceError: the source cannot be reached, or gives no representation.
    """
    known = _held(url, held, manifest)
    with SourceProber(client) as prober:
        report = prober.has_changed(url, known.validators)
    return known.compare_file(report)


async def ahas_changed(
    url: str,
    held: Held,
    *,
    client: AsyncHttpClient | None = None,
    manifest: ManifestStore | str | os.PathLike[str] | None = None,
) -> ChangeReport:
    """Async twin of `has_changed`."""
    known = await run_sync(_held, url, held, manifest)
    async with AsyncSourceProber(client) as prober:
        report = await prober.has_changed(url, known.validators)
    return await run_sync(known.compare_file, report)


def fetch(  # noqa: PLR0913  every one is a keyword with a default that is right for most
    url: str,
    to: str | os.PathLike[str] = ".",
    *,
    client: HttpClient | None = None,
    manifest: ManifestStore | str | os.PathLike[str] | None = None,
    strategy: DownloadStrategy | None = None,
    decode: bool = False,
    force: bool = False,
    expected_sha256: str | None = None,
    expected_size: int | None = None,
    expected_type: Magic | None = None,
    max_bytes: int | None = None,
    accept_unverified: bool = False,
    local_check: LocalCheck = LocalCheck.STAT,
    sidecar: bool = False,
    on_event: Callable[[TransferEvent], None] | None = None,
) -> FetchResult:
    """Bring `url` to `to` unless it is there already, whole and current.

    `to` is a file or a folder (by default the current one). `decode=True` stores gzip files
    decoded. The other options are those of `FetchOptions`.

    >>> import tempfile
    >>> from etagkit.testing import Origin
    >>> with Origin() as origin, tempfile.TemporaryDirectory() as folder:
    ...     origin.put("/a.json", b'{"a": 1}')
    ...     first = fetch(origin.url("/a.json"), folder)
    ...     second = fetch(origin.url("/a.json"), folder)
    ...     first.json(), type(second).__name__
    ({'a': 1}, 'Skipped')

    Raises:
        EtagKitError: see `etagkit.errors`; what stood there before still does, unless the error is
            marked as `published`: then only the record could not be made.
    """
    options = FetchOptions(
        force=force,
        expected_sha256=expected_sha256,
        expected_size=expected_size,
        expected_type=expected_type,
        max_bytes=max_bytes,
        accept_unverified=accept_unverified,
        local_check=local_check,
        sidecar=sidecar,
    )
    with DownloadContext(
        client, manifest=manifest, strategies=default_strategies(decode=decode), on_event=on_event
    ) as context:
        return context.fetch(url, to, options=options, strategy=strategy)


async def afetch(  # noqa: PLR0913  every one is a keyword with a default that is right for most
    url: str,
    to: str | os.PathLike[str] = ".",
    *,
    client: AsyncHttpClient | None = None,
    manifest: ManifestStore | str | os.PathLike[str] | None = None,
    strategy: DownloadStrategy | None = None,
    decode: bool = False,
    force: bool = False,
    expected_sha256: str | None = None,
    expected_size: int | None = None,
    expected_type: Magic | None = None,
    max_bytes: int | None = None,
    accept_unverified: bool = False,
    local_check: LocalCheck = LocalCheck.STAT,
    sidecar: bool = False,
    on_event: Callable[[TransferEvent], None] | None = None,
) -> FetchResult:
    """Async twin of `fetch`."""
    options = FetchOptions(
        force=force,
        expected_sha256=expected_sha256,
        expected_size=expected_size,
        expected_type=expected_type,
        max_bytes=max_bytes,
        accept_unverified=accept_unverified,
        local_check=local_check,
        sidecar=sidecar,
    )
    async with AsyncDownloadContext(
        client, manifest=manifest, strategies=default_strategies(decode=decode), on_event=on_event
    ) as context:
        return await context.fetch(url, to, options=options, strategy=strategy)


@attrs.frozen
class _Known:
    """What the caller holds: the validators, and the file where a path was given."""

    validators: Validators | None
    path: str | None = None
    record: ManifestRecord | None = None

    def compare_file(self, report: ChangeReport) -> ChangeReport:
        """Return `report`, or one that says that the file is not what was recorded."""
        if report.changed or self.path is None or self.record is None:
            return report
        match state_of(self.record, self.path):
            case LocalState.MISSING:
                return attrs.evolve(report, reason=Reason.LOCAL_MISSING)
            case LocalState.FITS:
                return report
            case _:
                return attrs.evolve(report, reason=Reason.LOCAL_DIFFERS)


def _held(url: str, held: Held, manifest: ManifestStore | str | os.PathLike[str] | None) -> _Known:
    match held:
        case ETag():
            return _Known(Validators(etag=held))
        case Validators():
            return _Known(held)
        case ManifestRecord() | RemoteFileIntent():
            return _Known(held.validators)
        case Fetched() | Skipped():
            return _Known(held.record.validators, str(held.path), held.record)
        case str() if held.startswith(('"', 'W/"')):
            return _Known(Validators(etag=ETag(held)))
        case str() | os.PathLike():
            return _recorded(url, os.fsdecode(held), manifest)
    raise InvalidArgument(
        "cannot tell a version from this",
        found=type(held).__name__,
        expected="an ETag, Validators, a record, a result, or the path of a fetched file",
    )


def _recorded(
    url: str, path: str, manifest: ManifestStore | str | os.PathLike[str] | None
) -> _Known:
    check_url(url)
    if not path or "\0" in path:
        raise InvalidArgument("this is no path of a file", found=path)
    target = os.path.realpath(os.path.expanduser(path))
    if os.path.isdir(target):
        target = os.path.join(target, file_name(url))
    manifests = Manifests(manifest)
    try:
        shelf = manifests.shelf(target)
        record = shelf.get(resource_id(url, target_key(target, shelf.base)))
    finally:
        manifests.close()
    return _Known(None if record is None else record.validators, target, record)
