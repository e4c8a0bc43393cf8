"""Is a transfer needed, how, and may what came be published?

Pure decisions; every fact comes in as a value.

- `should_transfer`: skip only if the source names the recorded version (RFC 9110 8.8.3.2, weak
  comparison is enough to skip) **and** the local file fits the record. Whatever cannot be told is a
  reason to transfer, never a reason to skip.
- `next_hop`: where a redirect may lead (RFC 9110 15.4): http or https, no step down to plain http,
  a bounded number, and never again as "the caller's origin" once it was left.
- `choose_strategy`: the first strategy that accepts what the bytes show; the declared type alone
  never decides.
- `refuse_content`: a page of HTML, a text in the place of a binary format, or nothing at all is
  refused even if it came whole and with status 200.
- `refuse_report`: which verdicts stop a publish.

It refuses to strip, guess or repair: an unknown coding, a status other than 200 and a body whose
end cannot be proved are errors, not inputs to a heuristic.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from etagkit._redact import redact_url
from etagkit.errors import (
    DigestMismatch,
    EtagKitError,
    InvalidArgument,
    InvalidURL,
    RedirectRefused,
    SizeMismatch,
    SourceChanged,
    TargetTaken,
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
    Coding,
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

#: Longest part of a host name between two dots (RFC 1035 2.3.4).
_LONGEST_LABEL = 63

_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')
_RESERVED = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")

#: What SQLite keeps beside a database.
_DATABASE_ENDS = ("", "-wal", "-shm", "-journal")

#: The names that the sweep of dead temporary files takes for its own.
_TEMP_NAME = re.compile(r"\.etagkit-[0-9a-f]{8}-[0-9a-f]{16}\.part")

_ELSEWHERE = "choose another path"

#: Formats that have no empty form: an empty file under such a name is an accident.
_NEVER_EMPTY = frozenset(Magic) - {
    Magic.EMPTY,
    Magic.TEXT,
    Magic.BINARY,
    Magic.NDJSON,
    Magic.HTML,
    Magic.CSV,
}


#: Formats whose first octets are no text: text in their place is a message about something else.
_NEVER_TEXT = frozenset(each for each in _NEVER_EMPTY if not each.is_text)

#: What a declared type promises that a web page is not; text/plain is said of anything unknown.
_NEVER_A_PAGE = frozenset(Magic) - {Magic.HTML, Magic.TEXT, Magic.EMPTY}


class Accepting(Protocol):
    """A strategy, as far as choosing one needs to know it."""

    def accepts(self, intent: RemoteFileIntent, /) -> bool:
        """Whether this strategy is made for what was seen."""
        ...


S = TypeVar("S", bound=Accepting)


def check_url(url: str) -> str:
    """Return `url` if it is an absolute http or https URL with a host.

    Raises:
        InvalidURL: it is not; the message says what is missing.
    """
    if not isinstance(url, str):
        raise InvalidURL(
            "a URL must be text", found=type(url).__name__, expected="str", advice="pass str(url)"
        )
    if url != url.strip():
        raise InvalidURL("a URL with white space around it", url=url, advice="strip() it")
    try:
        parts = urlsplit(url)
        scheme, host = parts.scheme.lower(), parts.hostname
        _ = parts.port
        url.encode()
    except ValueError as exc:  # its words may quote a password that was taken for a port
        raise InvalidURL(
            "not a URL",
            url=url,
            advice="check host and port, and percent-encode special characters in a password",
        ) from exc
    if scheme not in {"http", "https"} or not host:
        raise InvalidURL(
            "not an absolute http or https URL",
            url=url,
            advice="write it in full, such as https://example.org/file.zip",
        )
    if re.search(r"[\x00-\x20\x7f]", url):
        raise InvalidURL("a URL may hold no space or control", url=url, advice="percent-encode it")
    labels = host.removesuffix(".").split(".")
    if ":" not in host and not all(0 < len(label) <= _LONGEST_LABEL for label in labels):
        raise InvalidURL("not a host name", url=url, expected="labels of 1 to 63 characters")
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
    segment = urlsplit(url).path.rpartition("/")[2].partition(";")[0]  # parameters may be secrets
    last = unquote(segment, errors="replace")
    name = _UNSAFE.sub("_", last).strip(" .")
    if not name or _RESERVED.fullmatch(name) or last in {".", ".."}:
        raise InvalidArgument(
            "the URL ends in no usable file name", url=url, advice="give the file's full path"
        )
    return _shorten_name(name)


def check_name(name: str, strategy: str) -> None:
    """Refuse a name that would leave its folder.

    Raises:
        InvalidArgument: a strategy gave no plain file name.
    """
    if os.path.basename(name) != name or name in {"", os.curdir, os.pardir} or "\0" in name:
        raise InvalidArgument(
            "a strategy's stored_name must be a plain file name", found=name, expected=strategy
        )


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


def should_transfer(  # noqa: PLR0911  one line per reason, in their order
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
    if local is LocalState.MISSING:
        return Transfer(Reason.NEVER_FETCHED if record is None else Reason.LOCAL_MISSING)
    if options.force:
        return Transfer(Reason.FORCED)
    if record is None:
        return Transfer(Reason.UNRECORDED_FILE)
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
        or not _is_recorded_as(record, options.expected_type)
    )


def _is_recorded_as(record: ManifestRecord, expected: Magic | None) -> bool:
    if expected is None:
        return True
    return record.magic in {m.value for m in Magic} and fits(Magic(record.magic), expected)


def refuse_name(path: str, manifest: str | None) -> InvalidArgument | None:
    """Return why nothing may be fetched to `path`, or `None`: some names are the library's own."""
    ours: set[str] = set()
    if manifest is not None:
        ours = {manifest + end for end in _DATABASE_ENDS}
    if path in ours:
        return InvalidArgument("the target is the manifest itself", path=path, advice=_ELSEWHERE)
    if _TEMP_NAME.fullmatch(os.path.basename(path)):
        return InvalidArgument(
            "the target has the name of a temporary file of this library",
            path=path,
            advice=_ELSEWHERE,
        )
    return None


def refuse_target(
    url: str,
    path: str,
    other: ManifestRecord | None,
    facts: FileFacts | None,
    options: FetchOptions,
) -> TargetTaken | None:
    """Return why the file at `path` may not be replaced, or `None`.

    It may not if another source's file stands there: the two would replace each other at every run.
    A link that differs from the other only in what is masked is the same source, signed anew.
    """
    if other is None or facts is None or options.force or other.source_url == redact_url(url):
        return None
    return TargetTaken(
        "another source's file stands there",
        url=url,
        path=path,
        found=other.source_url,
        advice="choose another path, or pass force=True to replace it",
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


def undo_coding(url: str, head: Head) -> Coding:
    """Tell how a content coding is to be undone before storing (RFC 9110 8.4).

    Identity was asked for; a source that codes all the same means the decoded bytes. Where the
    resource itself is a gzip file, the label may be true (coded once more) or merely describe the
    file; only its decoded octets can tell.

    Raises:
        UnsupportedEncoding: a coding other than gzip, or several.
    """
    codings = head.content_encodings
    if not codings:
        return Coding.NONE
    if len(codings) > 1 or not _GZIP_CODINGS.issuperset(codings):
        raise UnsupportedEncoding(
            "the source codes the body although identity was asked for",
            url=url,
            expected="identity or gzip",
            found=", ".join(codings),
        )
    declared = magic_of_media_type(head.headers.only("content-type"))
    promised = {magic_of_name(urlsplit(url).path), declared}
    return Coding.GZIP_OR_LABEL if Magic.GZIP in promised else Coding.GZIP


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
    sent: Magic,
    expected: Magic | None,
    earlier: str | None,
) -> UnexpectedContent | None:
    """Return why the bytes are not the thing that was asked for, or `None`.

    `magic` is what the stored bytes show and `sent` what the body showed on the wire, `expected`
    what the caller insists on, `earlier` what the recorded version was.
    """
    if expected is not None:
        if fits(magic, expected):
            return None
        return UnexpectedContent(
            "another type came than was asked for",
            url=url,
            expected=expected.value,
            found=magic.value,
        )
    named = magic_of_name(urlsplit(url).path)
    if named is not None and sent is named:
        return None  # what the name promises came, whatever is inside it
    declared = magic_of_media_type(head.headers.only("content-type"))
    recorded = Magic(earlier) if earlier in {m.value for m in Magic} else None
    wanted, words = _misplaced(magic, declared, named, recorded)
    if wanted is None:
        return None
    return UnexpectedContent(
        f"{words} came in the place of the file",
        url=url,
        expected=wanted.value,
        found=magic.value,
        advice="it may be a login or error page: check credentials, or pass expected_type",
    )


def _misplaced(
    magic: Magic, declared: Magic | None, named: Magic | None, recorded: Magic | None
) -> tuple[Magic | None, str]:
    """Return what should have come instead, and what came in words; `None` if nothing is wrong.

    The name promises most, then what the recorded version was, then the declared type. A declared
    text/plain promises nothing: servers say it of anything that they do not know.
    """
    promises: list[Magic] = [p for p in (named, recorded, declared) if p is not None]

    def first(kinds: frozenset[Magic]) -> Magic | None:
        return next((promise for promise in promises if promise in kinds), None)

    if magic is Magic.HTML or (declared is Magic.HTML and magic.is_text):
        sure = next((p for p in (named, recorded) if p not in {None, Magic.HTML}), None)
        return sure or first(_NEVER_A_PAGE), "a web page"
    if magic is Magic.EMPTY:
        return first(_NEVER_EMPTY) or (recorded if recorded is not magic else None), "nothing"
    return (first(_NEVER_TEXT) if magic.is_text else None), "text"


def fits(magic: Magic, expected: Magic) -> bool:
    """Whether bytes that show `magic` may be what `expected` names.

    Nothing in the bytes sets CSV apart from other text, nor a single line of NDJSON from JSON.
    """
    if expected is Magic.TEXT:
        return magic.is_text
    alike = {Magic.CSV: {Magic.TEXT}, Magic.NDJSON: {Magic.JSON}}.get(expected, set())
    return magic is expected or magic in alike


def refuse_size(intent: RemoteFileIntent, head: Head, received: int) -> SizeMismatch | None:
    """Return why `received` octets cannot be the version that the probe measured, or `None`.

    A range told the size of the version that the body claims to be: a length that says less would
    cut it without a trace. A weak tag is enough for the doubt, since identity coding was asked for.
    """
    same = intent.validators.compare(Validators.from_headers(head.headers))
    if (
        same is not Sameness.SAME
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
