"""What was fetched, from where, in which version and how proved; and where that is kept."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "MAX_SIDECAR",
    "RECORD_SCHEMA",
    "Completeness",
    "ManifestRecord",
    "ManifestStore",
    "MemoryManifest",
    "SQLiteManifest",
    "default_manifest_path",
    "is_same_version",
    "parse_sidecar",
    "records_base",
    "render_sidecar",
    "resource_id",
    "sidecar_path",
    "succeeding",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._memory": ["MemoryManifest"],
        "._model": ["RECORD_SCHEMA", "Completeness", "ManifestRecord", "resource_id"],
        "._sidecar": ["MAX_SIDECAR", "parse_sidecar", "render_sidecar", "sidecar_path"],
        "._sqlite": ["SQLiteManifest"],
        "._store": [
            "ManifestStore",
            "default_manifest_path",
            "is_same_version",
            "records_base",
            "succeeding",
        ],
    },
)

if TYPE_CHECKING:
    from etagkit.manifest._memory import MemoryManifest
    from etagkit.manifest._model import RECORD_SCHEMA, Completeness, ManifestRecord, resource_id
    from etagkit.manifest._sidecar import MAX_SIDECAR, parse_sidecar, render_sidecar, sidecar_path
    from etagkit.manifest._sqlite import SQLiteManifest
    from etagkit.manifest._store import (
        ManifestStore,
        default_manifest_path,
        is_same_version,
        records_base,
        succeeding,
    )
