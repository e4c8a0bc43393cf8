"""Content-Range and Range (RFC 9110 14.1, 14.2, 14.4)."""

from __future__ import annotations

import pytest

from etagkit.errors import InvalidArgument, InvalidContentRange
from etagkit.http import ContentRange, byte_range


@pytest.mark.parametrize(
    ("field", "start", "end", "total", "length"),
    [
        # examples of RFC 9110 14.4
        ("bytes 42-1233/1234", 42, 1233, 1234, 1192),
        ("bytes 42-1233/*", 42, 1233, None, 1192),
        ("bytes */1234", None, None, 1234, 0),
        ("bytes 0-499/1234", 0, 499, 1234, 500),
        ("bytes 734-1233/1234", 734, 1233, 1234, 500),
        # edges
        ("bytes 0-0/1", 0, 0, 1, 1),
        ("bytes */0", None, None, 0, 0),
        ("bytes 007-008/009", 7, 8, 9, 2),
        ("Bytes 0-0/1", 0, 0, 1, 1),
        ("bytes 0-9223372036854775806/9223372036854775807", 0, 2**63 - 2, 2**63 - 1, 2**63 - 1),
    ],
)
def test_content_range(
    field: str, start: int | None, end: int | None, total: int | None, length: int
) -> None:
    """A part's place is read with inclusive ends; `None` is what the sender does not know."""
    parsed = ContentRange.parse(field)
    assert parsed == ContentRange(start=start, end=end, total=total)
    assert parsed.length == length


@pytest.mark.parametrize(
    "field",
    [
        "",
        "bytes",
        "bytes ",
        "bytes */*",
        "bytes */",
        "bytes 0-1",
        "bytes 0-/2",
        "bytes -1/2",
        "bytes 0/2",
        "bytes=0-1/2",
        "bytes 0-1/2, 3-4/5",
        "bytes  0-1/2",
        "bytes 0 - 1/2",
        "bytes 0-1 / 2",
        " bytes 0-1/2",
        "bytes 0-1/2\n",
        "bytes -1-1/2",
        "bytes +0-1/2",
        "bytes 0x0-1/2",
        "bytes 1_0-11/20",
        "bytes \u0660-\u0661/\u0662",
        "byte\u017f 0-1/2",
        "octets 0-1/2",
        "items 0-1/2",
        # numbers that contradict each other
        "bytes 2-1/3",
        "bytes 0-2/2",
        "bytes 5-9/5",
        "bytes 0-0/0",
        # longer than any length
        "bytes 0-1/99999999999999999999",
    ],
)
def test_content_range_refusals(field: str) -> None:
    """Another unit, another grammar or impossible numbers give no place to write to."""
    with pytest.raises(InvalidContentRange) as caught:
        ContentRange.parse(field)
    assert caught.value.found == field


@pytest.mark.parametrize(("start", "end"), [(0, 0), (0, 1023), (5, 5), (2**40, 2**41)])
def test_byte_range(start: int, end: int) -> None:
    """Both ends are inclusive."""
    assert byte_range(start, end) == f"bytes={start}-{end}"


@pytest.mark.parametrize(("start", "end"), [(1, 0), (-1, 0), (-5, -1)])
def test_byte_range_refusals(start: int, end: int) -> None:
    """A range that would mean something else to the server is not sent."""
    with pytest.raises(InvalidArgument):
        byte_range(start, end)
