"""Errors in the words of the command line: what a Python caller would pass is an option here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from etagkit.errors import (
    CertificateRefused,
    TargetTaken,
    UnexpectedContent,
    UnexpectedStatus,
    UnverifiedBody,
)

if TYPE_CHECKING:
    from etagkit.errors import EtagKitError

_LOGIN = "give user name and password by --netrc, or a token by --header"

_BY_STATUS = {
    401: _LOGIN,
    403: f"{_LOGIN}, or check that the link has not expired",
    407: "give the proxy's user name and password: --proxy http://USER:PASSWORD@HOST:PORT",
}


def in_words(error: EtagKitError) -> str:
    """Return the message of `error` with the advice that helps on the command line.

    >>> in_words(UnexpectedStatus("the source wants to know who asks", status=401))
    'the source wants to know who asks (found 401); give user name and password by --netrc, ...
    """
    ours = _advice(error)
    if ours is None:
        return str(error)
    text = str(error)
    if error.advice:
        text = text.removesuffix(f"; {error.advice}")
    return f"{text}; {ours}"


def _advice(error: EtagKitError) -> str | None:
    """Return our own advice, or `None` where that of the error fits here as well."""
    match error:
        case UnexpectedStatus():
            return _BY_STATUS.get(error.status)
        case CertificateRefused():
            return "name the authority that signed it by --cacert"
        case TargetTaken():
            return "choose another --to, or replace it by --force"
        case UnexpectedContent():
            return "it may be a login or error page: check --netrc or --header"
        case UnverifiedBody():
            return "give --expect-sha256 or --expect-size, or take it by --accept-unverified"
        case _:
            return None
