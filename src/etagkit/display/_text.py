"""Text that may have come from anywhere, made safe and measured for a terminal."""

from __future__ import annotations

import unicodedata

_BINARY_STEP = 1024
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")

#: Stands where something was left out; ASCII, because not every terminal has the one-cell form.
_GAP = "..."


def printable(text: str) -> str:
    r"""Return `text` with whatever could steer a terminal, or cannot be shown, replaced.

    Line ends, escape sequences, characters that turn the reading direction and halves of surrogate
    pairs (file names may hold any octet) become U+FFFD, one for one; spaces of all widths stay.

    >>> printable("a\x1b[31m.txt\n")
    'a\ufffd[31m.txt\ufffd'
    """
    if text.isprintable():
        return text
    return "".join(c if _is_shown(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def _is_shown(character: str) -> bool:
    # U+2028 and U+2029 are categories Zl and Zp: line ends, and so not among the spaces (Zs).
    return character.isprintable() or unicodedata.category(character) == "Zs"


def display_width(text: str) -> int:
    """Return how many terminal cells `text` takes: wide characters two, combining marks none.

    After Unicode Standard Annex 11; sequences that some terminals join into one emoji count as
    their parts.

    >>> display_width("abc"), display_width("\u8cc7\u6599"), display_width("e\u0301")
    (3, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def elide_middle(text: str, width: int) -> str:
    """Return `text` in at most `width` cells; beginning and end stay, which tell URLs and files.

    >>> elide_middle("https://example.org/a/long/way/to/data.csv", 24)
    'https://exa...o/data.csv'
    """
    if display_width(text) <= width:
        return text
    room = max(width - len(_GAP), 0)
    head = _beginning(text, room - room // 2)
    tail = _beginning(text[::-1], room // 2)[::-1]
    while tail and _cells(tail[0]) == 0:  # a mark without its letter would sit on the gap
        tail = tail[1:]
    return f"{head}{_GAP[:width]}{tail}"


def _beginning(text: str, room: int) -> str:
    taken = 0
    for position, character in enumerate(text):
        taken += _cells(character)
        if taken > room:
            return text[:position]
    return text


def human_size(octets: int | None) -> str:
    """Return a size for people, in binary units.

    >>> human_size(1536), human_size(12), human_size(None)
    ('1.5 KiB', '12 B', '-')
    """
    if octets is None:
        return "-"
    if octets < _BINARY_STEP:
        return f"{octets} B"
    value, unit = float(octets), 0
    # Rounded before it is compared, so that no "1024.0 KiB" is shown.
    while round(value, 1) >= _BINARY_STEP and unit < len(_UNITS) - 1:
        value /= _BINARY_STEP
        unit += 1
    return f"{value:.1f} {_UNITS[unit]}"
