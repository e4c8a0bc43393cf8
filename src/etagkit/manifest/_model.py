"""What was fetched, from where, in which version, and how that was proved.

The key is the **resource**: the URL without secrets, the variant that was asked for, and the
target. Not the content hash, since two resources may hold equal bytes and one resource changes
them; not the ETag, since servers repeat and forget tags. The hash identifies a *version* of a
resource.
"""

from __future__ import annotations

import enum
import hashlib
import json
from datetime import datetime

import attrs

from etagkit._redact import redact_url
from etagkit.flow import FileFacts
from etagkit.http import ETag, Validators, identity_url

#: Version of the record's fields; a reader refuses a higher one.
RECORD_SCHEMA = 1


class Completeness(enum.Enum):
    """Whether anything shows that the body came whole."""

    PROVED = "proved"
    UNVERIFIED = "unverified"  #: ended only with its connection; taken on the caller's word


def resource_id(url: str, target: str, variant: str = "") -> str:
    """Return the identity of a resource: a hash of where it is, which form of it, and its target.

    `variant` names the values of the request fields that choose the form (`Vary`); empty for the
    plain one. A signed link and its next signature give the same identity.

    >>> a = resource_id("https://example.org/a?X-Amz-Signature=1", "a")
    >>> a == resource_id("https://example.org/a?X-Amz-Signature=2", "a")
    True
    """
    parts = json.dumps([identity_url(url), variant, target], ensure_ascii=True)
    return hashlib.sha256(parts.encode()).hexdigest()


@attrs.frozen(kw_only=True)
class ManifestRecord:
    """One version of one resource, as it was published.

    Attributes:
        resource: identity, see `resource_id`.
        source_url, final_url: where it was asked for and where redirects led, both redacted.
        target: where it was published, relative to the manifest's folder where it lies below it.
        variant: the form that was asked for, empty for the plain one.
        etag, last_modified_server: the validators of the answer that carried the bytes.
        content_type, content_encoding, content_disposition, vary: as that answer gave them.
        content_length: octets that Content-Length announced, `None` where it did not.
        received: octets of the body as sent.
        size: octets of the stored file.
        sha256, wire_sha256: lower-case hex of the stored bytes, and of the bytes as sent.
        digests: further digests of the stored bytes by algorithm.
        verdict, verified: what integrity said, and the tiers it proved (names in lower case).
        completeness: whether anything shows that the body was whole.
        magic, strategy: the type seen in the bytes, and the strategy that stored them.
        local: what the file system said about the file right after it was published.
        download_timestamp: when the file was published, UTC.
        first_published: when this version was first published, where it was published more than
            once; `None` where that was `download_timestamp`. `put` fills it in: see `held_since`.
        checked_at: when the source last said that this is still the current version, UTC.
        http_status, http_version, server_date: of the answer that carried the bytes.
        duration: seconds from the request to the publish.
    """

    resource: str
    source_url: str
    target: str
    download_timestamp: datetime
    sha256: str
    size: int
    received: int
    final_url: str | None = None
    variant: str = ""
    etag: ETag | None = None
    unquoted_etag: str | None = None
    last_modified_server: str | None = None
    last_modified_settled: bool = False
    content_type: str | None = None
    content_encoding: str | None = None
    content_disposition: str | None = None
    vary: str | None = None
    content_length: int | None = None
    wire_sha256: str | None = None
    digests: dict[str, str] = attrs.field(factory=dict[str, str], hash=False)
    verdict: str = "consistent"
    verified: tuple[str, ...] = ()
    completeness: Completeness = Completeness.PROVED
    magic: str | None = None
    strategy: str | None = None
    local: FileFacts | None = None
    first_published: datetime | None = None
    checked_at: datetime | None = None
    http_status: int = 200
    http_version: str | None = None
    server_date: str | None = None
    duration: float | None = None
    schema: int = RECORD_SCHEMA

    def __attrs_post_init__(self) -> None:
        """Hide secrets in the URLs, whoever made the record."""
        object.__setattr__(self, "source_url", redact_url(self.source_url))
        if self.final_url is not None:
            object.__setattr__(self, "final_url", redact_url(self.final_url))

    @property
    def validators(self) -> Validators:
        """The validators of the answer that carried the bytes."""
        return Validators(
            etag=self.etag,
            last_modified=self.last_modified_server,
            settled=self.last_modified_settled,
            unquoted=self.unquoted_etag,
        )

    @property
    def held_since(self) -> datetime:
        """When this version was first published, UTC; publishing it again does not move it."""
        return self.first_published or self.download_timestamp

    def same_content(self, other: ManifestRecord) -> bool:
        """Whether both describe equal stored bytes."""
        return self.sha256 == other.sha256 and self.size == other.size
