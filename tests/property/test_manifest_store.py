"""The store in a file and the store in memory are one and the same to their callers."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from etagkit.flow import FileFacts
from etagkit.http import ETag
from etagkit.manifest import ManifestRecord, MemoryManifest, SQLiteManifest, resource_id

pytestmark = pytest.mark.property

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 5).map(lambda minutes: EPOCH + timedelta(minutes=minutes))
URLS = st.sampled_from(["https://example.org/a", "https://u:p@example.org/b?token=1"])
TARGETS = st.sampled_from(["a", "b/\udce9", "\U0001f600", ""])
HASHES = st.sampled_from(["0" * 64, "f" * 64])
TAGS = st.none() | st.sampled_from([ETag('"1"'), ETag('W/"1"'), ETag('"2"')])
FACTS = st.none() | st.builds(
    FileFacts, size=st.just(1), mtime_ns=st.integers(0, 3), ctime_ns=st.just(0), inode=st.just(7)
)


def record_of(
    url: str, target: str, sha256: str, etag: ETag | None, moment: datetime
) -> ManifestRecord:
    """Return a record of one of few resources."""
    return ManifestRecord(
        resource=resource_id(url, target),
        source_url=url,
        target=target,
        download_timestamp=moment,
        sha256=sha256,
        size=1,
        received=1,
        etag=etag,
    )


class SQLiteLikeMemory(RuleBasedStateMachine):
    """Every call is made on both; every answer must be the same."""

    def __init__(self) -> None:
        """Start both empty."""
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "m.db"
        self.file = SQLiteManifest(self.path)
        self.memory = MemoryManifest()

    @rule(record=st.builds(record_of, URLS, TARGETS, HASHES, TAGS, MOMENTS))
    def put(self, record: ManifestRecord) -> None:
        """The same version number comes back."""
        assert self.file.put(record) == self.memory.put(record)

    @rule(url=URLS, place=TARGETS, moment=MOMENTS, facts=FACTS)
    def touch(self, url: str, place: str, moment: datetime, facts: FileFacts | None) -> None:
        """Both know the resource, or neither."""
        resource = resource_id(url, place)
        done = self.file.touch(resource, checked_at=moment, local=facts)
        assert done == self.memory.touch(resource, checked_at=moment, local=facts)

    @rule(url=URLS, place=TARGETS)
    def forget(self, url: str, place: str) -> None:
        """Both had the resource, or neither."""
        resource = resource_id(url, place)
        assert self.file.forget(resource) == self.memory.forget(resource)

    @rule()
    def reopen(self) -> None:
        """Closing and opening changes nothing."""
        self.file.close()
        self.file = SQLiteManifest(self.path)

    @rule(url=URLS, sha256=HASHES)
    def look_up(self, url: str, sha256: str) -> None:
        """Look-ups find the same records in the same order."""
        assert self.file.find(url) == self.memory.find(url)
        assert self.file.by_sha256(sha256) == self.memory.by_sha256(sha256)

    @rule(place=TARGETS)
    def look_at(self, place: str) -> None:
        """Both know the same sources of a file, the latest first."""
        found = self.file.at_target(place)
        assert found == self.memory.at_target(place)
        times = [record.download_timestamp for record in found]
        assert times == sorted(times, reverse=True)

    @rule(url=URLS)
    def read_only(self, url: str) -> None:
        """Who only reads, beside an open writer, sees the same."""
        with SQLiteManifest(self.path, read_only=True) as reader:
            assert reader.find(url) == self.memory.find(url)
            assert list(reader.records()) == list(self.memory.records())

    @invariant()
    def equal(self) -> None:
        """Both list the same, with the same history."""
        current = list(self.file.records())
        assert current == list(self.memory.records())
        assert self.file.count() == self.memory.count() == len(current)
        for record in current:
            history = self.file.history(record.resource)
            assert history == self.memory.history(record.resource)
            assert history[0] == self.file.get(record.resource) == record

    def teardown(self) -> None:
        """Close both."""
        self.file.close()
        self.memory.close()
        self.folder.cleanup()


SQLiteLikeMemory.TestCase.settings = settings(stateful_step_count=25)
TestSQLiteLikeMemory = SQLiteLikeMemory.TestCase
