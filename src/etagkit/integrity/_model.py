"""Evidence about bytes, and what all of it together says.

Evidence is asymmetric: `confirms` says whether agreement proves the bytes, `refutes` whether
disagreement condemns them. A value that only looks like a digest may confirm and must not condemn.
"Cannot know" is a verdict of its own, never a pass.
"""

from __future__ import annotations

import enum

import attrs

from etagkit.display import Shown, Table


class Tier(enum.IntEnum):
    """How much a proof proves; a higher tier proves more."""

    VERSION = 0  #: the source says which version this is
    TRANSFER = 1  #: every octet of this answer came
    CHECKSUM = 2  #: the right bytes, against accidents
    DIGEST = 3  #: the right bytes, against collisions
    AUTHENTIC = 4  #: the bytes that the caller means


class Origin(enum.Enum):
    """Who stated a piece of evidence, most trusted first."""

    CALLER = "caller"
    MANIFEST = "manifest"
    SERVER = "server"
    UPLOADER = "uploader"
    INFERRED = "inferred"


class Scope(enum.Enum):
    """Which bytes a piece of evidence speaks of."""

    WIRE = "wire"  #: the body as sent, content codings in place
    STORED = "stored"  #: the bytes as they are stored
    WHOLE = "whole"  #: the version, not particular bytes


class Outcome(enum.Enum):
    """What comparing one piece of evidence with the bytes gave."""

    MATCH = "match"
    MISMATCH = "mismatch"
    INCOMPARABLE = "incomparable"
    MALFORMED = "malformed"


class ReasonCode(enum.Enum):
    """Why a finding is what it is; fixed codes for programs."""

    EQUAL = "equal"
    DIFFERENT = "different"
    FRAMING_ENDED = "framing_ended"
    CLOSE_DELIMITED = "close_delimited"
    OWN_HASHER_MISSING = "own_hasher_missing"
    LENGTH_WRONG = "length_wrong"
    NO_EVIDENCE = "no_evidence"


class Verdict(enum.Enum):
    """What all evidence together says, in the order in which the cases are tried."""

    INCOMPLETE = "incomplete"  #: octets are missing, or too many came: try again
    CHANGED = "changed"  #: the version moved during the transfer: start again
    CONFLICT = "conflict"  #: one digest agrees and another disagrees
    MISMATCH = "mismatch"  #: evidence that may condemn disagrees
    VERIFIED = "verified"  #: at least one digest agrees and nothing disagrees
    CONSISTENT = "consistent"  #: whole by its framing; no digest to compare with
    UNVERIFIABLE = "unverifiable"  #: nothing shows that it is whole, or what was demanded

    @property
    def good(self) -> bool:
        """Whether the bytes may be published without the caller's word."""
        return self in {Verdict.VERIFIED, Verdict.CONSISTENT}


@attrs.frozen(kw_only=True)
class Evidence:
    """One stated fact about the bytes, and who stated it where."""

    tier: Tier
    name: str  #: what is compared: "length", "etag", "sha256", ...
    value: str
    scope: Scope
    origin: Origin
    source: str  #: the header or parameter it came from
    confirms: bool = True
    refutes: bool = True


@attrs.frozen(kw_only=True)
class Finding:
    """One piece of evidence held against what came."""

    evidence: Evidence
    outcome: Outcome
    reason: ReasonCode
    found: str | None = None


@attrs.frozen(kw_only=True)
class IntegrityReport(Shown):
    """The verdict, the highest tier that was proved, and every finding behind it.

    >>> report = IntegrityReport(verdict=Verdict.CONSISTENT, strength=Tier.TRANSFER, findings=())
    >>> report.verified
    ()
    """

    verdict: Verdict
    strength: Tier | None
    findings: tuple[Finding, ...]

    @property
    def verified(self) -> tuple[Tier, ...]:
        """The tiers at which something agreed and nothing that may condemn disagreed."""
        return tuple(tier for tier in Tier if self.outcome(tier) is Outcome.MATCH)

    def outcome(self, tier: Tier) -> Outcome:
        """Return what is known at `tier`: a mismatch outweighs a match."""
        here = [finding for finding in self.findings if finding.evidence.tier is tier]
        if any(f.outcome is Outcome.MISMATCH and f.evidence.refutes for f in here):
            return Outcome.MISMATCH
        if any(f.outcome is Outcome.MATCH and f.evidence.confirms for f in here):
            return Outcome.MATCH
        return Outcome.INCOMPARABLE

    @property
    def refutations(self) -> tuple[Finding, ...]:
        """The findings that condemn the bytes."""
        return tuple(
            f for f in self.findings if f.outcome is Outcome.MISMATCH and f.evidence.refutes
        )

    def table(self) -> Table:
        """Return the findings as a table, the highest tier first."""
        ranked = sorted(self.findings, key=lambda finding: -finding.evidence.tier)
        rows = tuple(
            (
                finding.evidence.tier.name.lower(),
                finding.evidence.name,
                finding.outcome.value,
                finding.reason.value,
                f"{finding.evidence.source} ({finding.evidence.origin.value})",
            )
            for finding in ranked
        )
        strength = "" if self.strength is None else f", {self.strength.name.lower()}"
        return Table(
            title=f"{self.verdict.value}{strength}",
            columns=("tier", "what", "outcome", "why", "stated by"),
            rows=rows,
        )
