"""Where a file goes, what is known of it, and whether what stands there is what was recorded."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import attrs

from etagkit.flow import Call, FileFacts, Flow, HashFile, Locate, Stat, Sweep, ask
from etagkit.manifest import ManifestRecord, resource_id
from etagkit.transfer import _decide
from etagkit.transfer._model import LocalCheck, LocalState

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class Keeping(Protocol):
    """Where the records of one target are kept; the calls block."""

    @property
    def path(self) -> str | None:
        """The manifest's file, if it is known to be one."""
        ...

    @property
    def base(self) -> str | None:
        """Folder that targets are recorded relative to, if any."""
        ...

    def get(self, resource: str) -> ManifestRecord | None:
        """Return the current record of `resource`, or `None`."""
        ...

    def last_at(self, target: str) -> ManifestRecord | None:
        """Return the record that was published last at this target, of whatever source."""
        ...

    def put(self, record: ManifestRecord) -> ManifestRecord:
        """Make `record` the current version and return it as it is kept."""
        ...

    def touch(self, resource: str, checked_at: datetime, local: FileFacts | None) -> None:
        """Note that the source called the current version unchanged."""
        ...


@attrs.frozen(kw_only=True)
class Target:
    """Where the file goes and what is known of it.

    `record` is of this source; `other` of another one whose file was published here after it.
    """

    path: str
    folder: str
    key: str
    resource: str
    shelf: Keeping
    record: ManifestRecord | None
    other: ManifestRecord | None


def settle(
    url: str, to: str, shelf_of: Callable[[str], Keeping], rename: Callable[[str], str]
) -> Flow[Target]:
    """Resolve the target, clear what dead runs left beside it, and look up its record.

    `rename` makes the name in a folder of the URL's.
    """
    place = yield from ask(Locate(to))
    path = place.path
    if place.is_folder:
        path = os.path.join(path, rename(_decide.file_name(url)))
    folder = os.path.dirname(path)
    yield from ask(Sweep(folder))
    shelf = yield from ask(Call(lambda: shelf_of(path)))
    refused = _decide.refuse_name(path, shelf.path)
    if refused is not None:
        raise refused
    key = _decide.target_key(path, shelf.base)
    resource = resource_id(url, key)
    record, last = yield from ask(Call(lambda: (shelf.get(resource), shelf.last_at(key))))
    return Target(
        path=path,
        folder=folder,
        key=key,
        resource=resource,
        shelf=shelf,
        record=record,
        other=None if last is None or last.resource == resource else last,
    )


def local_state(
    path: str, record: ManifestRecord | None, check: LocalCheck
) -> Flow[tuple[LocalState, FileFacts | None]]:
    """Tell from the file system's facts how the file at `path` stands to its record.

    `TOUCHED` leaves the question to `hash_local`; a check by hash always does.
    """
    facts = yield from ask(Stat(path))
    local = _decide.compare_local(record, facts)
    if local is LocalState.FITS and check is LocalCheck.HASH:
        local = LocalState.TOUCHED
    return local, facts


def hash_local(
    path: str, record: ManifestRecord | None
) -> Flow[tuple[LocalState, FileFacts | None]]:
    """Settle by SHA-256 whether a file with other times still holds the recorded bytes."""
    hashed = yield from ask(HashFile(path))
    if hashed is None:
        return LocalState.MISSING, None
    sha256, facts = hashed
    fits = record is not None and sha256 == record.sha256
    return (LocalState.FITS if fits else LocalState.DIFFERS), facts


def settled_state(path: str, record: ManifestRecord) -> Flow[LocalState]:
    """Tell how the file at `path` stands to its record, hashing it where times alone moved."""
    local, _ = yield from local_state(path, record, LocalCheck.STAT)
    if local is LocalState.TOUCHED:
        local, _ = yield from hash_local(path, record)
    return local
