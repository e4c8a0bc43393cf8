"""A second reading of RFC 9110 13.2.2, as plain and slow as it can be.

It shares nothing with the library but the words of the RFC: tags are read character by character,
dates with the standard library, and every step of 13.2.2 is a paragraph of `answer`. Where the
library decides something that the RFC leaves open, the same is decided here, in words:

- an If-Match that cannot be read is false; so is an If-None-Match on anything but a read, while a
  read goes on;
- nothing that is missing is read, so a read of it is left to the 404 that it will get.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

#: The three formats of 5.6.7.
FORMATS = ["%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %d %H:%M:%S %Y"]
SHAPES = [
    "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT",
    "[A-Z][a-z]+day, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9:]{8} GMT",
    "[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9 ][0-9] [0-9:]{8} [0-9]{4}",
]


@dataclass
class World:
    """The selected representation."""

    tag: str | None = None
    modified: datetime | None = None
    #: whether it is known not to have changed twice within the second of `modified`
    settled: bool = False
    exists: bool = True


@dataclass
class Answer:
    """What is answered, and whether a range may be cut."""

    status: str
    ranged: bool = False


def lines_of(request: list[tuple[str, str]], name: str) -> list[str]:
    """Return the lines of one field, in order."""
    return [value for key, value in request if key.lower() == name.lower()]


def is_tag(text: str) -> bool:
    """Tell whether `text` is an entity-tag (8.8.3)."""
    text = text.removeprefix("W/")
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        return False
    for character in text[1:-1]:
        code = ord(character)
        if not (code == 0x21 or 0x23 <= code <= 0x7E or 0x80 <= code <= 0xFF):
            return False
    return True


def read_tags(lines: list[str]) -> list[str] | None:
    """Return the members of a list of tags, or `None` if it is no such list (5.6.1)."""
    members, member, inside = [], "", False
    for character in ", ".join(lines):
        if character == '"':
            inside = not inside
        if character == "," and not inside:
            members.append(member)
            member = ""
        else:
            member += character
    members.append(member)
    if inside:
        return None
    found = [one.strip(" \t") for one in members]
    found = [one for one in found if one != ""]
    for one in found:
        if not is_tag(one):
            return None
    return found


def is_asterisk(lines: list[str]) -> bool:
    """Tell whether the field is "*", and that alone."""
    return len(lines) == 1 and lines[0].strip(" \t") == "*"


def opaque(tag: str) -> str:
    """Return the opaque part of a tag."""
    return tag.removeprefix("W/")


def equal_strongly(one: str, other: str) -> bool:
    """Compare strongly: neither is weak, and they are the same (8.8.3.2)."""
    return not one.startswith("W/") and not other.startswith("W/") and one == other


def equal_weakly(one: str, other: str) -> bool:
    """Compare weakly: the opaque parts are the same (8.8.3.2)."""
    return opaque(one) == opaque(other)


def read_date(lines: list[str]) -> datetime | None:
    """Return the moment that one line names, or `None` (13.1.3: not a list, a valid date)."""
    if len(lines) != 1:
        return None
    text = lines[0].strip(" \t")
    for form, shape in zip(FORMATS, SHAPES, strict=True):
        if re.fullmatch(shape, text):
            try:
                return datetime.strptime(text, form).replace(tzinfo=UTC)
            except ValueError:
                return None
    return None


def if_match(lines: list[str], world: World) -> bool:
    """Evaluate If-Match (13.1.1)."""
    if is_asterisk(lines):
        return world.exists
    listed = read_tags(lines)
    if listed is None:
        return False
    if not world.exists or world.tag is None:
        return False
    return any(equal_strongly(one, world.tag) for one in listed)


def if_none_match(lines: list[str], world: World, *, reading: bool) -> bool:
    """Evaluate If-None-Match (13.1.2)."""
    if is_asterisk(lines):
        return not world.exists
    listed = read_tags(lines)
    if listed is None:
        return reading
    if not world.exists or world.tag is None:
        return True
    return not any(equal_weakly(one, world.tag) for one in listed)


def if_range(lines: list[str], world: World) -> bool:
    """Evaluate If-Range (13.1.5)."""
    if len(lines) != 1:
        return False
    text = lines[0].strip(" \t")
    if is_tag(text):
        return world.tag is not None and equal_strongly(text, world.tag)
    date = read_date(lines)
    if date is None or world.modified is None:
        return False
    return world.settled and date == world.modified


def answer(  # noqa: C901, PLR0911, PLR0912  as long as the section that it repeats
    request: list[tuple[str, str]],
    method: str,
    world: World,
    *,
    required: bool = False,
    would_answer: int = 200,
) -> Answer:
    """Take the steps of 13.2.2 one after the other."""
    # 13.2.1
    if method in ("CONNECT", "OPTIONS", "TRACE"):
        return Answer("proceed")
    if not (200 <= would_answer <= 299 or would_answer == 412):
        return Answer("proceed")
    reading = method in ("GET", "HEAD")
    if reading and not world.exists:
        return Answer("proceed")

    match = lines_of(request, "If-Match")
    none_match = lines_of(request, "If-None-Match")
    modified_since = read_date(lines_of(request, "If-Modified-Since"))
    unmodified_since = read_date(lines_of(request, "If-Unmodified-Since"))
    guarded = False

    # 1. If-Match is present: if true go to 3, if false 412
    if match:
        if not if_match(match, world):
            return Answer("412")
        guarded = True

    # 2. If-Match is not present, If-Unmodified-Since is: if true go to 3, if false 412
    if not match and unmodified_since is not None and world.modified is not None:
        if world.modified > unmodified_since:
            return Answer("412")
        guarded = True

    # 3. If-None-Match is present: if true go to 5, if false 304 for GET and HEAD, 412 for others
    if none_match:
        if not if_none_match(none_match, world, reading=reading):
            return Answer("304") if reading else Answer("412")
        if is_asterisk(none_match):
            guarded = True

    # 4. GET or HEAD, If-None-Match is not present, If-Modified-Since is: if false 304
    applies = reading and not none_match
    if applies and modified_since is not None and world.modified is not None:
        unmodified = world.modified <= modified_since
        if unmodified:
            return Answer("304")

    # RFC 6585 3
    if required and not reading and not guarded:
        return Answer("428")

    # 5. GET, and Range with If-Range: if true the range, if false the whole
    if method == "GET" and would_answer == 200:
        since = lines_of(request, "If-Range")
        return Answer("proceed", ranged=not since or if_range(since, world))

    # 6. go on
    return Answer("proceed")


def octets(field: str, size: int) -> set[int] | None:
    """Return the octets that a byte range asks for and that exist, or `None` if it is no range."""
    unit, _, ranges = field.partition("=")
    if unit.lower() != "bytes":
        return None
    wanted: set[int] = set()
    specs = [one.strip(" \t") for one in ranges.split(",")]
    specs = [one for one in specs if one]
    if not specs:
        return None
    for one in specs:
        first, dash, last = one.partition("-")
        digits = set(first + last) <= set("0123456789")
        if not (dash and digits and (first or last)):
            return None
        if not first:
            wanted |= set(range(max(0, size - int(last)), size))
        else:
            if last and int(last) < int(first):
                return None
            wanted |= set(range(int(first), min(size, int(last) + 1 if last else size)))
    return wanted
