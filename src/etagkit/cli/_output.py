"""What goes to standard output (data) and to standard error (everything else)."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from etagkit.display import Table, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Hex digits of a SHA-256 in a table: enough to tell files apart at a glance, as git shows them.
_SHORT = 12


def print_table(table: Table) -> None:
    """Print `table` to standard output: drawn on a terminal, plain text elsewhere."""
    if sys.stdout.isatty():
        from rich.console import Console

        # Not cropped: a table that has no room is broken by the terminal, and nothing is lost.
        Console(file=sys.stdout, highlight=False).print(table, crop=False)
    else:
        click.echo(str(table))


def print_json(value: Mapping[str, Any]) -> None:
    """Print one object on a line of its own, at once; ASCII, so that any terminal can take it."""
    click.echo(json.dumps(value))


def print_line(text: str) -> None:
    """Print a line to standard output."""
    click.echo(printable(text))


def tell(text: str) -> None:
    """Print a line to standard error."""
    click.echo(printable(text), err=True)


def short_hash(sha256: str | None) -> str:
    """Return the beginning of a hash, for a table."""
    return "-" if sha256 is None else sha256[:_SHORT]


def shown_path(path: str | os.PathLike[str], base: str | None = None) -> str:
    """Return `path` relative to `base` (by default the current folder) if it lies below it.

    >>> shown_path("/data/mirror/a.csv", "/data"), shown_path("/etc/hosts", "/data")
    ('mirror/a.csv', '/etc/hosts')
    """
    whole = os.fspath(path)
    try:
        relative = os.path.relpath(whole, base or os.curdir)
    except (OSError, ValueError):  # the current folder is gone; another drive
        return whole
    return whole if relative.split(os.sep)[0] == os.pardir else relative
