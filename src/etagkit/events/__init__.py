"""Typed events that hosts may follow."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "Advanced",
    "Failed",
    "Probed",
    "Published",
    "Recorded",
    "Replacing",
    "Skipped",
    "Started",
    "TransferEvent",
    "Verified",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._transfer": [
            "Advanced",
            "Failed",
            "Probed",
            "Published",
            "Recorded",
            "Replacing",
            "Skipped",
            "Started",
            "TransferEvent",
            "Verified",
        ],
    },
)

if TYPE_CHECKING:
    from etagkit.events._transfer import (
        Advanced,
        Failed,
        Probed,
        Published,
        Recorded,
        Replacing,
        Skipped,
        Started,
        TransferEvent,
        Verified,
    )
