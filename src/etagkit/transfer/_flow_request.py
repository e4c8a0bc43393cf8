"""One request that follows its own redirects.

Every hop asks for identity coding. Redirects are followed here and not by the client, so that the
validators of each hop stay apart and nothing that may be a credential leaves the origin that the
caller named (RFC 9110 15.4, 17.16.3).
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from etagkit.errors import CertificateRefused, ConnectionFailed, EtagKitError
from etagkit.flow import Answer, Flow, Release, Send, ask
from etagkit.http import Head, Validators
from etagkit.transfer import _decide
from etagkit.transfer._model import Hop

if TYPE_CHECKING:
    from collections.abc import Generator

_IDENTITY = (("Accept-Encoding", "identity"),)


@attrs.frozen(kw_only=True)
class Reached:
    """The first answer that is no redirect, and the way to it."""

    answer: Answer
    hops: tuple[Hop, ...]

    @property
    def head(self) -> Head:
        return self.answer.head


def follow(method: str, url: str, headers: tuple[tuple[str, str], ...] = ()) -> Flow[Reached]:
    """Send a request and follow its redirects; every hop asks for identity coding."""
    hops: list[Hop] = []
    here, home = url, True
    while True:
        fields = (*_IDENTITY, *headers)
        answer = yield from _send(Send(method, here, fields, hop=len(hops), same_origin=home))
        try:
            target = _decide.next_hop(here, answer.head, hops=len(hops))
        except EtagKitError:
            yield from ask(Release(answer.body))
            raise
        if target is None:
            return Reached(answer=answer, hops=tuple(hops))
        yield from ask(Release(answer.body))
        validators = Validators.from_headers(answer.head.headers)
        hops.append(Hop(url=here, status=answer.head.status, validators=validators))
        home = home and _decide.stays_home(here, target)
        here = _decide.keep_user(here, target) if home else target


def _send(op: Send) -> Flow[Answer]:
    """Send, and once more where a GET got no answer at all.

    A kept connection may be dead or spoilt without the client knowing: the server closed it in this
    very moment, or sent a body after a HEAD. The second try has a new one (RFC 9112 9.3.1).
    """
    try:
        return (yield from ask(op))
    except CertificateRefused:
        raise
    except ConnectionFailed:
        if op.method != "GET":
            raise
    return (yield from ask(op))


@contextmanager
def about(url: str, path: str | None = None) -> Generator[None]:
    """Name the subject in errors raised by places that did not know it."""
    try:
        yield
    except EtagKitError as exc:
        exc.about(url=url, path=path)
        raise
