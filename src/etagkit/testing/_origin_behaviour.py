"""What a behaviour of the test origin is, and how behaviours are combined.

A behaviour is a small value with one method. To add one, subclass `Behaviour`, decorate it with
`attrs.frozen` and write `reply`: take the right answer from `visit.well()`, or the answer to an
altered visit, and change what is to be wrong.

>>> from etagkit.testing import Reply, Visit
>>> @attrs.frozen
... class Teapot(Behaviour):
...     def reply(self, visit: Visit) -> Reply:
...         return attrs.evolve(visit.well(), status=418)
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import attrs
from typing_extensions import override

from etagkit.errors import InvalidArgument
from etagkit.testing._origin_model import Request

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etagkit.testing._origin_model import Reply, Visit


def method_names(methods: str | Iterable[str] | None) -> tuple[str, ...] | None:
    """Return `methods` as a tuple; one name alone is one method, not its letters."""
    if methods is None:
        return None
    return (methods,) if isinstance(methods, str) else tuple(methods)


def not_negative(_: object, attribute: attrs.Attribute[Any], value: float | None) -> None:
    """Refuse a count or a time below zero; `None` is let through."""
    if value is not None and value < 0:
        reason = f"{attribute.name} must not be negative"
        raise InvalidArgument(reason, found=value)


def positive(_: object, attribute: attrs.Attribute[Any], value: float) -> None:
    """Refuse a size that would make no progress."""
    if value <= 0:
        reason = f"{attribute.name} must be greater than zero"
        raise InvalidArgument(reason, found=value)


@attrs.frozen(kw_only=True)
class Behaviour(abc.ABC):
    """How one request is answered.

    `methods` limits it to some request methods. A request that it does not concern is answered
    well and does not use it up.
    """

    methods: tuple[str, ...] | None = attrs.field(default=None, converter=method_names)

    def concerns(self, request: Request) -> bool:
        """Tell whether this behaviour answers `request`."""
        return self.methods is None or request.method in self.methods

    @property
    def label(self) -> str:
        """The name that the log shows."""
        return type(self).__name__

    @abc.abstractmethod
    def reply(self, visit: Visit) -> Reply:
        """Return the answer to `visit`."""


@attrs.frozen
class Well(Behaviour):
    """Behave."""

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer."""
        return visit.well()


@attrs.frozen(init=False)
class Together(Behaviour):
    """Several behaviours at once: each spoils the answer of the one before it.

    >>> from etagkit.testing import CloseDelimited, NoValidators
    >>> Together(NoValidators(), CloseDelimited()).label
    'NoValidators+CloseDelimited'
    """

    parts: tuple[Behaviour, ...]

    def __init__(self, *parts: Behaviour) -> None:
        """Take the behaviours in the order in which they work."""
        object.__setattr__(self, "methods", None)
        object.__setattr__(self, "parts", parts)

    @property
    @override
    def label(self) -> str:
        """The names of the parts."""
        return "+".join(part.label for part in self.parts)

    @override
    def concerns(self, request: Request) -> bool:
        """Tell whether any part answers `request`."""
        return any(part.concerns(request) for part in self.parts)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer, spoilt by every part that concerns the request."""
        for part in self.parts:
            if part.concerns(visit.request):
                visit = visit.spoilt(part.reply)
        return visit.well()


@attrs.frozen
class When(Behaviour):
    """Behave so only for requests that satisfy a condition.

    >>> from etagkit.testing import Cut
    >>> plain_only = When(lambda request: "range" not in request.headers, Cut(after=100))
    """

    condition: Callable[[Request], bool]
    then: Behaviour

    @property
    @override
    def label(self) -> str:
        """The name of the behaviour."""
        return self.then.label

    @override
    def concerns(self, request: Request) -> bool:
        """Tell whether the condition holds and the behaviour concerns the request."""
        return self.then.concerns(request) and self.condition(request)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return what the behaviour answers."""
        return self.then.reply(visit)
