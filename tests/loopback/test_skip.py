"""When a body is transferred, and when it is not: by the requests that the origin saw."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from etagkit import errors
from etagkit.http import ETag, Validators
from etagkit.manifest import MemoryManifest, sidecar_path
from etagkit.testing import Chunked, ExtraHeaders, NoValidators, Status, Together
from etagkit.transfer import Fetched, LocalCheck, Magic, Reason, Skipped

if TYPE_CHECKING:
    from tests.loopback._world import World

OLD = b"the first version\n" * 200
NEW = b"another version!!\n" * 200


def test_first_fetch(world: World) -> None:
    """What is there arrives whole; its record says what came, from where and how it was shown."""
    url = world.put("/data.txt", OLD, content_type="text/plain", etag='"v1"')
    result = world.fetch(url)
    assert isinstance(result, Fetched)
    assert result.reason is Reason.NEVER_FETCHED
    assert result.changed
    assert result.read_bytes() == OLD == world.read()
    record = world.record()
    assert record == result.record
    assert record.source_url == record.final_url == url
    assert record.etag == ETag('"v1"')
    assert (record.size, record.received, record.content_length) == (len(OLD),) * 3
    assert (record.content_type, record.magic, record.strategy) == ("text/plain", "text", "binary")
    assert (record.verdict, record.verified) == ("consistent", ("version", "transfer"))
    assert record.http_version == "HTTP/1.1"
    assert record.duration is not None
    assert world.asked() == ["HEAD 200", "GET 206", "GET 200"]


def test_an_equal_tag_costs_one_head(world: World) -> None:
    """The second run asks once, and gets no body."""
    url = world.put("/data.txt", OLD)
    first = world.fetch(url)
    world.origin.clear_log()
    second = world.fetch(url)
    assert isinstance(second, Skipped)
    assert not second.changed
    assert second.reason is Reason.UNCHANGED
    assert second.record.sha256 == first.record.sha256
    assert second.record.checked_at is not None
    assert first.record.checked_at is not None
    assert second.record.checked_at >= first.record.checked_at
    assert world.record().checked_at == second.record.checked_at
    assert world.asked() == ["HEAD 200"]


def test_a_changed_source_is_fetched(world: World) -> None:
    """Another tag means another version; the earlier one stays in the history."""
    url = world.put("/data.txt", OLD)
    world.fetch(url)
    world.put("/data.txt", NEW)
    result = world.fetch(url)
    assert isinstance(result, Fetched)
    assert (result.reason, result.changed) == (Reason.SOURCE_CHANGED, True)
    assert result.previous is not None
    assert world.read() == NEW


def test_a_new_tag_on_equal_bytes(small_world: World) -> None:
    """A server that renames its versions costs a transfer; the result says that nothing changed."""
    url = small_world.put("/data.txt", OLD, etag='"v1"')
    small_world.fetch(url)
    small_world.put("/data.txt", OLD, etag='"v2"')
    result = small_world.fetch(url)
    assert isinstance(result, Fetched)
    assert not result.changed
    assert small_world.record().etag == ETag('"v2"')


def test_a_deleted_file_is_fetched(world: World) -> None:
    """The tag is equal, the file is gone: it comes again."""
    url = world.put("/data.txt", OLD)
    world.fetch(url)
    os.unlink(world.path())
    result = world.fetch(url)
    assert (type(result), result.reason) == (Fetched, Reason.LOCAL_MISSING)
    assert world.read() == OLD


def test_an_edited_file_is_fetched(world: World) -> None:
    """Other bytes of the same size are noticed, though size and modification time were put back."""
    url = world.put("/data.txt", OLD)
    world.fetch(url)
    before = os.stat(world.path())
    with open(world.path(), "r+b") as file:
        file.write(b"X")
    os.utime(world.path(), ns=(before.st_atime_ns, before.st_mtime_ns))
    result = world.fetch(url)
    assert (type(result), result.reason) == (Fetched, Reason.LOCAL_DIFFERS)
    assert world.read() == OLD


def test_a_replaced_file_is_fetched(small_world: World) -> None:
    """Another file of the same size under the name is noticed."""
    url = small_world.put("/data.txt", OLD)
    small_world.fetch(url)
    other = small_world.path("other")
    with open(other, "wb") as file:
        file.write(OLD.upper())
    os.replace(other, small_world.path())
    assert small_world.fetch(url).reason is Reason.LOCAL_DIFFERS
    assert small_world.read() == OLD


def test_a_touched_file_is_hashed_once(world: World) -> None:
    """Other times and equal bytes are a skip; the record then knows the new times."""
    url = world.put("/data.txt", OLD)
    world.fetch(url)
    os.utime(world.path(), (1, 1))
    world.origin.clear_log()
    assert isinstance(world.fetch(url), Skipped)
    assert world.asked() == ["HEAD 200"]
    record = world.record()
    assert record.local is not None
    assert record.local.mtime_ns == 10**9


def test_force_fetches_in_any_case(world: World) -> None:
    """With `force` the body comes though nothing changed."""
    url = world.put("/data.txt", OLD)
    world.fetch(url)
    result = world.fetch(url, force=True)
    assert isinstance(result, Fetched)
    assert (result.reason, result.changed) == (Reason.FORCED, False)


def test_the_bytes_can_be_checked_before_a_skip(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `LocalCheck.HASH` an edit is found that left all facts as they were."""
    url = world.put("/data.txt", OLD)
    world.fetch(url)
    assert isinstance(world.fetch(url, local_check=LocalCheck.HASH), Skipped)
    with open(world.path(), "r+b") as file:
        file.write(b"X")
    facts = world.record().local

    def unmoved(*_: object) -> object:
        return facts

    with monkeypatch.context() as patch:
        patch.setattr("etagkit.drivers._files.Files.stat", unmoved)
        assert isinstance(world.fetch(url), Skipped)
        result = world.fetch(url, local_check=LocalCheck.HASH)
    assert result.reason is Reason.LOCAL_DIFFERS
    assert world.read() == OLD


# --- validators ------------------------------------------------------------------------------


def test_without_validators_everything_is_fetched(world: World) -> None:
    """A source that says nothing about its version is asked for the body each time."""
    url = world.put("/data.txt", OLD)
    world.origin.always("/data.txt", NoValidators())
    world.fetch(url)
    result = world.fetch(url)
    assert (type(result), result.reason) == (Fetched, Reason.CANNOT_TELL)


@pytest.mark.parametrize(("age", "kind"), [(3600, Skipped), (0, Fetched)])
def test_only_a_date(world: World, age: int, kind: type) -> None:
    """Last-Modified alone is enough if it was a second old: a file may change twice in one."""
    now = datetime.now(UTC)
    url = world.put("/data.txt", OLD, last_modified=now - timedelta(seconds=age), etag="")
    dated = ExtraHeaders({"Date": now.strftime("%a, %d %b %Y %H:%M:%S GMT")})
    world.origin.always("/data.txt", dated)
    world.fetch(url)
    assert type(world.fetch(url)) is kind


@pytest.mark.parametrize("etag", ['W/"v1"', "v1-unquoted", '"caf\xe9"', '""'])
def test_odd_tags_still_tell(world: World, etag: str) -> None:
    """A weak tag, one without quotes and one above ASCII are enough to skip."""
    url = world.put("/data.txt", OLD, etag=etag)
    world.fetch(url)
    world.origin.clear_log()
    assert isinstance(world.fetch(url), Skipped)
    assert world.asked() == ["HEAD 200"]
    world.put("/data.txt", NEW, etag=f'{etag.rstrip(chr(34))}2"' if '"' in etag else "v2")
    assert isinstance(world.fetch(url), Fetched)


def test_a_weakened_tag_is_the_same_version(small_world: World) -> None:
    """A proxy that weakens the tag does not cost a transfer."""
    url = small_world.put("/data.txt", OLD, etag='"v1"')
    small_world.fetch(url)
    small_world.put("/data.txt", OLD, etag='W/"v1"')
    assert isinstance(small_world.fetch(url), Skipped)


@pytest.mark.parametrize("etag", ["*", '"a", "b"', 'w/"v1"', "\x7f"])
def test_broken_tags_tell_nothing(small_world: World, etag: str) -> None:
    """A field that is no tag is never compared."""
    url = small_world.put("/data.txt", OLD)
    small_world.origin.always("/data.txt", Together(NoValidators(), ExtraHeaders({"ETag": etag})))
    small_world.fetch(url)
    assert small_world.record().etag is None
    assert small_world.fetch(url).reason in {Reason.CANNOT_TELL, Reason.UNCHANGED}
    if etag == "*":
        assert small_world.asked().count("GET 200") == 2


def test_the_tag_of_the_body_is_recorded(small_world: World) -> None:
    """Validators are those of the answer with the bytes, not those that the HEAD showed."""
    url = small_world.put("/data.txt", OLD, etag='"body"')
    small_world.origin.script("/data.txt", ExtraHeaders({"ETag": '"head"'}, methods="HEAD"))
    small_world.fetch(url)
    assert small_world.record().etag == ETag('"body"')
    assert isinstance(small_world.fetch(url), Skipped)  # a HEAD that disagrees is not believed


# --- what else is wanted ---------------------------------------------------------------------


def test_another_expectation_is_looked_at(small_world: World) -> None:
    """A pin that the recorded bytes do not meet is a transfer, one that they meet a skip."""
    import hashlib

    url = small_world.put("/data.txt", OLD)
    small_world.fetch(url)
    right = hashlib.sha256(OLD).hexdigest()
    assert isinstance(small_world.fetch(url, expected_sha256=right.upper()), Skipped)
    assert isinstance(small_world.fetch(url, expected_size=len(OLD)), Skipped)
    assert isinstance(small_world.fetch(url, expected_type=Magic.TEXT), Skipped)
    assert isinstance(small_world.fetch(url, max_bytes=len(OLD)), Skipped)
    small_world.put("/data.txt", NEW, etag=str(small_world.record().etag))
    pinned = hashlib.sha256(NEW).hexdigest()
    result = small_world.fetch(url, expected_sha256=pinned)
    assert result.reason is Reason.EXPECTATION_CHANGED
    assert small_world.read() == NEW


def test_another_form_is_fetched(small_world: World) -> None:
    """A gzip that is stored as sent is fetched again when the decoded form is asked for."""
    import gzip

    url = small_world.put("/data.json.gz", gzip.compress(b'{"a": 1}'))
    small_world.allow(b'{"a": 1}')
    small_world.fetch(url)
    result = small_world.fetch(url, decode=True)
    assert result.reason is Reason.FORM_CHANGED
    assert small_world.read() == b'{"a": 1}'
    assert isinstance(small_world.fetch(url, decode=True), Skipped)
    assert small_world.fetch(url).reason is Reason.FORM_CHANGED
    os.unlink(small_world.path())
    result = small_world.fetch(url, decode=True)
    assert result.record.strategy == "gzip+json:decoded"


@pytest.mark.parametrize("decode", [False, True])
@pytest.mark.parametrize("force", [False, True])
def test_a_known_version_is_checked_as_before(
    small_world: World, decode: bool, force: bool
) -> None:
    """A known version that is fetched again goes through the strategy that it needs."""
    import gzip

    url = small_world.put("/data.json.gz", gzip.compress(b'{"a": 1}'))
    small_world.allow(b'{"a": 1}')
    first = small_world.fetch(url, decode=decode)
    os.unlink(small_world.path())
    second = small_world.fetch(url, decode=decode, force=force)
    assert isinstance(second, Fetched)
    assert second.record.strategy == first.record.strategy
    assert second.record.strategy == ("gzip+json:decoded" if decode else "gzip+json")


def test_one_file_of_two_sources(small_world: World) -> None:
    """A name that holds another source's file is refused, until somebody insists."""
    one = small_world.put("/one", OLD)
    two = small_world.put("/two", NEW)
    store = MemoryManifest()
    small_world.fetch(one, manifest=store)
    with pytest.raises(errors.TargetTaken) as caught:
        small_world.fetch(two, manifest=store)
    assert caught.value.found == one
    assert small_world.read() == OLD
    assert isinstance(small_world.fetch(one, manifest=store), Skipped)
    assert isinstance(small_world.fetch(two, manifest=store, force=True), Fetched)
    assert isinstance(small_world.fetch(two, manifest=store), Skipped)
    with pytest.raises(errors.TargetTaken):
        small_world.fetch(one, manifest=store)
    assert small_world.read() == NEW


def test_a_file_without_a_record(small_world: World) -> None:
    """It is replaced, but not without a word."""
    url = small_world.put("/data.txt", NEW)
    with open(small_world.path(), "wb") as file:
        file.write(OLD)
    assert small_world.fetch(url).reason is Reason.UNRECORDED_FILE
    assert small_world.read() == NEW


# --- asking only -----------------------------------------------------------------------------


def test_has_changed(world: World) -> None:
    """One HEAD tells whether a held version is still current; not to know counts as changed."""
    url = world.put("/data.txt", OLD, etag='"v1"')
    result = world.fetch(url)
    world.origin.clear_log()
    for held in (result, result.record, '"v1"', ETag('W/"v1"'), world.path()):
        report = world.has_changed(url, held)
        assert not report
        assert report.reason is Reason.UNCHANGED
    assert world.asked() == ["HEAD 304"] * 5
    assert world.has_changed(url, '"v0"')
    unknown = world.has_changed(url, Validators())
    assert unknown.changed
    assert unknown.reason is Reason.CANNOT_TELL


@pytest.mark.parametrize("refusal", [403, 405, 501, None])
def test_has_changed_without_head(world: World, refusal: int | None) -> None:
    """Where HEAD is refused or breaks, a conditional GET of one octet asks instead."""
    from etagkit.testing import Reset

    url = world.put("/data.txt", OLD, etag='"v1"')
    bad = Reset(methods="HEAD") if refusal is None else Status(refusal, methods="HEAD")
    world.origin.always("/data.txt", bad)
    assert not world.has_changed(url, '"v1"')
    assert world.has_changed(url, '"v0"')
    assert world.last().status == 206
    assert world.bodies() <= 1


def test_a_file_that_was_never_fetched(small_world: World) -> None:
    """What has no record counts as changed, and nothing is made on the disk to find that out."""
    url = small_world.put("/data.txt", OLD)
    report = small_world.has_changed(url, small_world.path("other"))
    assert report.changed
    assert report.reason is Reason.NEVER_FETCHED
    assert os.listdir(small_world.folder) == []


def test_conditional_look_with_a_record(world: World) -> None:
    """Where HEAD is refused, the look at the first octets carries the tag, and 304 ends it."""
    url = world.put("/data.txt", OLD, etag='"v1"')
    world.origin.always("/data.txt", Status(405, methods="HEAD"))
    world.fetch(url)
    world.origin.clear_log()
    assert isinstance(world.fetch(url), Skipped)
    assert world.asked() == ["HEAD 405", "GET 304"]
    assert world.bodies() == 0


def test_chunked_bodies_are_whole(world: World) -> None:
    """A body without a length is shown whole by its last chunk."""
    url = world.put("/data.txt", OLD)
    world.origin.always("/data.txt", Chunked())
    result = world.fetch(url)
    assert result.record.content_length is None
    assert result.record.verdict == "consistent"
    assert isinstance(world.fetch(url), Skipped)


# --- where it goes ---------------------------------------------------------------------------


def test_a_folder_takes_the_name_of_the_url(world: World) -> None:
    """Given a folder, the file is named after the URL; folders that are missing are made."""
    url = world.put("/a b.txt", OLD)
    assert world.fetch(f"{url}?x=1", "some/where/").path.name == "a b.txt"
    assert world.names() == ["some/where/a b.txt"]
    assert isinstance(world.fetch(f"{url}?x=1", "some/where"), Skipped)


def test_the_manifest_lies_beside_the_file(small_world: World) -> None:
    """By default each folder keeps its own; it moves with the folder and keeps its worth."""
    url = small_world.put("/data.txt", OLD)
    small_world.fetch(url, "one/file")
    assert os.path.exists(small_world.path("one/.etagkit/manifest.sqlite"))
    os.rename(small_world.path("one"), small_world.path("two"))
    assert isinstance(small_world.fetch(url, "two/file"), Skipped)


def test_a_manifest_of_the_callers_choice(small_world: World) -> None:
    """A path or a store is used for all targets, and then nothing is made beside the files."""
    url = small_world.put("/data.txt", OLD)
    path = small_world.path("records.db")
    for to in ("a/file", "b/file"):
        assert isinstance(small_world.fetch(url, to, manifest=path), Fetched)
        assert isinstance(small_world.fetch(url, to, manifest=path), Skipped)
    with MemoryManifest() as store:
        small_world.fetch(url, "c/file", manifest=store)
        assert isinstance(small_world.fetch(url, "c/file", manifest=store), Skipped)
        assert store.count() == 1
        (record,) = store.records()
        assert record.target == small_world.path("c/file")
    assert not [name for name, _ in small_world.files() if ".etagkit" in name]


def test_a_sidecar_on_request(small_world: World) -> None:
    """With `sidecar` the record also lies beside the file, readable and equal."""
    from etagkit.manifest import parse_sidecar

    url = small_world.put("/data.txt", OLD)
    small_world.fetch(url)
    assert small_world.names() == ["file"]
    result = small_world.fetch(url, force=True, sidecar=True)
    with open(sidecar_path(result.path), "rb") as file:
        assert parse_sidecar(file.read()) == result.record == small_world.record()


def test_a_link_is_kept(small_world: World) -> None:
    """A target that is a symbolic link: what it points to is replaced, the link stays."""
    url = small_world.put("/data.txt", OLD)
    os.mkdir(small_world.path("far"))
    os.symlink("far/real", small_world.path("link"))
    small_world.fetch(url, "link")
    assert os.readlink(small_world.path("link")) == "far/real"
    assert small_world.read("far/real") == OLD
    assert isinstance(small_world.fetch(url, "link"), Skipped)


@pytest.mark.parametrize("mode", [0o600, 0o444])
def test_permissions_are_kept(small_world: World, mode: int) -> None:
    """A new version has the permissions of the old file."""
    url = small_world.put("/data.txt", OLD)
    small_world.fetch(url)
    os.chmod(small_world.path(), mode)
    small_world.put("/data.txt", NEW)
    small_world.fetch(url)
    assert os.stat(small_world.path()).st_mode & 0o7777 == mode
    assert isinstance(small_world.fetch(url), Skipped)
