"""What the bytes that came prove (RFC 9110 8.6, 8.8; RFC 9112 8).

Each piece of evidence is held against what was observed in the one scope where it is comparable.
The verdict is then the first that applies:

1. `INCOMPLETE` - the count of octets disagrees with a length that was announced.
2. `CHANGED`    - the version named by the answer is not the one that was asked for.
3. `CONFLICT`   - one digest agrees and another, which may condemn, does not.
4. `MISMATCH`   - evidence that may condemn disagrees.
5. `UNVERIFIABLE` - a digest that the caller demanded could not be compared.
6. `VERIFIED`   - a digest agrees and nothing disagrees.
7. `CONSISTENT` - the framing ended well; there is no digest to compare with.
8. `UNVERIFIABLE` - the body ended only because the connection closed, and no length or digest
   says that this was its end.

It refuses to guess: a digest whose hasher did not run is incomparable, never passed, and a body
that ends with its connection is never called whole on the strength of the framing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from etagkit.http import ETag, Framing, weak_match
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

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etagkit.http import Head


@attrs.frozen(kw_only=True)
class Observed:
    """What came: counts and digests as sent and as stored, and how the body ended."""

    framing: Framing
    wire_size: int
    stored_size: int
    wire_digests: Mapping[str, str]
    stored_digests: Mapping[str, str]
    etag: str | None = None


def evidence_of(
    head: Head,
    *,
    expected_sha256: str | None = None,
    expected_size: int | None = None,
    expected_etag: str | None = None,
) -> tuple[Evidence, ...]:
    """Return what the head of an answer and its caller state about the bytes.

    `expected_sha256` and `expected_size` speak of the stored bytes. `expected_etag` is the tag
    under which the caller expects them, where the version matters. A Content-Length that a transfer
    coding overrides states nothing (RFC 9112 6.3).
    """
    stated: list[Evidence] = []
    if head.content_length is not None and head.framing in {Framing.LENGTH, Framing.STREAM}:
        stated.append(
            Evidence(
                tier=Tier.TRANSFER,
                name="length",
                value=str(head.content_length),
                scope=Scope.WIRE,
                origin=Origin.SERVER,
                source="Content-Length",
            )
        )
    if expected_size is not None:
        stated.append(
            Evidence(
                tier=Tier.TRANSFER,
                name="length",
                value=str(expected_size),
                scope=Scope.STORED,
                origin=Origin.CALLER,
                source="expected_size",
            )
        )
    if expected_etag is not None:
        stated.append(
            Evidence(
                tier=Tier.VERSION,
                name="etag",
                value=expected_etag,
                scope=Scope.WHOLE,
                origin=Origin.CALLER,
                source="ETag",
            )
        )
    if expected_sha256 is not None:
        stated += [
            Evidence(
                tier=tier,
                name="sha256",
                value=expected_sha256.lower(),
                scope=Scope.STORED,
                origin=Origin.CALLER,
                source="expected_sha256",
            )
            for tier in (Tier.DIGEST, Tier.AUTHENTIC)
        ]
    return tuple(stated)


def judge_integrity(evidence: Iterable[Evidence], observed: Observed) -> IntegrityReport:
    """Hold `evidence` against `observed` and return the findings with one verdict."""
    findings = [_compare(each, observed) for each in evidence]
    findings.append(_framing_finding(observed))
    if observed.etag is not None and not any(f.evidence.tier is Tier.VERSION for f in findings):
        findings.append(_version_finding(observed.etag))
    report = IntegrityReport(verdict=Verdict.UNVERIFIABLE, strength=None, findings=tuple(findings))
    good = [tier for tier in report.verified if tier is not Tier.VERSION]
    return attrs.evolve(report, verdict=_verdict(report), strength=max(good, default=None))


def _compare(evidence: Evidence, observed: Observed) -> Finding:
    found = _observed_value(evidence, observed)
    if found is None:
        absent = evidence.tier is Tier.VERSION
        reason = ReasonCode.NO_EVIDENCE if absent else ReasonCode.OWN_HASHER_MISSING
        return Finding(evidence=evidence, outcome=Outcome.INCOMPARABLE, reason=reason)
    if _equal(evidence, found):
        outcome, reason = Outcome.MATCH, ReasonCode.EQUAL
    else:
        outcome = Outcome.MISMATCH
        reason = ReasonCode.LENGTH_WRONG if evidence.name == "length" else ReasonCode.DIFFERENT
    return Finding(evidence=evidence, outcome=outcome, reason=reason, found=found)


def _equal(evidence: Evidence, found: str) -> bool:
    """Tags name the same version if they match weakly (RFC 9110 8.8.3.2): proxies weaken them."""
    if evidence.tier is Tier.VERSION and weak_match(ETag.parse(evidence.value), ETag.parse(found)):
        return True
    return found == evidence.value


def _observed_value(evidence: Evidence, observed: Observed) -> str | None:
    """Return what was seen in the scope of the evidence, `None` where nothing was measured."""
    if evidence.scope is Scope.WHOLE:
        return observed.etag if evidence.tier is Tier.VERSION else None
    stored = evidence.scope is Scope.STORED
    if evidence.name == "length":
        return str(observed.stored_size if stored else observed.wire_size)
    return (observed.stored_digests if stored else observed.wire_digests).get(evidence.name)


def _framing_finding(observed: Observed) -> Finding:
    """A framing that marks its own end proves the transfer; a closed connection proves nothing."""
    closed = observed.framing is Framing.CLOSE
    return Finding(
        evidence=Evidence(
            tier=Tier.TRANSFER,
            name="framing",
            value=observed.framing.value,
            scope=Scope.WIRE,
            origin=Origin.SERVER,
            source="framing",
            confirms=not closed,
            refutes=False,
        ),
        outcome=Outcome.INCOMPARABLE if closed else Outcome.MATCH,
        reason=ReasonCode.CLOSE_DELIMITED if closed else ReasonCode.FRAMING_ENDED,
        found=observed.framing.value,
    )


def _version_finding(etag: str) -> Finding:
    """The answer names its own version: kept as a fact, compared with nothing."""
    return Finding(
        evidence=Evidence(
            tier=Tier.VERSION,
            name="etag",
            value=etag,
            scope=Scope.WHOLE,
            origin=Origin.SERVER,
            source="ETag",
            refutes=False,
        ),
        outcome=Outcome.MATCH,
        reason=ReasonCode.EQUAL,
        found=etag,
    )


def _verdict(report: IntegrityReport) -> Verdict:
    against = {finding.evidence.tier for finding in report.refutations}
    if Tier.TRANSFER in against:
        return Verdict.INCOMPLETE
    if Tier.VERSION in against:
        return Verdict.CHANGED
    if against:
        return Verdict.CONFLICT if _a_digest_agrees(report) else Verdict.MISMATCH
    return _unrefuted(report)


def _unrefuted(report: IntegrityReport) -> Verdict:
    if _demand_unmet(report):
        return Verdict.UNVERIFIABLE
    if any(tier >= Tier.CHECKSUM for tier in report.verified):
        return Verdict.VERIFIED
    if report.outcome(Tier.TRANSFER) is Outcome.MATCH:
        return Verdict.CONSISTENT
    return Verdict.UNVERIFIABLE


def _demand_unmet(report: IntegrityReport) -> bool:
    """Whether the caller demanded a digest that was not computed, and no other one agrees."""
    return Tier.AUTHENTIC not in report.verified and any(
        f.evidence.origin is Origin.CALLER
        and f.evidence.tier >= Tier.CHECKSUM
        and f.outcome is Outcome.INCOMPARABLE
        for f in report.findings
    )


def _a_digest_agrees(report: IntegrityReport) -> bool:
    return any(
        f.outcome is Outcome.MATCH and f.evidence.confirms and f.evidence.tier >= Tier.CHECKSUM
        for f in report.findings
    )
