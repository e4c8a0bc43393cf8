"""Records as JSON, written field by field: the layout on disk is a decision, not a side effect.

Version 1. Every field of `ManifestRecord` is there, absent values as `null`. Moments are ISO 8601
in UTC with six digits and `Z`, so that texts sort as moments do. The text is canonical (sorted
names, no spaces, ASCII only): equal records give equal text, and file names that are not UTF-8
survive.

Reading refuses what it does not understand: a newer schema (`ManifestTooNew`), and a field that is
missing or holds the wrong kind of value (`ManifestCorrupt`, naming it). Further fields of an equal
schema are ignored. Writing reads back what it is about to write, so that nothing is stored that
could not be read.
"""

from __future__ import annotations

import json
import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias, cast

import attrs

from etagkit.errors import InvalidArgument, InvalidETag, ManifestCorrupt, ManifestTooNew
from etagkit.flow import FileFacts
from etagkit.http import ETag
from etagkit.manifest._model import RECORD_SCHEMA, Completeness, ManifestRecord

if TYPE_CHECKING:
    from collections.abc import Mapping

Json: TypeAlias = dict[str, Any]

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z")
_SHA256 = re.compile(r"[0-9a-f]{64}")

#: Largest count of octets: what a signed 64-bit column holds.
_LARGEST = 2**63 - 1


def format_moment(moment: datetime) -> str:
    """Return `moment` as ISO 8601 in UTC, with microseconds and `Z`.

    >>> format_moment(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05.000000Z'

    Raises:
        InvalidArgument: `moment` has no time zone, so it names no moment.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        raise InvalidArgument(
            "a datetime without a time zone names no moment",
            found=moment.isoformat(),
            advice="use datetime.now(timezone.utc), or .replace(tzinfo=...)",
        )
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as exc:
        raise InvalidArgument("no such moment in UTC", found=moment.isoformat()) from exc
    return f"{utc.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def canonical(mapping: Mapping[str, Any]) -> str:
    """Return the one JSON text of `mapping`: sorted names, no spaces, ASCII only."""
    return json.dumps(
        mapping, ensure_ascii=True, allow_nan=False, sort_keys=True, separators=(",", ":")
    )


def record_to_dict(record: ManifestRecord) -> Json:
    """Return `record` as values that JSON knows.

    Raises:
        InvalidArgument: a datetime has no time zone.
    """
    return {
        "schema": record.schema,
        "resource": record.resource,
        "source_url": record.source_url,
        "final_url": record.final_url,
        "target": record.target,
        "variant": record.variant,
        "etag": None if record.etag is None else str(record.etag),
        "unquoted_etag": record.unquoted_etag,
        "last_modified_server": record.last_modified_server,
        "last_modified_settled": record.last_modified_settled,
        "content_type": record.content_type,
        "content_encoding": record.content_encoding,
        "content_disposition": record.content_disposition,
        "vary": record.vary,
        "content_length": record.content_length,
        "received": record.received,
        "size": record.size,
        "sha256": record.sha256,
        "wire_sha256": record.wire_sha256,
        "digests": dict(record.digests),
        "verdict": record.verdict,
        "verified": list(record.verified),
        "completeness": record.completeness.value,
        "magic": record.magic,
        "strategy": record.strategy,
        "local": None if record.local is None else _facts_to_dict(record.local),
        "download_timestamp": format_moment(record.download_timestamp),
        "first_published": _format_optional(record.first_published),
        "checked_at": _format_optional(record.checked_at),
        "http_status": record.http_status,
        "http_version": record.http_version,
        "server_date": record.server_date,
        "duration": record.duration,
    }


def _format_optional(moment: datetime | None) -> str | None:
    return None if moment is None else format_moment(moment)


def _facts_to_dict(facts: FileFacts) -> Json:
    return {
        "size": facts.size,
        "mtime_ns": facts.mtime_ns,
        "ctime_ns": facts.ctime_ns,
        "inode": facts.inode,
    }


def record_from_dict(data: object) -> ManifestRecord:
    """Return the record that `record_to_dict` made `data` from.

    Raises:
        ManifestTooNew: a newer etagkit wrote it.
        ManifestCorrupt: a field is missing or holds the wrong kind of value.
    """
    if not isinstance(data, dict):
        raise ManifestCorrupt("a record is an object", found=type(data).__name__)
    fields = _Fields(cast("Json", data))
    return ManifestRecord(
        schema=fields.schema(),
        resource=fields.sha256("resource"),
        source_url=fields.text("source_url"),
        final_url=fields.optional_text("final_url"),
        target=fields.text("target"),
        variant=fields.optional_text("variant") or "",
        etag=fields.etag("etag"),
        unquoted_etag=fields.optional_text("unquoted_etag"),
        last_modified_server=fields.optional_text("last_modified_server"),
        last_modified_settled=fields.flag("last_modified_settled"),
        content_type=fields.optional_text("content_type"),
        content_encoding=fields.optional_text("content_encoding"),
        content_disposition=fields.optional_text("content_disposition"),
        vary=fields.optional_text("vary"),
        content_length=fields.optional_count("content_length"),
        received=fields.count("received"),
        size=fields.count("size"),
        sha256=fields.sha256("sha256"),
        wire_sha256=fields.optional_sha256("wire_sha256"),
        digests=fields.text_map("digests"),
        verdict=fields.text("verdict"),
        verified=fields.texts("verified"),
        completeness=fields.completeness("completeness"),
        magic=fields.optional_text("magic"),
        strategy=fields.optional_text("strategy"),
        local=fields.facts("local"),
        download_timestamp=fields.moment("download_timestamp"),
        first_published=fields.optional_moment("first_published"),
        checked_at=fields.optional_moment("checked_at"),
        http_status=fields.count("http_status"),
        http_version=fields.optional_text("http_version"),
        server_date=fields.optional_text("server_date"),
        duration=fields.optional_number("duration"),
    )


def encode_record(record: ManifestRecord) -> str:
    """Return `record` as canonical JSON text.

    Raises:
        InvalidArgument: a field holds what cannot be written and read back; the message names it.
    """
    mapping = record_to_dict(record)
    try:
        text = canonical(mapping)
        faithful = record_from_dict(json.loads(text)) == record
    except (ManifestCorrupt, ManifestTooNew) as exc:
        raise InvalidArgument(
            f"no record to store: {exc.reason}", expected=exc.expected, found=exc.found
        ) from exc
    except (TypeError, ValueError) as exc:
        raise InvalidArgument(f"no record to store: {exc}") from exc
    if not faithful:
        raise InvalidArgument("no record to store: a value would not read back as it is")
    return text


def decode_record(text: str | bytes) -> ManifestRecord:
    """Return the record in a JSON text.

    Raises:
        ManifestTooNew: a newer etagkit wrote it.
        ManifestCorrupt: it is not JSON, or not a record.
    """
    return record_from_dict(parse_json(text))


def parse_json(text: str | bytes) -> object:
    """Return the value of a JSON text in UTF-8; numbers that are none are refused."""
    try:
        plain = text if isinstance(text, str) else text.decode()
        value: object = json.loads(plain, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as exc:
        raise ManifestCorrupt("not JSON") from exc
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)  # 1e999 would be infinity


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


@attrs.frozen
class _Fields:
    """Typed access to the fields of a mapping; every refusal names the field."""

    data: Json

    def _refuse(self, name: str, expected: str) -> NoReturn:
        state = "is missing" if name not in self.data else "holds something else"
        raise ManifestCorrupt(
            f"the field {name} {state}", expected=expected, found=self.data.get(name)
        )

    def schema(self) -> int:
        value = self.data.get("schema")
        if type(value) is not int or value < 1:
            self._refuse("schema", "a positive number")
        if value > RECORD_SCHEMA:
            raise ManifestTooNew(
                "the record was written by a newer etagkit",
                expected=f"schema {RECORD_SCHEMA} or lower",
                found=value,
                advice="update etagkit",
            )
        return value

    def optional_text(self, name: str) -> str | None:
        value = self.data.get(name)
        if value is not None and not isinstance(value, str):
            self._refuse(name, "a text")
        return value

    def text(self, name: str) -> str:
        value = self.optional_text(name)
        return self._refuse(name, "a text") if value is None else value

    def optional_sha256(self, name: str) -> str | None:
        value = self.optional_text(name)
        if value is not None and _SHA256.fullmatch(value) is None:
            self._refuse(name, "64 lower-case hexadecimal digits")
        return value

    def sha256(self, name: str) -> str:
        value = self.optional_sha256(name)
        return self._refuse(name, "64 lower-case hexadecimal digits") if value is None else value

    def optional_count(self, name: str) -> int | None:
        value = self.data.get(name)
        if value is not None and not _is_count(value):
            self._refuse(name, "a number from 0 to 2**63-1")
        return cast("int | None", value)

    def count(self, name: str) -> int:
        value = self.optional_count(name)
        return self._refuse(name, "a number from 0 to 2**63-1") if value is None else value

    def integer(self, name: str) -> int:
        value = self.data.get(name)
        return value if type(value) is int else self._refuse(name, "a whole number")

    def optional_number(self, name: str) -> float | None:
        value = self.data.get(name)
        if value is None:
            return None
        if type(value) not in {int, float} or not math.isfinite(value):
            self._refuse(name, "a number")
        return float(value)

    def flag(self, name: str) -> bool:
        value = self.data.get(name, False)
        return value if isinstance(value, bool) else self._refuse(name, "true or false")

    def texts(self, name: str) -> tuple[str, ...]:
        value = self.data.get(name)
        if not isinstance(value, list):
            self._refuse(name, "a list of texts")
        items = cast("list[object]", value)
        if not all(isinstance(item, str) for item in items):
            self._refuse(name, "a list of texts")
        return tuple(cast("list[str]", items))

    def text_map(self, name: str) -> dict[str, str]:
        value = self.data.get(name)
        if not isinstance(value, dict):
            self._refuse(name, "an object of texts")
        items = cast("dict[str, object]", value)
        if not all(isinstance(item, str) for item in items.values()):
            self._refuse(name, "an object of texts")
        return cast("dict[str, str]", items)

    def etag(self, name: str) -> ETag | None:
        value = self.optional_text(name)
        try:
            return None if value is None else ETag(value)
        except InvalidETag:
            self._refuse(name, "an entity tag")

    def completeness(self, name: str) -> Completeness:
        try:
            return Completeness(self.text(name))
        except ValueError:
            self._refuse(name, " or ".join(member.value for member in Completeness))

    def optional_moment(self, name: str) -> datetime | None:
        value = self.optional_text(name)
        if value is None:
            return None
        if _MOMENT.fullmatch(value) is None:
            self._refuse(name, "a moment like 2026-01-02T03:04:05.000000Z")
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self._refuse(name, "a moment that exists")

    def moment(self, name: str) -> datetime:
        value = self.optional_moment(name)
        return self._refuse(name, "a moment") if value is None else value

    def facts(self, name: str) -> FileFacts | None:
        value = self.data.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._refuse(name, "the facts of a file")
        inner = _Fields(cast("Json", value))
        return FileFacts(
            size=inner.count("size"),
            mtime_ns=inner.integer("mtime_ns"),
            ctime_ns=inner.integer("ctime_ns"),
            inode=inner.integer("inode"),
        )
