"""Which octets a request asks for, and which it gets (RFC 9110 14.1.2, 14.2, 15.3.7, 15.5.17).

    Range        = bytes "=" 1#( first "-" [ last ] / "-" suffix-length )

`RangeRequest.parse` reads the field, `select` turns it into octets of a representation of a known
size. Conditions come first: ask `evaluate`, and select only if its answer says `range_allowed`.

What cannot be read as a byte range is ignored, and the whole representation is sent. 14.2 demands
this for units that are not understood and allows it for the rest; it is always a right answer,
while 416 tells a client that octets which do exist do not. Only a range that is in the grammar and
lies outside of the representation is unsatisfiable.

Many parts, or parts of the same octets again and again, cost the server more than the client:
every part is a seek, and the answer may be larger than the representation. Both are limited here,
and beyond the limit the answer is the whole. Parts that touch or overlap are joined (15.3.7.2), and
keep the place in the answer of the first of them that was asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

import attrs

from etagkit.errors import InvalidArgument
from etagkit.http._fields import Unreadable, only_line
from etagkit.http._ranges import ContentRange

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from etagkit.http._headers import Headers

#: Ranges that one request may name. Readers of documents and archives ask for a dozen at most; each
#: one costs a seek, and about a hundred octets of part header.
MAX_RANGES = 32
#: Ranges that may reach into an earlier one. 14.2 names "more than two overlapping ranges" as the
#: sign of a broken client or an attack: two are joined without a word, with a third none is served.
MAX_OVERLAPS = 2
#: A gap not longer than this is sent along: the headers of another part are longer (15.3.7.2 says
#: around 80 octets).
JOINED_GAP = 80

#: No representation is that long; numbers of any length are read as at most this, in linear time.
_BEYOND = 10**19
_DIGITS_BELOW = 19

_SPEC = r"(?:[0-9]++-[0-9]*+|-[0-9]++)"
_SET = re.compile(rf"[ \t,]*+(?:{_SPEC}[ \t]*+(?:,[ \t,]*+|\Z))++")
_SPECS = re.compile(r"([0-9]*+)-([0-9]*+)")


@attrs.frozen
class ByteRange:
    """Octets `first` to `last`, both inclusive; to the end where `last` is `None`.

    Raises:
        InvalidArgument: there are no such octets.
    """

    first: int
    last: int | None = None

    def __attrs_post_init__(self) -> None:
        """Refuse a range that its grammar calls invalid (14.1.1)."""
        if self.first < 0 or (self.last is not None and self.last < self.first):
            raise InvalidArgument("a range that ends before it starts", found=self.render())

    def render(self) -> str:
        """Return the range as it stands in the field.

        >>> ByteRange(0, 499).render(), ByteRange(500).render()
        ('0-499', '500-')
        """
        return f"{self.first}-{'' if self.last is None else self.last}"


@attrs.frozen
class SuffixRange:
    """The last `length` octets. None of them is a range that can be asked for, and never be had.

    Raises:
        InvalidArgument: `length` is negative.
    """

    length: int

    def __attrs_post_init__(self) -> None:
        """Refuse a length that is none."""
        if self.length < 0:
            raise InvalidArgument("a negative number of octets", found=self.length)

    def render(self) -> str:
        """Return the range as it stands in the field.

        >>> SuffixRange(500).render()
        '-500'
        """
        return f"-{self.length}"


RangeSpec = ByteRange | SuffixRange


@attrs.frozen
class RangeRequest:
    """A Range field in octets: one range or more, `MAX_RANGES` at most.

    >>> RangeRequest.parse("bytes=0-499, -500")
    RangeRequest(specs=(ByteRange(first=0, last=499), SuffixRange(length=500)))
    >>> RangeRequest.parse("items=0-4")
    Unreadable(found='items=0-4', reason='a range unit that is not understood')

    Raises:
        InvalidArgument: no range, or too many.
    """

    specs: tuple[RangeSpec, ...]

    def __attrs_post_init__(self) -> None:
        """Keep the limit, whoever made the value."""
        if not 1 <= len(self.specs) <= MAX_RANGES:
            expected = f"1 to {MAX_RANGES}"
            reason = "a number of ranges that is not answered"
            raise InvalidArgument(reason, expected=expected, found=len(self.specs))

    @classmethod
    def parse(cls, field: str | None) -> RangeRequest | Unreadable | None:
        """Return what the field asks for; `None` if it is absent. Never raises on its text."""
        if field is None:
            return None
        unit, equals, ranges = field.strip(" \t").partition("=")
        if equals and unit.lower() != "bytes":
            return Unreadable(field, "a range unit that is not understood")
        if not equals or _SET.fullmatch(ranges) is None:
            return Unreadable(field, "not a set of byte ranges")
        found = _SPECS.findall(ranges)
        if len(found) > MAX_RANGES:
            return Unreadable(field, "more ranges than are answered at once")
        try:
            return cls(tuple(_spec(first, last) for first, last in found))
        except InvalidArgument as error:
            return Unreadable(field, error.reason)

    @classmethod
    def from_headers(cls, headers: Headers) -> RangeRequest | Unreadable | None:
        """Return what a request asks for; a field that stands twice is unreadable."""
        field = only_line(headers.all("range"))
        return field if isinstance(field, Unreadable) else cls.parse(field)

    def render(self) -> str:
        """Return the field value.

        >>> RangeRequest((ByteRange(0, 499), SuffixRange(500))).render()
        'bytes=0-499, -500'
        """
        return "bytes=" + ", ".join(spec.render() for spec in self.specs)


def _spec(first: str, last: str) -> RangeSpec:
    if not first:
        return SuffixRange(_number(last))
    return ByteRange(_number(first), _number(last) if last else None)


def _number(digits: str) -> int:
    """Return the number, or `_BEYOND` for any that is larger than a length can be."""
    short = digits.lstrip("0")
    return int(short or "0") if len(short) <= _DIGITS_BELOW else _BEYOND


@attrs.frozen
class Part:
    """Octets `start` to `end`, both inclusive, of a representation of `size` octets."""

    start: int
    end: int
    size: int = attrs.field(kw_only=True)

    @property
    def length(self) -> int:
        """Number of octets."""
        return self.end - self.start + 1

    @property
    def content_range(self) -> ContentRange:
        """What the Content-Range field of this part says.

        >>> Part(0, 99, size=1000).content_range.render()
        'bytes 0-99/1000'
        """
        return ContentRange(start=self.start, end=self.end, total=self.size)


@attrs.frozen
class Whole:
    """Answer 200 with the whole representation."""


@attrs.frozen
class Parts:
    """Answer 206: with one part as it is, with several as multipart/byteranges (15.3.7)."""

    parts: tuple[Part, ...]

    @property
    def single(self) -> Part | None:
        """The part, if it is the only one: it must not be sent as multipart if asked for alone."""
        return self.parts[0] if len(self.parts) == 1 else None


@attrs.frozen
class Unsatisfiable:
    """Answer 416: no range that was asked for lies within the `size` octets."""

    size: int

    @property
    def content_range(self) -> ContentRange:
        """What the Content-Range field of the 416 says (15.5.17).

        >>> Unsatisfiable(1000).content_range.render()
        'bytes */1000'
        """
        return ContentRange(start=None, end=None, total=self.size)


#: What `select` answers: a closed set, so that `match` can be exhaustive.
Selection = Whole | Parts | Unsatisfiable


def select(ranges: RangeRequest | Unreadable | None, size: int) -> Selection:
    """Return which octets of a representation of `size` octets answer the request.

    >>> select(RangeRequest.parse("bytes=-5"), 10)
    Parts(parts=(Part(start=5, end=9, size=10),))
    >>> select(RangeRequest.parse("bytes=10-"), 10), select(None, 10)
    (Unsatisfiable(size=10), Whole())

    Raises:
        InvalidArgument: a negative size.
    """
    if size < 0:
        raise InvalidArgument("a negative size", found=size)
    if not isinstance(ranges, RangeRequest):
        return Whole()
    if size == 0 and any(isinstance(spec, SuffixRange) and spec.length for spec in ranges.specs):
        return Whole()  # satisfiable (14.1.2), by octets that no Content-Range can name
    wanted = [part for spec in ranges.specs if (part := _resolve(spec, size)) is not None]
    if not wanted:
        return Unsatisfiable(size)
    if _overlaps(wanted) > MAX_OVERLAPS:
        return Whole()
    return Parts(tuple(_joined(wanted)))


def _resolve(spec: RangeSpec, size: int) -> Part | None:
    """Return the octets that exist of what was asked for (14.1.2), or `None` if none do."""
    match spec:
        case SuffixRange(length=length):
            start, end = max(size - length, 0), size - 1
        case ByteRange(first=first, last=last):
            start, end = first, size - 1 if last is None else min(last, size - 1)
        case _:
            assert_never(spec)
    return Part(start, end, size=size) if start <= end else None


def _overlaps(parts: Iterable[Part]) -> int:
    """Return how many parts, in the order of their starts, reach into one before them."""
    count, reached = 0, -1
    for part in sorted(parts, key=_start):
        count += part.start <= reached
        reached = max(reached, part.end)
    return count


def _start(part: Part) -> int:
    return part.start


def _joined(parts: Sequence[Part]) -> list[Part]:
    """Return `parts` with near ones joined, in the order in which they were asked for."""
    runs: list[tuple[int, Part]] = []  # the earliest place in the request, and what is sent there
    for place, part in sorted(enumerate(parts), key=lambda pair: pair[1].start):
        if runs and part.start - runs[-1][1].end - 1 <= JOINED_GAP:
            first, run = runs[-1]
            runs[-1] = min(first, place), attrs.evolve(run, end=max(run.end, part.end))
        else:
            runs.append((place, part))
    return [part for _, part in sorted(runs, key=lambda pair: pair[0])]
