"""Which request fields chose the representation (RFC 9110 12.5.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from typing_extensions import override

from etagkit.errors import InvalidArgument
from etagkit.http._fields import is_token, joined, token_list

if TYPE_CHECKING:
    from collections.abc import Sequence


def _names_only(_: object, __: object, fields: tuple[str, ...]) -> None:
    for name in fields:
        if not is_token(name) or name == "*":
            raise InvalidArgument("not a field name", found=name)


def _as_set(fields: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name.lower() for name in fields)


@attrs.frozen(kw_only=True)
class Vary:
    """The names in a Vary field, in the order and spelling of their first mention.

    `anything` stands for "*": the choice depends on more than the request's fields, so no stored
    answer ever fits another request. A field that cannot be read is taken as that.

    >>> Vary.parse(["Accept-Encoding, accept", "Accept"])
    Vary(fields=('Accept-Encoding', 'accept'), anything=False)
    >>> Vary.parse(["Accept, *"]), str(Vary.of("Accept", "Cookie"))
    (Vary(fields=(), anything=True), 'Accept, Cookie')

    Raises:
        InvalidArgument: not a field name.
    """

    fields: tuple[str, ...] = attrs.field(default=(), validator=_names_only, eq=_as_set)
    anything: bool = False

    @classmethod
    def parse(cls, lines: Sequence[str] | None) -> Vary:
        """Return what the lines of the field say; never raises on their text."""
        names = token_list(joined(lines)) if lines else ()
        if names is None or "*" in names:
            return cls(anything=True)
        return cls.of(*names)

    @classmethod
    def of(cls, *fields: str) -> Vary:
        """Return the value that names `fields`, each once."""
        first: dict[str, str] = {}
        for name in fields:
            first.setdefault(name.lower(), name)
        return cls(fields=tuple(first.values()))

    def merge(self, other: Vary) -> Vary:
        """Return the value that names the fields of both: more names are never wrong, fewer are.

        >>> str(Vary.of("Accept").merge(Vary.of("Cookie", "accept")))
        'Accept, Cookie'
        """
        if self.anything or other.anything:
            return Vary(anything=True)
        return Vary.of(*self.fields, *other.fields)

    def render(self) -> str:
        """Return the field value; empty where nothing is named, and no field is to be sent."""
        return "*" if self.anything else ", ".join(self.fields)

    @override
    def __str__(self) -> str:
        """Return the field value."""
        return self.render()

    def __contains__(self, name: object) -> bool:
        """Whether the choice may depend on the request field `name`."""
        return self.anything or (isinstance(name, str) and name.lower() in _as_set(self.fields))

    def __bool__(self) -> bool:
        """Whether there is anything to send."""
        return self.anything or bool(self.fields)
