"""URLs as they name a resource: two signed links to one object are one resource.

What is dropped must be a signature without doubt, because two different resources may never share
one identity.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from etagkit.errors import InvalidURL

#: Signature parameters that need no company to be known for what they are: AWS Signature Version 4
#: and its twin at Google. Others with these prefixes may choose another representation.
_SIGNATURE = re.compile(
    r"x-amz-(?:algorithm|content-sha256|credential|date|expires|security-token|signature"
    r"|signedheaders)"
    r"|x-goog-(?:algorithm|credential|date|expires|signature|signedheaders)",
    re.IGNORECASE,
)

#: Signing schemes whose parameters have everyday names: they count only where the first set is
#: present as a whole, and then the second goes with it.
_SCHEMES: tuple[tuple[frozenset[str], frozenset[str]], ...] = (
    (frozenset({"awsaccesskeyid", "signature"}), frozenset({"expires"})),
    (frozenset({"googleaccessid", "signature"}), frozenset({"expires"})),
    (frozenset({"ossaccesskeyid", "signature"}), frozenset({"expires", "security-token"})),
    (frozenset({"key-pair-id", "signature"}), frozenset({"expires", "policy"})),
    (
        frozenset({"sig", "sv"}),  # Azure shared access signature
        frozenset({"se", "si", "sip", "sp", "spr", "sr", "srt", "ss", "st"})
        | frozenset({"skoid", "sktid", "skt", "ske", "sks", "skv"}),
    ),
)

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def _name(piece: str) -> str:
    return unquote_plus(piece.partition("=")[0]).strip().lower()


def identity_url(url: str) -> str:
    """Return `url` as it names the resource: without credentials, signatures and fragment.

    Two signed links to one object give the same text; two pages of one listing do not. Scheme and
    host are lower-cased, a default port is dropped (RFC 3986 6.2.2 and 6.2.3). The result may still
    hold secrets of other kinds: compare it or hash it, and show `redact_url` instead.

    >>> identity_url("HTTPS://me:pw@Example.org:443/a?X-Amz-Signature=1&part=2#top")
    'https://example.org/a?part=2'

    Raises:
        InvalidURL: `url` cannot be taken apart.
    """
    try:
        parts = urlsplit(url)
    except ValueError as exc:
        raise InvalidURL("not a URL", url=url) from exc
    scheme = parts.scheme.lower()
    host = parts.netloc.rpartition("@")[2].lower().removesuffix(":")
    host = host.removesuffix(_DEFAULT_PORTS.get(scheme, "\0"))
    pieces = parts.query.split("&")
    names = {_name(piece) for piece in pieces}
    signed: set[str] = set()
    for marks, members in _SCHEMES:
        if marks <= names:
            signed |= marks | members
    kept = [p for p in pieces if _name(p) not in signed and not _SIGNATURE.fullmatch(_name(p))]
    return urlunsplit((scheme, host, parts.path or "/", "&".join(kept), ""))
