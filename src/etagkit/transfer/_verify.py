"""Does what lies on the disk still fit what was recorded? The other half of a manifest's worth.

    stat -> size (enough to refute) -> SHA-256 (the only thing that proves)

Nothing is written: a file that differs stays as it is, and the next fetch repairs it, because it
compares in the same way. A file that cannot be read is `UNREADABLE`, never `OK`.

Where several sources were fetched to one path, the file is held against the record that was
published last: the earlier ones describe bytes that were replaced on purpose.
"""

from __future__ import annotations

import contextlib
import enum
import os
from typing import TYPE_CHECKING

import attrs

from etagkit.drivers import Files
from etagkit.drivers._local import LocalScope
from etagkit.drivers._local_errors import local_errors
from etagkit.errors import InvalidArgument, LocalFileError
from etagkit.flow import Flow, HashFile, Stat, ask, run
from etagkit.manifest import (
    ManifestRecord,
    ManifestStore,
    SQLiteManifest,
    default_manifest_path,
    sidecar_path,
)
from etagkit.manifest._store import MANIFEST_FOLDER
from etagkit.transfer._flow_target import settled_state

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping
    from datetime import datetime

    from etagkit.transfer._model import LocalState


#: Folders that are looked into for manifests: a large mirror has thousands, a whole disk has more,
#: and somebody who names that has made a mistake.
MOST_FOLDERS = 100_000


class FileStatus(enum.Enum):
    """How a file stands to its record."""

    OK = "ok"
    MISSING = "missing"
    DIFFERS = "differs"
    UNRECORDED = "unrecorded"
    UNREADABLE = "unreadable"


@attrs.frozen(kw_only=True)
class FileCheck:
    """One file held against its record.

    Attributes:
        path: where the file is, or should be.
        status: what came of it.
        record: what it was held against; `None` where there is no record.
        size, sha256: of the file as it is, as far as they were looked at: a wrong size is enough
            to refute, and such a file is not hashed.
        error: why it could not be read.
    """

    path: str
    status: FileStatus
    record: ManifestRecord | None = attrs.field(default=None, repr=False)
    size: int | None = None
    sha256: str | None = None
    error: LocalFileError | None = None


def verify(record: ManifestRecord | None, path: str) -> Flow[FileCheck]:
    """Hold the file at `path` against `record`: by size, then by SHA-256."""
    try:
        facts = yield from ask(Stat(path))
        if facts is None:
            return FileCheck(path=path, status=FileStatus.MISSING, record=record)
        if record is None:
            return FileCheck(path=path, status=FileStatus.UNRECORDED, size=facts.size)
        if facts.size != record.size:
            return FileCheck(path=path, status=FileStatus.DIFFERS, record=record, size=facts.size)
        hashed = yield from ask(HashFile(path))
    except LocalFileError as exc:
        return FileCheck(path=path, status=FileStatus.UNREADABLE, record=record, error=exc)
    if hashed is None:
        return FileCheck(path=path, status=FileStatus.MISSING, record=record)
    sha256, facts = hashed
    fits = sha256 == record.sha256 and facts.size == record.size
    return FileCheck(
        path=path,
        status=FileStatus.OK if fits else FileStatus.DIFFERS,
        record=record,
        size=facts.size,
        sha256=sha256,
    )


class _LocalOnly:
    """A driver for flows that need no network, so that no client has to be made for them."""

    @contextlib.contextmanager
    def scope(self) -> Generator[LocalScope]:
        scope = LocalScope(Files())
        try:
            yield scope
        finally:
            scope.close()


def check_file(record: ManifestRecord | None, path: str) -> FileCheck:
    """Run `verify` on this machine's files."""
    return run(verify(record, path), _LocalOnly())


def state_of(record: ManifestRecord, path: str) -> LocalState:
    """Tell how the file at `path` stands to `record`; it is hashed only where its times moved."""
    return run(settled_state(path, record), _LocalOnly())


# --- a manifest and the files that it speaks of --------------------------------------------------


def target_path(target: str, base: str) -> str:
    """Return where the file lies that is recorded as `target`.

    >>> target_path("2024/a.csv", "/data"), target_path("/srv/b.csv", "/data")
    ('/data/2024/a.csv', '/srv/b.csv')
    """
    if os.path.isabs(target):
        return target
    return os.path.normpath(os.path.join(base, *target.split("/")))


def _beside_records(files: RecordedFiles) -> frozenset[str]:
    """Return the files that etagkit itself puts beside others: sidecars and databases."""
    ends = ("", "-wal", "-shm", "-journal")
    databases = (os.path.realpath(each) + end for each in files.manifests for end in ends)
    return frozenset((*map(sidecar_path, files.records), *databases))


@attrs.frozen
class RecordedFiles:
    """The records of manifests, by the files that they describe.

    `records` maps an absolute path to its records, the one that was published last coming first.
    """

    manifests: tuple[str, ...]
    records: dict[str, tuple[ManifestRecord, ...]]
    _ours: frozenset[str] = attrs.field(
        init=False, repr=False, default=attrs.Factory(_beside_records, takes_self=True)
    )

    @classmethod
    def of(cls, store: ManifestStore, base: str) -> RecordedFiles:
        """Read the current records of `store`, whose targets are relative to `base`."""
        found: dict[str, list[ManifestRecord]] = {}
        for record in store.records():
            found.setdefault(target_path(record.target, base), []).append(record)
        return cls((store.location,), _newest_first(found))

    @classmethod
    def merged(cls, parts: Iterable[RecordedFiles]) -> RecordedFiles:
        """Put several together.

        More than one may speak of a file, where a manifest was named for one run and not for
        another.
        """
        manifests: list[str] = []
        found: dict[str, list[ManifestRecord]] = {}
        for part in parts:
            manifests += part.manifests
            for path, records in part.records.items():
                found.setdefault(path, []).extend(records)
        return cls(tuple(manifests), _newest_first(found))

    def check(self, path: str) -> FileCheck:
        """Hold one file against its record; `UNRECORDED` where there is none."""
        return check_file(self.of_path(path), path)

    def of_path(self, path: str) -> ManifestRecord | None:
        """Return the record that describes the file at `path`, if there is one."""
        return next(iter(self.records.get(path, ())), None)

    def below(self, folder: str) -> list[str]:
        """Return the recorded paths in `folder` and the folders below it, sorted."""
        start = os.path.join(folder, "")
        return sorted(path for path in self.records if path.startswith(start))

    def unrecorded_in(self, folder: str) -> list[str]:
        """Return the regular files in `folder` itself that no record describes, sorted.

        Hidden files, the manifest and the sidecars of recorded files are left out.

        Raises:
            LocalFileError: the folder cannot be read.
        """
        with local_errors(folder), os.scandir(folder) as entries:
            files = [os.path.join(folder, e.name) for e in entries if _may_be_fetched(e)]
        return sorted(path for path in files if path not in self.records and path not in self._ours)


def _newest_first(
    found: Mapping[str, Iterable[ManifestRecord]],
) -> dict[str, tuple[ManifestRecord, ...]]:
    def published(record: ManifestRecord) -> datetime:
        return record.download_timestamp

    return {path: tuple(sorted(each, key=published, reverse=True)) for path, each in found.items()}


def folders_below(folder: str) -> Generator[str | LocalFileError]:
    """Yield `folder` and the folders below it, sorted, those of manifests left out.

    Linked folders are not followed. One that cannot be read is yielded as the error: nothing is
    known of what is below it. So is the place where there are more than `MOST_FOLDERS`.
    """
    waiting, seen = [folder], 0
    while waiting:
        here = waiting.pop()
        seen += 1
        if seen > MOST_FOLDERS:
            yield LocalFileError(
                "there are too many folders here",
                path=folder,
                expected=f"at most {MOST_FOLDERS}",
                advice="name one that lies further down",
            )
            return
        yield here
        try:
            waiting += sorted(_subfolders(here), reverse=True)
        except LocalFileError as exc:
            yield exc


def _subfolders(folder: str) -> list[str]:
    with local_errors(folder), os.scandir(folder) as entries:
        return [
            os.path.join(folder, entry.name)
            for entry in entries
            if entry.name != MANIFEST_FOLDER and entry.is_dir(follow_symlinks=False)
        ]


def _may_be_fetched(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.is_file()


@contextlib.contextmanager
def open_manifest(path: str) -> Generator[SQLiteManifest]:
    """Open the manifest file at `path`, which must be there: looking something up makes none.

    Raises:
        InvalidArgument: there is no such file.
    """
    if not os.path.isfile(path):
        raise InvalidArgument(
            "there is no manifest here",
            path=path,
            advice="name the folder that files were fetched to, or the manifest file",
        )
    with SQLiteManifest(path, read_only=True) as store:
        yield store


def manifest_beside(path: str) -> str:
    """Return where the manifest of a fetched file, or of a folder of them, lies by default."""
    folder = path if os.path.isdir(path) else os.path.dirname(path)
    return default_manifest_path(folder)
