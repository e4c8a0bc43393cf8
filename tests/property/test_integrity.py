"""Laws of verdicts and digests."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etagkit.http import Framing
from etagkit.integrity import (
    Evidence,
    IntegrityReport,
    Observed,
    Origin,
    Outcome,
    RollingHasher,
    Scope,
    Tier,
    Verdict,
    judge_integrity,
)

pytestmark = pytest.mark.property

#: Algorithms and values are few, so that evidence agrees, disagrees and is unknown often enough.
ALGORITHMS = ["md5", "sha256", "sha512"]
texts = st.sampled_from(["x", "y"])
lengths = st.sampled_from([0, 1])
digests = st.dictionaries(st.sampled_from(ALGORITHMS), texts)
observations = st.builds(
    Observed,
    framing=st.sampled_from(Framing),
    wire_size=lengths,
    stored_size=lengths,
    wire_digests=digests,
    stored_digests=digests,
    etag=st.sampled_from([None, '"x"', 'W/"x"', '"y"']),
)
anybody = {
    "origin": st.sampled_from(Origin),
    "source": st.just("test"),
    "confirms": st.booleans(),
    "refutes": st.booleans(),
}
length_evidence = st.builds(
    Evidence,
    tier=st.just(Tier.TRANSFER),
    name=st.just("length"),
    value=lengths.map(str),
    scope=st.sampled_from([Scope.WIRE, Scope.STORED]),
    **anybody,
)
version_evidence = st.builds(
    Evidence,
    tier=st.just(Tier.VERSION),
    name=st.just("etag"),
    value=st.sampled_from(['"x"', '"y"']),
    scope=st.just(Scope.WHOLE),
    **anybody,
)
digest_evidence = st.builds(
    Evidence,
    tier=st.sampled_from([Tier.CHECKSUM, Tier.DIGEST, Tier.AUTHENTIC]),
    name=st.sampled_from([*ALGORITHMS, "blake3"]),
    value=texts,
    scope=st.sampled_from(Scope),
    **anybody,
)
evidences = st.lists(length_evidence | version_evidence | digest_evidence, max_size=5)

#: How much the bytes may be trusted; all that is not good is equally bad here.
RANK = {Verdict.VERIFIED: 2, Verdict.CONSISTENT: 1}


def rank(report: IntegrityReport) -> int:
    """Return how good a verdict is."""
    return RANK.get(report.verdict, 0)


@given(evidence=evidences, seen=observations)
def test_verified_means_a_digest_agrees_and_nothing_condemns(
    evidence: list[Evidence], seen: Observed
) -> None:
    """`VERIFIED` is never reached without a matching digest that may confirm."""
    report = judge_integrity(evidence, seen)
    agreeing = [
        each
        for each in report.findings
        if each.evidence.tier >= Tier.CHECKSUM
        and each.outcome is Outcome.MATCH
        and each.evidence.confirms
    ]
    if report.verdict is Verdict.VERIFIED:
        assert agreeing
        assert report.strength is not None
        assert report.strength >= Tier.CHECKSUM
    for each in agreeing:
        measured = {Scope.STORED: seen.stored_digests, Scope.WIRE: seen.wire_digests}
        assert measured[each.evidence.scope][each.evidence.name] == each.evidence.value


@given(evidence=evidences, seen=observations)
def test_good_means_nothing_condemns(evidence: list[Evidence], seen: Observed) -> None:
    """No good verdict stands beside a refutation, and each refutation gives a bad one."""
    report = judge_integrity(evidence, seen)
    assert not (report.verdict.good and report.refutations)
    if not report.refutations:
        assert report.verdict in {Verdict.VERIFIED, Verdict.CONSISTENT, Verdict.UNVERIFIABLE}


@given(evidence=evidences, seen=observations, more=digest_evidence | version_evidence)
def test_further_mismatch_never_improves_the_verdict(
    evidence: list[Evidence], seen: Observed, more: Evidence
) -> None:
    """Evidence that disagrees takes trust away, or changes nothing."""
    before = judge_integrity(evidence, seen)
    after = judge_integrity([*evidence, more], seen)
    (finding,) = [each for each in after.findings if each.evidence is more][:1]
    if finding.outcome is Outcome.MISMATCH:
        assert rank(after) <= rank(before)
        if more.refutes:
            assert rank(after) == 0


@given(evidence=evidences, seen=observations, more=digest_evidence)
def test_unknown_hasher_never_passes(
    evidence: list[Evidence], seen: Observed, more: Evidence
) -> None:
    """A digest that nobody computed never helps; one that the caller demanded is never good.

    The exception is an authentic digest beside it, which says all that the caller wanted to know.
    """
    before = judge_integrity(evidence, seen)
    after = judge_integrity([*evidence, more], seen)
    measured = {Scope.STORED: seen.stored_digests, Scope.WIRE: seen.wire_digests}
    if more.name in measured.get(more.scope, {}):
        return
    assert rank(after) <= rank(before)
    if more.origin is Origin.CALLER and after.verdict.good:
        assert Tier.AUTHENTIC in after.verified


@given(evidence=evidences, seen=observations, data=st.data())
def test_order_is_no_matter(evidence: list[Evidence], seen: Observed, data: st.DataObject) -> None:
    """Evidence is a set of facts."""
    report = judge_integrity(evidence, seen)
    other = judge_integrity(data.draw(st.permutations(evidence)), seen)
    assert (report.verdict, report.strength) == (other.verdict, other.strength)


@given(evidence=evidences, seen=observations)
def test_every_piece_of_evidence_has_its_finding(evidence: list[Evidence], seen: Observed) -> None:
    """Nothing that was stated gets lost, and the verdict is that of its report."""
    report = judge_integrity(evidence, seen)
    assert [each.evidence for each in report.findings[: len(evidence)]] == evidence
    assert report.strength in {None, *report.verified}
    closed = seen.framing is Framing.CLOSE
    if closed and not evidence:
        assert report.verdict is Verdict.UNVERIFIABLE


@given(blocks=st.lists(st.binary(max_size=100)), cut=st.integers(0, 5))
def test_cuts_are_no_matter(blocks: list[bytes], cut: int) -> None:
    """However a body is cut into blocks, also over a copy, its digests are those of the whole."""
    hasher = RollingHasher(["md5"])
    for block in blocks[:cut]:
        hasher.update(block)
    twin = hasher.copy()
    hasher.update(b"something else")
    for block in blocks[cut:]:
        twin.update(block)
    whole = b"".join(blocks)
    assert twin.count == len(whole)
    assert twin.digests() == {
        "sha256": hashlib.sha256(whole).hexdigest(),
        "md5": hashlib.md5(whole).hexdigest(),
    }
