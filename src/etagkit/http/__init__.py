"""HTTP semantics as values and decisions (RFC 9110): no I/O, no clock, no client."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "ContentRange",
    "ETag",
    "Framing",
    "Head",
    "Headers",
    "Sameness",
    "Validators",
    "byte_range",
    "format_http_date",
    "media_type",
    "parse_http_date",
    "strong_match",
    "weak_match",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._dates": ["format_http_date", "parse_http_date"],
        "._etag": ["ETag", "strong_match", "weak_match"],
        "._headers": ["Headers"],
        "._message": ["Framing", "Head", "media_type"],
        "._ranges": ["ContentRange", "byte_range"],
        "._validators": ["Sameness", "Validators"],
    },
)

if TYPE_CHECKING:
    from etagkit.http._dates import format_http_date, parse_http_date
    from etagkit.http._etag import ETag, strong_match, weak_match
    from etagkit.http._headers import Headers
    from etagkit.http._message import Framing, Head, media_type
    from etagkit.http._ranges import ContentRange, byte_range
    from etagkit.http._validators import Sameness, Validators
