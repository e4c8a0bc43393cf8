"""What happens while something is probed and fetched, told to the host as it happens.

One small frozen class per event. URLs are redacted; `path` is where the file will be, or is.
"""

from __future__ import annotations

import logging
from typing import TypeAlias

import attrs

from etagkit._redact import redact_url


@attrs.frozen(kw_only=True)
class Probed:
    """The source answered; `size` is `None` where it does not say."""

    url: str = attrs.field(converter=redact_url)
    size: int | None
    etag: str | None


@attrs.frozen(kw_only=True)
class Replacing:
    """A file that no record describes stands at `path`, and will be replaced."""

    url: str = attrs.field(converter=redact_url)
    path: str

    @property
    def log_level(self) -> int:
        """Somebody put that file there: worth a look."""
        return logging.WARNING


@attrs.frozen(kw_only=True)
class Started:
    """A body begins; `total` is the octets expected on the wire, `None` where unknown."""

    url: str = attrs.field(converter=redact_url)
    path: str
    total: int | None


@attrs.frozen(kw_only=True)
class Advanced:
    """`received` octets of the body have come so far, as sent (before any decoding)."""

    url: str = attrs.field(converter=redact_url)
    path: str
    received: int
    total: int | None


@attrs.frozen(kw_only=True)
class Verified:
    """The body ended and was judged: the verdict, and the highest tier that was proved."""

    url: str = attrs.field(converter=redact_url)
    path: str
    verdict: str
    strength: str | None

    @property
    def log_level(self) -> int:
        """A body that nothing proved whole, taken on the caller's word, is worth a look."""
        return logging.WARNING if self.verdict == "unverifiable" else logging.DEBUG


@attrs.frozen(kw_only=True)
class Published:
    """The file stands under its final name."""

    url: str = attrs.field(converter=redact_url)
    path: str
    size: int
    sha256: str


@attrs.frozen(kw_only=True)
class Recorded:
    """The manifest describes the published file."""

    url: str = attrs.field(converter=redact_url)
    path: str


@attrs.frozen(kw_only=True)
class Skipped:
    """Nothing was transferred, for `reason`."""

    url: str = attrs.field(converter=redact_url)
    path: str
    reason: str


@attrs.frozen(kw_only=True)
class Failed:
    """The fetch ended with an error of `kind`.

    What stood at `path` before stands there still, unless the new file was `published` already and
    only its record could not be made.
    """

    url: str = attrs.field(converter=redact_url)
    path: str
    kind: str
    message: str
    published: bool = False


TransferEvent: TypeAlias = (
    Probed | Replacing | Started | Advanced | Verified | Published | Recorded | Skipped | Failed
)
