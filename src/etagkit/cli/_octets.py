"""Counts of octets on the command line: `4096`, `10k`, `10M`, `1GiB`."""

from __future__ import annotations

import re
from typing import Final

import click

#: At most 15 digits: no file is larger, and longer numbers are slips of the finger.
_FORM = re.compile(r"([0-9]{1,15}) ?(?:([kmgt])(i?)b?|b)?", re.IGNORECASE)

#: The power that a prefix stands for; of 1000, or of 1024 where an `i` follows (IEC 80000-13).
_POWERS: Final = {"k": 1, "m": 2, "g": 3, "t": 4}


def parse_octets(text: str) -> int:
    """Return the octets that `text` names.

    >>> parse_octets("10k"), parse_octets("2MB"), parse_octets("1GiB"), parse_octets("7")
    (10000, 2000000, 1073741824, 7)

    Raises:
        ValueError: it is not a whole number with or without a unit.
    """
    found = _FORM.fullmatch(text.strip())
    if found is None:
        message = f"{text!r} is not a number of octets such as 4096, 10k, 10M or 1GiB"
        raise ValueError(message)
    number, prefix, binary = found.groups()
    power = _POWERS[prefix.lower()] if prefix else 0
    base = 1024 if binary else 1000
    octets: int = int(number) * base**power
    return octets


def octets_option(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> int | None:
    """Turn an option's value into a number, or end the run with code 2."""
    try:
        return None if value is None else parse_octets(value)
    except ValueError as exc:
        raise click.BadParameter(str(exc)) from None
