"""What is known of a source, what is decided about it, and what came of that: frozen values."""

from __future__ import annotations

import enum
import gzip
import json
import re
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import attrs

from etagkit._redact import redact_url
from etagkit.display import Shown, Table, human_size
from etagkit.errors import InvalidArgument, LimitExceeded, MalformedContent
from etagkit.http import ETag, Headers, Sameness, Validators
from etagkit.integrity import IntegrityReport, Verdict
from etagkit.manifest import ManifestRecord
from etagkit.transfer._magic import Magic

if TYPE_CHECKING:
    from collections.abc import Callable

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")

#: Octets that `content`, `text` and `json` read at most unless told otherwise: a gibibyte in memory
#: is seldom what one wants, and gzip may hide a thousand times its size.
CONTENT_LIMIT = 1 << 30

#: Header fields of a source that are worth keeping with what is known of it.
KEPT_FIELDS = (
    "accept-ranges",
    "age",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-location",
    "content-md5",
    "content-type",
    "date",
    "digest",
    "etag",
    "expires",
    "last-modified",
    "link",
    "repr-digest",
    "retry-after",
    "server",
    "vary",
    "via",
)


def _shown_url(url: str) -> str:
    return repr(redact_url(url))


@attrs.frozen(kw_only=True)
class Hop:
    """One redirect on the way, with the validators that it carried (they are not the file's)."""

    url: str = attrs.field(repr=_shown_url)
    status: int
    validators: Validators


@attrs.frozen(kw_only=True)
class RemoteFileIntent(Shown):
    """What is behind a URL, before it is downloaded.

    Attributes:
        url, final_url: as asked for, and where redirects led.
        size: octets of the representation as sent, `None` where the source does not say.
        validators: ETag and Last-Modified of the final answer.
        content_type: as declared.
        magic: what the first bytes show it to be; `None` where they were not looked at.
        inner: for gzip, what the first decoded bytes show.
        accepts_ranges: whether a range was honoured (or, unasked, announced); `None`: unknown.
        content_encoding: the coding that the source applies although identity was asked for.
        headers: the fields worth keeping.
        hops: the redirects that were followed.
        known: whether this is the version that the caller already knows.
        requests: how many requests it took to find out.
    """

    url: str = attrs.field(repr=_shown_url)
    final_url: str = attrs.field(repr=_shown_url)
    size: int | None = None
    validators: Validators = attrs.field(factory=Validators)
    content_type: str | None = None
    magic: Magic | None = None
    inner: Magic | None = None
    accepts_ranges: bool | None = None
    content_encoding: str | None = None
    headers: Headers = attrs.field(factory=Headers, repr=False)
    hops: tuple[Hop, ...] = ()
    known: Sameness = Sameness.UNKNOWN
    requests: int = 1

    @property
    def etag(self) -> ETag | None:
        """The entity tag, if the source gives a readable one."""
        return self.validators.etag

    @property
    def last_modified(self) -> str | None:
        """The Last-Modified field, if the source gives a readable one."""
        return self.validators.last_modified

    def table(self) -> Table:
        """Return what is known as a table of two columns."""
        magic = None if self.magic is None else self.magic.value
        inner = "" if self.inner is None else f" (inside: {self.inner.value})"
        ranges = {True: "yes", False: "no", None: None}[self.accepts_ranges]
        return Table.of_pairs(
            redact_url(self.url),
            (
                ("final URL", "" if self.final_url == self.url else redact_url(self.final_url)),
                (
                    "size",
                    None if self.size is None else f"{human_size(self.size)} ({self.size} octets)",
                ),
                ("ETag", self.etag or self.validators.unquoted),
                ("Last-Modified", self.last_modified),
                ("declared type", self.content_type),
                ("seen type", magic and f"{magic}{inner}"),
                ("content coding", self.content_encoding),
                ("ranges", ranges),
                ("redirects", len(self.hops) or None),
            ),
        )


class Coding(enum.Enum):
    """What a source did to the body although identity was asked for."""

    NONE = "none"
    GZIP = "gzip"
    GZIP_OR_LABEL = "gzip or label"  #: of a gzip file: coded once more, or just labelled as gzip


class LocalState(enum.Enum):
    """How the file on disk stands to the record of it."""

    MISSING = "missing"
    FITS = "fits"
    TOUCHED = "touched"  #: same size, other times: only a hash can tell
    DIFFERS = "differs"


class LocalCheck(enum.Enum):
    """How the local file is checked before a transfer is skipped."""

    STAT = "stat"  #: size, times and inode; a hash only where the times moved
    HASH = "hash"  #: always by SHA-256


class Reason(enum.Enum):
    """Why a file is transferred, or not."""

    UNCHANGED = "unchanged"
    FORCED = "forced"
    NEVER_FETCHED = "never fetched"
    UNRECORDED_FILE = "a file without a record stood there"
    SOURCE_CHANGED = "source changed"
    CANNOT_TELL = "source gives no comparable validator"
    LOCAL_MISSING = "local file missing"
    LOCAL_DIFFERS = "local file differs from its record"
    RECORD_UNVERIFIED = "earlier transfer was not proved whole"
    EXPECTATION_CHANGED = "another digest or size is expected now"
    FORM_CHANGED = "another form (decoded, as sent) is wanted now"

    def __str__(self) -> str:
        """Return the words for people."""
        return self.value


@attrs.frozen
class Skip:
    """Decision: what is here is the current version, whole."""

    reason: Reason = Reason.UNCHANGED


@attrs.frozen
class Transfer:
    """Decision: fetch it, and why."""

    reason: Reason


Decision: TypeAlias = Skip | Transfer


def _hex_digest(_: object, attribute: attrs.Attribute[str | None], value: object) -> None:
    if value is not None and not (isinstance(value, str) and _SHA256.fullmatch(value)):
        raise InvalidArgument(
            f"{attribute.name} is not a SHA-256 in hex", found=value, expected="64 hex digits"
        )


def _not_negative(_: object, attribute: attrs.Attribute[int | None], value: object) -> None:
    if value is None or (type(value) is int and value >= 0):
        return
    raise InvalidArgument(f"{attribute.name} must be a count of octets", found=value)


def _a(kind: type) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return a check that a field holds a `kind`, or `None` where that is its default."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, kind) and not (value is None and attribute.default is None):
            raise InvalidArgument(
                f"{attribute.name} is of another type",
                found=value,
                expected=f"{'True or False' if kind is bool else f'a member of {kind.__name__}'}",
            )

    return check


@attrs.frozen(kw_only=True)
class FetchOptions:
    """What the caller wants of one fetch.

    Attributes:
        force: transfer even if nothing changed.
        expected_sha256: hex digest that the stored bytes must have.
        expected_size: octets that the stored file must have.
        expected_type: what the stored bytes must be.
        max_bytes: refuse to store more octets than this.
        accept_unverified: publish a body that ended only with its connection, marked unverified.
        local_check: how the local file is checked before a skip.
        sidecar: also write `<file>.meta.json`.

    Raises:
        InvalidArgument: a digest that is not 64 hex digits, a negative size, another type.
    """

    force: bool = attrs.field(default=False, validator=_a(bool))
    expected_sha256: str | None = attrs.field(default=None, validator=_hex_digest)
    expected_size: int | None = attrs.field(default=None, validator=_not_negative)
    expected_type: Magic | None = attrs.field(default=None, validator=_a(Magic))
    max_bytes: int | None = attrs.field(default=None, validator=_not_negative)
    accept_unverified: bool = attrs.field(default=False, validator=_a(bool))
    local_check: LocalCheck = attrs.field(default=LocalCheck.STAT, validator=_a(LocalCheck))
    sidecar: bool = attrs.field(default=False, validator=_a(bool))


class _OnDisk(Shown):
    """What every result can do with the file that it speaks of."""

    __slots__ = ()
    path: Path
    record: ManifestRecord

    @property
    def verdict(self) -> Verdict:
        """What integrity said when the file was transferred."""
        return Verdict(self.record.verdict)

    def open(self) -> IO[bytes]:
        """Open the stored bytes for reading."""
        return self.path.open("rb")

    def read_bytes(self) -> bytes:
        """Return the stored bytes."""
        return self.path.read_bytes()

    def content(self, *, limit: int = CONTENT_LIMIT) -> bytes:
        """Return the content: the stored bytes, or what is inside them if they are gzip.

        Raises:
            LimitExceeded: it is more than `limit` octets; `open` reads it piece by piece.
        """
        zipped = self.record.magic == Magic.GZIP.value
        with gzip.open(self.path) if zipped else self.path.open("rb") as file:
            content: bytes = file.read(limit + 1)
        if len(content) > limit:
            raise LimitExceeded(
                "the content is larger than the limit",
                path=str(self.path),
                expected=f"at most {limit} octets",
                advice="read it from open(), or pass a higher limit",
            )
        return content

    def text(self, encoding: str = "utf-8") -> str:
        """Return the content as text."""
        return self.content().decode(encoding)

    def json(self) -> Any:
        """Return the content parsed as JSON.

        Raises:
            MalformedContent: it is no JSON, or nested too deeply for the standard library.
        """
        try:
            return json.loads(self.content())
        except (ValueError, RecursionError) as exc:
            raise MalformedContent(
                "the content cannot be read as JSON", path=str(self.path), found=type(exc).__name__
            ) from exc


@attrs.frozen(kw_only=True, str=False)
class Fetched(_OnDisk):
    """The file was transferred, proved and published; `record` describes it."""

    url: str = attrs.field(repr=_shown_url)
    path: Path
    reason: Reason
    record: ManifestRecord = attrs.field(repr=False)
    report: IntegrityReport = attrs.field(repr=False)
    previous: ManifestRecord | None = attrs.field(default=None, repr=False)

    @property
    def changed(self) -> bool:
        """Whether the bytes differ from what the manifest held before (true if it held none)."""
        return self.previous is None or not self.previous.same_content(self.record)

    def table(self) -> Table:
        """Return the result as a table of two columns."""
        proved = ", ".join(tier.name.lower() for tier in self.report.verified) or "nothing"
        return Table.of_pairs(
            f"fetched {redact_url(self.url)}",
            (
                ("file", self.path),
                ("reason", self.reason),
                ("size", f"{human_size(self.record.size)} ({self.record.size} octets)"),
                ("type", self.record.magic),
                ("strategy", self.record.strategy),
                ("ETag", self.record.etag),
                ("SHA-256", self.record.sha256),
                ("verdict", f"{self.report.verdict.value} (proved: {proved})"),
            ),
        )


@attrs.frozen(kw_only=True, str=False)
class Skipped(_OnDisk):
    """Nothing was transferred: the file that is there is the current version, as `record` says."""

    url: str = attrs.field(repr=_shown_url)
    path: Path
    reason: Reason
    record: ManifestRecord = attrs.field(repr=False)

    @property
    def changed(self) -> bool:
        """Never: that is why it was skipped."""
        return False

    def table(self) -> Table:
        """Return the result as a table of two columns."""
        return Table.of_pairs(
            f"skipped {redact_url(self.url)}",
            (
                ("file", self.path),
                ("reason", self.reason),
                ("size", f"{human_size(self.record.size)} ({self.record.size} octets)"),
                ("ETag", self.record.etag),
                ("SHA-256", self.record.sha256),
                ("fetched", self.record.download_timestamp.isoformat(timespec="seconds")),
            ),
        )


#: What a fetch returns.
FetchResult: TypeAlias = Fetched | Skipped


@attrs.frozen(kw_only=True, str=False)
class ChangeReport(Shown):
    """Whether a source changed since; truthy unless it is certain that it did not.

    `sameness` speaks of the source and is `UNKNOWN` where it gives nothing to compare, which counts
    as changed. `reason` also knows a local file that is missing or altered, where one was named.
    """

    url: str = attrs.field(repr=_shown_url)
    sameness: Sameness
    reason: Reason
    before: Validators
    now: Validators

    @property
    def changed(self) -> bool:
        """Whether a fetch would have something to do: the source changed, or may have."""
        return self.reason is not Reason.UNCHANGED

    def __bool__(self) -> bool:
        """Return `changed`."""
        return self.changed

    def table(self) -> Table:
        """Return the comparison as a table."""
        rows = (
            ("ETag", str(self.before.etag or "-"), str(self.now.etag or "-")),
            ("Last-Modified", self.before.last_modified or "-", self.now.last_modified or "-"),
        )
        title = f"{redact_url(self.url)}: {self.reason}"
        return Table(
            title=title, columns=("", "held", "source"), rows=rows, elastic=("held", "source")
        )
