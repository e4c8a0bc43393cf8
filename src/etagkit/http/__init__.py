"""HTTP semantics as values and decisions (RFC 9110): no I/O, no clock, no client."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "CACHE_GROUPS",
    "CACHE_GROUP_INVALIDATION",
    "METHODS",
    "METHODS_WITH_QUERY",
    "ByteRange",
    "CacheControl",
    "CacheGroups",
    "Conditions",
    "ContentRange",
    "ETag",
    "ETagList",
    "Expectation",
    "Framing",
    "Head",
    "Headers",
    "Listing",
    "MethodKind",
    "MethodPolicy",
    "NotModified",
    "Outcome",
    "Part",
    "Parts",
    "Precondition",
    "PreconditionFailed",
    "PreconditionRequired",
    "Proceed",
    "RangeRequest",
    "Sameness",
    "Selection",
    "State",
    "SuffixRange",
    "Unreadable",
    "Unsatisfiable",
    "Validators",
    "Vary",
    "Whole",
    "byte_range",
    "evaluate",
    "format_http_date",
    "groups_to_invalidate",
    "headers_for_304",
    "identity_url",
    "if_range_holds",
    "media_type",
    "parse_http_date",
    "select",
    "strong_match",
    "weak_match",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._byte_ranges": [
            "ByteRange",
            "Part",
            "Parts",
            "RangeRequest",
            "Selection",
            "SuffixRange",
            "Unsatisfiable",
            "Whole",
            "select",
        ],
        "._cache_control": ["CacheControl"],
        "._conditions": ["Conditions", "Precondition"],
        "._dates": ["format_http_date", "parse_http_date"],
        "._etag": ["ETag", "strong_match", "weak_match"],
        "._etag_list": ["ETagList", "Listing"],
        "._fields": ["Unreadable"],
        "._groups": [
            "CACHE_GROUPS",
            "CACHE_GROUP_INVALIDATION",
            "CacheGroups",
            "groups_to_invalidate",
        ],
        "._headers": ["Headers"],
        "._identity": ["identity_url"],
        "._message": ["Framing", "Head", "media_type"],
        "._not_modified": ["headers_for_304"],
        "._preconditions": [
            "METHODS",
            "METHODS_WITH_QUERY",
            "Expectation",
            "MethodKind",
            "MethodPolicy",
            "NotModified",
            "Outcome",
            "PreconditionFailed",
            "PreconditionRequired",
            "Proceed",
            "State",
            "evaluate",
            "if_range_holds",
        ],
        "._ranges": ["ContentRange", "byte_range"],
        "._validators": ["Sameness", "Validators"],
        "._vary": ["Vary"],
    },
)

if TYPE_CHECKING:
    from etagkit.http._byte_ranges import (
        ByteRange,
        Part,
        Parts,
        RangeRequest,
        Selection,
        SuffixRange,
        Unsatisfiable,
        Whole,
        select,
    )
    from etagkit.http._cache_control import CacheControl
    from etagkit.http._conditions import Conditions, Precondition
    from etagkit.http._dates import format_http_date, parse_http_date
    from etagkit.http._etag import ETag, strong_match, weak_match
    from etagkit.http._etag_list import ETagList, Listing
    from etagkit.http._fields import Unreadable
    from etagkit.http._groups import (
        CACHE_GROUP_INVALIDATION,
        CACHE_GROUPS,
        CacheGroups,
        groups_to_invalidate,
    )
    from etagkit.http._headers import Headers
    from etagkit.http._identity import identity_url
    from etagkit.http._message import Framing, Head, media_type
    from etagkit.http._not_modified import headers_for_304
    from etagkit.http._preconditions import (
        METHODS,
        METHODS_WITH_QUERY,
        Expectation,
        MethodKind,
        MethodPolicy,
        NotModified,
        Outcome,
        PreconditionFailed,
        PreconditionRequired,
        Proceed,
        State,
        evaluate,
        if_range_holds,
    )
    from etagkit.http._ranges import ContentRange, byte_range
    from etagkit.http._validators import Sameness, Validators
    from etagkit.http._vary import Vary
