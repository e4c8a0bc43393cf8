"""One record beside its file, as readable JSON that notices when it was damaged.

The record's fields stand at the top level. `crc32` covers the canonical form of all others, so that
white space and order are free but no value changes unnoticed. It guards against torn writes and
slips of an editor, not against an attacker. Nothing here touches a file.
"""

from __future__ import annotations

import json
import os
import zlib
from typing import TYPE_CHECKING, Any, cast

from etagkit.errors import ManifestCorrupt, ManifestTooNew
from etagkit.manifest._codec import canonical, encode_record, parse_json, record_from_dict
from etagkit.manifest._model import RECORD_SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from etagkit.manifest._model import ManifestRecord

_CRC = "crc32"

#: Octets above which a file is no sidecar: a record takes about 1.5 KiB, and well under 100 KiB
#: with the longest header fields that servers send.
MAX_SIDECAR = 1024 * 1024


def sidecar_path(path: str | os.PathLike[str]) -> str:
    """Return where the sidecar of the file at `path` stands.

    >>> sidecar_path("data/a.csv")
    'data/a.csv.meta.json'
    """
    return f"{os.fspath(path)}.meta.json"


def render_sidecar(record: ManifestRecord) -> bytes:
    """Return the sidecar of `record`: indented JSON in ASCII that ends with a newline.

    Raises:
        InvalidArgument: the record cannot be stored, a time without zone for example.
    """
    fields = cast("dict[str, Any]", json.loads(encode_record(record)))
    text = json.dumps({_CRC: _crc(fields), **fields}, indent=2, ensure_ascii=True)
    return f"{text}\n".encode("ascii")


def parse_sidecar(data: bytes) -> ManifestRecord:
    """Return the record in a sidecar.

    Raises:
        ManifestTooNew: a newer etagkit wrote it.
        ManifestCorrupt: it is damaged, or something else.
    """
    if len(data) > MAX_SIDECAR:
        raise ManifestCorrupt("too long for a sidecar", expected=MAX_SIDECAR, found=len(data))
    value = parse_json(data)
    if not isinstance(value, dict):
        raise ManifestCorrupt("a sidecar is an object", found=type(value).__name__)
    fields = cast("dict[str, Any]", value)
    found = fields.pop(_CRC, None)
    _refuse_newer(fields)
    if found != _crc(fields):
        raise ManifestCorrupt("the sidecar was damaged", expected=_crc(fields), found=found)
    return record_from_dict(fields)


def _refuse_newer(fields: Mapping[str, Any]) -> None:
    """A newer schema may count its checksum in another way, so it is looked at first."""
    schema = fields.get("schema")
    if type(schema) is int and schema > RECORD_SCHEMA:
        raise ManifestTooNew(
            "the sidecar was written by a newer etagkit",
            expected=f"schema {RECORD_SCHEMA} or lower",
            found=schema,
            advice="update etagkit",
        )


def _crc(fields: Mapping[str, Any]) -> str:
    return f"{zlib.crc32(canonical(fields).encode('ascii')):08x}"
