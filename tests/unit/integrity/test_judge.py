"""What the bytes that came prove: every verdict, and which one goes first."""

from __future__ import annotations

import attrs
import pytest

from etagkit.http import Framing, Head, Headers
from etagkit.integrity import (
    Evidence,
    Finding,
    IntegrityReport,
    Observed,
    Origin,
    Outcome,
    ReasonCode,
    Scope,
    Tier,
    Verdict,
    evidence_of,
    judge_integrity,
)

#: What came: 5 octets as sent, 9 as stored, two digests of each.
SEEN = Observed(
    framing=Framing.LENGTH,
    wire_size=5,
    stored_size=9,
    wire_digests={"sha256": "wire-sha", "md5": "wire-md5"},
    stored_digests={"sha256": "stored-sha", "md5": "stored-md5"},
    etag='"v1"',
)
CLOSED = attrs.evolve(SEEN, framing=Framing.CLOSE)


def stated(tier: Tier, name: str, value: str, **more: object) -> Evidence:
    """Return evidence about the stored bytes, stated by the server, with the given changes."""
    facts: dict[str, object] = {
        "scope": Scope.STORED,
        "origin": Origin.SERVER,
        "source": "test",
        **more,
    }
    return Evidence(tier=tier, name=name, value=value, **facts)  # type: ignore[arg-type]


LENGTH_OK = stated(Tier.TRANSFER, "length", "5", scope=Scope.WIRE)
LENGTH_BAD = stated(Tier.TRANSFER, "length", "6", scope=Scope.WIRE)
TAG_OK = stated(Tier.VERSION, "etag", '"v1"', scope=Scope.WHOLE)
TAG_BAD = stated(Tier.VERSION, "etag", '"v2"', scope=Scope.WHOLE)
SHA_OK = stated(Tier.DIGEST, "sha256", "stored-sha")
SHA_BAD = stated(Tier.DIGEST, "sha256", "other")
MD5_OK = stated(Tier.CHECKSUM, "md5", "stored-md5")
MD5_BAD = stated(Tier.CHECKSUM, "md5", "other")
PIN_OK = stated(Tier.AUTHENTIC, "sha256", "stored-sha", origin=Origin.CALLER)
PIN_BAD = stated(Tier.AUTHENTIC, "sha256", "other", origin=Origin.CALLER)
PIN_UNKNOWN = stated(Tier.AUTHENTIC, "sha512", "stored-sha", origin=Origin.CALLER)
UNKNOWN = stated(Tier.DIGEST, "sha512", "stored-sha")
HINT_OK = stated(Tier.CHECKSUM, "md5", "stored-md5", refutes=False, origin=Origin.INFERRED)
HINT_BAD = stated(Tier.CHECKSUM, "md5", "other", refutes=False, origin=Origin.INFERRED)
MUTE_OK = stated(Tier.DIGEST, "sha256", "stored-sha", confirms=False)

V = Verdict


@pytest.mark.parametrize(
    ("seen", "evidence", "verdict", "strength"),
    [
        # nothing stated: the framing speaks alone
        pytest.param(SEEN, [], V.CONSISTENT, Tier.TRANSFER, id="framing-ended"),
        pytest.param(CLOSED, [], V.UNVERIFIABLE, None, id="connection-closed"),
        # lengths
        pytest.param(SEEN, [LENGTH_OK], V.CONSISTENT, Tier.TRANSFER, id="length"),
        pytest.param(CLOSED, [LENGTH_OK], V.CONSISTENT, Tier.TRANSFER, id="closed-length"),
        pytest.param(SEEN, [LENGTH_BAD], V.INCOMPLETE, None, id="length-wrong"),
        pytest.param(CLOSED, [LENGTH_BAD], V.INCOMPLETE, None, id="closed-length-wrong"),
        pytest.param(SEEN, [LENGTH_OK, LENGTH_BAD], V.INCOMPLETE, None, id="two-lengths"),
        # versions
        pytest.param(SEEN, [TAG_OK], V.CONSISTENT, Tier.TRANSFER, id="version"),
        pytest.param(SEEN, [TAG_BAD], V.CHANGED, Tier.TRANSFER, id="other-version"),
        pytest.param(CLOSED, [TAG_OK], V.UNVERIFIABLE, None, id="version-proves-no-bytes"),
        # digests
        pytest.param(SEEN, [MD5_OK], V.VERIFIED, Tier.CHECKSUM, id="checksum"),
        pytest.param(SEEN, [SHA_OK], V.VERIFIED, Tier.DIGEST, id="digest"),
        pytest.param(SEEN, [PIN_OK, MD5_OK], V.VERIFIED, Tier.AUTHENTIC, id="authentic"),
        pytest.param(CLOSED, [SHA_OK], V.VERIFIED, Tier.DIGEST, id="closed-digest"),
        pytest.param(SEEN, [SHA_BAD], V.MISMATCH, Tier.TRANSFER, id="digest-wrong"),
        pytest.param(CLOSED, [PIN_BAD], V.MISMATCH, None, id="closed-pin-wrong"),
        pytest.param(SEEN, [MD5_OK, SHA_BAD], V.CONFLICT, Tier.CHECKSUM, id="conflict"),
        pytest.param(SEEN, [SHA_OK, SHA_BAD], V.CONFLICT, Tier.TRANSFER, id="conflict-in-a-tier"),
        pytest.param(SEEN, [SHA_OK, PIN_BAD], V.CONFLICT, Tier.DIGEST, id="conflict-with-pin"),
        # what may not condemn, and what may not confirm
        pytest.param(SEEN, [HINT_BAD], V.CONSISTENT, Tier.TRANSFER, id="hint-wrong"),
        pytest.param(SEEN, [HINT_OK], V.VERIFIED, Tier.CHECKSUM, id="hint-right"),
        pytest.param(SEEN, [HINT_BAD, SHA_OK], V.VERIFIED, Tier.DIGEST, id="hint-wrong-digest-ok"),
        pytest.param(CLOSED, [HINT_BAD], V.UNVERIFIABLE, None, id="closed-hint-wrong"),
        pytest.param(SEEN, [MUTE_OK], V.CONSISTENT, Tier.TRANSFER, id="may-not-confirm"),
        pytest.param(SEEN, [MUTE_OK, MD5_BAD], V.MISMATCH, Tier.TRANSFER, id="mute-no-conflict"),
        # a digest without a hasher never passes
        pytest.param(SEEN, [UNKNOWN], V.CONSISTENT, Tier.TRANSFER, id="no-hasher"),
        pytest.param(CLOSED, [UNKNOWN], V.UNVERIFIABLE, None, id="closed-no-hasher"),
        pytest.param(SEEN, [UNKNOWN, SHA_OK], V.VERIFIED, Tier.DIGEST, id="no-hasher-but-another"),
        # what the caller demanded and nobody computed is not waved through
        pytest.param(SEEN, [PIN_UNKNOWN], V.UNVERIFIABLE, Tier.TRANSFER, id="demand-unmet"),
        pytest.param(
            SEEN, [PIN_UNKNOWN, SHA_OK], V.UNVERIFIABLE, Tier.DIGEST, id="demand-unmet-by-server"
        ),
        pytest.param(
            SEEN, [PIN_UNKNOWN, PIN_OK], V.VERIFIED, Tier.AUTHENTIC, id="demand-met-otherwise"
        ),
        pytest.param(SEEN, [PIN_UNKNOWN, MD5_BAD], V.MISMATCH, Tier.TRANSFER, id="unmet-wrong"),
        # precedence
        pytest.param(
            SEEN, [LENGTH_BAD, TAG_BAD, SHA_OK, MD5_BAD], V.INCOMPLETE, Tier.DIGEST, id="length-1st"
        ),
        pytest.param(SEEN, [TAG_BAD, SHA_OK, MD5_BAD], V.CHANGED, Tier.DIGEST, id="version-2nd"),
        pytest.param(SEEN, [TAG_BAD, SHA_OK], V.CHANGED, Tier.DIGEST, id="version-before-verified"),
        pytest.param(SEEN, [LENGTH_BAD, PIN_OK], V.INCOMPLETE, Tier.AUTHENTIC, id="length-vs-pin"),
    ],
)
def test_verdict(
    seen: Observed, evidence: list[Evidence], verdict: Verdict, strength: Tier | None
) -> None:
    """The first case that applies gives the verdict; the order of the evidence is no matter."""
    for order in (evidence, evidence[::-1]):
        report = judge_integrity(order, seen)
        assert (report.verdict, report.strength) == (verdict, strength)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_only_two_verdicts_are_good(verdict: Verdict) -> None:
    """Everything but verified and consistent needs the caller's word."""
    assert verdict.good is (verdict in {V.VERIFIED, V.CONSISTENT})


@pytest.mark.parametrize(
    ("scope", "name", "value", "outcome"),
    [
        (Scope.WIRE, "length", "5", Outcome.MATCH),
        (Scope.WIRE, "length", "9", Outcome.MISMATCH),
        (Scope.STORED, "length", "9", Outcome.MATCH),
        (Scope.STORED, "length", "5", Outcome.MISMATCH),
        (Scope.WIRE, "md5", "wire-md5", Outcome.MATCH),
        (Scope.WIRE, "md5", "stored-md5", Outcome.MISMATCH),
        (Scope.STORED, "md5", "stored-md5", Outcome.MATCH),
        (Scope.STORED, "md5", "wire-md5", Outcome.MISMATCH),
        (Scope.WHOLE, "md5", "wire-md5", Outcome.INCOMPARABLE),
        (Scope.WHOLE, "length", "5", Outcome.INCOMPARABLE),
    ],
)
def test_evidence_is_compared_in_its_own_scope(
    scope: Scope, name: str, value: str, outcome: Outcome
) -> None:
    """A digest of the coded body says nothing about the stored one, and the other way round."""
    tier = Tier.TRANSFER if name == "length" else Tier.CHECKSUM
    report = judge_integrity([stated(tier, name, value, scope=scope)], SEEN)
    assert report.findings[0].outcome is outcome


@pytest.mark.parametrize(
    ("expected", "seen", "outcome", "reason"),
    [
        ('"v1"', '"v1"', Outcome.MATCH, ReasonCode.EQUAL),
        ('"v1"', 'W/"v1"', Outcome.MATCH, ReasonCode.EQUAL),
        ('W/"v1"', '"v1"', Outcome.MATCH, ReasonCode.EQUAL),
        ('"v1"', '"v2"', Outcome.MISMATCH, ReasonCode.DIFFERENT),
        ("v1", "v1", Outcome.MATCH, ReasonCode.EQUAL),
        ("v1", '"v1"', Outcome.MISMATCH, ReasonCode.DIFFERENT),
        ("v1", "v2", Outcome.MISMATCH, ReasonCode.DIFFERENT),
        ('"v1"', None, Outcome.INCOMPARABLE, ReasonCode.NO_EVIDENCE),
    ],
)
def test_versions_are_compared_weakly(
    expected: str, seen: str | None, outcome: Outcome, reason: ReasonCode
) -> None:
    """A proxy that weakens a tag does not change the version (RFC 9110 8.8.3.2)."""
    wanted = stated(Tier.VERSION, "etag", expected, scope=Scope.WHOLE, origin=Origin.CALLER)
    finding = judge_integrity([wanted], attrs.evolve(SEEN, etag=seen)).findings[0]
    assert (finding.outcome, finding.reason, finding.found) == (outcome, reason, seen)


@pytest.mark.parametrize(
    ("evidence", "outcome", "reason", "found"),
    [
        (LENGTH_OK, Outcome.MATCH, ReasonCode.EQUAL, "5"),
        (LENGTH_BAD, Outcome.MISMATCH, ReasonCode.LENGTH_WRONG, "5"),
        (SHA_OK, Outcome.MATCH, ReasonCode.EQUAL, "stored-sha"),
        (SHA_BAD, Outcome.MISMATCH, ReasonCode.DIFFERENT, "stored-sha"),
        (UNKNOWN, Outcome.INCOMPARABLE, ReasonCode.OWN_HASHER_MISSING, None),
    ],
)
def test_finding_says_why(
    evidence: Evidence, outcome: Outcome, reason: ReasonCode, found: str | None
) -> None:
    """Each finding holds its evidence, a fixed reason and what was seen."""
    finding = judge_integrity([evidence], SEEN).findings[0]
    assert finding == Finding(evidence=evidence, outcome=outcome, reason=reason, found=found)


@pytest.mark.parametrize(
    ("framing", "outcome", "reason"),
    [
        (Framing.LENGTH, Outcome.MATCH, ReasonCode.FRAMING_ENDED),
        (Framing.CHUNKED, Outcome.MATCH, ReasonCode.FRAMING_ENDED),
        (Framing.STREAM, Outcome.MATCH, ReasonCode.FRAMING_ENDED),
        (Framing.NONE, Outcome.MATCH, ReasonCode.FRAMING_ENDED),
        (Framing.CLOSE, Outcome.INCOMPARABLE, ReasonCode.CLOSE_DELIMITED),
    ],
)
def test_framing_is_a_finding(framing: Framing, outcome: Outcome, reason: ReasonCode) -> None:
    """How the body ended is always among the findings, and never condemns."""
    report = judge_integrity([], attrs.evolve(SEEN, framing=framing, etag=None))
    (finding,) = report.findings
    assert (finding.outcome, finding.reason) == (outcome, reason)
    assert not finding.evidence.refutes


def test_version_of_the_answer_is_a_fact() -> None:
    """An ETag is kept among the findings where nobody asked for one, and proves no bytes."""
    report = judge_integrity([], SEEN)
    assert Tier.VERSION in report.verified
    assert report.strength is Tier.TRANSFER
    assert [f.found for f in report.findings if f.evidence.tier is Tier.VERSION] == ['"v1"']
    asked = judge_integrity([TAG_BAD], SEEN)
    assert [f.evidence for f in asked.findings if f.evidence.tier is Tier.VERSION] == [TAG_BAD]


def head(*lines: tuple[str, str], version: str = "HTTP/1.1") -> Head:
    """Return the head of an answer."""
    return Head(status=200, headers=Headers.of(lines), url="", http_version=version)


@pytest.mark.parametrize(
    ("answer", "lengths"),
    [
        (head(("Content-Length", "5")), ["5"]),
        (head(("Content-Length", "5, 5")), ["5"]),
        (head(("Content-Length", "5"), version="HTTP/2"), ["5"]),
        (head(), []),
        (head(("Content-Length", "five")), []),
        (head(("Content-Length", "5"), ("Content-Length", "6")), []),
        # a transfer coding overrides the length (RFC 9112 6.3)
        (head(("Content-Length", "5"), ("Transfer-Encoding", "chunked")), []),
        (head(("Content-Length", "5"), ("Transfer-Encoding", "gzip")), []),
    ],
)
def test_length_that_the_answer_states(answer: Head, lengths: list[str]) -> None:
    """Content-Length counts the octets as sent, where it marks or accompanies the end."""
    evidence = evidence_of(answer)
    assert [e.value for e in evidence] == lengths
    assert all(e.scope is Scope.WIRE and e.origin is Origin.SERVER for e in evidence)


def test_what_the_caller_states() -> None:
    """Size and digest speak of the stored bytes; the digest is compared in lower case."""
    evidence = evidence_of(
        head(), expected_sha256="STORED-SHA", expected_size=0, expected_etag='"v1"'
    )
    assert [(e.tier, e.name, e.value, e.scope) for e in evidence] == [
        (Tier.TRANSFER, "length", "0", Scope.STORED),
        (Tier.VERSION, "etag", '"v1"', Scope.WHOLE),
        (Tier.DIGEST, "sha256", "stored-sha", Scope.STORED),
        (Tier.AUTHENTIC, "sha256", "stored-sha", Scope.STORED),
    ]
    assert {e.origin for e in evidence} == {Origin.CALLER}
    assert all(e.confirms and e.refutes for e in evidence)


@pytest.mark.parametrize(
    ("findings", "outcomes"),
    [
        ([], {}),
        ([(SHA_OK, Outcome.MATCH)], {Tier.DIGEST: Outcome.MATCH}),
        (
            [(SHA_OK, Outcome.MATCH), (SHA_BAD, Outcome.MISMATCH)],
            {Tier.DIGEST: Outcome.MISMATCH},
        ),
        ([(HINT_BAD, Outcome.MISMATCH)], {}),
        ([(SHA_OK, Outcome.MALFORMED)], {}),
        (
            [(MD5_OK, Outcome.MATCH), (SHA_BAD, Outcome.MISMATCH)],
            {Tier.CHECKSUM: Outcome.MATCH, Tier.DIGEST: Outcome.MISMATCH},
        ),
    ],
)
def test_report_by_tier(
    findings: list[tuple[Evidence, Outcome]], outcomes: dict[Tier, Outcome]
) -> None:
    """Within a tier a mismatch outweighs a match; what says nothing leaves it incomparable."""
    report = IntegrityReport(
        verdict=V.UNVERIFIABLE,
        strength=None,
        findings=tuple(
            Finding(evidence=e, outcome=o, reason=ReasonCode.EQUAL) for e, o in findings
        ),
    )
    for tier in Tier:
        assert report.outcome(tier) is outcomes.get(tier, Outcome.INCOMPARABLE)
    assert report.verified == tuple(t for t in Tier if outcomes.get(t) is Outcome.MATCH)
