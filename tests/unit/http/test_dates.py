"""HTTP dates: the three formats of RFC 9110 5.6.7, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import pytest

from etagkit.errors import InvalidArgument, InvalidHTTPDate
from etagkit.http import format_http_date, parse_http_date

EXAMPLE = datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        # the three examples of the RFC
        ("Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE),
        ("Sunday, 06-Nov-94 08:49:37 GMT", EXAMPLE),
        ("Sun Nov  6 08:49:37 1994", EXAMPLE),
        ("Sun Nov 16 08:49:37 1994", EXAMPLE.replace(day=16)),
        ("Sun Nov 06 08:49:37 1994", EXAMPLE),
        # edges
        ("Thu, 01 Jan 1970 00:00:00 GMT", datetime(1970, 1, 1, tzinfo=UTC)),
        ("Thu, 29 Feb 2024 23:59:59 GMT", datetime(2024, 2, 29, 23, 59, 59, tzinfo=UTC)),
        ("Mon, 01 Jan 0001 00:00:00 GMT", datetime(1, 1, 1, tzinfo=UTC)),
        ("Fri, 31 Dec 9999 23:59:59 GMT", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
        # a leap second is legal; Python knows only the second before
        ("Sat, 31 Dec 2016 23:59:60 GMT", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        # the day name carries nothing
        ("Mon, 06 Nov 1994 08:49:37 GMT", EXAMPLE),
    ],
)
def test_formats(text: str, moment: datetime) -> None:
    """Each of the three formats gives the moment in UTC."""
    parsed = parse_http_date(text)
    assert parsed == moment
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "0",
        "784111777",
        "1994-11-06T08:49:37Z",
        # zones and offsets
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0200",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun Nov  6 08:49:37 1994 GMT",
        # case and spelling
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Okt 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Tueday, 06-Nov-94 08:49:37 GMT",
        # white space and digits
        " Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT\n",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun,  06 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sun, 06 Nov 99999 08:49:37 GMT",
        "Sun, -6 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37.5 GMT",
        "Sun, \u0660\u0666 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov \uff11\uff19\uff19\uff14 08:49:37 GMT",
        "Sun, \xb2\xb3 Nov 1994 08:49:37 GMT",
        # lists
        "Sun, 06 Nov 1994 08:49:37 GMT, Mon, 07 Nov 1994 08:49:37 GMT",
        # moments that do not exist
        "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Wed, 29 Feb 2023 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:00 GMT",
        "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06 Nov 0000 08:49:37 GMT",
        "Sun Nov  0 08:49:37 1994",
    ],
)
def test_anything_else_is_no_date(text: str) -> None:
    """A date that could be misread is refused, with the form that works."""
    with pytest.raises(InvalidHTTPDate) as caught:
        parse_http_date(text)
    assert caught.value.found == text


@pytest.mark.parametrize(
    ("short", "year"), [("00", 2000), ("68", 2068), ("69", 1969), ("70", 1970), ("99", 1999)]
)
def test_two_digit_years_without_a_clock(short: str, year: int) -> None:
    """Without a clock the POSIX pivot decides."""
    assert parse_http_date(f"Sunday, 06-Nov-{short} 08:49:37 GMT").year == year


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("Sunday, 06-Nov-94 08:49:37 GMT", 1994),
        ("Sunday, 06-Nov-26 08:49:37 GMT", 2026),
        ("Sunday, 06-Nov-75 08:49:37 GMT", 2075),
        ("Sunday, 06-Nov-77 08:49:37 GMT", 1977),
        # exactly 50 years ahead is not more than 50 years ahead
        ("Sunday, 06-Nov-76 08:49:36 GMT", 2076),
        ("Sunday, 06-Nov-76 08:49:37 GMT", 2076),
        ("Sunday, 06-Nov-76 08:49:38 GMT", 1976),
        ("Sunday, 07-Nov-76 00:00:00 GMT", 1976),
    ],
)
@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=9))])
def test_two_digit_years_with_a_clock(text: str, year: int, zone: tzinfo) -> None:
    """More than 50 years ahead means the same digits in the past (RFC 9110 5.6.7)."""
    now = EXAMPLE.replace(year=2026).astimezone(zone)
    assert parse_http_date(text, now=now).year == year


def test_clock_does_not_touch_full_years() -> None:
    """Four digits mean what they say."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert parse_http_date("Sun, 06 Nov 2094 08:49:37 GMT", now=now).year == 2094


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (EXAMPLE, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (EXAMPLE.replace(microsecond=999_999), "Sun, 06 Nov 1994 08:49:37 GMT"),
        (
            EXAMPLE.astimezone(timezone(timedelta(hours=-9))),
            "Sun, 06 Nov 1994 08:49:37 GMT",
        ),
        (datetime(1, 1, 1, tzinfo=UTC), "Mon, 01 Jan 0001 00:00:00 GMT"),
        (datetime(1969, 12, 31, 23, 59, 59, 5, tzinfo=UTC), "Wed, 31 Dec 1969 23:59:59 GMT"),
    ],
)
def test_one_format_is_sent(moment: datetime, text: str) -> None:
    """Dates go out as IMF-fixdate, in GMT, cut to whole seconds; no locale is asked."""
    assert format_http_date(moment) == text


class _NoOffset(tzinfo):
    """A zone that does not know its offset: the datetime is as naive as without it."""

    def utcoffset(self, dt: datetime | None) -> None:
        return None

    def tzname(self, dt: datetime | None) -> None:
        return None

    def dst(self, dt: datetime | None) -> None:
        return None


@pytest.mark.parametrize("zone", [None, _NoOffset()])
def test_naive_datetime_names_no_moment(zone: tzinfo | None) -> None:
    """A datetime without an offset is refused instead of taken for local time or UTC."""
    with pytest.raises(InvalidArgument, match="without a time zone"):
        format_http_date(datetime(2024, 1, 1, tzinfo=zone))


@pytest.mark.parametrize(
    "moment",
    [
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))),
    ],
)
def test_moment_outside_of_the_calendar_is_refused(moment: datetime) -> None:
    """A moment that has no year in UTC gets the library's own error."""
    with pytest.raises(InvalidArgument, match="years 1 to 9999"):
        format_http_date(moment)


@pytest.mark.parametrize("value", [None, 784111777, b"Sun, 06 Nov 1994 08:49:37 GMT", EXAMPLE])
def test_what_is_no_text_is_no_date(value: object) -> None:
    """A value of another type gets the library's own error."""
    with pytest.raises(InvalidHTTPDate, match=f"is text .*found {type(value).__name__}"):
        parse_http_date(value)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, 784111777, "now", EXAMPLE.date()])
def test_what_is_no_moment_is_refused(value: Any) -> None:
    """So does something else than a datetime where a moment is wanted."""
    with pytest.raises(InvalidArgument, match=f"is a datetime .*found {type(value).__name__}"):
        format_http_date(value)
    if value is not None:
        with pytest.raises(InvalidArgument, match="is a datetime"):
            parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", now=value)
