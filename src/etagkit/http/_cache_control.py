"""Cache-Control as a value (RFC 9111 5.2; RFC 5861 and RFC 8246 for three more directives).

Reading is cautious, because a wrong reading serves a stale or a private answer:

- A lifetime that is no number is no lifetime: 0 (RFC 9111 4.2.1).
- Of two values of one directive the more cautious holds: the shorter lifetime, the longer demand
  for freshness.
- no-cache or private without a list of fields hold over the same with one, and a list that cannot
  be read is no list. private holds over public.
- Arguments where none belong are read over (8246 2 says so for immutable).
- A quoted text that does not end leaves open what it was to hold. What follows is read all the
  same, and the answer may not be reused without asking: no-cache.
- Directives of nobody's are kept (5.2.3), members that are no directives are not.

Values that a program makes itself are not guessed at: what contradicts itself is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs
from typing_extensions import override

from etagkit.errors import InvalidArgument
from etagkit.http._fields import (
    MAX_SECONDS,
    QUOTED_STRING,
    TCHAR,
    delta_seconds,
    is_token,
    joined,
    quote,
    token_list,
    token_or_quoted,
    unquote,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: max-stale without a value accepts an answer however stale (RFC 9111 5.2.1.2).
ANY_STALENESS = MAX_SECONDS

_SECONDS = (
    "max_age",
    "s_maxage",
    "stale_while_revalidate",
    "stale_if_error",
    "max_stale",
    "min_fresh",
)
_FLAGS = (
    "public",
    "no_store",
    "no_transform",
    "must_revalidate",
    "proxy_revalidate",
    "must_understand",
    "immutable",
    "only_if_cached",
)
_QUALIFIED = ("private", "no_cache")
_KNOWN = frozenset(name.replace("_", "-") for name in (*_SECONDS, *_FLAGS, *_QUALIFIED))

#: A directive, what stands after its "=", and what stands after that and does not belong there.
_MEMBER = re.compile(rf"[ \t,]*+({TCHAR}*+)(?:(=)({QUOTED_STRING}|{TCHAR}*+))?+([^,]*+)")


def _in_range(_: object, attribute: attrs.Attribute[int | None], value: int | None) -> None:
    if value is not None and not 0 <= value <= MAX_SECONDS:
        reason = f"{attribute.name} is a number of seconds"
        raise InvalidArgument(reason, expected=f"0 to {MAX_SECONDS}", found=value)


def _field_names(_: object, __: object, names: tuple[str, ...]) -> None:
    for name in names:
        if not is_token(name) or name != name.lower():
            raise InvalidArgument("not a field name in lower case", found=name)


def _unknown_only(_: object, __: object, extensions: tuple[tuple[str, str | None], ...]) -> None:
    for name, value in extensions:
        if not is_token(name) or name != name.lower() or name in _KNOWN:
            reason = "not the name of an extension in lower case"
            raise InvalidArgument(reason, found=name, advice="use the attribute of that name")
        quote(value or "")


def _seconds() -> int | None:
    return attrs.field(default=None, validator=_in_range)


def _names() -> tuple[str, ...]:
    return attrs.field(default=(), validator=_field_names)


@attrs.frozen(kw_only=True)
class CacheControl:
    """The directives of a request or an answer; lifetimes in seconds, `None` where not stated.

    >>> CacheControl.parse(['max-age="60", immutable', "max-age=30"]).max_age
    30
    >>> print(CacheControl(private=True, no_cache=True, max_age=0))
    private, no-cache, max-age=0

    Raises:
        InvalidArgument: a value out of its range, or values that contradict each other.
    """

    public: bool = False
    private: bool = False
    #: fields that only a private cache may store (RFC 9111 5.2.2.7), in lower case
    private_fields: tuple[str, ...] = _names()
    no_cache: bool = False
    #: fields that may not be reused without asking (RFC 9111 5.2.2.4), in lower case
    no_cache_fields: tuple[str, ...] = _names()
    no_store: bool = False
    no_transform: bool = False
    must_revalidate: bool = False
    proxy_revalidate: bool = False
    must_understand: bool = False
    immutable: bool = False
    only_if_cached: bool = False
    max_age: int | None = _seconds()
    s_maxage: int | None = _seconds()
    stale_while_revalidate: int | None = _seconds()
    stale_if_error: int | None = _seconds()
    max_stale: int | None = _seconds()
    min_fresh: int | None = _seconds()
    #: directives that no standard here names: name in lower case, value as text or `None`
    extensions: tuple[tuple[str, str | None], ...] = attrs.field(
        default=(), validator=_unknown_only
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what contradicts itself."""
        pairs = (
            ("public and private", self.public and self.private),
            ("private with and without fields", self.private and self.private_fields),
            ("no-cache with and without fields", self.no_cache and self.no_cache_fields),
        )
        for name, both in pairs:
            if both:
                reason = f"{name} contradict each other"
                raise InvalidArgument(reason, advice="say one of them")

    @classmethod
    def parse(cls, lines: Sequence[str] | None) -> CacheControl:
        """Return what the lines of the field say, read with caution; never raises on their text."""
        reading = _Reading()
        for name, equals, argument, rest in _MEMBER.findall(joined(lines) if lines else ""):
            reading.take(name.lower(), argument if equals else None, rest.strip(" \t"))
        return cls(**reading.values())

    def render(self) -> str:
        """Return the field value; empty where nothing is stated, and no field is to be sent."""
        return ", ".join(self._members())

    def _members(self) -> Iterator[str]:
        """Return the directives: what forbids, what allows, numbers, extensions."""
        for name in _QUALIFIED:
            fields: tuple[str, ...] = getattr(self, f"{name}_fields")
            if getattr(self, name):
                yield _directive(name)
            elif fields:
                yield f'{_directive(name)}="{", ".join(fields)}"'
        yield from (_directive(name) for name in _FLAGS if getattr(self, name))
        for name in _SECONDS:
            seconds: int | None = getattr(self, name)
            if seconds is not None:
                unlimited = name == "max_stale" and seconds == ANY_STALENESS
                yield _directive(name) if unlimited else f"{_directive(name)}={seconds}"
        for extension, value in self.extensions:
            yield extension if value is None else f"{extension}={token_or_quoted(value)}"

    @override
    def __str__(self) -> str:
        """Return the field value."""
        return self.render()

    def __bool__(self) -> bool:
        """Whether anything is stated."""
        return self != _NOTHING

    def may_store(self, *, shared: bool, understood: bool = False) -> bool:
        """Whether an answer with these directives may be stored (RFC 9111 3).

        Args:
            shared: whether the cache serves more than one person.
            understood: whether the cache knows the caching rules of the answer's status, which is
                when must-understand takes the place of no-store (5.2.2.3).
        """
        if self.must_understand and not understood:
            return False
        if self.no_store and not self.must_understand:
            return False
        return not (shared and self.private)

    def lifetime(self, *, shared: bool) -> int | None:
        """Return for how many seconds an answer is fresh (RFC 9111 4.2.1); `None` if not stated.

        0 where it may not be used without asking.

        >>> CacheControl(max_age=60, s_maxage=600).lifetime(shared=True)
        600
        """
        if self.no_cache:
            return 0
        return self.s_maxage if shared and self.s_maxage is not None else self.max_age


_NOTHING = CacheControl()


def _directive(name: str) -> str:
    return name.replace("_", "-")


class _Reading:
    """The directives of one field, gathered while it is read."""

    def __init__(self) -> None:
        self.stated: set[str] = set()
        self.seconds: dict[str, int] = {}
        self.fields: dict[str, dict[str, None]] = {name: {} for name in _QUALIFIED}
        self.extensions: list[tuple[str, str | None]] = []

    def take(self, directive: str, argument: str | None, rest: str) -> None:
        """Note one directive; `rest` is what stands behind it and belongs to nothing."""
        if '"' in rest:
            self.stated.add("no_cache")  # a quoted text that does not end
        readable = not rest and argument != ""
        text = unquote(argument) if argument and argument[0] == '"' else argument
        name = directive.replace("-", "_")
        if directive not in _KNOWN:
            if directive and readable:
                self.extensions.append((directive, text))
        elif name in _SECONDS:
            self._limit(name, text if readable else "")
        elif name in _QUALIFIED:
            self._qualify(name, text if readable else "")
        else:
            self.stated.add(name)

    def _limit(self, name: str, text: str | None) -> None:
        """Note a number of seconds, the more cautious one if there are two."""
        demand = name == "min_fresh"
        if text is None:
            value = ANY_STALENESS if name == "max_stale" else None
        else:
            value = delta_seconds(text)
        if value is None:
            value = MAX_SECONDS if demand else 0
        known = self.seconds.get(name, value)
        self.seconds[name] = max(known, value) if demand else min(known, value)

    def _qualify(self, name: str, text: str | None) -> None:
        """Note the fields that private or no-cache is limited to, if it is."""
        names = token_list((text or "").lower())
        if names:
            self.fields[name].update(dict.fromkeys(names))
        else:
            self.stated.add(name)

    def values(self) -> dict[str, Any]:
        """Return the attributes, contradictions settled."""
        stated = self.stated - ({"public"} if "private" in self.stated else set())
        return {
            **dict.fromkeys(stated, True),
            **self.seconds,
            **{
                f"{name}_fields": tuple(fields)
                for name, fields in self.fields.items()
                if name not in stated
            },
            "extensions": tuple(self.extensions),
        }
