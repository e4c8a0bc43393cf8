"""The values of the test origin: what it holds, what it is asked, what it answers, what it logs.

None of them knows a socket or a version of HTTP. A `Reply` describes an answer together with the
way it goes wrong, so that one behaviour can be played over any wire.
"""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Self, cast

import attrs
from typing_extensions import override

from etagkit.errors import InvalidArgument

#: Fields as they are given: a mapping, or pairs where one name occurs more than once.
HeaderInput = Mapping[str, str] | Iterable[tuple[str, str]]

#: Field names of a request whose values stay out of every repr.
_SECRET_FIELDS = frozenset({"authorization", "proxy-authorization", "cookie"})

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_FIELD_BREAK = re.compile(r"[\r\n\0]")

#: Hexadecimal digits of the SHA-256 that make a derived entity tag: 128 bits never collide here.
_TAG_DIGITS = 32


def header_lines(headers: HeaderInput) -> tuple[tuple[str, str], ...]:
    """Return `headers` as pairs, refusing what would break out of its line.

    >>> header_lines({"Cache-Control": "no-cache"})
    (('Cache-Control', 'no-cache'),)
    """
    if isinstance(headers, Mapping):
        lines = tuple(cast("Mapping[str, str]", headers).items())
    else:
        lines = tuple(headers)
    for name, value in lines:
        if not _TOKEN.fullmatch(name) or _FIELD_BREAK.search(value):
            reason = "not a header field that fits on one line"
            raise InvalidArgument(reason, found=name, advice="play broken heads with Garbage")
    return lines


def whole_seconds(moment: datetime) -> datetime:
    """Return `moment` in UTC without its fraction, as an HTTP-date can say it.

    Raises:
        InvalidArgument: the moment has no time zone.
    """
    if moment.tzinfo is None:
        reason = "a moment without a time zone"
        raise InvalidArgument(reason, found=moment, advice="pass tzinfo=datetime.UTC")
    return moment.astimezone(UTC).replace(microsecond=0)


def http_date(moment: datetime) -> str:
    """Return `moment` in the preferred format of RFC 9110 5.6.7.

    >>> http_date(datetime(2024, 2, 29, 12, 0, tzinfo=UTC))
    'Thu, 29 Feb 2024 12:00:00 GMT'
    """
    return format_datetime(whole_seconds(moment), usegmt=True)


def derived_etag(body: bytes) -> str:
    """Return the strong entity tag that the origin gives to `body` when it is told none.

    >>> derived_etag(b"")
    '"e3b0c44298fc1c149afbf4c8996fb924"'
    """
    return f'"{hashlib.sha256(body).hexdigest()[:_TAG_DIGITS]}"'


def show_bytes(body: object) -> str:
    """Return a body as a repr shows it: its size."""
    return f"<{len(body)} bytes>" if isinstance(body, bytes) else "<stream>"


@attrs.frozen(repr=False)
class Fields(Mapping[str, str]):
    """Header fields as they came, looked up without regard to case.

    >>> fields = Fields((("Range", "bytes=0-1"), ("X", "1"), ("x", "2")))
    >>> fields["range"], fields["X"], len(fields)
    ('bytes=0-1', '1, 2', 2)
    """

    lines: tuple[tuple[str, str], ...] = ()

    @override
    def __getitem__(self, name: str) -> str:
        """Return the values of `name`, joined as RFC 9110 5.3 allows."""
        found = [value for key, value in self.lines if key.lower() == name.lower()]
        if not found:
            raise KeyError(name)
        return ", ".join(found)

    @override
    def __iter__(self) -> Iterator[str]:
        """Iterate over the names in lower case, each once, in the order of their arrival."""
        return iter(dict.fromkeys(name.lower() for name, _ in self.lines))

    @override
    def __len__(self) -> int:
        """Return the number of different names."""
        return len({name.lower() for name, _ in self.lines})

    @override
    def __contains__(self, name: object) -> bool:
        """Tell whether a field of that name came."""
        return isinstance(name, str) and any(key.lower() == name.lower() for key, _ in self.lines)

    @override
    def __repr__(self) -> str:
        """Show the fields with credentials hidden."""
        shown = ", ".join(
            f"{name}: {'***' if name.lower() in _SECRET_FIELDS else value}"
            for name, value in self.lines
        )
        return f"<Fields {shown}>"

    def without(self, *names: str) -> Fields:
        """Return the fields that have none of `names`."""
        dropped = {name.lower() for name in names}
        return Fields(tuple(line for line in self.lines if line[0].lower() not in dropped))

    def replacing(self, headers: HeaderInput) -> Fields:
        """Return the fields with those of `headers` in the place of their namesakes."""
        lines = header_lines(headers)
        return Fields((*self.without(*(name for name, _ in lines)).lines, *lines))


@attrs.frozen(kw_only=True)
class Document:
    """A resource with a representation. `etag` and `last_modified` are `None` where it has none."""

    body: bytes = attrs.field(repr=show_bytes)
    content_type: str = "application/octet-stream"
    etag: str | None = None
    last_modified: datetime | None = None
    headers: Fields = Fields()


@attrs.frozen(kw_only=True)
class Redirect:
    """A resource that says where to look instead."""

    to: str
    status: int = 302
    headers: Fields = Fields()


@attrs.frozen(kw_only=True)
class Request:
    """One request; `path` is decoded and without the query."""

    method: str
    path: str
    query: str = attrs.field(default="", repr=False)
    version: str = "HTTP/1.1"
    headers: Fields = Fields()


class Framing(enum.Enum):
    """How the end of a body is told (RFC 9112 6.3)."""

    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


class Ending(enum.Enum):
    """What happens where an answer stops before its end."""

    CLOSE = "close"
    RESET = "reset"
    STALL = "stall"


@attrs.frozen(kw_only=True)
class Stop:
    """The place where an answer stops: after so many body bytes, or, with `None`, before the head.

    An answer whose body is shorter never gets there and ends well.
    """

    after: int | None
    ending: Ending


@attrs.frozen(kw_only=True)
class Pace:
    """Send `size` body bytes at a time, with `pause` seconds between them."""

    size: int
    pause: float


@attrs.frozen(kw_only=True)
class Reply:
    """One answer, whole or spoilt.

    Attributes:
        body: bytes, or a stream that is framed without a length (it may be endless).
        declared: the `Content-Length` to announce in the place of the true one.
        stop: where and how the answer breaks off.
        delay: seconds of silence before the head.
        head: bytes to send in the place of a head made from `status` and `headers`. Nobody can
            tell the framing of such an answer, so the connection is closed after it.
    """

    status: int
    headers: Fields = Fields()
    body: bytes | Iterable[bytes] = attrs.field(default=b"", repr=show_bytes)
    framing: Framing = Framing.LENGTH
    declared: int | None = None
    stop: Stop | None = None
    pace: Pace | None = None
    delay: float = 0.0
    head: bytes | None = None

    def replacing(self, headers: HeaderInput) -> Self:
        """Return the reply with `headers` in the place of their namesakes."""
        return attrs.evolve(self, headers=self.headers.replacing(headers))


@attrs.frozen(kw_only=True)
class Visit:
    """What a behaviour is given: the request, the resource it names, and the right answer.

    Attributes:
        number: this is the n-th request for the path, counted from 1 since the origin started.
        now: the time by the origin's clock.
    """

    request: Request
    resource: Document | Redirect | None
    number: int
    now: datetime
    _answer: Callable[[Visit], Reply] = attrs.field(alias="answer", repr=False)
    _store: Callable[[str, Document], None] = attrs.field(alias="store", repr=False)

    def well(self) -> Reply:
        """Return the right answer to this visit (within `Together`: the answer so far)."""
        return self._answer(self)

    def without(self, *names: str) -> Visit:
        """Return the visit as if the request had no field of these names."""
        request = attrs.evolve(self.request, headers=self.request.headers.without(*names))
        return attrs.evolve(self, request=request)

    def asking(self, headers: HeaderInput) -> Visit:
        """Return the visit as if the request had had these fields."""
        request = attrs.evolve(self.request, headers=self.request.headers.replacing(headers))
        return attrs.evolve(self, request=request)

    def seeing(self, resource: Document | Redirect | None) -> Visit:
        """Return the visit as if the path held another resource; the origin keeps its own."""
        return attrs.evolve(self, resource=resource)

    def spoilt(self, reply: Callable[[Visit], Reply]) -> Visit:
        """Return the visit to which `reply` is the right answer; `reply` itself sees this one."""
        before = self._answer

        def answer(seen: Visit) -> Reply:
            return reply(attrs.evolve(seen, answer=before))

        return attrs.evolve(self, answer=answer)

    def storing(self, document: Document) -> Visit:
        """Put `document` at the path for this and all later requests."""
        self._store(self.request.path, document)
        return self.seeing(document)
