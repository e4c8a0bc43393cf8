"""Is a transfer needed, how, and may what came be published?

Pure decisions; every fact comes in as a value.

- `should_transfer`: skip only if the source names the recorded version (RFC 9110 8.8.3.2, weak
  comparison is enough to skip) **and** the local file fits the record. Whatever cannot be told is a
  reason to transfer, never a reason to skip.
- `next_hop`: where a redirect may lead (RFC 9110 15.4): http or https, no step down to plain http,
  a bounded number, and never again as "the caller's origin" once it was left.
- `choose_strategy`: the first strategy that accepts what the bytes show; the declared type alone
  never decides.
- `refuse_content`: a page of HTML, or nothing at all, in the place of a file is refused even if it
  came whole and with status 200.
- `refuse_report`: which verdicts stop a publish.

It refuses to strip, guess or repair: an unknown coding, a status other than 200 and a body whose end
cannot be proved are errors, not inputs to a heuristic.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from etagkit.errors import (
    DigestMismatch,
    EtagKitError,
    InvalidArgument,
    InvalidURL,
    RedirectRefused,
    SizeMismatch,
    SourceChanged,
    UnexpectedContent,
    UnexpectedStatus,
    UnsupportedEncoding,
    UnverifiedBody,
)
from etagkit.http import Sameness, Validators
from etagkit.integrity import Tier, Verdict
from etagkit.manifest import Completeness
from etagkit.transfer._magic import Magic, magic_of_media_type, magic_of_name
from etagkit.transfer._model import (
    Decision,
    FetchOptions,
    LocalState,
    Reason,
    RemoteFileIntent,
    Skip,
    Transfer,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from etagkit.flow import FileFacts
    from etagkit.http import Head
    from etagkit.integrity import IntegrityReport
    from etagkit.manifest import ManifestRecord

#: Redirects followed for one request; browsers and httpx stop at 20.
MAX_REDIRECTS = 20

_REDIRECTS = frozenset({301, 302, 303, 307, 308})

#: Characters of a Location that are no octets to be escaped; servers send raw spaces and UTF-8.
_AS_IS = "!#$%&'()*+,/:;=?@[]~"
_OK = 200
_GZIP_CODINGS = frozenset({"gzip", "x-gzip"})

#: Longest file name taken from a URL; common file systems allow 255 octets, and the temporary and
#: sidecar names need room.
_LONGEST_NAME = 200
_ADVICE = {
    401: "pass a client with credentials",
    403: "pass a client with credentials, or check that the link has not expired",
    404: "check the URL",
    407: "the proxy wants credentials",
    410: "it was removed for good",
    429: "ask less often",
    503: "try again later",
}

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")

#: Formats that have no empty form: an empty file under such a name is an accident.
_NEVER_EMPTY = frozenset(Magic) - {
    Magic.EMPTY,
    Magic.TEXT,
    Magic.BINARY,
    Magic.NDJSON,
    Magic.HTML,
    Magic.CSV,
}


class Accepting(Protocol):
    """A strategy, as far as choosing one needs to know it."""

    def accepts(self, intent: RemoteFileIntent, /) -> bool:
        """Whether this strategy is made for what was seen."""


S = TypeVar("S", bound=Accepting)


def check_url(url: str) -> str:
    """Return `url` if it is an absolute http or https URL with a host.

    Raises:
        InvalidURL: it is not; the message says what is missing.
    """
    if not isinstance(url, str):
        raise InvalidURL("a URL must be text", found=type(url).__name__, expected="str")
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname
        _ = parts.port
    except ValueError as exc:
        raise InvalidURL("not a URL", url=url, advice=str(exc)) from exc
    if scheme not in {"http", "https"} or not host:
        raise InvalidURL(
            "not an absolute http or https URL",
            url=url,
            advice="write it in full, such as https://example.org/file.zip",
        )
    if re.search(r"[\x00-\x20\x7f]", url):
        raise InvalidURL("a URL may hold no space or control", url=url, advice="percent-encode it")
    return url


def origin_of(url: str) -> tuple[str, str, int]:
    """Return scheme, host and port of `url` (RFC 9110 4.3.1)."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), parts.port or (443 if scheme == "https" else 80)


def next_hop(url: str, head: Head, *, hops: int) -> str | None:
    """Return where `head` redirects to, or `None` when it is an answer to be read.

    Raises:
        RedirectRefused: too many, no usable Location, another scheme, or from https down to http.
    """
    if head.status not in _REDIRECTS:
        return None
    location = head.headers.first("location")
    if hops >= MAX_REDIRECTS:
        raise RedirectRefused("too many redirects", url=url, expected=f"at most {MAX_REDIRECTS}")
    if not location:
        raise RedirectRefused("a redirect without a Location", url=url, found=head.status)
    try:
        target = check_url(urljoin(url, quote(location.encode("latin-1"), safe=_AS_IS)))
    except (InvalidURL, ValueError) as exc:
        raise RedirectRefused("a redirect to something that is no web URL", url=url) from exc
    if urlsplit(url).scheme.lower() == "https" and urlsplit(target).scheme.lower() == "http":
        raise RedirectRefused(
            "a redirect from https down to http",
            url=target,
            advice="fetch the http URL itself if that is what you want",
        )
    return target


def stays_home(first: str, target: str) -> bool:
    """Whether `target` is the origin of `first`, or its https form on the default ports."""
    one, other = origin_of(first), origin_of(target)
    return one == other or (
        one[1] == other[1] and (one[0], one[2], other[0], other[2]) == ("http", 80, "https", 443)
    )


def keep_user(url: str, target: str) -> str:
    """Return `target`, on the same origin, with the user name of `url` unless it has its own."""
    user, at, _ = urlsplit(url).netloc.rpartition("@")
    parts = urlsplit(target)
    if not at or "@" in parts.netloc:
        return target
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.netloc}"))


def file_name(url: str) -> str:
    """Return the name for a file from the last segment of the URL's path, safe on any system.

    >>> file_name("https://example.org/data/a%20b.json?x=1")
    'a b.json'

    Raises:
        InvalidArgument: the URL ends in no usable name.
    """
    last = unquote(urlsplit(url).path.rpartition("/")[2], errors="replace")
    name = _UNSAFE.sub("_", last).strip(" .")
    if not name or _RESERVED.fullmatch(name) or last in {".", ".."}:
        raise InvalidArgument(
            "the URL ends in no usable file name", url=url, advice="give the file's full path"
        )
    return _shorten_name(name)


def _shorten_name(name: str) -> str:
    if len(name.encode()) <= _LONGEST_NAME:
        return name
    stem, dot, suffix = name.rpartition(".")
    room = _LONGEST_NAME - len(suffix.encode()) - 1
    if not dot or room < 1:
        stem, suffix, room = name, "", _LONGEST_NAME
    cut = stem.encode()[:room].decode(errors="ignore")
    return f"{cut}.{suffix}" if suffix else cut


def target_key(path: str, base: str | None) -> str:
    """Return the target as recorded: relative to `base` where it lies below, with `/` between.

    So a folder that is moved with its manifest keeps its history.
    """
    if base is not None:
        relative = os.path.relpath(path, base)
        if relative.split(os.sep)[0] != os.pardir and not os.path.isabs(relative):
            return relative.replace(os.sep, "/")
    return path


def compare_local(record: ManifestRecord | None, facts: FileFacts | None) -> LocalState:
    """Tell how the file on disk stands to its record, by size, times and inode.

    The change time is part of it: it moves even when somebody sets the modification time back.
    """
    if facts is None:
        return LocalState.MISSING
    if record is None or facts.size != record.size:
        return LocalState.DIFFERS
    return LocalState.FITS if facts == record.local else LocalState.TOUCHED


def should_transfer(
    record: ManifestRecord | None,
    known: Sameness,
    local: LocalState,
    options: FetchOptions,
    *,
    forms: Collection[str | None],
) -> Decision:
    """Decide whether the body is needed.

    `known` compares the record's validators with the source's; `forms` names the strategies that
    are wanted now, because a file stored in another form is not what the caller asks for.
    """
    if record is None:
        return Transfer(Reason.NEVER_FETCHED)
    if options.force:
        return Transfer(Reason.FORCED)
    if local is LocalState.MISSING:
        return Transfer(Reason.LOCAL_MISSING)
    if known is Sameness.DIFFERENT:
        return Transfer(Reason.SOURCE_CHANGED)
    if known is Sameness.UNKNOWN:
        return Transfer(Reason.CANNOT_TELL)
    if local is not LocalState.FITS:
        return Transfer(Reason.LOCAL_DIFFERS)
    if record.completeness is not Completeness.PROVED and not options.accept_unverified:
        return Transfer(Reason.RECORD_UNVERIFIED)
    if _expects_another(record, options):
        return Transfer(Reason.EXPECTATION_CHANGED)
    if record.strategy not in forms:
        return Transfer(Reason.FORM_CHANGED)
    return Skip()


def _expects_another(record: ManifestRecord, options: FetchOptions) -> bool:
    pinned = options.expected_sha256
    return (
        (pinned is not None and pinned.lower() != record.sha256)
        or (options.expected_size is not None and options.expected_size != record.size)
        or (options.max_bytes is not None and record.size > options.max_bytes)
        or (options.expected_type is not None and options.expected_type.value != record.magic)
    )


def choose_strategy(intent: RemoteFileIntent, candidates: Iterable[S]) -> S:
    """Return the first candidate that accepts what was seen.

    Raises:
        InvalidArgument: none does (the list should end with one that takes anything).
    """
    for candidate in candidates:
        if candidate.accepts(intent):
            return candidate
    raise InvalidArgument(
        "no strategy accepts this source", url=intent.url, advice="add BinaryDownloadStrategy()"
    )


def is_json(url: str, content_type: str | None) -> bool:
    """Whether name or declared type promise one JSON text (gzip suffix apart)."""
    path = urlsplit(url).path.lower().removesuffix(".gz")
    essence = (content_type or "").partition(";")[0].strip().lower()
    return path.endswith((".json", ".geojson")) or magic_of_media_type(essence) is Magic.JSON


def undo_coding(url: str, head: Head) -> bool:
    """Whether a gzip content coding is to be undone before storing (RFC 9110 8.4).

    Identity was asked for; a source that codes all the same means the decoded bytes, unless the
    resource itself is a gzip file that was merely labelled so (`.tar.gz` sent as coded tar).

    Raises:
        UnsupportedEncoding: a coding other than gzip, or several.
    """
    codings = head.content_encodings
    if not codings:
        return False
    if len(codings) > 1 or codings[0] not in _GZIP_CODINGS:
        raise UnsupportedEncoding(
            "the source codes the body although identity was asked for",
            url=url,
            expected="identity or gzip",
            found=", ".join(codings),
        )
    declared = magic_of_media_type(head.headers.only("content-type"))
    return Magic.GZIP not in {magic_of_name(urlsplit(url).path), declared}


def refuse_status(url: str, head: Head) -> UnexpectedStatus | None:
    """Return why `head` carries no whole representation, or `None` when it does (200)."""
    if head.status == _OK and "content-range" not in head.headers:
        return None
    if head.status == _OK:
        reason = "a part of the file came in the place of the whole"
    else:
        reason = "the source answered with another status than 200"
    return UnexpectedStatus(
        reason, status=head.status, url=url, expected=_OK, advice=advice_for(head.status)
    )


def advice_for(status: int) -> str | None:
    """Return what the reader may do about `status`, where there is something to do."""
    return _ADVICE.get(status)


def refuse_content(
    url: str,
    head: Head,
    magic: Magic,
    *,
    expected: Magic | None,
    earlier: str | None,
) -> UnexpectedContent | None:
    """Return why the bytes are not the thing that was asked for, or `None`.

    `magic` is what the stored bytes show, `expected` what the caller insists on, `earlier` what the
    recorded version was.
    """
    if expected is not None:
        if magic is expected:
            return None
        return UnexpectedContent(
            "another type came than was asked for",
            url=url,
            expected=expected.value,
            found=magic.value,
        )
    named = magic_of_name(urlsplit(url).path)
    declared = magic_of_media_type(head.headers.only("content-type"))
    promised = {m for m in (named, declared) if m is not None}
    if earlier is not None and earlier in {m.value for m in Magic}:
        promised.add(Magic(earlier))
    if magic is Magic.HTML and (promised - {Magic.HTML, Magic.TEXT}) | (
        {named} - {None, Magic.HTML}
    ):
        wanted = (
            named
            if named not in {None, Magic.HTML}
            else min(promised - {Magic.HTML}, key=lambda each: each.value)
        )
        return UnexpectedContent(
            "a web page came in the place of the file",
            url=url,
            expected=wanted.value if wanted else None,
            found="html",
            advice="it may be a login or error page: check credentials, or pass expected_type",
        )
    if magic is Magic.EMPTY and named in _NEVER_EMPTY and named is not None:
        return UnexpectedContent(
            "nothing came in the place of the file", url=url, expected=named.value, found="empty"
        )
    return None


def refuse_size(intent: RemoteFileIntent, head: Head, received: int) -> SizeMismatch | None:
    """Return why `received` octets cannot be the version that the probe measured, or `None`.

    A range told the size of the same strongly tagged octets: a length that says less would cut the
    body without a trace.
    """
    tag = intent.validators.strong
    if (
        tag is None
        or tag != Validators.from_headers(head.headers).strong
        or not intent.accepts_ranges
        or intent.content_encoding is not None
        or head.content_encodings
        or intent.size in {None, received}
    ):
        return None
    return SizeMismatch(
        "another number of octets came than the source says of this version",
        url=intent.url,
        expected=intent.size,
        found=received,
    )


def refuse_report(url: str, report: IntegrityReport, options: FetchOptions) -> EtagKitError | None:
    """Return why the bytes may not be published, or `None` when they may."""
    if report.verdict.good:
        return None
    if report.verdict is Verdict.UNVERIFIABLE:
        if options.accept_unverified:
            return None
        return UnverifiedBody(
            "the body ended only with its connection, so nothing shows that it is whole",
            url=url,
            expected="a length, chunks, or a digest",
            advice="pass expected_sha256 or expected_size, or accept_unverified=True",
        )
    against = max(report.refutations, key=lambda finding: finding.evidence.tier)
    facts = {"url": url, "expected": against.evidence.value, "found": against.found}
    if report.verdict is Verdict.INCOMPLETE:
        short = next(f for f in report.refutations if f.evidence.tier is Tier.TRANSFER)
        return SizeMismatch(
            f"another number of octets came than {short.evidence.source} says",
            url=url,
            expected=int(short.evidence.value),
            found=int(short.found or 0),
        )
    if report.verdict is Verdict.CHANGED:
        return SourceChanged("the source moved to another version", **facts)
    return DigestMismatch(f"the {against.evidence.name} is not the one that was expected", **facts)
