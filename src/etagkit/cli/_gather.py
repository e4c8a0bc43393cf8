"""Options that belong together reach a command as one value."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, TypeVar

import click

from etagkit.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

F = TypeVar("F", bound="Callable[..., Any]")


def gather(
    argument: str, make: Callable[..., object], options: Sequence[tuple[str, Callable[[F], F]]]
) -> Callable[[F], F]:
    """Return a decorator that gives a command `options`, as the one argument that `make` returns.

    `options` pairs the name of each parameter of `make` with the click option that fills it. An
    `InvalidArgument` of `make` is a mistake on the command line: exit code 2.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def gathered(**given: Any) -> Any:
            parts = {name: given.pop(name) for name, _ in options}
            try:
                whole = make(**parts)
            except InvalidArgument as exc:
                raise click.UsageError(str(exc)) from exc
            return command(**{argument: whole}, **given)

        decorated: Any = gathered
        for _, option in reversed(options):
            decorated = option(decorated)
        result: F = decorated
        return result

    return decorate
