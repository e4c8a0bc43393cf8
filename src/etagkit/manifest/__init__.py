"""What was fetched, from where, in which version and how proved; and where that is kept."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "RECORD_SCHEMA",
    "Completeness",
    "ManifestRecord",
    "ManifestStore",
    "MemoryManifest",
    "SQLiteManifest",
    "parse_sidecar",
    "render_sidecar",
    "resource_id",
    "sidecar_path",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._memory": ["MemoryManifest"],
        "._model": ["RECORD_SCHEMA", "Completeness", "ManifestRecord", "resource_id"],
        "._sidecar": ["parse_sidecar", "render_sidecar", "sidecar_path"],
        "._sqlite": ["SQLiteManifest"],
        "._store": ["ManifestStore"],
    },
)

if TYPE_CHECKING:
    from etagkit.manifest._memory import MemoryManifest
    from etagkit.manifest._model import RECORD_SCHEMA, Completeness, ManifestRecord, resource_id
    from etagkit.manifest._sidecar import parse_sidecar, render_sidecar, sidecar_path
    from etagkit.manifest._sqlite import SQLiteManifest
    from etagkit.manifest._store import ManifestStore
