"""The conditions of a request (RFC 9110 13.1), as its header lines state them.

`Conditions` keeps the lines and reads a field when it is asked for. Most requests carry none or
one of the five fields, so nothing is spent on the others, and what an error answer may want to
show, the text as it came, is still there.

Each property tells three cases apart: absent (`None`, or an absent list), unreadable, and a value.
Dates allow one line and one value: a list of dates is no date (13.1.3, 13.1.4).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs
from typing_extensions import override

from etagkit.errors import InvalidHTTPDate
from etagkit.http._dates import parse_http_date
from etagkit.http._etag import ETag
from etagkit.http._etag_list import ETagList
from etagkit.http._fields import Unreadable, only_line
from etagkit.http._headers import Headers

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class Precondition(enum.Enum):
    """A request field that makes a request conditional; its value is the field name."""

    IF_MATCH = "If-Match"
    IF_NONE_MATCH = "If-None-Match"
    IF_MODIFIED_SINCE = "If-Modified-Since"
    IF_UNMODIFIED_SINCE = "If-Unmodified-Since"
    IF_RANGE = "If-Range"


_NAMES = tuple(one.value.lower() for one in Precondition)
_ASGI_NAMES = {name.encode("ascii"): name for name in _NAMES}
_WSGI_NAMES = tuple(("HTTP_" + name.upper().replace("-", "_"), name) for name in _NAMES)


@attrs.frozen
class Conditions:
    """The five conditional fields of one request.

    >>> conditions = Conditions.parse([("If-None-Match", '"a"'), ("If-None-Match", 'W/"b"')])
    >>> conditions.if_none_match.tags
    (ETag('"a"'), ETag('W/"b"'))
    >>> conditions.if_modified_since is None, bool(conditions)
    (True, True)
    """

    #: the lines of each field that is present, by its name in lower case
    fields: Mapping[str, tuple[str, ...]]

    @classmethod
    def parse(cls, lines: Iterable[tuple[str, str]]) -> Conditions:
        """Return the conditions among the header lines of a request, in any case and order."""
        found: dict[str, tuple[str, ...]] = {}
        for name, value in lines:
            lowered = name.lower()
            if lowered in _NAMES:
                found[lowered] = (*found.get(lowered, ()), value)
        return cls(found)

    @classmethod
    def from_headers(cls, headers: Headers | Mapping[str, str]) -> Conditions:
        """Return the conditions among `headers`."""
        return cls.parse(Headers.of(headers))

    @classmethod
    def from_asgi(cls, scope: Mapping[str, object]) -> Conditions:
        """Return the conditions of an ASGI connection scope.

        Octets become the Latin-1 characters of their value, as everywhere in this package.
        """
        pairs: Iterable[tuple[bytes, bytes]] = scope.get("headers") or ()  # type: ignore[assignment]
        return cls.parse(
            (_ASGI_NAMES[name], value.decode("latin-1"))
            for name, value in pairs
            if name in _ASGI_NAMES
        )

    @classmethod
    def from_wsgi(cls, environ: Mapping[str, object]) -> Conditions:
        """Return the conditions of a WSGI environment; servers have joined repeated lines."""
        return cls({name: (str(environ[key]),) for key, name in _WSGI_NAMES if key in environ})

    @property
    def if_match(self) -> ETagList:
        """The versions that the request may act on (13.1.1)."""
        return ETagList.parse(self.fields.get("if-match"))

    @property
    def if_none_match(self) -> ETagList:
        """The versions that the request must not meet (13.1.2)."""
        return ETagList.parse(self.fields.get("if-none-match"))

    @property
    def if_modified_since(self) -> datetime | Unreadable | None:
        """The moment since which a change is asked for (13.1.3)."""
        return _date(only_line(self.fields.get("if-modified-since")))

    @property
    def if_unmodified_since(self) -> datetime | Unreadable | None:
        """The moment since which nothing may have changed (13.1.4)."""
        return _date(only_line(self.fields.get("if-unmodified-since")))

    @property
    def if_range(self) -> ETag | datetime | Unreadable | None:
        """The version to which a range must belong (13.1.5): one tag or one date."""
        field = only_line(self.fields.get("if-range"))
        if not isinstance(field, str):
            return field
        return ETag.parse(field) or _date(field)

    def __bool__(self) -> bool:
        """Whether there is any condition at all."""
        return bool(self.fields)

    @override
    def __hash__(self) -> int:
        """Hash what is compared."""
        return hash(frozenset(self.fields.items()))


def _date(field: str | Unreadable | None) -> datetime | Unreadable | None:
    if not isinstance(field, str):
        return field
    try:
        return parse_http_date(field)
    except InvalidHTTPDate as error:
        return Unreadable(field, error.reason)
