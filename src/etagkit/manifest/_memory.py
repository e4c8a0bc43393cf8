"""A manifest that lives as long as the object: for tests, and for callers who want no file."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from etagkit.errors import ManifestError
from etagkit.manifest._codec import decode_record, encode_record
from etagkit.manifest._store import (
    identity_of,
    is_same_version,
    latest_first,
    listing_order,
    source_identity,
    succeeding,
    touched,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from etagkit.flow import FileFacts
    from etagkit.manifest._model import ManifestRecord


class MemoryManifest:
    """A `ManifestStore` in a dictionary, with the rules of the one in a file.

    >>> with MemoryManifest() as manifest:
    ...     manifest.find("https://example.org/a.csv"), manifest.count()
    ([], 0)
    """

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.RLock()
        self._open: dict[str, list[ManifestRecord]] | None = {}

    @property
    def location(self) -> str:
        """A word for a person: there is no file."""
        return "memory"

    @property
    def base(self) -> None:
        """None: targets are recorded as absolute paths."""
        return

    @property
    def _versions(self) -> dict[str, list[ManifestRecord]]:
        """Each resource's versions, oldest first; a list is never empty."""
        if self._open is None:
            raise ManifestError("the manifest is closed", path=self.location)
        return self._open

    def get(self, resource: str | ManifestRecord) -> ManifestRecord | None:
        """Return the current version of `resource`, or `None`."""
        key = identity_of(resource)
        with self._lock:
            versions = self._versions.get(key)
            return versions[-1] if versions else None

    def put(self, record: ManifestRecord) -> int:
        """Make `record` the current version and return its number; see `ManifestStore.put`."""
        stored = decode_record(encode_record(record))  # refused or normalised as on disk
        with self._lock:
            versions = self._versions.setdefault(record.resource, [])
            if versions and is_same_version(versions[-1], stored):
                versions[-1] = decode_record(encode_record(succeeding(versions[-1], stored)))
            else:
                versions.append(stored)
            return len(versions)

    def touch(
        self,
        resource: str | ManifestRecord,
        *,
        checked_at: datetime,
        local: FileFacts | None = None,
    ) -> bool:
        """Note that the source called the current version unchanged; false if there is none."""
        key = identity_of(resource)
        with self._lock:
            versions = self._versions.get(key)
            if not versions:
                return False
            fresh = touched(versions[-1], checked_at=checked_at, local=local)
            versions[-1] = decode_record(encode_record(fresh))
            return True

    def history(self, resource: str | ManifestRecord) -> list[ManifestRecord]:
        """Return every version of `resource`, newest first."""
        key = identity_of(resource)
        with self._lock:
            return self._versions.get(key, [])[::-1]

    def by_sha256(self, sha256: str) -> list[ManifestRecord]:
        """Return every version with these stored bytes; see `ManifestStore.by_sha256`."""
        wanted = sha256.lower()
        with self._lock:
            newest_first = [r for versions in self._versions.values() for r in versions[::-1]]
        return sorted((r for r in newest_first if r.sha256 == wanted), key=listing_order)

    def find(self, url: str) -> list[ManifestRecord]:
        """Return the current records of a source URL, for any target and variant."""
        wanted = source_identity(url)
        return [r for r in self.records() if source_identity(r.source_url) == wanted]

    def at_target(self, target: str) -> list[ManifestRecord]:
        """Return the current records at `target`, the latest first."""
        return latest_first(record for record in self.records() if record.target == target)

    def records(self) -> Iterator[ManifestRecord]:
        """Iterate over the records that are current now, by target and then by resource."""
        with self._lock:
            current = [versions[-1] for versions in self._versions.values()]
        yield from sorted(current, key=listing_order)

    def count(self) -> int:
        """Return how many resources have a record."""
        with self._lock:
            return len(self._versions)

    def forget(self, resource: str | ManifestRecord) -> bool:
        """Remove `resource` with its history; false if there is none."""
        key = identity_of(resource)
        with self._lock:
            return self._versions.pop(key, None) is not None

    def close(self) -> None:
        """Drop everything; a second call does nothing."""
        with self._lock:
            self._open = None

    def __enter__(self) -> Self:
        """Return the manifest itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the manifest."""
        self.close()

    def __repr__(self) -> str:
        """Return the class."""
        return f"{type(self).__name__}()"
