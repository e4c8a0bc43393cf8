"""Validators: what says which version of a representation somebody holds (RFC 9110 8.8).

Decides two things: which validators an answer carries, and whether two sets of them name the same
version. It refuses to read anything into a field that does not follow its grammar, with one
exception kept apart: a tag without quotes, which real servers send, may be compared with itself
letter by letter (`unquoted`), and never counts as strong.
"""

from __future__ import annotations

import enum
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs

from etagkit.errors import InvalidArgument, InvalidETag, InvalidHTTPDate
from etagkit.http._dates import parse_http_date
from etagkit.http._etag import ETag, weak_match

if TYPE_CHECKING:
    from collections.abc import Callable

    from etagkit.http._headers import Headers

#: A Last-Modified at least this much older than Date is strong: the file did not change again
#: within the second that the field can express (RFC 9110 8.8.2.2).
_SETTLED = timedelta(seconds=1)

#: No `*` and no comma: sent back in If-None-Match they would mean "whatever you have" or a list,
#: and the answer "unchanged" would mean nothing. Tags in use have fewer than 256 characters.
_UNQUOTED = re.compile(r"[\x21\x23-\x29\x2b\x2d-\x7e]{1,256}")


class Sameness(enum.Enum):
    """Whether two sets of validators name the same version."""

    SAME = "same"
    DIFFERENT = "different"
    UNKNOWN = "unknown"  #: no validator is common to both


def _of(kind: type, words: str) -> Callable[[object, attrs.Attribute[Any], object], None]:
    """Return a check that a field holds a `kind`."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, kind):
            raise InvalidArgument(
                f"{attribute.name} is of the wrong type",
                expected=words,
                found=type(value).__name__,
            )

    return check


def _comparable(_: object, __: attrs.Attribute[Any], value: str) -> None:
    """Refuse what would ask for something else than "is it still this" when it is sent back."""
    if _UNQUOTED.fullmatch(value) is None:
        raise InvalidETag(
            "not a tag that may be sent back without quotes",
            found=value,
            expected='1 to 256 visible characters without "*", comma and double quote',
        )


@attrs.frozen(kw_only=True)
class Validators:
    """The validators of one representation, as one answer gave them.

    >>> from etagkit.http import Headers
    >>> seen = Validators.from_headers(Headers.of({"ETag": 'W/"7"'}))
    >>> seen.etag, seen.compare(Validators(etag=ETag('"7"')))
    (ETag('W/"7"'), <Sameness.SAME: 'same'>)

    Raises:
        InvalidArgument: a field holds another type than it says, such as a plain `str` as `etag`.
        InvalidETag: `unquoted` is `*`, a list, or another text that may not be sent as a tag.
    """

    etag: ETag | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(_of(ETag, "an ETag, such as ETag('\"7\"')")),
    )
    last_modified: str | None = attrs.field(
        default=None, validator=attrs.validators.optional(_of(str, "the field value as text"))
    )
    #: whether Last-Modified was at least a second old when it was sent
    settled: bool = attrs.field(default=False, validator=_of(bool, "True or False"))
    #: an ETag field without quotes: equal text may mean an equal version, nothing more
    unquoted: str | None = attrs.field(
        default=None,
        validator=attrs.validators.optional([_of(str, "the field value as text"), _comparable]),
    )

    @classmethod
    def from_headers(cls, headers: Headers) -> Validators:
        """Return the validators in the fields of an answer; unreadable ones are left out."""
        field = headers.only("etag")
        etag = ETag.parse(field)
        stamp = headers.only("last-modified")
        modified, sent = _moment(stamp), _moment(headers.only("date"))
        return cls(
            etag=etag,
            last_modified=stamp if modified else None,
            settled=bool(modified and sent and sent - modified >= _SETTLED),
            unquoted=field if etag is None and field and _UNQUOTED.fullmatch(field) else None,
        )

    @property
    def strong(self) -> ETag | None:
        """The tag, if it promises equal bytes."""
        return None if self.etag is None or self.etag.weak else self.etag

    @property
    def modified(self) -> datetime | None:
        """Last-Modified as a moment."""
        return _moment(self.last_modified)

    def compare(self, other: Validators) -> Sameness:
        """Tell whether both name the same version: by tag if both have one, else by date.

        Tags are compared weakly (RFC 9110 8.8.3.2), which is enough to skip a transfer. A tag on
        one side only says nothing against the other; the date decides then. Equal dates count only
        when one side was settled, since a file may change twice within a second.
        """
        if self.etag is not None and other.etag is not None:
            return _same(weak_match(self.etag, other.etag))
        if self.unquoted is not None and other.unquoted is not None:
            return _same(self.unquoted == other.unquoted)
        if self.modified is None or other.modified is None:
            return Sameness.UNKNOWN
        if self.modified != other.modified:
            return Sameness.DIFFERENT
        return Sameness.SAME if self.settled or other.settled else Sameness.UNKNOWN

    def __bool__(self) -> bool:
        """Whether there is any validator at all."""
        return bool(self.etag or self.unquoted or self.last_modified)

    def if_changed(self) -> tuple[tuple[str, str], ...]:
        """Return the request fields that ask for the representation only if it changed.

        A date that cannot be read asks nothing: a source may take it for anything.

        >>> Validators(etag=ETag('"7"')).if_changed()
        (('If-None-Match', '"7"'),)
        """
        tag = self.etag or self.unquoted
        if tag is not None:
            return (("If-None-Match", str(tag)),)
        if self.last_modified is not None and self.modified is not None and self.settled:
            return (("If-Modified-Since", self.last_modified),)
        return ()


def _same(equal: bool) -> Sameness:  # noqa: FBT001  one private, obvious argument
    return Sameness.SAME if equal else Sameness.DIFFERENT


def _moment(field: str | None) -> datetime | None:
    if field is None:
        return None
    try:
        return parse_http_date(field)
    except InvalidHTTPDate:
        return None
