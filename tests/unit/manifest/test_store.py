"""The contract of a manifest, kept by every implementation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from etagkit.errors import InvalidArgument, ManifestError
from etagkit.flow import FileFacts
from etagkit.http import ETag
from etagkit.manifest import ManifestStore, resource_id
from tests.unit.manifest._samples import (
    EARLIER,
    FACTS,
    LATER,
    NOON,
    URL,
    full,
    sample,
    sha256_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable

UNKNOWN = resource_id("https://example.org/unknown", "unknown")


def test_what_was_put_comes_back(store: ManifestStore) -> None:
    """A record with every field set is returned as it was."""
    record = full()
    assert store.get(record.resource) is None
    assert store.put(record) == 1
    assert store.get(record.resource) == record
    assert store.history(record.resource) == [record]


def test_an_empty_store_is_true(store: ManifestStore) -> None:
    """A store does not count as false when it is empty, so `store or other` keeps it."""
    assert store.count() == 0
    assert bool(store) is True


def test_equal_content_and_validators_replace_in_place(store: ManifestStore) -> None:
    """A second fetch of the same version updates its record and adds none."""
    first = sample(last_modified_settled=False)
    again = sample(last_modified_settled=True, download_timestamp=LATER, checked_at=LATER)
    assert (store.put(first), store.put(again)) == (1, 1)
    assert store.history(first.resource) == [attrs.evolve(again, first_published=NOON)]


def test_a_version_keeps_its_first_date(store: ManifestStore) -> None:
    """However often one version is published again, it is held since the first time."""
    times = [NOON, LATER, LATER + (LATER - NOON)]
    for time in times:
        store.put(sample(download_timestamp=time))
    (record,) = store.history(sample())
    assert record.download_timestamp == times[-1]
    assert record.first_published == record.held_since == NOON


def test_the_first_date_survives_a_check(store: ManifestStore) -> None:
    """An unchanged source says nothing about when its version was first here."""
    store.put(sample())
    store.put(sample(download_timestamp=LATER))
    store.touch(sample(), checked_at=LATER)
    (record,) = store.history(sample())
    assert record.held_since == NOON


def test_putting_the_same_again_changes_nothing(store: ManifestStore) -> None:
    """A version that was published once needs no second date."""
    store.put(sample())
    store.put(sample())
    assert store.history(sample()) == [sample()]
    assert sample().held_since == NOON


def test_the_earlier_first_date_counts(store: ManifestStore) -> None:
    """A record that was held elsewhere before, or is put out of order, keeps the earlier date."""
    store.put(sample())
    store.put(sample(first_published=EARLIER, download_timestamp=LATER))
    assert [record.held_since for record in store.history(sample())] == [EARLIER]
    store.put(sample(download_timestamp=EARLIER))
    assert store.history(sample()) == [sample(download_timestamp=EARLIER)]


def test_another_version_begins_a_date_of_its_own(store: ManifestStore) -> None:
    """The date belongs to the version, not to the resource."""
    store.put(sample())
    store.put(sample(etag=ETag('"v2"'), download_timestamp=LATER))
    assert [record.held_since for record in store.history(sample())] == [LATER, NOON]


@pytest.mark.parametrize(
    "change",
    [
        {"sha256": sha256_of("other")},
        {"size": 4},
        {"etag": ETag('"v2"')},
        {"etag": ETag('W/"v1"')},
        {"etag": None},
        {"last_modified_server": "Sun, 06 Nov 1994 08:49:37 GMT"},
        {"unquoted_etag": "v1"},
    ],
    ids=["hash", "size", "tag", "weaker-tag", "no-tag", "date", "unquoted-tag"],
)
def test_another_version_is_kept_beside_the_old_one(
    store: ManifestStore, change: dict[str, Any]
) -> None:
    """Other bytes or other validators make a new version; the old one stays in the history."""
    old, new = sample(), sample(**change)
    assert (store.put(old), store.put(new)) == (1, 2)
    assert store.get(old.resource) == new
    assert store.history(old.resource) == [new, old]


def test_a_version_that_returns_is_a_new_one(store: ManifestStore) -> None:
    """History tells that the source went back, instead of reviving the old entry."""
    one, two = sample(), sample(etag=ETag('"v2"'))
    assert [store.put(record) for record in (one, two, one)] == [1, 2, 3]
    assert store.history(one.resource) == [one, two, one]


def test_touch_moves_the_check_and_the_local_facts(store: ManifestStore) -> None:
    """An unchanged source moves the time of the check and the facts, nothing else."""
    record = full()
    store.put(record)
    facts = FileFacts(size=3, mtime_ns=10, ctime_ns=20, inode=30)
    assert store.touch(record.resource, checked_at=NOON, local=facts)
    assert store.history(record.resource) == [attrs.evolve(record, checked_at=NOON, local=facts)]


def test_touch_without_facts_keeps_them(store: ManifestStore) -> None:
    """What is known about the file survives a check that did not look at it."""
    store.put(sample(local=FACTS))
    assert store.touch(sample().resource, checked_at=LATER)
    current = store.get(sample().resource)
    assert current is not None
    assert (current.local, current.checked_at) == (FACTS, LATER)


def test_touch_leaves_past_versions_alone(store: ManifestStore) -> None:
    """Only the current version can have been called unchanged."""
    old, new = sample(), sample(etag=ETag('"v2"'))
    store.put(old)
    store.put(new)
    store.touch(old.resource, checked_at=LATER)
    assert store.history(old.resource) == [attrs.evolve(new, checked_at=LATER), old]


def test_touch_of_the_unknown_does_nothing(store: ManifestStore) -> None:
    """There is nothing to note about a resource without a record."""
    assert not store.touch(UNKNOWN, checked_at=NOON)
    assert store.get(UNKNOWN) is None
    assert store.history(UNKNOWN) == []
    assert not store.forget(UNKNOWN)
    assert store.count() == 0


def test_a_record_names_its_resource(store: ManifestStore) -> None:
    """Any record of a resource, a past one too, stands for the resource."""
    old, new = sample(), sample(etag=ETag('"v2"'))
    store.put(old)
    store.put(new)
    assert store.get(old) == new
    assert store.history(old) == store.history(new) == [new, old]
    assert store.touch(old, checked_at=LATER)
    assert store.get(new) == attrs.evolve(new, checked_at=LATER)
    assert store.forget(old)
    assert store.count() == 0


@pytest.mark.parametrize(
    "what",
    [URL, "", "a.csv", "A" * 64, "a" * 63, "a" * 64 + "\n", None, 7, b"a" * 64],
    ids=["url", "empty", "target", "upper", "short", "line", "none", "number", "octets"],
)
@pytest.mark.parametrize("method", ["get", "history", "forget", "touch"])
def test_what_names_no_resource_is_refused(store: ManifestStore, method: str, what: object) -> None:
    """A URL in the place of an identity is a mistake, and is not answered with "none"."""
    store.put(sample())
    calls: dict[str, Callable[[Any], object]] = {
        "get": store.get,
        "history": store.history,
        "forget": store.forget,
        "touch": lambda what: store.touch(what, checked_at=NOON),
    }
    with pytest.raises(InvalidArgument, match=r"find\(url\)") as caught:
        calls[method](what)
    assert "resource_id()" in str(caught.value)
    assert store.count() == 1


def test_a_refused_url_keeps_its_secrets(store: ManifestStore) -> None:
    """The error for a URL in the wrong place shows no password."""
    with pytest.raises(InvalidArgument) as caught:
        store.history("https://me:hunter2@example.org/a?token=t0ken")
    assert "example.org" in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "t0ken" not in str(caught.value)


def test_a_time_without_zone_is_refused(store: ManifestStore) -> None:
    """A naive time names no moment: nothing is stored, and nothing is changed."""
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(InvalidArgument, match="time zone"):
        store.put(sample(download_timestamp=naive))
    assert store.count() == 0
    store.put(sample())
    with pytest.raises(InvalidArgument, match="time zone"):
        store.touch(sample().resource, checked_at=naive)
    assert store.history(sample().resource) == [sample()]


@pytest.mark.parametrize(
    "change",
    [
        {"size": -1},
        {"size": 2**63},
        {"size": "3"},
        {"sha256": "ABC"},
        {"resource": ""},
        {"resource": "\udcff"},
        {"resource": "a.csv"},
        {"duration": float("nan")},
        {"etag": "v1"},
        {"target": "\ud83d\ude00"},
        {"schema": 2},
    ],
    ids=repr,
)
def test_what_could_not_be_read_back_is_refused(
    store: ManifestStore, change: dict[str, Any]
) -> None:
    """A record that does not keep to its own types never gets into the store."""
    with pytest.raises(InvalidArgument, match="no record to store"):
        store.put(sample(**change))
    assert store.count() == 0


def test_names_of_any_octets_are_kept(store: ManifestStore) -> None:
    """A file name that is not UTF-8 is stored, found and listed as it is."""
    record = sample("caf\udce9\0.csv", source_url="https://example.org/\udce9")
    store.put(record)
    assert store.get(record.resource) == record
    assert list(store.records()) == [record]
    assert store.find("https://example.org/\udce9") == [record]
    assert store.find("https://example.org/\\udce9") == []


def test_look_up_by_hash(store: ManifestStore) -> None:
    """Each version that had these bytes is found, past ones too, in a stable order."""
    other = sample("b.csv")
    old, new = sample(), sample(sha256=sha256_of("new"))
    back = sample(etag=ETag('"v3"'))
    for record in (other, old, new, back):
        store.put(record)
    assert store.by_sha256(sha256_of("abc")) == [back, old, other]
    assert store.by_sha256(sha256_of("new").upper()) == [new]
    assert store.by_sha256("none") == []


def test_find_by_url(store: ManifestStore) -> None:
    """Every target and variant of a source is found; credentials and signatures do not matter."""
    signed = sample("s.csv", source_url=f"https://me:pw@example.org/s?X-Amz-Signature=1#{'x'}")
    plain = [sample("a.csv"), sample("b.csv"), sample("b.csv", variant="fr")]
    for record in (*plain, signed, sample("c.csv", source_url=f"{URL}?page=2")):
        store.put(record)
    plain[1:] = sorted(plain[1:], key=lambda record: record.resource)
    assert store.find(URL) == plain
    assert store.find(URL.replace("https://example.org", "HTTPS://u:p@Example.org:443")) == plain
    assert store.find("https://example.org/s?X-Amz-Signature=2") == [signed]
    assert store.find("https://example.org/data") == []


def test_look_up_by_target(store: ManifestStore) -> None:
    """The sources of one file are found, the one that was published last coming first."""
    one = sample(download_timestamp=LATER)
    two = sample(source_url="https://example.org/other")
    three = sample(variant="fr", download_timestamp=EARLIER)
    for record in (three, sample(download_timestamp=EARLIER), one, two, sample("b.csv")):
        store.put(record)
    first = attrs.evolve(one, first_published=EARLIER)
    assert store.at_target("a.csv") == [first, two, three]
    assert store.at_target("b.csv") == [sample("b.csv")]
    assert store.at_target("a") == []


def test_records_at_a_target_of_one_moment_have_an_order(store: ManifestStore) -> None:
    """Where times are equal the identity decides, so that answers do not vary."""
    same = [sample(variant=str(number)) for number in range(5)]
    for record in same:
        store.put(record)
    assert store.at_target("a.csv") == sorted(same, key=lambda record: record.resource)


def test_a_target_is_known_by_its_current_version(store: ManifestStore) -> None:
    """Past versions do not count, and names of any octets are told apart."""
    store.put(sample("caf\udce9"))
    store.put(sample("caf\udce9", etag=ETag('"v2"')))
    assert store.at_target("caf\udce9") == [sample("caf\udce9", etag=ETag('"v2"'))]
    assert store.at_target("caf\\udce9") == []


def test_find_returns_current_versions_only(store: ManifestStore) -> None:
    """A past version is not what the source has now."""
    store.put(sample())
    store.put(sample(etag=ETag('"v2"')))
    assert store.find(URL) == [sample(etag=ETag('"v2"'))]


def test_records_come_in_the_order_of_their_targets(store: ManifestStore) -> None:
    """Current records are listed once each, by target."""
    targets = ["b", "a/z", "\U0001f600", "z", "", "é", "\uffff"]
    for target in targets:
        store.put(sample(target))
        store.put(sample(target, etag=ETag('"v2"')))
    listed = list(store.records())
    assert [record.target for record in listed] == sorted(targets)
    assert {record.etag for record in listed} == {'"v2"'}


def test_records_are_read_in_pages_that_fit_together(store: ManifestStore) -> None:
    """Long lists, equal targets among them, are complete and free of repetition."""
    for number in range(1003):
        store.put(sample(f"{number % 7}", variant=f"{number}"))
    listed = [record.resource for record in store.records()]
    assert len(listed) == len(set(listed)) == store.count() == 1003


def test_writing_while_reading_is_allowed(store: ManifestStore) -> None:
    """The list may be worked through: what it names may be touched and forgotten under way."""
    for number in range(600):
        store.put(sample(f"{number:03}"))
    for index, record in enumerate(store.records()):
        if index % 2:
            assert store.forget(record.resource)
        else:
            assert store.touch(record.resource, checked_at=LATER)
    assert [record.target for record in store.records()] == [f"{n:03}" for n in range(0, 600, 2)]


def test_forget_removes_the_history_too(store: ManifestStore) -> None:
    """Nothing of a forgotten resource is left, and other resources stay."""
    store.put(sample())
    store.put(sample(etag=ETag('"v2"')))
    store.put(sample("b.csv", sha256=sha256_of("b")))
    assert store.forget(sample().resource)
    assert not store.forget(sample().resource)
    assert store.get(sample().resource) is None
    assert store.history(sample().resource) == []
    assert store.by_sha256(sha256_of("abc")) == []
    assert [record.target for record in store.records()] == ["b.csv"]
    assert store.put(sample()) == 1


def test_closing_twice_is_fine_and_using_it_after_is_not(store: ManifestStore) -> None:
    """A closed store says that it is closed."""
    store.put(sample())
    store.close()
    store.close()
    with pytest.raises(ManifestError, match="closed"):
        store.get(sample().resource)
    with pytest.raises(ManifestError, match="closed"):
        store.put(sample())
    with pytest.raises(ManifestError, match="closed"):
        list(store.records())


def test_threads_lose_nothing(store: ManifestStore) -> None:
    """Many threads putting versions of one resource get one number each, and all are kept."""

    def put(number: int) -> int:
        return store.put(sample(etag=ETag(f'"{number}"')))

    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(put, range(200)))
    assert sorted(numbers) == list(range(1, 201))
    history = store.history(sample().resource)
    assert len({record.etag for record in history}) == 200
    by_number = dict(zip(numbers, range(200), strict=True))
    assert [record.etag for record in history] == [f'"{by_number[n]}"' for n in range(200, 0, -1)]
