"""URLs that may be shown: every one that reaches a record, a log line, an error or a repr.

It errs on the side of hiding: a harmless parameter that looks like a secret is masked too.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote_plus, urlsplit, urlunsplit

#: What stands in the place of a secret.
MASK = "***"

#: Parameter names that carry secrets: whole names or words within a name, in any case. They cover
#: signed URLs (S3 and GCS `X-Amz-*`/`X-Goog-*`, `AWSAccessKeyId`, Azure SAS `sig`, CloudFront
#: `Policy`/`Key-Pair-Id`, Akamai `hdnea`/`hdntl`/`hdnts`, nginx `md5`) and the words that
#: applications use for their own tokens. The last line holds everyday words: they count only
#: where they are the whole name (`access_level` and `hash_type` are harmless).
_SECRET = re.compile(
    r"x-(?:amz|goog|oss|cos|ms)-.*"
    r"|(?:.*[^a-z0-9])?(?:assertion|auth|authorization|bearer|code|cookie|creds?|hdn(?:ea|tl|ts)"
    r"|hmac|nonce|otp|pass|passcode|pat|pin|policy|pw|sas|session|sid|sig|sign|ticket|tok)"
    r"(?:[^a-z0-9].*)?"
    r"|.*(?:token|secret|passw(?:or)?d|passphrase|pwd|credential|signature|jwt"
    r"|(?:access|api|auth)[-_]?key|sess(?:ion)?[-_]?id).*"
    r"|(?:.*[^a-z0-9])?[a-z0-9]*key(?:[^a-z0-9].*)?"
    r"|[^a-z0-9]*(?:access|hash|md5|secure|verify)[^a-z0-9]*",
    re.IGNORECASE | re.DOTALL,
)

#: The hash of nginx's secure_link module is called `st` beside the expiry `e`; each name alone
#: means other things (in Azure's signatures `st` is a date).
_SECURE_LINK = frozenset({"st", "e"})

#: A parameter starts after one of these, also within a path (`;jsessionid=`).
_SEPARATOR = re.compile(r"([&;])")

#: User name and password of a URL that stands in another one's path, as gateways take them.
_USER_WITHIN = re.compile(r"://[^/]*@")

#: The same within a value, where the scheme may be missing.
_USER = re.compile(r"//[^/]*@")

#: What ends a part of a value, and what stands behind a name in such a part: `=` in a query or a
#: list, a quote and a colon in JSON.
_PART = re.compile(r"[&;?#,|/{}()<>]")
_ASSIGNED = re.compile(r"=|[\"']\s*:")
_QUOTES = "\"'\\"

#: Times that a value is percent-decoded in search of secrets: a link handed through three gateways
#: is coded as often. What is coded more often is hidden unseen.
_DECODINGS = 5


def _decoded(text: str) -> list[str] | None:
    """Return `text` and what it decodes to, again and again; `None` where that has no end."""
    found = [text]
    for _ in range(_DECODINGS):
        found.append(unquote_plus(found[-1]))
        if found[-1] == found[-2]:
            return found[:-1]
    return None


def _is_secret(name: str) -> bool:
    """Tell whether a parameter of this name carries a secret, however often it is coded."""
    forms = _decoded(name)
    return forms is None or any(_SECRET.fullmatch(form.strip()) for form in forms)


def _assigns_secret(text: str) -> bool:
    """Tell whether a secret name stands within `text` with a value behind it."""
    for part in _PART.split(text):
        for name in _ASSIGNED.split(part)[:-1]:
            words = name.split()
            if words and _SECRET.fullmatch(words[-1].strip(_QUOTES)):
                return True
    return False


def _holds_secret(text: str) -> bool:
    """Tell whether a secret parameter or a user name stands within `text`, however coded."""
    forms = _decoded(text)
    return forms is None or any(_USER.search(form) or _assigns_secret(form) for form in forms)


def _is_rich_url(value: str) -> bool:
    """Tell whether `value` is itself a URL with more than host and path, all of which is hidden."""
    inner = unquote_plus(value).partition("://")[2]
    return any(mark in inner for mark in "@=%")


def _masked(piece: str) -> str:
    """Hide the value of a parameter with a secret name, and one that itself holds secrets."""
    name, given, value = piece.partition("=")
    if _holds_secret(name):  # its "=" is coded, or it is no parameter
        return MASK
    hidden = _is_secret(name) or (given and (_is_rich_url(value) or _holds_secret(value)))
    return f"{name}={MASK}" if hidden else piece


def _mask_each(text: str) -> str:
    pieces = _SEPARATOR.split(text)
    linked = _SECURE_LINK.issubset(map(_name, pieces))
    return "".join(
        f"{piece.partition('=')[0]}={MASK}" if linked and _name(piece) == "st" else _masked(piece)
        for piece in pieces
    )


def _name(piece: str) -> str:
    return unquote_plus(piece.partition("=")[0]).strip().lower()


def _mask_segment(segment: str) -> str:
    """Hide parameters within a segment of a path: `token=`, or a query whose `?` is coded."""
    if not _holds_secret(segment):
        return segment
    name, given, _ = segment.partition("=")
    return f"{name}={MASK}" if given and not _holds_secret(name) else MASK


def _mask_path(path: str) -> str:
    """Hide secret parameters within the path, and the user names of URLs there."""
    first, mark, parameters = path.partition(";")
    first = "/".join(map(_mask_segment, _USER_WITHIN.sub(f"://{MASK}@", first).split("/")))
    return _USER_WITHIN.sub(f"://{MASK}@", f"{first}{mark}{_mask_each(parameters)}")


def _taken_apart(url: object) -> SplitResult | None:
    """Return the parts of `url` if they are surely what they seem to be.

    A password with an unescaped `/`, `?` or `#` ends the authority too early, without an authority
    a user name looks like a scheme or a path, and parameters may stand right behind a host. With an
    empty authority, a path that begins with `//` would be read as one when it is written again.
    """
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    host = parts.netloc.rpartition("@")[2]
    odd = any(mark in host for mark in ";&=") or (
        not parts.netloc and ("@" in url or parts.path.startswith("//"))
    )
    return None if odd else parts


def redact_url(url: str) -> str:
    """Return `url` with user name and password, secret parameters and the fragment hidden.

    What cannot be taken apart, or is no text, is hidden whole rather than shown; nothing raises.

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
