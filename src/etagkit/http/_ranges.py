"""Ranges of octets: what a 206 or 416 says about its place in the whole (RFC 9110 14.4)."""

from __future__ import annotations

import re

import attrs

from etagkit.errors import InvalidArgument, InvalidContentRange

#: More digits than any length needs (2**63 has 19); longer ones are an attack or a fault.
_DIGITS = r"[0-9]{1,19}"
_CONTENT_RANGE = re.compile(
    rf"bytes (?:({_DIGITS})-({_DIGITS})|\*)/({_DIGITS}|\*)",
    re.IGNORECASE | re.ASCII,  # unit names compare without regard to case (RFC 9110 14.1)
)


@attrs.frozen(kw_only=True)
class ContentRange:
    """Where a part lies in the whole. `start` and `end` are inclusive; `None` on a 416.

    `total` is `None` where the sender does not know it.

    >>> ContentRange.parse("bytes 0-1023/4096")
    ContentRange(start=0, end=1023, total=4096)
    """

    start: int | None
    end: int | None
    total: int | None

    @classmethod
    def parse(cls, field: str) -> ContentRange:
        """Return the range in a `Content-Range` field.

        Raises:
            InvalidContentRange: another unit, another grammar, or numbers that contradict.
        """
        match = _CONTENT_RANGE.fullmatch(field)
        if match is None:
            raise _invalid("not a byte Content-Range", field)
        first, last, whole = match.groups()
        total = None if whole == "*" else int(whole)
        if first is None:
            if total is None:
                raise _invalid("a Content-Range that says nothing", field)
            return cls(start=None, end=None, total=total)
        start, end = int(first), int(last)
        if end < start or (total is not None and end >= total):
            raise _invalid("a Content-Range that contradicts itself", field)
        return cls(start=start, end=end, total=total)

    def render(self) -> str:
        """Return the field value.

        >>> ContentRange(start=0, end=99, total=None).render()
        'bytes 0-99/*'
        """
        total = "*" if self.total is None else self.total
        if self.start is None or self.end is None:
            return f"bytes */{total}"
        return f"bytes {self.start}-{self.end}/{total}"

    @property
    def length(self) -> int:
        """Number of octets in the part."""
        return 0 if self.start is None or self.end is None else self.end - self.start + 1


def _invalid(reason: str, field: str) -> InvalidContentRange:
    return InvalidContentRange(reason, found=field)


def byte_range(start: int, end: int) -> str:
    """Return the `Range` value for the octets `start` to `end`, both inclusive.

    >>> byte_range(0, 1023)
    'bytes=0-1023'

    Raises:
        InvalidArgument: there are no such octets.
    """
    if not 0 <= start <= end:
        reason = "a range of octets that is empty or starts before the first"
        raise InvalidArgument(reason, found=f"{start}-{end}", expected="0 <= start <= end")
    return f"bytes={start}-{end}"
