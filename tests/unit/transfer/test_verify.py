"""Files held against their records: a pure flow, and a manifest's files on this machine."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from etagkit.errors import InvalidArgument, LocalFileError
from etagkit.flow import FileFacts, HashFile, Stat
from etagkit.manifest import ManifestRecord, MemoryManifest, records_base, resource_id
from etagkit.transfer import _verify
from etagkit.transfer._verify import (
    FileStatus,
    RecordedFiles,
    check_file,
    folders_below,
    manifest_beside,
    open_manifest,
    target_path,
    verify,
)

if TYPE_CHECKING:
    from pathlib import Path

    from etagkit.flow import Flow, Op
    from etagkit.transfer._verify import FileCheck

CONTENT = b"some bytes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
FACTS = FileFacts(size=len(CONTENT), mtime_ns=1, ctime_ns=1, inode=1)
WHEN = datetime(2024, 5, 1, tzinfo=UTC)


def record(target: str = "a", *, url: str = "http://h/a", later: int = 0) -> ManifestRecord:
    """Return a record of `CONTENT` at `target`."""
    return ManifestRecord(
        resource=resource_id(url, target),
        source_url=url,
        target=target,
        download_timestamp=WHEN + timedelta(seconds=later),
        sha256=SHA256,
        size=len(CONTENT),
        received=len(CONTENT),
    )


def answered(flow: Flow[FileCheck], *answers: object) -> tuple[FileCheck, list[Op[object]]]:
    """Drive `flow` by hand; return its result and what it asked for."""
    asked: list[Op[object]] = []
    step = next(flow)
    for answer in answers:
        asked.append(step)
        try:
            step = flow.throw(answer) if isinstance(answer, Exception) else flow.send(answer)
        except StopIteration as done:
            return done.value, asked
    raise AssertionError(step)


def test_equal_size_and_hash_are_ok() -> None:
    """Only a hash of all bytes proves a file."""
    check, asked = answered(verify(record(), "/d/a"), FACTS, (SHA256, FACTS))
    assert (check.status, check.sha256) == (FileStatus.OK, SHA256)
    assert asked == [Stat("/d/a"), HashFile("/d/a")]


def test_another_size_is_enough_to_refute() -> None:
    """Such a file is not even read."""
    other = FileFacts(size=3, mtime_ns=1, ctime_ns=1, inode=1)
    check, asked = answered(verify(record(), "/d/a"), other)
    assert (check.status, check.size, check.sha256) == (FileStatus.DIFFERS, 3, None)
    assert asked == [Stat("/d/a")]


@pytest.mark.parametrize("answers", [[None], [FACTS, None]])
def test_a_file_that_is_gone_is_missing(answers: list[object]) -> None:
    """Also when it goes while it is being looked at."""
    check, _ = answered(verify(record(), "/d/a"), *answers)
    assert check.status is FileStatus.MISSING


@pytest.mark.parametrize("before", [[], [FACTS]])
def test_what_cannot_be_read_is_never_ok(before: list[object]) -> None:
    """The error is kept in the result."""
    error = LocalFileError("the file cannot be used")
    check, _ = answered(verify(record(), "/d/a"), *before, error)
    assert (check.status, check.error) == (FileStatus.UNREADABLE, error)


def test_no_record_is_no_verdict() -> None:
    """The file is there, and nothing says what it should be."""
    check, _ = answered(verify(None, "/d/a"), FACTS)
    assert check.status is FileStatus.UNRECORDED


def test_real_files(tmp_path: Path) -> None:
    """The same against a file system: equal, altered in place, cut, gone."""
    file = tmp_path / "a"
    file.write_bytes(CONTENT)
    assert check_file(record(), str(file)).status is FileStatus.OK
    file.write_bytes(CONTENT[::-1])
    assert check_file(record(), str(file)).status is FileStatus.DIFFERS
    file.write_bytes(CONTENT[:-1])
    assert check_file(record(), str(file)).status is FileStatus.DIFFERS
    file.unlink()
    assert check_file(record(), str(file)).status is FileStatus.MISSING


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_the_place_of_a_file_does_not_hang(tmp_path: Path) -> None:
    """Opening one would wait for a writer; it is no regular file and so unreadable."""
    os.mkfifo(tmp_path / "a")
    assert check_file(record(), str(tmp_path / "a")).status is FileStatus.UNREADABLE


def test_the_record_published_last_describes_the_file(tmp_path: Path) -> None:
    """Whatever the order in which the store gives them."""
    store = MemoryManifest()
    old, new = record(url="http://h/1"), record(url="http://h/2", later=1)
    for each in (new, old):
        store.put(each)
    files = RecordedFiles.of(store, str(tmp_path))
    assert files.of_path(str(tmp_path / "a")) == new


def test_files_below_and_files_beside(tmp_path: Path) -> None:
    """Recorded files of all folders below, unrecorded ones of the folder itself."""
    store = MemoryManifest()
    for target in ("a", "sub/b", str(tmp_path.parent / "elsewhere")):
        store.put(record(target))
    for name in ("a", "a.meta.json", "other", ".hidden"):
        (tmp_path / name).write_bytes(CONTENT)
    (tmp_path / "folder").mkdir()
    files = RecordedFiles.of(store, str(tmp_path))
    assert files.below(str(tmp_path)) == [str(tmp_path / "a"), str(tmp_path / "sub" / "b")]
    assert files.unrecorded_in(str(tmp_path)) == [str(tmp_path / "other")]
    with pytest.raises(LocalFileError):
        files.unrecorded_in(str(tmp_path / "none"))


def test_folders_below_in_order(tmp_path: Path) -> None:
    """Depth first and sorted, without links and the folders of manifests."""
    for name in ("b", "a/z", "a/c", ".etagkit/x"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    names = ("", "a", "a/c", "a/z", "b")
    assert list(folders_below(str(tmp_path))) == [str(tmp_path / name) for name in names]


def test_too_many_folders_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is not passed over in silence."""
    monkeypatch.setattr(_verify, "MOST_FOLDERS", 2)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    *folders, error = folders_below(str(tmp_path))
    assert folders == [str(tmp_path), str(tmp_path / "a")]
    assert isinstance(error, LocalFileError)
    assert isinstance(list(folders_below(str(tmp_path / "none")))[-1], LocalFileError)


def test_a_folder_is_no_prefix_of_its_neighbour(tmp_path: Path) -> None:
    """`/d` holds nothing of `/d2`."""
    store = MemoryManifest()
    store.put(record(str(tmp_path / "d2" / "a")))
    assert RecordedFiles.of(store, str(tmp_path)).below(str(tmp_path / "d")) == []


def test_where_records_point(tmp_path: Path) -> None:
    """Relative to the manifest's folder, or to the folder of the default one; else absolute."""
    default = manifest_beside(str(tmp_path))
    assert records_base(default) == str(tmp_path.resolve())
    assert records_base(str(tmp_path / "m.sqlite")) == str(tmp_path.resolve())
    assert target_path("x/../y", "/d") == "/d/y"
    assert manifest_beside(str(tmp_path / "file")) == default


def test_looking_something_up_makes_no_manifest(tmp_path: Path) -> None:
    """A missing one is an error."""
    with pytest.raises(InvalidArgument, match="no manifest"), open_manifest(str(tmp_path / "m")):
        pass
    assert list(tmp_path.iterdir()) == []
