"""Evidence, tiers and verdicts: what the bytes that came prove."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = [
    "Evidence",
    "Finding",
    "IntegrityReport",
    "Observed",
    "Origin",
    "Outcome",
    "ReasonCode",
    "RollingHasher",
    "Scope",
    "Tier",
    "Verdict",
    "evidence_of",
    "judge_integrity",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._decide": ["Observed", "evidence_of", "judge_integrity"],
        "._hasher": ["RollingHasher"],
        "._model": [
            "Evidence",
            "Finding",
            "IntegrityReport",
            "Origin",
            "Outcome",
            "ReasonCode",
            "Scope",
            "Tier",
            "Verdict",
        ],
    },
)

if TYPE_CHECKING:
    from etagkit.integrity._decide import Observed, evidence_of, judge_integrity
    from etagkit.integrity._hasher import RollingHasher
    from etagkit.integrity._model import (
        Evidence,
        Finding,
        IntegrityReport,
        Origin,
        Outcome,
        ReasonCode,
        Scope,
        Tier,
        Verdict,
    )
