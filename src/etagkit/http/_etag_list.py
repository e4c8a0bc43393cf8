"""What If-Match and If-None-Match hold (RFC 9110 13.1.1, 13.1.2): "*", or a list of entity tags.

    If-Match = "*" / #entity-tag

A received field is one of five things, and a decision needs to know which: absent (no condition),
empty (a condition that names no version), "*" (any version), tags, or unreadable (a condition that
somebody made and nobody can evaluate). Reading the last one as absent is how servers lose updates.

The scanner is strict: commas inside of quotes belong to the tag, a backslash is an ordinary
character, `"*"` in quotes is a tag like any other, and "*" together with anything else is not the
grammar. A member that is no tag spoils the field: which versions its sender meant cannot be known
from the rest. One tag is one match of one pattern. A list in the form that everybody sends (", "
between the tags, printable ASCII) is picked apart and joined again, which proves in C what the
whole pattern proves for every other form. Tags become `ETag` values when somebody asks for them;
comparing needs their text only.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, assert_never

import attrs

from etagkit.errors import InvalidArgument
from etagkit.http._etag import ETag
from etagkit.http._fields import joined

if TYPE_CHECKING:
    from collections.abc import Sequence

_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*+"'
_ONE_TAG = re.compile(_TAG)
#: RFC 9110 5.6.1: elements with commas between them, and any number of commas with nothing between.
_LIST = re.compile(rf"[ \t,]*+(?:{_TAG}[ \t]*+(?:,[ \t,]*+|\Z))*+")
#: Enough within what is known to be a list.
_ALL_TAGS = re.compile(r'(?:W/)?"[^"]*+"')


class Listing(enum.Enum):
    """What a list of tags is."""

    ABSENT = "absent"  #: no such field
    EMPTY = "empty"  #: the field is there and names nothing
    ANY = "any"  #: "*": whatever version there is
    TAGS = "tags"  #: one tag or more
    UNREADABLE = "unreadable"  #: the field is there and is neither


_TAGS = Listing.TAGS  # looking a member up costs a fifth of parsing one tag


@attrs.frozen
class ETagList:
    """The tags of an If-Match or If-None-Match field; made by `parse`, `of` or `any_version`.

    >>> ETagList.parse(['"a,b", W/"c"', '"d"']).tags
    (ETag('"a,b"'), ETag('W/"c"'), ETag('"d"'))
    >>> [ETagList.parse(lines).kind.value for lines in (None, [""], ["*"], ['"a"'], ["a"])]
    ['absent', 'empty', 'any', 'tags', 'unreadable']
    """

    kind: Listing
    _texts: tuple[str, ...] = ()

    @classmethod
    def parse(cls, lines: Sequence[str] | None) -> ETagList:
        """Return what the lines of the field say; never raises on their text.

        Raises:
            InvalidArgument: one string instead of a sequence of lines.
        """
        if not lines:
            return _ABSENT
        field = lines[0] if len(lines) == 1 else joined(lines)
        if _ONE_TAG.fullmatch(field):
            return cls(_TAGS, (field,))
        return cls._parse_list(field.strip(" \t"))

    @classmethod
    def _parse_list(cls, field: str) -> ETagList:
        if field == "*":
            return _ANY
        texts = _ALL_TAGS.findall(field)
        if not _is_plain(field, texts) and _LIST.fullmatch(field) is None:
            return _UNREADABLE
        return cls(_TAGS, tuple(texts)) if texts else _EMPTY

    @classmethod
    def of(cls, *tags: ETag) -> ETagList:
        """Return the list of `tags`; without any, the empty list."""
        return cls(_TAGS, tags) if tags else _EMPTY

    @classmethod
    def any_version(cls) -> ETagList:
        """Return "*"."""
        return _ANY

    @property
    def tags(self) -> tuple[ETag, ...]:
        """The tags in their order; none unless `kind` is `TAGS`."""
        return tuple(ETag(text) for text in self._texts)

    def matches_strongly(self, tag: ETag | None) -> bool:
        """Whether one of the tags is `tag` by strong comparison; "*" is no tag.

        >>> ETagList.parse(['"a", W/"b"']).matches_strongly(ETag('W/"b"'))
        False
        """
        return tag is not None and not tag.weak and tag in self._texts

    def matches_weakly(self, tag: ETag | None) -> bool:
        """Whether one of the tags is `tag` by weak comparison; "*" is no tag.

        >>> ETagList.parse(['"a", W/"b"']).matches_weakly(ETag('"b"'))
        True
        """
        if tag is None:
            return False
        strong = tag[2:] if tag.weak else tag
        return strong in self._texts or "W/" + strong in self._texts

    def render(self) -> str | None:
        """Return the field value; `None` where there is to be no field.

        >>> ETagList.of(ETag('"a"'), ETag('W/"b"')).render()
        '"a", W/"b"'

        Raises:
            InvalidArgument: an unreadable list says nothing that could be sent.
        """
        match self.kind:
            case Listing.ABSENT:
                return None
            case Listing.ANY:
                return "*"
            case Listing.EMPTY | Listing.TAGS:
                return ", ".join(self._texts)
            case Listing.UNREADABLE:
                raise InvalidArgument("an unreadable list of tags cannot be sent on")
            case _:
                assert_never(self.kind)


def _is_plain(field: str, texts: list[str]) -> bool:
    """Whether `field` is `texts` with ", " between them, without a space or control in a tag.

    Quotes then stand where tags begin and end and nowhere else, so this is a list of tags.
    """
    return (
        field.isascii()
        and field.isprintable()
        and field.count(" ") == len(texts) - 1
        and field == ", ".join(texts)
    )


_ABSENT = ETagList(Listing.ABSENT)
_EMPTY = ETagList(Listing.EMPTY)
_ANY = ETagList(Listing.ANY)
_UNREADABLE = ETagList(Listing.UNREADABLE)
