"""URLs that may be shown, and URLs that name a resource: neither holds a password or a signature.

Every URL that reaches a record, a log line, an error or a repr goes through `redact_url` first.
It errs on the side of hiding. `identity_url` errs on the other side: what it drops must be a
signature without doubt, because two different resources may never share one identity.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote_plus, urlsplit, urlunsplit

#: What stands in the place of a secret.
MASK = "***"

#: Parameter names that carry secrets: whole names or words within a name, in any case. They cover
#: signed URLs (S3 and GCS `X-Amz-*`/`X-Goog-*`, `AWSAccessKeyId`, Azure SAS `sig`, CloudFront
#: `Policy`/`Key-Pair-Id`, Akamai `hdnea`/`hdntl`/`hdnts`) and the words that applications use for
#: their own tokens.
_SECRET = re.compile(
    r"x-(?:amz|goog|oss|cos|ms)-.*"
    r"|(?:.*[^a-z0-9])?(?:auth|authorization|bearer|code|cookie|creds?|hdn(?:ea|tl|ts)|hmac|nonce"
    r"|otp|pass|passcode|policy|pw|sas|session|sid|sig|sign|ticket)(?:[^a-z0-9].*)?"
    r"|.*(?:token|secret|passw(?:or)?d|passphrase|pwd|credential|signature|jwt"
    r"|(?:access|api|auth)[-_]?key|sess(?:ion)?[-_]?id).*"
    r"|(?:.*[^a-z0-9])?[a-z0-9]*key(?:[^a-z0-9].*)?",
    re.IGNORECASE | re.DOTALL,
)

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

#: A parameter starts after one of these, also within a path (`;jsessionid=`).
_SEPARATOR = re.compile(r"([&;])")

#: User name and password of a URL that stands in another one's path, as gateways take them.
_USER_WITHIN = re.compile(r"://[^/]*@")


def _name(piece: str) -> str:
    return unquote_plus(piece.partition("=")[0]).strip().lower()


def _masked(piece: str) -> str:
    """Hide the value of a parameter with a secret name, and one that is itself a URL with more."""
    name, _, value = piece.partition("=")
    inner = unquote_plus(value).partition("://")[2]
    hidden = _SECRET.fullmatch(_name(piece)) or any(mark in inner for mark in "@=%")
    return f"{name}={MASK}" if hidden else piece


def _mask_each(text: str) -> str:
    return "".join(map(_masked, _SEPARATOR.split(text)))


def _mask_path(path: str) -> str:
    """Hide secret path parameters, and the user names of URLs within the path."""
    first, mark, parameters = path.partition(";")
    return _USER_WITHIN.sub(f"://{MASK}@", f"{first}{mark}{_mask_each(parameters)}")


def _taken_apart(url: str) -> SplitResult | None:
    """Return the parts of `url` if they are surely what they seem to be.

    A password with an unescaped `/`, `?` or `#` ends the authority too early, without an authority
    a user name looks like a scheme or a path, and parameters may stand right behind a host.
    """
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    odd = any(mark in host for mark in ";&=") or ("@" in url and not parts.netloc)
    return None if odd else parts


def redact_url(url: str) -> str:
    """Return `url` with user name and password, secret parameters and the fragment hidden.

    What cannot be taken apart is hidden whole rather than shown.

    >>> redact_url("https://me:pw@example.org/a.zip?part=2&token=abc")
    'https://***@example.org/a.zip?part=2&token=***'
    >>> redact_url("https://example.org/plain?author=x")
    'https://example.org/plain?author=x'
    """
    parts = _taken_apart(url)
    if parts is None:
        return MASK
    _, at, host = parts.netloc.rpartition("@")
    netloc = f"{MASK}@{host}" if at else host
    return urlunsplit((parts.scheme, netloc, _mask_path(parts.path), _mask_each(parts.query), ""))


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
        from etagkit.errors import InvalidURL  # errors themselves need this module

        reason = "not a URL"
        raise InvalidURL(reason, url=url) from exc
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
