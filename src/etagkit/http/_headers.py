"""Header fields as lines: order, repetition, and "present but empty" are kept apart.

A field that may stand on several lines is joined with ", " only where its grammar is a list
(RFC 9110 5.2, 5.3); everything else is read from its only line, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

import attrs
from typing_extensions import override

#: Fields that may carry credentials or identify a person; never shown, never stored.
_PRIVATE = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "www-authenticate"}
)


@attrs.frozen
class Headers:
    """The field lines of one message, in order. Names compare without regard to case.

    >>> headers = Headers.of([("ETag", '"v1"'), ("Vary", "Accept"), ("vary", "Accept-Language")])
    >>> headers.first("etag"), headers.joined("Vary"), headers.first("Age")
    ('"v1"', 'Accept, Accept-Language', None)
    """

    lines: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, lines: Iterable[tuple[str, str]] | Mapping[str, str]) -> Headers:
        """Return the headers given as pairs or as a mapping."""
        pairs: Iterable[tuple[str, str]] = (
            cast("Mapping[str, str]", lines).items() if isinstance(lines, Mapping) else lines
        )
        return cls(tuple((name, value.strip(" \t")) for name, value in pairs))

    def all(self, name: str) -> tuple[str, ...]:
        """Return the value of each line of field `name`; empty when the field is absent."""
        wanted = name.lower()
        return tuple(value for key, value in self.lines if key.lower() == wanted)

    def first(self, name: str) -> str | None:
        """Return the first line of field `name`, or `None` when it is absent."""
        found = self.all(name)
        return found[0] if found else None

    def only(self, name: str) -> str | None:
        """Return the value of a field that may stand once; `None` if absent or contradictory.

        Lines that repeat the same value count as one (RFC 9110 8.6 allows it for Content-Length).
        """
        found = set(self.all(name))
        return found.pop() if len(found) == 1 else None

    def joined(self, name: str) -> str | None:
        """Return the lines of a list-valued field joined with ", " (RFC 9110 5.3), or `None`."""
        found = self.all(name)
        return ", ".join(found) if found else None

    def keep(self, names: Iterable[str]) -> Headers:
        """Return only the fields called `names`, without those that may hold credentials."""
        wanted = {name.lower() for name in names} - _PRIVATE
        return Headers(tuple(line for line in self.lines if line[0].lower() in wanted))

    def __contains__(self, name: object) -> bool:
        """Whether field `name` is present, be it empty."""
        return isinstance(name, str) and bool(self.all(name))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Iterate over the lines."""
        return iter(self.lines)

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.lines)

    @override
    def __repr__(self) -> str:
        """Show the lines, credentials masked."""
        shown = [(n, "***" if n.lower() in _PRIVATE else v) for n, v in self.lines]
        return f"Headers({shown!r})"
