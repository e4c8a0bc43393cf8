"""The only code that touches the world: HTTP clients, files, SQLite and the clock."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "AsyncDriver",
    "AsyncHttpClient",
    "Clock",
    "Files",
    "HttpClient",
    "OpenTemp",
    "SyncDriver",
    "default_async_client",
    "default_client",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._async": ["AsyncDriver"],
        "._clock": ["Clock"],
        "._files": ["Files", "OpenTemp"],
        "._http": ["AsyncHttpClient", "HttpClient", "default_async_client", "default_client"],
        "._sync": ["SyncDriver"],
    },
)

if TYPE_CHECKING:
    from etagkit.drivers._async import AsyncDriver
    from etagkit.drivers._clock import Clock
    from etagkit.drivers._files import Files, OpenTemp
    from etagkit.drivers._http import (
        AsyncHttpClient,
        HttpClient,
        default_async_client,
        default_client,
    )
    from etagkit.drivers._sync import SyncDriver
