"""Probing and downloading: what is behind a URL, and bringing it here whole."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "AsyncDownloadContext",
    "AsyncSourceProber",
    "BinaryDownloadStrategy",
    "ChangeReport",
    "Coding",
    "DownloadContext",
    "DownloadStrategy",
    "FetchOptions",
    "FetchResult",
    "Fetched",
    "FileCheck",
    "FileStatus",
    "GzipDownloadStrategy",
    "Hop",
    "JsonDownloadStrategy",
    "LocalCheck",
    "Magic",
    "Pipeline",
    "Reason",
    "RecordedFiles",
    "RemoteFileIntent",
    "Skipped",
    "SourceProber",
    "Stage",
    "afetch",
    "ahas_changed",
    "aprobe",
    "check_file",
    "default_strategies",
    "fetch",
    "has_changed",
    "probe",
    "sniff",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._client": [
            "AsyncDownloadContext",
            "AsyncSourceProber",
            "DownloadContext",
            "SourceProber",
        ],
        "._magic": ["Magic", "sniff"],
        "._model": [
            "ChangeReport",
            "Coding",
            "FetchOptions",
            "FetchResult",
            "Fetched",
            "Hop",
            "LocalCheck",
            "Reason",
            "RemoteFileIntent",
            "Skipped",
        ],
        "._oneline": ["afetch", "ahas_changed", "aprobe", "fetch", "has_changed", "probe"],
        "._pipeline": ["Pipeline", "Stage"],
        "._strategies": [
            "BinaryDownloadStrategy",
            "DownloadStrategy",
            "GzipDownloadStrategy",
            "JsonDownloadStrategy",
            "default_strategies",
        ],
        "._verify": ["FileCheck", "FileStatus", "RecordedFiles", "check_file"],
    },
)

if TYPE_CHECKING:
    from etagkit.transfer._client import (
        AsyncDownloadContext,
        AsyncSourceProber,
        DownloadContext,
        SourceProber,
    )
    from etagkit.transfer._magic import Magic, sniff
    from etagkit.transfer._model import (
        ChangeReport,
        Coding,
        Fetched,
        FetchOptions,
        FetchResult,
        Hop,
        LocalCheck,
        Reason,
        RemoteFileIntent,
        Skipped,
    )
    from etagkit.transfer._oneline import (
        afetch,
        ahas_changed,
        aprobe,
        fetch,
        has_changed,
        probe,
    )
    from etagkit.transfer._pipeline import Pipeline, Stage
    from etagkit.transfer._strategies import (
        BinaryDownloadStrategy,
        DownloadStrategy,
        GzipDownloadStrategy,
        JsonDownloadStrategy,
        default_strategies,
    )
    from etagkit.transfer._verify import FileCheck, FileStatus, RecordedFiles, check_file
