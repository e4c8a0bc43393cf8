"""etagkit: is what I hold still the current version, whole and right?

Public names are loaded when they are first used; importing this package loads no HTTP client, no
framework and no optional library. One-line forms:

- `etagkit.probe(url)` says what is behind a URL,
- `etagkit.has_changed(url, held)` whether it changed,
- `etagkit.fetch(url, to)` brings it here unless it is here already, whole and current;

`aprobe`, `ahas_changed` and `afetch` are the same for `await`.
"""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "AsyncDownloadContext",
    "AsyncSourceProber",
    "BinaryDownloadStrategy",
    "CacheControl",
    "ChangeReport",
    "Conditions",
    "DownloadContext",
    "DownloadStrategy",
    "ETag",
    "EtagKitError",
    "FetchOptions",
    "FetchResult",
    "Fetched",
    "GzipDownloadStrategy",
    "Headers",
    "JsonDownloadStrategy",
    "LocalCheck",
    "Magic",
    "ManifestRecord",
    "ManifestStore",
    "MemoryManifest",
    "Reason",
    "RemoteFileIntent",
    "RollingHasher",
    "SQLiteManifest",
    "Skipped",
    "SourceProber",
    "State",
    "Tier",
    "Validators",
    "Vary",
    "Verdict",
    "__version__",
    "afetch",
    "ahas_changed",
    "aprobe",
    "evaluate",
    "fetch",
    "has_changed",
    "probe",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "etagkit._version": ["__version__"],
        "etagkit.errors": ["EtagKitError"],
        "etagkit.http": [
            "CacheControl",
            "Conditions",
            "ETag",
            "Headers",
            "State",
            "Validators",
            "Vary",
            "evaluate",
        ],
        "etagkit.integrity": ["RollingHasher", "Tier", "Verdict"],
        "etagkit.manifest": ["ManifestRecord", "ManifestStore", "MemoryManifest", "SQLiteManifest"],
        "etagkit.transfer": [
            "AsyncDownloadContext",
            "AsyncSourceProber",
            "BinaryDownloadStrategy",
            "ChangeReport",
            "DownloadContext",
            "DownloadStrategy",
            "FetchOptions",
            "FetchResult",
            "Fetched",
            "GzipDownloadStrategy",
            "JsonDownloadStrategy",
            "LocalCheck",
            "Magic",
            "Reason",
            "RemoteFileIntent",
            "Skipped",
            "SourceProber",
            "afetch",
            "ahas_changed",
            "aprobe",
            "fetch",
            "has_changed",
            "probe",
        ],
    },
)

if TYPE_CHECKING:
    from etagkit._version import __version__
    from etagkit.errors import EtagKitError
    from etagkit.http import (
        CacheControl,
        Conditions,
        ETag,
        Headers,
        State,
        Validators,
        Vary,
        evaluate,
    )
    from etagkit.integrity import RollingHasher, Tier, Verdict
    from etagkit.manifest import ManifestRecord, ManifestStore, MemoryManifest, SQLiteManifest
    from etagkit.transfer import (
        AsyncDownloadContext,
        AsyncSourceProber,
        BinaryDownloadStrategy,
        ChangeReport,
        DownloadContext,
        DownloadStrategy,
        Fetched,
        FetchOptions,
        FetchResult,
        GzipDownloadStrategy,
        JsonDownloadStrategy,
        LocalCheck,
        Magic,
        Reason,
        RemoteFileIntent,
        Skipped,
        SourceProber,
        afetch,
        ahas_changed,
        aprobe,
        fetch,
        has_changed,
        probe,
    )
