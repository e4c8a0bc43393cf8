r"""The grammar that several fields share (RFC 9110 5.6, RFC 9651 for structured fields).

    token         = 1*tchar                                   5.6.2
    quoted-string = DQUOTE *( qdtext / quoted-pair ) DQUOTE   5.6.4, the only place of backslashes
    #element      = elements, commas, optional white space;   5.6.1, empty elements are skipped
    delta-seconds = 1*DIGIT, 2^31 at most                     RFC 9111 1.2.2

Three choices hold for every parser that stands on this module.

*Lines in.* A field may stand on several lines, on one empty line or nowhere, and these are three
different things. One string cannot tell them apart, so parsers take the sequence of lines; `None`
and an empty sequence both mean that the field is absent.

*Received text never raises.* What does not follow its grammar becomes a value, `Unreadable` or
the cautious reading of the field, and the decision says what that means. Only values that a
program makes itself are refused with an error.

*Linear work.* Patterns use possessive quantifiers, so that no text is read twice: 64 KiB of commas
or one unterminated quote cost what any other 64 KiB cost.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import attrs

from etagkit.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Sequence

TCHAR = r"[!#$%&'*+.^_`|~0-9A-Za-z-]"
QUOTED_STRING = r'"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t\x20-\x7e\x80-\xff])*+"'

#: RFC 9111 1.2.2: larger values, and sums that overflow, are read as 2^31 seconds (68 years).
MAX_SECONDS = 2**31
#: Digits of `MAX_SECONDS`; more than these, zeros in front apart, are certainly larger.
_SECONDS_DIGITS = 10

#: Characters of a received field that a repr shows: enough to recognise it, too few to flood a log.
_SHOWN = 100

_TOKEN = re.compile(TCHAR + "+")
_DELTA_SECONDS = re.compile(r"0*+([0-9]*)")
_QUOTED_PAIR = re.compile(r"\\(.)", re.DOTALL)
_NEEDS_ESCAPE = re.compile(r'(["\\])')
_QUOTABLE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def _shortened(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


@attrs.frozen
class Unreadable:
    """A field that is present and does not follow its grammar: neither absent nor a value.

    `reason` says what is wrong with it, for a log line or an error answer.

    >>> Unreadable("never", "not an HTTP date")
    Unreadable(found='never', reason='not an HTTP date')
    """

    found: str = attrs.field(repr=_shortened)
    reason: str


def only_line(lines: Sequence[str] | None) -> str | Unreadable | None:
    """Return the value of a field that may stand once; `None` if it is absent.

    Two lines, even equal ones, are read as the list that they make (RFC 9110 5.3), which such a
    field does not allow.
    """
    if not lines:
        return None
    if len(lines) > 1 or isinstance(lines, str):
        return Unreadable(joined(lines), "a field that may stand once stands more than once")
    return lines[0].strip(" \t")


def joined(lines: Sequence[str]) -> str:
    """Return the lines of a field as one list (RFC 9110 5.3).

    Raises:
        InvalidArgument: one string instead of a sequence; its characters are no lines.
    """
    if isinstance(lines, str):
        reason = "one string where the lines of a field are expected"
        raise InvalidArgument(reason, found=lines, advice="put it into a list: [value]")
    return ", ".join(lines)


def is_token(text: str) -> bool:
    """Whether `text` is a token (RFC 9110 5.6.2): a field name, a method, a directive.

    >>> is_token("max-age"), is_token("max age"), is_token("")
    (True, False, False)
    """
    return _TOKEN.fullmatch(text) is not None


def unquote(text: str) -> str:
    r"""Return the text that a quoted-string stands for.

    >>> unquote(r'"a \"b\""')
    'a "b"'
    """
    return _QUOTED_PAIR.sub(r"\1", text[1:-1])


def quote(text: str) -> str:
    r"""Return `text` as a quoted-string (RFC 9110 5.6.4).

    >>> print(quote('a "b"'))
    "a \"b\""

    Raises:
        InvalidArgument: a control, or a character above U+00FF, which no field can carry.
    """
    if _QUOTABLE.fullmatch(text) is None:
        reason = "a control or a character above U+00FF cannot stand in a field"
        raise InvalidArgument(reason, found=text, advice="encode it first, as percent-encoding")
    return f'"{_NEEDS_ESCAPE.sub(_BACKSLASHED, text)}"'


_BACKSLASHED = r"\\\1"


def token_or_quoted(text: str) -> str:
    """Return `text` as a token where it is one, else as a quoted-string."""
    return text if is_token(text) else quote(text)


def delta_seconds(text: str) -> int | None:
    """Return a number of seconds (RFC 9111 1.2.2), `MAX_SECONDS` at most; `None` if it is none.

    >>> delta_seconds("60"), delta_seconds("9" * 60), delta_seconds("-1")
    (60, 2147483648, None)
    """
    match = _DELTA_SECONDS.fullmatch(text) if text else None
    if match is None:
        return None
    if len(match[1]) > _SECONDS_DIGITS:
        return MAX_SECONDS
    return min(int(match[1] or "0"), MAX_SECONDS)


def token_list(field: str) -> tuple[str, ...] | None:
    """Return the tokens of a list, empty elements skipped; `None` if a member is no token.

    >>> token_list("Accept,, Cookie"), token_list(" , "), token_list("a b")
    (('Accept', 'Cookie'), (), None)
    """
    members = tuple(part for piece in field.split(",") if (part := piece.strip(" \t")))
    return members if all(map(is_token, members)) else None


# --- structured fields: a List of Strings (RFC 9651 3.1, 3.3.3) --------------------------------

_SF_STRING = r'"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*+"'
#: Bare items as values of parameters (3.3), which are read over: number or date, string or display
#: string, token, byte sequence, boolean.
_SF_VALUE = (
    rf"(?:-?[0-9]{{1,12}}\.[0-9]{{1,3}}|@?-?[0-9]{{1,15}}|%?{_SF_STRING}"
    r"|[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*+|:[A-Za-z0-9+/=]*+:|\?[01])"
)
_SF_PARAMETER = rf";\x20*+[a-z*][a-z0-9_.*-]*+(?:={_SF_VALUE})?+"
_SF_MEMBER = rf"({_SF_STRING})((?:{_SF_PARAMETER})*+)"
_SF_MEMBERS = re.compile(_SF_MEMBER)
_SF_LIST = re.compile(rf"\x20*+(?:{_SF_MEMBER}(?:[ \t]*+,[ \t]*+(?=\")|\x20*+\Z))*+")
_SF_TEXT = re.compile(r"[\x20-\x7e]*")


def parse_string_list(lines: Sequence[str]) -> tuple[str, ...] | Unreadable:
    r"""Return the strings of a structured-field list; parameters are read over.

    A structured field is right as a whole or not there at all (RFC 9651 4.2): a trailing comma,
    an empty member or a member that is no string spoils it.

    >>> parse_string_list(['"a";x=1, "b"', '"c\\"d"'])
    ('a', 'b', 'c"d')
    >>> parse_string_list(['"a", b'])
    Unreadable(found='"a", b', reason='not a structured list of strings')
    """
    field = joined(lines)
    if _SF_LIST.fullmatch(field) is None:
        return Unreadable(field, "not a structured list of strings")
    return tuple(unquote(match[1]) for match in _SF_MEMBERS.finditer(field))


def render_string(text: str) -> str:
    """Return `text` as a structured-field string (RFC 9651 4.1.6).

    Raises:
        InvalidArgument: a control or a character outside of ASCII.
    """
    if _SF_TEXT.fullmatch(text) is None:
        reason = "a structured string holds printable ASCII characters only"
        raise InvalidArgument(reason, found=text, advice="encode it first, as percent-encoding")
    return f'"{_NEEDS_ESCAPE.sub(_BACKSLASHED, text)}"'
