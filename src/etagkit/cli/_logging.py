"""`-v` and `--log-level`: the library's log on standard error, for the time of one command."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import click
from typing_extensions import override

from etagkit.display import printable

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")

_LEVELS = ("debug", "info", "warning", "error")
_KEY = "etagkit.log"


class _ToStandardError(logging.Handler):
    """Writes each record to what standard error is at that moment."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; a traceback keeps its lines."""
        try:
            lines = self.format(record).splitlines()
            click.echo("\n".join(map(printable, lines)), err=True)
        except Exception:  # noqa: BLE001  what every handler does: logging must not raise
            self.handleError(record)


def _start(context: click.Context, level: str) -> None:
    """Show what `etagkit.*` logs until the command ends; a second call only changes the level."""
    logger = logging.getLogger("etagkit")
    if _KEY not in context.meta:
        handler, before = _ToStandardError(), logger.level
        logger.addHandler(handler)
        context.meta[_KEY] = handler

        def stop() -> None:
            logger.removeHandler(handler)
            logger.setLevel(before)

        context.find_root().call_on_close(stop)
    logger.setLevel(level.upper())


def _on_level(context: click.Context, _parameter: click.Parameter, level: str | None) -> None:
    if level is not None:
        _start(context, level)


def _on_verbose(context: click.Context, _parameter: click.Parameter, value: bool) -> None:  # noqa: FBT001  click calls it
    if value:
        _start(context, "debug")


def log_options(command: F) -> F:
    """Give a command, or the group of all, the options that show the log."""
    verbose = click.option(
        *("-v", "--verbose"),
        is_flag=True,
        expose_value=False,
        callback=_on_verbose,
        help="Show every step on standard error: --log-level debug.",
    )
    level = click.option(
        "--log-level",
        type=click.Choice(_LEVELS, case_sensitive=False),
        expose_value=False,
        callback=_on_level,
        help="Show what the library logs from this level on.",
    )
    return level(verbose(command))


def log_is_shown() -> bool:
    """Whether the running command shows the log, beside which no bar can be drawn."""
    return _KEY in click.get_current_context().meta
