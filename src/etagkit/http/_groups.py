"""Groups of stored answers, and what drops them (RFC 9875).

    Cache-Groups: "articles", "author-7"           on an answer: it belongs to these groups
    Cache-Group-Invalidation: "articles"           on an answer to a write: drop these groups

Both are structured fields, lists of strings (RFC 9651 3.1). Groups belong to one origin and are
compared letter by letter. A field that cannot be read is `Unreadable` and not an empty list: a
cache that takes it as "no groups" would keep an answer that nothing can drop any more, so the
reader is made to choose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import attrs
from typing_extensions import override

from etagkit.http._fields import Unreadable, parse_string_list, render_string

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CACHE_GROUPS: Final = "Cache-Groups"
CACHE_GROUP_INVALIDATION: Final = "Cache-Group-Invalidation"

#: Groups in one field, and characters in one name, that every implementation reads (RFC 9875 2, 3);
#: what goes beyond may be ignored on the way.
INTEROPERABLE_GROUPS = 32
INTEROPERABLE_LENGTH = 32

#: The methods that RFC 9110 9.2.1 calls safe, and QUERY: an answer to them invalidates nothing.
_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "QUERY", "TRACE"})


def _printable(_: object, __: object, names: tuple[str, ...]) -> None:
    for name in names:
        render_string(name)


@attrs.frozen
class CacheGroups:
    """The names in a Cache-Groups or Cache-Group-Invalidation field, each once, in their order.

    >>> CacheGroups.parse(['"articles", "author-7"', '"articles"'])
    CacheGroups(names=('articles', 'author-7'))
    >>> str(CacheGroups.of("articles"))
    '"articles"'

    Raises:
        InvalidArgument: a name with other characters than printable ASCII.
    """

    names: tuple[str, ...] = attrs.field(default=(), validator=_printable)

    @classmethod
    def parse(cls, lines: Sequence[str] | None) -> CacheGroups | Unreadable:
        """Return the groups that the lines of the field name; no field names none."""
        names = parse_string_list(lines or ())
        return names if isinstance(names, Unreadable) else cls.of(*names)

    @classmethod
    def of(cls, *names: str) -> CacheGroups:
        """Return the groups called `names`."""
        return cls(tuple(dict.fromkeys(names)))

    @property
    def interoperable(self) -> bool:
        """Whether every implementation of RFC 9875 reads all of it."""
        longest = max(map(len, self.names), default=0)
        return len(self.names) <= INTEROPERABLE_GROUPS and longest <= INTEROPERABLE_LENGTH

    def render(self) -> str:
        """Return the field value; empty where there are none, and no field is to be sent."""
        return ", ".join(map(render_string, self.names))

    @override
    def __str__(self) -> str:
        """Return the field value."""
        return self.render()

    def __contains__(self, name: object) -> bool:
        """Whether the group is named, letter by letter."""
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names."""
        return iter(self.names)

    def __len__(self) -> int:
        """Return the number of groups."""
        return len(self.names)


def groups_to_invalidate(method: str, lines: Sequence[str] | None) -> CacheGroups | Unreadable:
    """Return the groups that an answer to `method` drops; none for a safe method (RFC 9875 3).

    >>> groups_to_invalidate("POST", ['"articles"'])
    CacheGroups(names=('articles',))
    >>> groups_to_invalidate("GET", ['"articles"'])
    CacheGroups(names=())
    """
    return CacheGroups() if method in _SAFE else CacheGroups.parse(lines)
