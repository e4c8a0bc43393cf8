"""Records as JSON: exact, canonical, and strict about what is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from etagkit.errors import InvalidArgument, ManifestCorrupt, ManifestTooNew
from etagkit.manifest import ManifestRecord
from etagkit.manifest._codec import (
    decode_record,
    encode_record,
    format_moment,
    record_from_dict,
    record_to_dict,
)
from tests.unit.manifest._samples import full, sample

REMOVED = object()


def test_the_sample_leaves_no_field_at_its_default() -> None:
    """The tests below speak about every field: a field that is added must be added there too."""
    plain, rich = sample(), full()
    same = {f.name for f in attrs.fields(ManifestRecord) if f.default is not attrs.NOTHING}
    same = {name for name in same if getattr(plain, name) == getattr(rich, name)}
    assert same == {"schema"}


def test_every_field_is_written_under_its_own_name() -> None:
    """The layout has one entry for each field of the record."""
    names = {field.name for field in attrs.fields(ManifestRecord)}
    assert set(record_to_dict(full())) == names


@pytest.mark.parametrize("record", [sample(), full()], ids=["plain", "full"])
def test_round_trip(record: ManifestRecord) -> None:
    """What is written is read back equal, types included."""
    back = decode_record(encode_record(record))
    assert back == record
    assert repr(back) == repr(record)


def test_the_text_is_canonical() -> None:
    """One record has one text: sorted, without spaces, ASCII."""
    text = encode_record(full())
    assert text.isascii()
    assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


def test_the_first_layout_stays_readable() -> None:
    """A text as version 1 wrote it is read for ever, whatever fields come later."""
    text = (
        '{"checked_at":null,"completeness":"proved","content_disposition":null,'
        '"content_encoding":null,"content_length":null,"content_type":null,"digests":{},'
        '"download_timestamp":"2026-03-01T12:00:00.123456Z","duration":null,"etag":"\\"v1\\"",'
        '"final_url":null,"first_published":null,"http_status":200,"http_version":null,'
        '"last_modified_server":null,"last_modified_settled":false,"local":null,"magic":null,"received":3,"resource":"RESOURCE",'
        '"schema":1,"server_date":null,"sha256":"SHA256","size":3,'
        '"source_url":"https://example.org/data/a.csv","strategy":null,"target":"a.csv",'
        '"unquoted_etag":null,"variant":"","vary":null,"verdict":"consistent","verified":[],'
        '"wire_sha256":null}'
    )
    text = text.replace("RESOURCE", sample().resource).replace("SHA256", sample().sha256)
    assert decode_record(text) == sample()
    assert encode_record(sample()) == text


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00.000000Z"),
        (
            datetime(2026, 1, 2, 1, 30, 0, 5, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-01T23:30:00.000005Z",
        ),
        (datetime(33, 1, 1, tzinfo=UTC), "0033-01-01T00:00:00.000000Z"),
    ],
)
def test_moments_are_utc_of_one_width(moment: datetime, text: str) -> None:
    """Texts of moments compare as the moments do."""
    assert format_moment(moment) == text


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 2),  # noqa: DTZ001  the point of the test
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
    ],
    ids=["naive", "before-the-first-year"],
)
def test_a_moment_that_is_none_is_refused(moment: datetime) -> None:
    """What names no moment in UTC is the caller's mistake."""
    with pytest.raises(InvalidArgument):
        format_moment(moment)


def test_unknown_fields_are_ignored() -> None:
    """A field that was added without a new schema does no harm."""
    assert record_from_dict({**record_to_dict(full()), "added": {"later": 1}}) == full()


@pytest.mark.parametrize("schema", [2, 10**30])
def test_a_newer_schema_is_refused(schema: int) -> None:
    """A newer record may mean other things by the same names."""
    with pytest.raises(ManifestTooNew, match="newer"):
        record_from_dict({**record_to_dict(full()), "schema": schema, "size": "other"})


WRONG: dict[str, tuple[object, ...]] = {
    "schema": (REMOVED, None, 0, -1, "1", True, 1.0),
    "resource": (REMOVED, None, "", 1, "é", "r", "A" * 64, "a" * 64 + "\n"),
    "source_url": (REMOVED, None, 1),
    "final_url": (1, []),
    "sha256": (REMOVED, None, "", "A" * 64, "a" * 63, "a" * 64 + "\n"),
    "wire_sha256": ("x", 1),
    "size": (REMOVED, None, -1, 2**63, 1.0, True, "3"),
    "received": (REMOVED, []),
    "content_length": (-1, "1"),
    "etag": ("v1", '"v\n1"', 1, ["x"]),
    "last_modified_settled": (None, 1, "true"),
    "digests": (REMOVED, None, [], {"md5": 1}),
    "verified": (REMOVED, None, "transfer", [1]),
    "completeness": (REMOVED, None, "whole", 1),
    "local": ("x", {}, {"size": 1}, []),
    "duration": ("1", True, float("inf")),
    "http_status": (REMOVED, None, "200"),
    "download_timestamp": (REMOVED, None, 0, ""),
    "first_published": (0, "", "2026-03-01"),
    "checked_at": (
        "2026-03-01T12:00:00Z",
        "2026-03-01T12:00:00.123456",
        "2026-03-01T12:00:00.123456+00:00",
        "2026-02-30T12:00:00.123456Z",
        "2026-03-01T12:00:00.123456Z\n",
        "２026-03-01T12:00:00.123456Z",  # noqa: RUF001  a wide digit is no digit
    ),
}


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, value) for name, values in WRONG.items() for value in values],
    ids=lambda value: "removed" if value is REMOVED else repr(value)[-40:],
)
def test_a_wrong_value_is_refused_by_name(name: str, value: object) -> None:
    """A field of the wrong kind makes the record unreadable, and the error says which field."""
    data: dict[str, Any] = {**record_to_dict(full()), name: value}
    if value is REMOVED:
        del data[name]
    with pytest.raises(ManifestCorrupt) as caught:
        record_from_dict(data)
    known = {"local": ("local", "size", "mtime_ns")}.get(name, (name,))
    assert any(word in str(caught.value) for word in known)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '"x"', '{"schema":NaN}', "[" * 100_000, "1" * 5000, b"\xff{}"],
    ids=lambda text: repr(text)[:12],
)
def test_junk_is_refused(text: str | bytes) -> None:
    """What is not JSON, or not an object, is no record."""
    with pytest.raises(ManifestCorrupt):
        decode_record(text)
