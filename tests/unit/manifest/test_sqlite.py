"""The manifest in a file: shared, safe against kills, private, and pleasant to query."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from etagkit.errors import InvalidArgument, ManifestCorrupt, ManifestError, ManifestTooNew
from etagkit.http import ETag
from etagkit.manifest import SQLiteManifest, resource_id
from tests.unit.manifest._samples import FACTS, LATER, full, sample

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ADDRESS = "https://example.org/a"

_CHILD = """
    import sys
    from datetime import UTC, datetime
    from etagkit.http import ETag
    from etagkit.manifest import ManifestRecord, SQLiteManifest, resource_id

    def identity(target):
        return resource_id("https://example.org/a", target)

    def record(target, number):
        return ManifestRecord(
            resource=identity(target), source_url="https://example.org/a", target=target,
            download_timestamp=datetime(2026, 1, 1, tzinfo=UTC), sha256="0" * 64,
            size=number, received=number, etag=ETag.strong(f"{sys.argv[2]}-{number}"),
        )

    """

_PUT_500 = """
    print("ready", flush=True)
    input()
    with SQLiteManifest(sys.argv[1]) as manifest:
        for number in range(500):
            manifest.put(record(f"{sys.argv[2]}-{number}", number))
            if number % 5 == 0:
                manifest.put(record("shared", number))
    """

_PUT_FOREVER = """
    with SQLiteManifest(sys.argv[1]) as manifest:
        number = len(manifest.history(identity("r")))
        while True:
            number += 1
            assert manifest.put(record("r", number)) == number
            print(number, flush=True)
    """


def start(path: Path, name: str, code: str) -> subprocess.Popen[str]:
    """Start a process that works on the manifest at `path`."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_CHILD + code), str(path), name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_processes_lose_nothing(tmp_path: Path) -> None:
    """Two processes that create the file and put 500 records each at once keep every one."""
    path = tmp_path / "m.db"
    children = [start(path, name, _PUT_500) for name in ("one", "two")]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate(timeout=60)
        assert child.returncode == 0
    with SQLiteManifest(path) as manifest:
        expected = {f"{name}-{number}" for name in ("one", "two") for number in range(500)}
        assert {record.target for record in manifest.records()} == expected | {"shared"}
        shared = manifest.history(resource_id(ADDRESS, "shared"))
        assert len(shared) == len({record.etag for record in shared}) == 200


@pytest.mark.crash
def test_a_kill_while_writing_leaves_the_old_or_the_new_row(tmp_path: Path) -> None:
    """Whatever was reported is there, at most one more, and each version is whole."""
    path, r = tmp_path / "m.db", resource_id(ADDRESS, "r")
    for after in (1, 2, 7, 20, 3):
        child = start(path, "x", _PUT_FOREVER)
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(after)]
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.readlines()  # printed between that line and the kill
        child.communicate()
        reported = int([line for line in lines if line.endswith("\n")][-1])
        with SQLiteManifest(path) as manifest:
            sizes = [record.size for record in manifest.history(r)]
            assert sizes in [list(range(top, 0, -1)) for top in (reported, reported + 1)]
            current = manifest.get(r)
            assert current is not None
            assert current.size == sizes[0]
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_newer_manifest_is_refused_untouched(tmp_path: Path) -> None:
    """A manifest of a newer layout keeps every octet."""
    path = tmp_path / "m.db"
    with SQLiteManifest(path) as manifest:
        manifest.put(sample())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    with pytest.raises(ManifestTooNew, match="update etagkit"):
        SQLiteManifest(path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["m.db"]


def test_a_sidecar_is_not_taken_for_a_manifest(tmp_path: Path) -> None:
    """A file that is no database is refused, with every octet kept."""
    path = tmp_path / "m.db"
    path.write_bytes(b'{"schema": 1}\n')
    with pytest.raises(ManifestCorrupt):
        SQLiteManifest(path)
    assert path.read_bytes() == b'{"schema": 1}\n'


@pytest.mark.parametrize(
    ("text", "error"),
    [("{", ManifestCorrupt), ('{"schema": 2}', ManifestTooNew), ('{"schema": 1}', ManifestCorrupt)],
)
def test_a_row_that_cannot_be_read_names_the_file(
    tmp_path: Path, text: str, error: type[Exception]
) -> None:
    """A damaged or newer record is an error, never an absent one, and is not written over."""
    path = tmp_path / "m.db"
    with SQLiteManifest(path) as manifest:
        manifest.put(sample())
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE version SET record = ?", (text,))
        for call in (
            lambda: manifest.get(sample().resource),
            lambda: manifest.put(sample()),
            lambda: manifest.touch(sample().resource, checked_at=LATER),
            lambda: list(manifest.records()),
        ):
            with pytest.raises(error, match=r"m\.db"):
                call()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT record FROM version").fetchall() == [(text,)]


def test_no_secret_is_stored(tmp_path: Path) -> None:
    """Passwords, tokens and signatures are in no file of the manifest."""
    url = "https://me:hunter2@example.org/a?X-Amz-Signature=5ecre7&token=t0ken&sig=s1g&part=1"
    with SQLiteManifest(tmp_path / "m.db") as manifest:
        manifest.put(sample(source_url=url, final_url=url))
        assert [record.target for record in manifest.find(url)] == ["a.csv"]
        files = {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()}
        assert "m.db-wal" in files
    files["closed"] = (tmp_path / "m.db").read_bytes()
    for secret in (b"hunter2", b"5ecre7", b"t0ken", b"s1g"):
        assert not [name for name, data in files.items() if secret in data]
    assert b"example.org/a" in files["closed"]


def test_the_view_is_a_table_for_people(tmp_path: Path) -> None:
    """`SELECT * FROM latest` gives one readable row for each resource, without the JSON."""
    with SQLiteManifest(tmp_path / "m.db") as manifest:
        manifest.put(sample())
        manifest.put(full())
        manifest.put(sample("b\udce9.csv", variant="de"))
    with closing(sqlite3.connect(tmp_path / "m.db")) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM latest")]
    assert rows[0] == {
        "target": "a.csv",
        "source_url": "https://example.org/data/a.csv",
        "variant": "",
        "etag": '"v1"',
        "last_modified_server": None,
        "content_type": None,
        "content_length": None,
        "received": 3,
        "size": 3,
        "sha256": sample().sha256,
        "verdict": "consistent",
        "verified": "",
        "completeness": "proved",
        "magic": None,
        "strategy": None,
        "http_status": 200,
        "download_timestamp": "2026-03-01T12:00:00.123456Z",
        "first_published": "2026-03-01T12:00:00.123456Z",
        "checked_at": None,
        "duration": None,
        "version": 1,
        "resource": sample().resource,
    }
    assert [row["target"] for row in rows] == ["a.csv", "a.csv", "b\\udce9.csv"]
    assert rows[1]["verified"] == "version transfer"
    assert rows[1]["checked_at"] > rows[1]["download_timestamp"] > rows[1]["first_published"]


def test_look_ups_use_an_index(tmp_path: Path) -> None:
    """No query of the store reads all rows to find a few."""
    from etagkit.manifest import _sqlite

    SQLiteManifest(tmp_path / "m.db").close()
    queries = {
        _sqlite._CURRENT: ("r",),
        _sqlite._HISTORY: ("r",),
        _sqlite._BY_SHA256: ("0",),
        _sqlite._FIND: ("u",),
        _sqlite._AT_TARGET: ("t",),
        _sqlite._LIST: ("t", "r", 500),
    }
    with closing(sqlite3.connect(tmp_path / "m.db")) as connection:
        for sql, values in queries.items():
            plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
            assert not [row for row in plan if row[3].startswith("SCAN")], (sql, plan)


def test_the_columns_follow_a_touch(tmp_path: Path) -> None:
    """What is repeated in columns never says something else than the record."""
    with SQLiteManifest(tmp_path / "m.db") as manifest:
        manifest.put(sample())
        manifest.touch(sample().resource, checked_at=LATER, local=FACTS)
    with closing(sqlite3.connect(tmp_path / "m.db")) as connection:
        [(checked,)] = connection.execute("SELECT checked_at FROM latest").fetchall()
    assert checked == "2026-03-01T13:00:00.123456Z"


def test_the_place_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The location is the absolute path, also of a relative one."""
    monkeypatch.chdir(tmp_path)
    with SQLiteManifest("sub/m.db") as manifest:
        assert manifest.location == str(tmp_path / "sub" / "m.db")
        assert repr(manifest) == f"SQLiteManifest({manifest.location!r})"


def test_reading_only(tmp_path: Path) -> None:
    """Every look-up works, every change is refused, and the folder stays as it is."""
    path = tmp_path / "m.db"
    with SQLiteManifest(path) as manifest:
        manifest.put(sample())
    before = path.read_bytes()
    with SQLiteManifest(path, read_only=True) as reader:
        assert reader.get(sample()) == sample()
        assert reader.history(sample()) == list(reader.records()) == [sample()]
        assert reader.find(sample().source_url) == reader.at_target("a.csv") == [sample()]
        assert reader.by_sha256(sample().sha256) == [sample()]
        assert reader.count() == 1
        changes: tuple[Callable[[], object], ...] = (
            lambda: reader.put(sample(etag=None)),
            lambda: reader.touch(sample(), checked_at=LATER),
            lambda: reader.forget(sample()),
            lambda: reader.forget(full()),
        )
        for change in changes:
            with pytest.raises(ManifestError, match="without read_only=True"):
                change()
        assert repr(reader) == f"SQLiteManifest({str(path)!r}, read_only=True)"
    assert {entry.name: entry.read_bytes() for entry in tmp_path.iterdir()} == {"m.db": before}


def test_reading_only_makes_no_file(tmp_path: Path) -> None:
    """A mistyped path is an error, not an empty manifest."""
    with pytest.raises(InvalidArgument, match="no manifest here"):
        SQLiteManifest(tmp_path / "typo" / "m.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_put_changes_nothing(tmp_path: Path) -> None:
    """A record that is refused in the middle of many leaves the others as they were."""
    with SQLiteManifest(tmp_path / "m.db") as manifest:
        manifest.put(sample())
        with pytest.raises(InvalidArgument):
            manifest.put(sample(etag=ETag('"v2"'), size=-1))
        assert manifest.history(sample().resource) == [sample()]
