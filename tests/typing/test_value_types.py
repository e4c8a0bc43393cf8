"""What type checkers see of the values: parsing, comparing and judging are exactly typed."""

from __future__ import annotations

from datetime import datetime
from typing import assert_type

from etagkit.errors import EtagKitError, MissingExtra
from etagkit.http import (
    ContentRange,
    ETag,
    Framing,
    Head,
    Headers,
    Sameness,
    Validators,
    format_http_date,
    media_type,
    parse_http_date,
    strong_match,
    weak_match,
)
from etagkit.integrity import (
    Evidence,
    IntegrityReport,
    Observed,
    RollingHasher,
    Tier,
    Verdict,
    evidence_of,
    judge_integrity,
)


class Revision(ETag):
    """An application's own tag."""

    __slots__ = ()


def test_tags() -> None:
    """A tag is a `str`; its own methods keep the class, those of `str` do not."""
    tag = ETag('"1"')
    assert_type(tag, ETag)
    assert_type(ETag.parse(None), ETag | None)
    assert_type(ETag.strong("1"), ETag)
    assert_type(Revision.parse('"1"'), Revision | None)
    assert_type(Revision.weakly("1").weakened(), Revision)
    assert_type(tag.opaque, str)
    assert_type(tag.weak, bool)
    assert_type(tag[1:], str)
    assert_type(strong_match(None, tag), bool)
    assert_type(weak_match(tag, None), bool)
    text: str = tag
    assert text == '"1"'


def test_fields() -> None:
    """Look-ups say by their type what may be absent."""
    headers = Headers.of({"ETag": '"1"'})
    assert_type(headers, Headers)
    assert_type(Headers.of([("a", "b")]), Headers)
    assert_type(headers.all("etag"), tuple[str, ...])
    assert_type(headers.first("etag"), str | None)
    assert_type(headers.only("etag"), str | None)
    assert_type(headers.joined("etag"), str | None)
    head = Head(status=200, headers=headers, url="")
    assert_type(head.content_length, int | None)
    assert_type(head.framing, Framing)
    assert_type(media_type(None), str | None)
    assert_type(format_http_date(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")), str)
    assert_type(ContentRange.parse("bytes 0-0/1").start, int | None)
    assert_type(ContentRange.parse("bytes 0-0/1").length, int)


def test_validators() -> None:
    """Validators give values, and requests as pairs of text."""
    held = Validators.from_headers(Headers())
    assert_type(held.strong, ETag | None)
    assert_type(held.modified, datetime | None)
    assert_type(held.compare(held), Sameness)
    assert_type(held.if_changed(), tuple[tuple[str, str], ...])
    assert not held


def test_integrity() -> None:
    """Evidence in, report out."""
    head = Head(status=200, headers=Headers(), url="")
    hasher = RollingHasher()
    assert_type(hasher.copy(), RollingHasher)
    assert_type(hasher.digests(), dict[str, str])
    seen = Observed(
        framing=head.framing,
        wire_size=0,
        stored_size=0,
        wire_digests=hasher.digests(),
        stored_digests=hasher.digests(),
    )
    evidence = evidence_of(head, expected_size=0)
    assert_type(evidence, tuple[Evidence, ...])
    report = judge_integrity(evidence, seen)
    assert_type(report, IntegrityReport)
    assert_type(report.strength, Tier | None)
    assert report.verdict is Verdict.CONSISTENT


def test_errors() -> None:
    """Facts of an error are typed attributes."""
    error = MissingExtra.of("cli", "the command")
    assert_type(error, MissingExtra)
    assert_type(error.url, str | None)
    assert_type(error.retryable, bool)
    base: EtagKitError = error
    assert isinstance(base, ImportError)
