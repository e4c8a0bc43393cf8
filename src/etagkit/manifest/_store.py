"""What every manifest does, and the decisions that all of them share."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Protocol, Self

import attrs

from etagkit._redact import redact_url
from etagkit.errors import InvalidArgument
from etagkit.http import identity_url
from etagkit.manifest._model import ManifestRecord

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from etagkit.flow import FileFacts

#: What `resource_id` returns.
_RESOURCE = re.compile(r"[0-9a-f]{64}")

#: Folder and file of the manifest that a folder of files gets by default: state travels with the
#: files that it describes.
MANIFEST_FOLDER = ".etagkit"
MANIFEST_FILE = "manifest.sqlite"


def default_manifest_path(folder: str) -> str:
    """Return where the manifest of the files in `folder` lies unless the caller says otherwise."""
    return os.path.join(folder, MANIFEST_FOLDER, MANIFEST_FILE)


def records_base(manifest: str) -> str:
    """Return the folder that the targets in the manifest file `manifest` are relative to.

    It is the folder of the manifest, or, for one in the default place, the folder of its files.

    >>> records_base("/data/mirror.sqlite"), records_base("/data/.etagkit/manifest.sqlite")
    ('/data', '/data')
    """
    folder = os.path.dirname(os.path.realpath(manifest))
    return os.path.dirname(folder) if os.path.basename(folder) == MANIFEST_FOLDER else folder


class ManifestStore(Protocol):
    """Keeps records: one current version for each resource, and the versions before it.

    The calls block; asynchronous code makes them in a thread. Threads may share a store. A store is
    never falsy, empty or not: ask `count`.

    A resource is named by its identity (`resource_id`) or by any record of it. Anything else, a URL
    for example, is refused with `InvalidArgument`: no answer to a wrong question looks like "there
    is none".
    """

    @property
    def location(self) -> str:
        """Where the records are, to be shown to a person."""
        ...

    @property
    def base(self) -> str | None:
        """The folder that targets below it are recorded relative to, if there is one."""
        ...

    def get(self, resource: str | ManifestRecord) -> ManifestRecord | None:
        """Return the current version of `resource`, or `None`."""
        ...

    def put(self, record: ManifestRecord) -> int:
        """Make `record` the current version and return its number, counted from 1.

        Equal content under equal validators replaces the current version in place; anything else
        becomes a new one (see `is_same_version`). What is replaced hands on the time since when
        the version was held (`ManifestRecord.first_published`).

        Raises:
            InvalidArgument: the record cannot be stored, a time without zone for example.
            ManifestError: the store was opened for reading only.
        """
        ...

    def touch(
        self,
        resource: str | ManifestRecord,
        *,
        checked_at: datetime,
        local: FileFacts | None = None,
    ) -> bool:
        """Note that the source called the current version unchanged; false if there is none.

        `local` replaces what is known about the file on disk.

        Raises:
            ManifestError: the store was opened for reading only.
        """
        ...

    def history(self, resource: str | ManifestRecord) -> list[ManifestRecord]:
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

    def at_target(self, target: str) -> list[ManifestRecord]:
        """Return the current records of all resources published at `target`, the latest first.

        `target` is written as in `ManifestRecord.target`. More than one record means that sources
        share a file, and that only the first one describes it.
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

    def forget(self, resource: str | ManifestRecord) -> bool:
        """Remove `resource` with its history; false if there is none.

        Raises:
            ManifestError: the store was opened for reading only.
        """
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


def identity_of(resource: str | ManifestRecord) -> str:
    """Return the identity of what the caller names.

    Raises:
        InvalidArgument: it is neither an identity nor a record.
    """
    named: object = resource.resource if isinstance(resource, ManifestRecord) else resource
    if isinstance(named, str) and _RESOURCE.fullmatch(named):
        return named
    raise InvalidArgument(
        "not the identity of a resource",
        expected="64 lower-case hexadecimal digits, see resource_id(), or a record",
        found=named,
        advice="to look up a URL use find(url)",
    )


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


def succeeding(current: ManifestRecord, new: ManifestRecord) -> ManifestRecord:
    """Return `new` as it replaces `current`, the same version: held since the earlier of both."""
    since = min(current.held_since, new.held_since)
    return attrs.evolve(new, first_published=None if since == new.download_timestamp else since)


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


def latest_first(records: Iterable[ManifestRecord]) -> list[ManifestRecord]:
    """Return `records` as `ManifestStore.at_target` sorts them."""
    in_order = sorted(records, key=listing_order)
    return sorted(in_order, key=lambda record: record.download_timestamp, reverse=True)


def listing_order(record: ManifestRecord) -> tuple[str, str]:
    """Return the key by which `ManifestStore.records` sorts."""
    return showable(record.target), record.resource


def showable(text: str) -> str:
    r"""Return `text` with what UTF-8 cannot say written out: file names may hold any octet.

    >>> showable("caf\udce9")
    'caf\\udce9'
    """
    return text.encode(errors="backslashreplace").decode()
