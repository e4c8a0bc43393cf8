"""The manifest in a SQLite file: the default, shared by any number of processes on one machine.

A record is stored whole, as canonical JSON; the columns beside it repeat what is worth a query. The
view `latest` is for people: `pandas.read_sql("SELECT * FROM latest", connection)`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from etagkit.drivers._sqlite import Database
from etagkit.drivers._sqlite_layout import Layout
from etagkit.errors import EtagKitError
from etagkit.manifest._codec import decode_record, encode_record, format_moment
from etagkit.manifest._store import (
    identity_of,
    is_same_version,
    records_base,
    showable,
    source_identity,
    succeeding,
    touched,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator
    from datetime import datetime

    from etagkit.flow import FileFacts
    from etagkit.manifest._model import ManifestRecord

#: Records fetched at once while iterating: about half a megabyte, and a lock held for milliseconds.
_PAGE = 500

_VERSION_1 = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta VALUES ('content', 'etagkit manifest');

CREATE TABLE resource (
    resource TEXT PRIMARY KEY,
    source TEXT NOT NULL,           -- source URL without credentials and signatures
    target TEXT NOT NULL,
    variant TEXT NOT NULL,
    current INTEGER NOT NULL        -- version.seq
) STRICT, WITHOUT ROWID;

CREATE TABLE version (
    resource TEXT NOT NULL REFERENCES resource ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    source_url TEXT NOT NULL,
    etag TEXT,
    last_modified_server TEXT,
    content_type TEXT,
    content_length INTEGER,
    received INTEGER NOT NULL,
    size INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    verdict TEXT NOT NULL,
    verified TEXT NOT NULL,
    completeness TEXT NOT NULL,
    magic TEXT,
    strategy TEXT,
    http_status INTEGER NOT NULL,
    download_timestamp TEXT NOT NULL,
    first_published TEXT NOT NULL,
    checked_at TEXT,
    duration REAL,
    record TEXT NOT NULL,           -- everything, as JSON
    PRIMARY KEY (resource, seq)
) STRICT;

CREATE INDEX resource_by_source ON resource (source);
CREATE INDEX resource_by_target ON resource (target, resource);
CREATE INDEX version_by_sha256 ON version (sha256);

CREATE VIEW latest AS
    SELECT
        r.target, v.source_url, r.variant, v.etag, v.last_modified_server, v.content_type,
        v.content_length, v.received, v.size, v.sha256, v.verdict, v.verified, v.completeness,
        v.magic, v.strategy, v.http_status, v.download_timestamp, v.first_published,
        v.checked_at, v.duration, v.seq AS version, r.resource
    FROM resource AS r JOIN version AS v ON v.resource = r.resource AND v.seq = r.current
    ORDER BY r.target, r.resource;
"""

#: The mark in the file's header: "etgm" in ASCII.
_LAYOUT = Layout(application_id=0x6574676D, migrations=(_VERSION_1,))

_PUT_RESOURCE = """
INSERT INTO resource (resource, source, target, variant, current) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (resource) DO UPDATE SET
    source = excluded.source, target = excluded.target,
    variant = excluded.variant, current = excluded.current
"""

_PUT_VERSION = """
INSERT OR REPLACE INTO version (
    resource, seq, source_url, etag, last_modified_server, content_type, content_length, received,
    size, sha256, verdict, verified, completeness, magic, strategy, http_status,
    download_timestamp, first_published, checked_at, duration, record
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

_CURRENT = """
SELECT r.current, v.record
FROM resource AS r JOIN version AS v ON v.resource = r.resource AND v.seq = r.current
WHERE r.resource = ?
"""

_HISTORY = "SELECT record FROM version WHERE resource = ? ORDER BY seq DESC"

_BY_SHA256 = """
SELECT v.record FROM version AS v JOIN resource AS r ON r.resource = v.resource
WHERE v.sha256 = ? ORDER BY r.target, r.resource, v.seq DESC
"""

_FIND = """
SELECT v.record
FROM resource AS r JOIN version AS v ON v.resource = r.resource AND v.seq = r.current
WHERE r.source = ? ORDER BY r.target, r.resource
"""

_AT_TARGET = """
SELECT v.record
FROM resource AS r JOIN version AS v ON v.resource = r.resource AND v.seq = r.current
WHERE r.target = ? ORDER BY v.download_timestamp DESC, r.resource
"""

_LIST = """
SELECT r.target, r.resource, v.record
FROM resource AS r JOIN version AS v ON v.resource = r.resource AND v.seq = r.current
WHERE (r.target, r.resource) > (?, ?) ORDER BY r.target, r.resource LIMIT ?
"""


class SQLiteManifest:
    """A `ManifestStore` in the SQLite file at `path`; it and its folder are created where missing.

    With `read_only` the file must be there, nothing is written, neither to it nor beside it, and
    `put`, `touch` and `forget` are refused. That is how to look something up: also in a folder that
    one may only read, and without making a file where the path was mistyped.

    >>> with SQLiteManifest("mirror/manifest.db") as manifest:
    ...     manifest.find("https://example.org/a.csv"), manifest.count()
    ([], 0)
    >>> with SQLiteManifest("mirror/manifest.db", read_only=True) as manifest:
    ...     manifest.count()
    0

    Raises:
        ManifestTooNew, ManifestCorrupt: the file is not one this version can use; it is untouched.
        InvalidArgument: with `read_only`, there is no such file.
        AccessDenied, DiskFull, ManifestError: it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, read_only: bool = False) -> None:
        """Open the file, so that one that cannot be used is refused here and not later."""
        self._database = Database(path, _LAYOUT, read_only=read_only)

    @property
    def location(self) -> str:
        """The absolute path of the file."""
        return self._database.path

    @property
    def base(self) -> str:
        """The folder of the files: that of the manifest, or above `.etagkit`."""
        return records_base(self._database.path)

    def get(self, resource: str | ManifestRecord) -> ManifestRecord | None:
        """Return the current version of `resource`, or `None`."""
        found = self._current(identity_of(resource))
        return None if found is None else found[1]

    def put(self, record: ManifestRecord) -> int:
        """Make `record` the current version and return its number; see `ManifestStore.put`."""
        text = encode_record(record)
        with self._database.transaction():
            found = self._current(record.resource)
            seq, current = found or (0, None)
            if current is not None and is_same_version(current, record):
                record = succeeding(current, record)
                text = encode_record(record)
            else:
                seq += 1
            self._write(record, seq, text)
        return seq

    def touch(
        self,
        resource: str | ManifestRecord,
        *,
        checked_at: datetime,
        local: FileFacts | None = None,
    ) -> bool:
        """Note that the source called the current version unchanged; false if there is none."""
        key = identity_of(resource)
        with self._database.transaction():
            found = self._current(key)
            if found is None:
                return False
            seq, current = found
            fresh = touched(current, checked_at=checked_at, local=local)
            self._write(fresh, seq, encode_record(fresh))
        return True

    def history(self, resource: str | ManifestRecord) -> list[ManifestRecord]:
        """Return every version of `resource`, newest first."""
        return self._decoded(_HISTORY, identity_of(resource))

    def by_sha256(self, sha256: str) -> list[ManifestRecord]:
        """Return every version with these stored bytes; see `ManifestStore.by_sha256`."""
        return self._decoded(_BY_SHA256, sha256.lower())

    def find(self, url: str) -> list[ManifestRecord]:
        """Return the current records of a source URL, for any target and variant."""
        wanted = source_identity(url)
        found = self._decoded(_FIND, showable(wanted))
        return [record for record in found if source_identity(record.source_url) == wanted]

    def at_target(self, target: str) -> list[ManifestRecord]:
        """Return the current records at `target`, the latest first."""
        found = self._decoded(_AT_TARGET, showable(target))
        return [record for record in found if record.target == target]

    def records(self) -> Iterator[ManifestRecord]:
        """Iterate over the current records, by target and then by resource.

        They are read page by page, each page in one piece, so that no lock outlives a page.
        """
        after = ("", "")
        while rows := self._database.execute(_LIST, (*after, _PAGE)):
            for _, _, text in rows:
                yield self._decode(text)
            after = rows[-1][:2]

    def count(self) -> int:
        """Return how many resources have a record."""
        return int(self._database.execute("SELECT count(*) FROM resource")[0][0])

    def forget(self, resource: str | ManifestRecord) -> bool:
        """Remove `resource` with its history; false if there is none."""
        key = identity_of(resource)
        with self._database.transaction():
            removed = self._database.execute(
                "DELETE FROM resource WHERE resource = ? RETURNING 1", (key,)
            )
        return bool(removed)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._database.close()

    def __enter__(self) -> Self:
        """Return the manifest itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def __repr__(self) -> str:
        """Return the class, the path, and whether it is only read."""
        mode = ", read_only=True" if self._database.read_only else ""
        return f"{type(self).__name__}({self.location!r}{mode})"

    def _current(self, resource: str) -> tuple[int, ManifestRecord] | None:
        rows = self._database.execute(_CURRENT, (resource,))
        return (int(rows[0][0]), self._decode(rows[0][1])) if rows else None

    def _decoded(self, sql: str, value: str) -> list[ManifestRecord]:
        return [self._decode(text) for (text,) in self._database.execute(sql, (value,))]

    def _decode(self, text: str) -> ManifestRecord:
        try:
            return decode_record(text)
        except EtagKitError as exc:
            exc.about(path=self.location)
            raise

    def _write(self, record: ManifestRecord, seq: int, text: str) -> None:
        source = showable(source_identity(record.source_url))
        key = (record.resource, source, showable(record.target), showable(record.variant), seq)
        self._database.execute(_PUT_RESOURCE, key)
        self._database.execute(_PUT_VERSION, _version_row(record, seq, text))


def _version_row(record: ManifestRecord, seq: int, text: str) -> tuple[object, ...]:
    """Return the values of `_PUT_VERSION`, in its order."""
    checked = record.checked_at
    return (
        record.resource,
        seq,
        showable(record.source_url),
        None if record.etag is None else str(record.etag),
        _shown(record.last_modified_server),
        _shown(record.content_type),
        record.content_length,
        record.received,
        record.size,
        record.sha256,
        showable(record.verdict),
        showable(" ".join(record.verified)),
        record.completeness.value,
        _shown(record.magic),
        _shown(record.strategy),
        record.http_status,
        format_moment(record.download_timestamp),
        format_moment(record.held_since),
        None if checked is None else format_moment(checked),
        record.duration,
        text,
    )


def _shown(text: str | None) -> str | None:
    return None if text is None else showable(text)
