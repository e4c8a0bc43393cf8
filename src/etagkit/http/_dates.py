"""HTTP dates (RFC 9110 5.6.7): three formats in, one out.

    IMF-fixdate   Sun, 06 Nov 1994 08:49:37 GMT      the only one that is sent
    rfc850-date   Sunday, 06-Nov-94 08:49:37 GMT     obsolete, must be read
    asctime-date  Sun Nov  6 08:49:37 1994           obsolete, must be read

Anything else is no date: offsets, other zones, lists and dates that do not exist are refused,
because a condition built on a misread date would answer wrongly. The day name is not compared with
the date (nobody sends it wrong on purpose, and it carries nothing).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from etagkit.errors import InvalidArgument, InvalidHTTPDate

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "|".join(_MONTHS)
_DAY = "|".join(_DAYS)
_LONG_DAY = "(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day"
_SHORT = r"(?P<short>[0-9]{2})"
_TIME = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"

_YEAR = r"(?P<year>[0-9]{4})"

_FORMATS = (
    re.compile(rf"(?:{_DAY}), (?P<day>[0-9]{{2}}) (?P<month>{_MONTH}) {_YEAR} {_TIME} GMT"),
    re.compile(rf"{_LONG_DAY}, (?P<day>[0-9]{{2}})-(?P<month>{_MONTH})-{_SHORT} {_TIME} GMT"),
    re.compile(rf"(?:{_DAY}) (?P<month>{_MONTH}) (?P<day>[0-9]{{2}}| [0-9]) {_TIME} {_YEAR}"),
)

#: Without a clock at hand, two-digit years below this are read as 20xx (as in POSIX `%y`).
_PIVOT = 69
#: A two-digit year that seems more than 50 years ahead means the past one (RFC 9110 5.6.7).
_HORIZON = 50


def parse_http_date(text: str, *, now: datetime | None = None) -> datetime:
    """Return the moment that `text` names, in UTC.

    `now` settles the century of a two-digit year by the 50-year rule of RFC 9110 5.6.7.

    >>> parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT")
    datetime.datetime(1994, 11, 6, 8, 49, 37, tzinfo=datetime.timezone.utc)

    Raises:
        InvalidHTTPDate: `text` is in none of the three formats, or no such moment exists.
        InvalidArgument: `now` is no datetime.
    """
    if not isinstance(text, str):
        raise InvalidHTTPDate("an HTTP date is text", found=type(text).__name__, expected="str")
    if now is not None:
        _check_moment(now)
    for form in _FORMATS:
        match = form.fullmatch(text)
        if match is not None:
            return _moment(text, match.groupdict(), now)
    reason = "not an HTTP date"
    raise InvalidHTTPDate(reason, found=text, expected="the form Sun, 06 Nov 1994 08:49:37 GMT")


def _moment(text: str, parts: dict[str, str], now: datetime | None) -> datetime:
    rest = (
        _MONTHS.index(parts["month"]) + 1,
        int(parts["day"]),
        int(parts["hour"]),
        int(parts["minute"]),
        59 if parts["second"] == "60" else int(parts["second"]),  # a leap second is legal
    )
    year = int(parts["year"]) if "year" in parts else _full_year(int(parts["short"]), rest, now)
    try:
        return datetime(year, *rest, tzinfo=UTC)
    except ValueError as exc:
        reason = "no such moment"
        raise InvalidHTTPDate(reason, found=text) from exc


def _full_year(short: int, rest: tuple[int, int, int, int, int], now: datetime | None) -> int:
    if now is None:
        return short + (2000 if short < _PIVOT else 1900)
    today = now.utctimetuple()
    year = today.tm_year - today.tm_year % 100 + short
    return year - 100 if (year - _HORIZON, *rest) > tuple(today)[:6] else year


def _check_moment(moment: datetime) -> None:
    if not isinstance(moment, datetime):
        raise InvalidArgument(
            "a moment is a datetime", found=type(moment).__name__, expected="datetime"
        )


def format_http_date(moment: datetime) -> str:
    """Return `moment` as an IMF-fixdate, cut to whole seconds.

    >>> format_http_date(datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC))
    'Sun, 06 Nov 1994 08:49:37 GMT'

    Raises:
        InvalidArgument: `moment` has no time zone, so it names no moment, or in UTC it lies outside
            of the years that Python knows, or it is no datetime.
    """
    _check_moment(moment)
    if moment.utcoffset() is None:
        reason = "a datetime without a time zone names no moment"
        advice = "use datetime.now(timezone.utc), or .replace(tzinfo=...)"
        raise InvalidArgument(reason, found=moment.isoformat(), advice=advice)
    try:
        utc = moment.astimezone(UTC)
    except OverflowError as exc:
        reason = "a moment outside of the years 1 to 9999 in UTC"
        raise InvalidArgument(reason, found=moment.isoformat()) from exc
    return (
        f"{_DAYS[utc.weekday()]}, {utc.day:02} {_MONTHS[utc.month - 1]} {utc.year:04} "
        f"{utc.hour:02}:{utc.minute:02}:{utc.second:02} GMT"
    )
