"""What every manifest does, and the decisions that all of them share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, Self

import attrs

from etagkit._redact import identity_url, redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from etagkit.flow import FileFacts
    from etagkit.manifest._model import ManifestRecord


class ManifestStore(Protocol):
    """Keeps records: one current version for each resource, and the versions before it.

    The calls block; asynchronous code makes them in a thread. Threads may share a store. A store is
    never falsy, empty or not: ask `count`.
    """

    @property
    def location(self) -> str:
        """Where the records are, to be shown to a person."""
        ...

    def get(self, resource: str) -> ManifestRecord | None:
        """Return the current version of `resource`, or `None`."""
        ...

    def put(self, record: ManifestRecord) -> int:
        """Make `record` the current version and return its number, counted from 1.

        Equal content under equal validators replaces the current version in place; anything else
        becomes a new one (see `is_same_version`).

        Raises:
            InvalidArgument: the record cannot be stored, a time without zone for example.
        """
        ...

    def touch(self, resource: str, *, checked_at: datetime, local: FileFacts | None = None) -> bool:
        """Note that the source called the current version unchanged; false if there is none.

        `local` replaces what is known about the file on disk.
        """
        ...

    def history(self, resource: str) -> list[ManifestRecord]:
        """Return every version of `resource`, newest first."""
        ...

    def by_sha256(self, sha256: str) -> list[ManifestRecord]:
        """Return every version, past ones too, of any resource whose stored bytes had this hash.

        In the order of `records`, newest first within one resource.
        """
        ...

    def find(self, url: str) -> list[ManifestRecord]:
        """Return the current records of a source URL, for any target and variant.

        User names, passwords and signatures make no difference.
        """
        ...

    def records(self) -> Iterator[ManifestRecord]:
        """Iterate over the current records, by target and then by resource.

        Memory stays bounded. What is written meanwhile may or may not be seen; everything else is
        seen exactly once.
        """
        ...

    def count(self) -> int:
        """Return how many resources have a record."""
        ...

    def forget(self, resource: str) -> bool:
        """Remove `resource` with its history; false if there is none."""
        ...

    def close(self) -> None:
        """Let go of what the store holds; a second call does nothing."""
        ...

    def __enter__(self) -> Self:
        """Return the store itself."""
        ...

    def __exit__(self, *_: object) -> None:
        """Close the store."""
        ...


def is_same_version(current: ManifestRecord | None, new: ManifestRecord) -> bool:
    """Whether `new` describes the version that `current` describes: equal bytes, equal validators.

    Tags must be equal to the letter. Whether Last-Modified was settled is left out: it says how
    long after a change the source was asked, and makes no other version.
    """
    return (
        current is not None
        and current.same_content(new)
        and current.etag == new.etag
        and current.unquoted_etag == new.unquoted_etag
        and current.last_modified_server == new.last_modified_server
    )


def touched(
    record: ManifestRecord, *, checked_at: datetime, local: FileFacts | None
) -> ManifestRecord:
    """Return `record` as `ManifestStore.touch` leaves it."""
    facts = record.local if local is None else local
    return attrs.evolve(record, checked_at=checked_at, local=facts)


def source_identity(url: str) -> str:
    """Return what two URLs of one source have in common; it holds no secret.

    >>> source_identity("https://me:pw@example.org/a?token=1#x")
    'https://example.org/a?token=***'
    """
    shown = redact_url(url)
    try:
        return identity_url(shown)
    except ValueError:  # not a URL at all: it is only equal to itself
        return shown


def listing_order(record: ManifestRecord) -> tuple[str, str]:
    """Return the key by which `ManifestStore.records` sorts."""
    return showable(record.target), record.resource


def showable(text: str) -> str:
    r"""Return `text` with what UTF-8 cannot say written out: file names may hold any octet.

    >>> showable("caf\udce9")
    'caf\\udce9'
    """
    return text.encode(errors="backslashreplace").decode()
