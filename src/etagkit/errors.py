"""Every error that etagkit raises, in one tree.

```
EtagKitError
├─ InvalidArgument (ValueError)          the caller passed something that cannot work
│  ├─ InvalidURL
│  └─ TargetTaken                        the path holds another source's file
├─ InvalidHeader (ValueError)            a field value that does not follow its grammar
│  ├─ InvalidETag
│  ├─ InvalidHTTPDate
│  └─ InvalidContentRange
├─ SourceError (OSError)                 the source did not give what was asked of it
│  ├─ ConnectionFailed (ConnectionError)
│  │  └─ CertificateRefused
│  ├─ SourceTimeout (TimeoutError)
│  ├─ BodyCut                            the body ended before its framing said so
│  ├─ UnexpectedStatus
│  ├─ RedirectRefused
│  ├─ UnsupportedEncoding
│  └─ SourceChanged                      the source moved to another version under way
├─ IntegrityError                        bytes came, and they are not the right ones
│  ├─ SizeMismatch
│  ├─ LimitExceeded                      more came than the caller allows
│  ├─ DigestMismatch
│  ├─ ContainerCut                       a compressed stream ended before its end mark
│  ├─ MalformedContent                   the bytes are not what their type promises
│  ├─ UnexpectedContent                  another kind of thing: a login page, an error page
│  └─ UnverifiedBody                     nothing shows that the body is whole
├─ LocalFileError (OSError)              this machine could not take or give the file
│  ├─ DiskFull
│  └─ AccessDenied (PermissionError)
├─ ManifestError
│  ├─ ManifestBusy                       others kept it locked for too long
│  ├─ ManifestTooNew
│  └─ ManifestCorrupt
├─ StrategyFailed                        a download strategy broke its contract
└─ MissingExtra (ImportError)            an optional dependency is not installed
```

Expected outcomes (not modified, skipped, conflict) are values, never errors. An error carries its
facts as attributes (`url`, `path`, `expected`, `found`, `advice`), builds its message from them,
says through `retryable` whether the same call may succeed later, and survives pickling. URLs are
redacted when the error is made. Exceptions of other libraries appear only as `__cause__`.
"""

from __future__ import annotations

import re
from typing import ClassVar

from typing_extensions import override

from etagkit._redact import redact_url

__all__ = [
    "AccessDenied",
    "BodyCut",
    "CertificateRefused",
    "ConnectionFailed",
    "ContainerCut",
    "DigestMismatch",
    "DiskFull",
    "EtagKitError",
    "IntegrityError",
    "InvalidArgument",
    "InvalidContentRange",
    "InvalidETag",
    "InvalidHTTPDate",
    "InvalidHeader",
    "InvalidURL",
    "LimitExceeded",
    "LocalFileError",
    "MalformedContent",
    "ManifestBusy",
    "ManifestCorrupt",
    "ManifestError",
    "ManifestTooNew",
    "MissingExtra",
    "RedirectRefused",
    "SizeMismatch",
    "SourceChanged",
    "SourceError",
    "SourceTimeout",
    "StrategyFailed",
    "TargetTaken",
    "UnexpectedContent",
    "UnexpectedStatus",
    "UnsupportedEncoding",
    "UnverifiedBody",
]

#: Longest value shown inside a message; the attribute keeps the whole.
_SHOWN = 200

#: Client-error statuses that may pass: timeout, too early, too many requests.
_PASSING = frozenset({408, 425, 429})
_SERVER_ERROR = 500


#: A text that is a URL.
_URL = re.compile(r"\s*[a-z][a-z0-9+.-]*://", re.IGNORECASE)

#: Where a URL of the kinds that carry credentials begins within a text.
_URL_WITHIN = re.compile(r"(?:https?|wss?|ftps?|socks[45]?[ah]?)://", re.IGNORECASE)


def _shorten(value: object) -> str:
    text = value if isinstance(value, str) else repr(value)
    size = len(text)
    return (
        _printable(text)
        if size <= _SHOWN
        else f"{_printable(text[:_SHOWN])}... ({size} characters)"
    )


def _printable(text: str) -> str:
    """Escape line ends and terminal sequences, which a source may have put into the text."""
    return text if text.isprintable() else repr(text)


def _safe(value: object) -> object:
    """Redact a text from its first URL on: where that ends, only its writer knows."""
    if not isinstance(value, str):
        return value
    if _URL.match(value):
        return redact_url(value)
    within = _URL_WITHIN.search(value)
    if within is None:
        return value
    return f"{value[: within.start()]}{redact_url(value[within.start() :])}"


class EtagKitError(Exception):
    """Base of all errors of this library.

    Attributes:
        reason: one sentence, what went wrong.
        url: the source concerned, redacted; `None` where none is.
        path: the local file concerned, if any.
        expected, found: what was asked for or announced, and what came; URLs redacted.
        advice: what the reader may do about it.
        published: whether the new file stood under its final name already when this went wrong.

    >>> print(EtagKitError("nothing came", url="http://me:pw@localhost/a", expected=3, found=0))
    nothing came: http://***@localhost/a (expected 3, found 0)
    """

    kind: ClassVar[str] = "error"
    _retryable: ClassVar[bool] = False

    def __init__(
        self,
        reason: str,
        *,
        url: str | None = None,
        path: str | None = None,
        expected: object = None,
        found: object = None,
        advice: str | None = None,
    ) -> None:
        """Keep the facts; the message is made from them when it is asked for."""
        super().__init__(reason)
        self.reason = reason
        self.url = None if url is None else redact_url(url)
        self.path = path
        self.expected = _safe(expected)
        self.found = _safe(found)
        self.advice = advice
        self.published = False

    @override
    def __str__(self) -> str:
        """Return one line: reason, subject, what was expected and found, and the advice."""
        subject = " -> ".join(_printable(part) for part in (self.url, self.path) if part)
        text = f"{self.reason}: {subject}" if subject else self.reason
        facts: list[str] = []
        if self.expected is not None:
            facts.append(f"expected {_shorten(self.expected)}")
        if self.found is not None:
            facts.append(f"found {_shorten(self.found)}")
        if facts:
            text = f"{text} ({', '.join(facts)})"
        return f"{text}; {self.advice}" if self.advice else text

    @override
    def __repr__(self) -> str:
        """Return the class and the message."""
        return f"{type(self).__name__}({str(self)!r})"

    @override
    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by reason and attributes, so that errors cross process borders whole."""
        # ImportError keeps `path` in a slot of its own, outside of `__dict__`.
        return _rebuild, (type(self), self.reason, {**self.__dict__, "path": self.path})

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without any change by the caller."""
        return self._retryable

    def about(self, *, url: str | None = None, path: str | None = None) -> None:
        """Fill in the subject where the place that raised did not know it; never overwrite one."""
        if self.url is None and isinstance(url, str):
            self.url = redact_url(url)
        if self.path is None and path is not None:
            self.path = path


def _rebuild(cls: type[EtagKitError], reason: str, state: dict[str, object]) -> EtagKitError:
    error = cls(reason)
    for name, value in state.items():
        setattr(error, name, value)
    return error


class InvalidArgument(EtagKitError, ValueError):
    """The caller passed something that cannot work; the message says what would."""

    kind = "invalid_argument"


class InvalidURL(InvalidArgument):
    """The URL is not an absolute http or https URL."""

    kind = "invalid_url"


class TargetTaken(InvalidArgument):
    """The path holds a file that was fetched from another source; it is left alone."""

    kind = "target_taken"


class InvalidHeader(EtagKitError, ValueError):
    """A field value does not follow the grammar of its field."""

    kind = "invalid_header"


class InvalidETag(InvalidHeader):
    """Not an entity tag in the grammar of RFC 9110 8.8.3."""

    kind = "invalid_etag"


class InvalidHTTPDate(InvalidHeader):
    """Not an HTTP date in any of the three formats of RFC 9110 5.6.7."""

    kind = "invalid_http_date"


class InvalidContentRange(InvalidHeader):
    """Not a `Content-Range` in the grammar of RFC 9110 14.4."""

    kind = "invalid_content_range"


class SourceError(EtagKitError, OSError):
    """The source did not give what was asked of it."""

    kind = "source"
    _retryable = True


class ConnectionFailed(SourceError, ConnectionError):
    """No connection, or it broke before an answer came."""

    kind = "connection"


class CertificateRefused(ConnectionFailed):
    """The source's certificate is not one that this machine trusts."""

    kind = "certificate"
    _retryable = False


class SourceTimeout(SourceError, TimeoutError):
    """The source did not answer, or stopped sending, within the client's time limit."""

    kind = "timeout"


class BodyCut(SourceError):
    """The body ended before its framing (length, last chunk, end of stream) said so."""

    kind = "body_cut"


class UnexpectedStatus(SourceError):
    """The source answered with a status that gives no representation.

    `status` holds the number. 408, 425, 429 and 5xx are worth another try, others are not.

    >>> UnexpectedStatus("no such file", status=404).retryable
    False
    """

    kind = "status"

    def __init__(
        self,
        reason: str,
        *,
        status: int = 0,
        url: str | None = None,
        expected: object = None,
        advice: str | None = None,
    ) -> None:
        """Keep the status beside the facts that every error has."""
        super().__init__(reason, url=url, expected=expected, found=status or None, advice=advice)
        self.status = status

    @property
    @override
    def retryable(self) -> bool:
        """Whether the status is one that tends to pass by itself."""
        return self.status in _PASSING or self.status >= _SERVER_ERROR


class RedirectRefused(SourceError):
    """A redirect leads nowhere, in circles, or to a place that must not be followed."""

    kind = "redirect"
    _retryable = False


class UnsupportedEncoding(SourceError):
    """The body came in a content coding that cannot be undone here, though identity was asked."""

    kind = "encoding"
    _retryable = False


class SourceChanged(SourceError):
    """The source moved to another version while it was being read."""

    kind = "source_changed"


class IntegrityError(EtagKitError):
    """Bytes came, and they are not the right ones. Nothing was published."""

    kind = "integrity"


class SizeMismatch(IntegrityError):
    """Another number of octets came than was announced or demanded."""

    kind = "size"
    _retryable = True


class LimitExceeded(IntegrityError):
    """More came than the caller allows to be stored; asking again will not help."""

    kind = "limit"


class DigestMismatch(IntegrityError):
    """The digest of what came is not the one that was demanded or announced."""

    kind = "digest"


class ContainerCut(IntegrityError):
    """A compressed stream or archive ended before its own end mark."""

    kind = "container_cut"
    _retryable = True


class MalformedContent(IntegrityError):
    """The bytes are not well-formed in the format that their type promises."""

    kind = "malformed"


class UnexpectedContent(IntegrityError):
    """Another kind of thing came than the one asked for: a login page, an error page."""

    kind = "unexpected_content"


class UnverifiedBody(IntegrityError):
    """Nothing shows that the body is whole, and the caller did not say to accept that."""

    kind = "unverified"


class LocalFileError(EtagKitError, OSError):
    """This machine could not take or give the file."""

    kind = "local_file"


class DiskFull(LocalFileError):
    """No space, or no quota, left where the file should go."""

    kind = "disk_full"


class AccessDenied(LocalFileError, PermissionError):
    """The folder or file may not be read or written by this process."""

    kind = "access_denied"


class ManifestError(EtagKitError):
    """The manifest could not be read or written."""

    kind = "manifest"


class ManifestBusy(ManifestError):
    """Other processes kept the manifest locked for longer than the time limit."""

    kind = "manifest_busy"
    _retryable = True


class ManifestTooNew(ManifestError):
    """The manifest was written by a newer etagkit; it is left untouched."""

    kind = "manifest_too_new"


class ManifestCorrupt(ManifestError):
    """The manifest does not hold what it should; it is left untouched."""

    kind = "manifest_corrupt"


class StrategyFailed(EtagKitError):
    """A download strategy's stage raised or returned something that it may not.

    What it raised is the `__cause__`.
    """

    kind = "strategy"


class MissingExtra(EtagKitError, ImportError):
    """An optional dependency is not installed; the message names the install command."""

    kind = "missing_extra"

    @classmethod
    def of(cls, extra: str, needed_for: str) -> MissingExtra:
        """Return the error for `extra`.

        >>> print(MissingExtra.of("cli", "the etagkit command"))
        the etagkit command needs an optional dependency; run: pip install 'etagkit[cli]'
        """
        return cls(
            f"{needed_for} needs an optional dependency",
            advice=f"run: pip install 'etagkit[{extra}]'",
        )
