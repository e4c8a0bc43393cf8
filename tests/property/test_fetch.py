"""Whatever source, network and user do, in any order: no wrong file, no wrong record."""

from __future__ import annotations

import hashlib
import os
import tempfile
from typing import Any

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from etagkit.errors import EtagKitError
from etagkit.manifest import Completeness, ManifestRecord, MemoryManifest
from etagkit.testing import (
    Behaviour,
    ChangeDuring,
    Chunked,
    CloseDelimited,
    Cut,
    CutChunked,
    EncodeGzip,
    ExtraHeaders,
    Garbage,
    IgnoreConditions,
    IgnoreRange,
    LoginPage,
    NoHead405,
    NoValidators,
    Origin,
    Reset,
    Status,
    Together,
    UnaskedPartial,
    Well,
    WrongLength,
)
from etagkit.transfer import DownloadContext, Fetched, FetchOptions, FetchResult, LocalCheck

pytestmark = pytest.mark.property

#: Longer than the sample of a probe, so that cuts fall before and behind its end.
_SIZES = st.integers(1, 3000)

_FAULTS: st.SearchStrategy[Behaviour] = st.one_of(
    st.builds(Cut, after=_SIZES),
    st.builds(CutChunked, after=_SIZES),
    st.builds(CloseDelimited, after=_SIZES | st.none()),
    st.builds(Reset, after=_SIZES | st.none()),
    st.builds(Status, st.sampled_from([200, 204, 206, 304, 404, 416, 500])),
    st.builds(UnaskedPartial, first=st.integers(0, 100)),
    st.sampled_from(
        [
            Well(),
            Chunked(),
            EncodeGzip(suffix="-gzip"),
            ExtraHeaders({"Content-Encoding": "gzip"}),
            ExtraHeaders({"ETag": "unquoted"}),
            Garbage(),
            IgnoreConditions(),
            IgnoreRange(),
            LoginPage(),
            NoHead405(),
            NoValidators(),
            Together(NoValidators(), CloseDelimited()),
            Together(IgnoreRange(), Chunked()),
        ]
    ),
)


class Fetching(RuleBasedStateMachine):
    """One file at a source, one target, a manifest that is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.origin = Origin()
        self.folder = tempfile.TemporaryDirectory(prefix="etagkit-")
        self.target = os.path.join(self.folder.name, "file")
        self.manifest = MemoryManifest()
        self.client = httpx.Client(trust_env=False, timeout=5)
        self.context = DownloadContext(self.client, manifest=self.manifest)
        self.versions: list[bytes] = []
        self.tampered = False
        self.change()

    def teardown(self) -> None:
        """Stop the origin."""
        self.client.close()
        self.origin.close()
        self.folder.cleanup()

    def _next(self) -> bytes:
        """Return the bytes of a version that was never before; every one is a text."""
        number = len(self.versions)
        body = f"version {number}\n".encode() * (1 + 90 * (number % 4))
        self.versions.append(body)
        return body

    # --- the source ------------------------------------------------------------------------

    @rule()
    def change(self) -> None:
        """The source gets another version."""
        self.origin.put("/file.txt", self._next(), content_type="text/plain")

    @rule(weak=st.booleans())
    def rename(self, weak: bool) -> None:
        """The source gives the same bytes another tag."""
        tag = f'{"W/" * weak}"tag-{len(self.origin.log)}-{len(self.versions)}"'
        self.origin.put("/file.txt", self.versions[-1], content_type="text/plain", etag=tag)

    @rule(faults=st.lists(_FAULTS, max_size=4))
    def misbehave(self, faults: list[Behaviour]) -> None:
        """The next requests go wrong in some way, then all is well."""
        self.origin.script("/file.txt", *faults, Well())

    @rule(after=st.integers(0, 3))
    def change_under_way(self, after: int) -> None:
        """The source changes between two requests."""
        self.origin.script("/file.txt", *[Well()] * after, ChangeDuring(self._next()), Well())

    @rule(more=st.integers(-500, 500), after=st.integers(0, 2))
    def lie(self, more: int, after: int) -> None:
        """The source announces another length than it sends, at first or for the body alone."""
        wrong = WrongLength(max(0, len(self.versions[-1]) + more))
        self.origin.script("/file.txt", *[Well()] * after, wrong)

    # --- the user --------------------------------------------------------------------------

    @rule()
    def delete(self) -> None:
        """The file is gone."""
        if os.path.exists(self.target):
            os.unlink(self.target)

    @rule(restore=st.booleans())
    def edit(self, restore: bool) -> None:
        """The file is edited, its size kept, its times perhaps put back."""
        if os.path.exists(self.target) and os.path.getsize(self.target):
            times = os.stat(self.target)
            with open(self.target, "r+b") as file:
                file.write(b"E")
            if restore:
                os.utime(self.target, ns=(times.st_atime_ns, times.st_mtime_ns))
            self.tampered = True

    @rule(when=st.integers(1, 10**9))
    def touch(self, when: int) -> None:
        """Only the times of the file change."""
        if os.path.exists(self.target):
            os.utime(self.target, (when, when))

    @rule(
        force=st.booleans(),
        accept=st.booleans(),
        check=st.sampled_from(LocalCheck),
        pinned=st.booleans(),
    )
    def fetch(self, *, force: bool, accept: bool, check: LocalCheck, pinned: bool) -> None:
        """The file is fetched, with any options."""
        pin = hashlib.sha256(self.versions[-1]).hexdigest() if pinned else None
        options = FetchOptions(
            force=force, accept_unverified=accept, local_check=check, expected_sha256=pin
        )
        before = self._content()
        try:
            result = self.context.fetch(self.origin.url("/file.txt"), self.target, options=options)
        except EtagKitError:
            assert self._content() == before
            return
        self._look_at(result, pin)

    @rule()
    def fetch_well(self) -> None:
        """When nothing goes wrong, the file is the current version, and a second run is a skip."""
        self.origin.script("/file.txt")
        url = self.origin.url("/file.txt")
        self.context.fetch(url, self.target)
        self.origin.clear_log()
        result = self.context.fetch(url, self.target)
        assert type(result).__name__ == "Skipped"
        assert [each.method for each in self.origin.log] == ["HEAD"]
        assert self._content() == self.client.get(url).content
        self.tampered = False

    def _look_at(self, result: FetchResult, pin: str | None) -> None:
        content = self._content()
        assert content is not None
        assert hashlib.sha256(content).hexdigest() == result.record.sha256
        assert pin in {None, result.record.sha256}
        if isinstance(result, Fetched):
            self.tampered = False
        assert not self.tampered, "an edited file was taken for the fetched one"

    # --- what must hold --------------------------------------------------------------------

    def _content(self) -> bytes | None:
        try:
            with open(self.target, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def _record(self) -> ManifestRecord | None:
        return next(iter(self.manifest.records()), None)

    @invariant()
    def the_file_is_a_version(self) -> None:
        """What stands under the name is what the source held at some time, unless it was edited."""
        content, record = self._content(), self._record()
        if content is None or self.tampered:
            return
        unproved = record is not None and record.completeness is Completeness.UNVERIFIED
        whole = self.versions
        assert content in whole or (unproved and any(v.startswith(content) for v in whole))

    @invariant()
    def the_record_is_true(self) -> None:
        """The record describes the file, as long as nobody touched it."""
        content, record = self._content(), self._record()
        if content is None:
            return
        assert record is not None
        if not self.tampered:
            assert (record.size, record.sha256) == (
                len(content),
                hashlib.sha256(content).hexdigest(),
            )

    @invariant()
    def nothing_else_is_there(self) -> None:
        """No temporary file outlives its fetch."""
        assert set(os.listdir(self.folder.name)) <= {"file"}


def _limits(base: Any) -> Any:
    """Return `base` with more runs: each takes some hundredths of a second."""
    return settings(base, max_examples=base.max_examples * 2, stateful_step_count=30)


Fetching.TestCase.settings = _limits(settings())
TestFetching = Fetching.TestCase
