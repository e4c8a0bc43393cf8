"""Records to test with."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from etagkit.flow import FileFacts
from etagkit.http import ETag
from etagkit.manifest import Completeness, ManifestRecord, resource_id

NOON = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
EARLIER = NOON - timedelta(hours=1)
FACTS = FileFacts(size=3, mtime_ns=1, ctime_ns=2, inode=3)
URL = "https://example.org/data/a.csv"


def sha256_of(text: str) -> str:
    """Return the hash of a text's bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def sample(target: str = "a.csv", **changes: Any) -> ManifestRecord:
    """Return a plain record, with `changes`."""
    url = changes.get("source_url", URL)
    fields: dict[str, Any] = {
        "resource": resource_id(url, target, changes.get("variant", "")),
        "source_url": url,
        "target": target,
        "download_timestamp": NOON,
        "sha256": sha256_of("abc"),
        "size": 3,
        "received": 3,
        "etag": ETag('"v1"'),
    }
    return ManifestRecord(**{**fields, **changes})


def full(**changes: Any) -> ManifestRecord:
    """Return a record in which no field has its default."""
    fields: dict[str, Any] = {
        "final_url": "https://cdn.example.org/a.csv",
        "variant": "accept-language=de",
        "etag": ETag('W/"v1\xe9"'),
        "unquoted_etag": "v1",
        "last_modified_server": "Sun, 06 Nov 1994 08:49:37 GMT",
        "last_modified_settled": True,
        "content_type": "text/csv; charset=utf-8",
        "content_encoding": "gzip",
        "content_disposition": "attachment; filename*=UTF-8''na%C3%AFve.csv",
        "vary": "Accept-Encoding",
        "content_length": 2,
        "received": 2,
        "wire_sha256": sha256_of("wire"),
        "digests": {"md5": "900150983cd24fb0d6963f7d28e17f72"},
        "verdict": "proved",
        "verified": ("version", "transfer"),
        "completeness": Completeness.UNVERIFIED,
        "magic": "text/csv",
        "strategy": "GzipDownloadStrategy",
        "local": FACTS,
        "first_published": EARLIER,
        "checked_at": LATER,
        "http_status": 203,
        "http_version": "HTTP/2",
        "server_date": "Sun, 06 Nov 1994 08:49:38 GMT",
        "duration": 0.25,
    }
    return sample(**{**fields, **changes})
