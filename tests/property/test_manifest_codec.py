"""Laws of the record's JSON form and of the sidecar."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from etagkit.errors import InvalidArgument, ManifestCorrupt, ManifestError
from etagkit.flow import FileFacts
from etagkit.http import ETag
from etagkit.manifest import (
    Completeness,
    ManifestRecord,
    SQLiteManifest,
    parse_sidecar,
    render_sidecar,
)
from etagkit.manifest._codec import (
    decode_record,
    encode_record,
    format_moment,
    record_from_dict,
    record_to_dict,
)

pytestmark = pytest.mark.property

#: Any text that file names and header fields can give: low surrogates stand for stray octets.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"])
    | st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"]),
    max_size=20,
)
PATHS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="?#"), max_size=20
)
URLS = st.builds(
    "https://{}example.org/{}{}".format,
    st.sampled_from(["", "u:p@"]),
    PATHS,
    st.sampled_from(["", "?token=x", "?a=1&X-Amz-Signature=2", "?", "#f"]),
)
HASHES = st.text("0123456789abcdef", min_size=64, max_size=64)
COUNTS = st.integers(0, 2**63 - 1)
OFFSETS = st.builds(timezone, st.integers(-1439, 1439).map(lambda n: timedelta(minutes=n)))
MOMENTS = st.datetimes(
    datetime(2, 1, 1),  # noqa: DTZ001  the zone is drawn beside it
    datetime(9998, 1, 1),  # noqa: DTZ001
    timezones=OFFSETS | st.just(UTC),
)
OPAQUE = st.characters(min_codepoint=0x23, max_codepoint=0xFF, exclude_characters="\x7f")
TAGS = st.text(OPAQUE).map(ETag.strong) | st.text(OPAQUE).map(ETag.weakly)
FACTS = st.builds(
    FileFacts,
    size=COUNTS,
    mtime_ns=st.integers(),
    ctime_ns=st.integers(),
    inode=st.integers(0, 2**128),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "resource": HASHES,
    "source_url": URLS,
    "final_url": st.none() | URLS,
    "target": TEXTS,
    "variant": TEXTS,
    "etag": st.none() | TAGS,
    "unquoted_etag": st.none() | TEXTS,
    "last_modified_server": st.none() | TEXTS,
    "last_modified_settled": st.booleans(),
    "content_type": st.none() | TEXTS,
    "content_encoding": st.none() | TEXTS,
    "content_disposition": st.none() | TEXTS,
    "vary": st.none() | TEXTS,
    "content_length": st.none() | COUNTS,
    "received": COUNTS,
    "size": COUNTS,
    "sha256": HASHES,
    "wire_sha256": st.none() | HASHES,
    "digests": st.dictionaries(TEXTS, TEXTS, max_size=3),
    "verdict": TEXTS,
    "verified": st.lists(TEXTS, max_size=3).map(tuple),
    "completeness": st.sampled_from(Completeness),
    "magic": st.none() | TEXTS,
    "strategy": st.none() | TEXTS,
    "local": st.none() | FACTS,
    "download_timestamp": MOMENTS,
    "first_published": st.none() | MOMENTS,
    "checked_at": st.none() | MOMENTS,
    "http_status": st.integers(100, 599),
    "http_version": st.none() | TEXTS,
    "server_date": st.none() | TEXTS,
    "duration": st.none() | st.floats(allow_nan=False, allow_infinity=False),
}
RECORDS = st.builds(ManifestRecord, **FIELDS)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


def test_the_strategy_draws_every_field() -> None:
    """A new field of the record must be drawn here too."""
    assert {field.name for field in attrs.fields(ManifestRecord)} == {*FIELDS, "schema"}


@given(RECORDS)
def test_records_come_back_from_json(record: ManifestRecord) -> None:
    """decode(encode(record)) == record, and the text of what came back is the same."""
    text = encode_record(record)
    back = decode_record(text)
    assert back == record
    assert encode_record(back) == text
    assert text.isascii()


@given(RECORDS)
def test_records_come_back_from_a_sidecar(record: ManifestRecord) -> None:
    """parse(render(record)) == record."""
    assert parse_sidecar(render_sidecar(record)) == record


@given(record=RECORDS)
def test_records_come_back_from_a_file(
    record: ManifestRecord, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Whatever can be encoded can be stored, found by each key and read back."""
    with SQLiteManifest(tmp_path_factory.mktemp("any") / "m.db") as manifest:
        assert manifest.put(record) == 1
        assert manifest.get(record.resource) == record
        assert manifest.find(record.source_url) == [record]
        assert manifest.by_sha256(record.sha256) == [record]
        assert manifest.at_target(record.target) == [record]
        assert list(manifest.records()) == [record]


@given(MOMENTS, MOMENTS)
def test_moments_sort_as_texts(one: datetime, other: datetime) -> None:
    """Text order is time order, whatever the zones."""
    assert (format_moment(one) < format_moment(other)) == (one < other)


@given(RECORDS, st.data())
def test_any_other_value_is_refused_or_kept(record: ManifestRecord, data: st.DataObject) -> None:
    """With junk in one field a record is refused with a typed error, or reads back as it is."""
    fields = record_to_dict(record)
    name = data.draw(st.sampled_from(sorted(fields)))
    fields[name] = data.draw(JSON)
    try:
        back = record_from_dict(fields)
    except ManifestError:
        return
    written = record_to_dict(back)
    assume(name not in {"source_url", "final_url"})  # those are redacted on the way
    for key, value in fields.items():
        assert written[key] == value or (key == "variant" and value is None)


@given(JSON)
def test_junk_is_refused(value: Any) -> None:
    """No JSON value is a record by accident, and none brings the reader down."""
    with pytest.raises(ManifestError):
        record_from_dict(value)
    with pytest.raises(ManifestError):
        parse_sidecar(json.dumps(value).encode())


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_octets_are_no_sidecar(data: bytes) -> None:
    """Any octets are refused with the same typed error."""
    with pytest.raises(ManifestCorrupt):
        parse_sidecar(data)


@given(RECORDS, st.data())
def test_a_changed_octet_is_noticed(record: ManifestRecord, data: st.DataObject) -> None:
    """One octet replaced gives the same record or a typed error, never another record."""
    octets = bytearray(render_sidecar(record))
    octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert parse_sidecar(bytes(octets)) == record
    except ManifestError:
        return


@given(st.text(st.characters(), max_size=5))
@example("\ud83d\ude00")
@example("\ud800")
def test_any_text_is_stored_exactly_or_refused(text: str) -> None:
    """Even texts that JSON would join or SQLite refuse never come back as something else."""
    record = ManifestRecord(
        resource="0" * 64,
        source_url="https://example.org/",
        target=text,
        download_timestamp=datetime(2026, 1, 1, tzinfo=UTC),
        sha256="0" * 64,
        size=0,
        received=0,
    )
    try:
        stored = encode_record(record)
    except InvalidArgument:
        assert any("\ud800" <= char <= "\udbff" for char in text)
    else:
        assert decode_record(stored).target == text
