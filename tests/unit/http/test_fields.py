"""The grammar that fields share (RFC 9110 5.6, RFC 9111 1.2.2, RFC 9651)."""

from __future__ import annotations

import string

import pytest

from etagkit.errors import InvalidArgument
from etagkit.http import Unreadable
from etagkit.http._fields import (
    delta_seconds,
    is_token,
    joined,
    only_line,
    parse_string_list,
    quote,
    render_string,
    token_list,
    token_or_quoted,
    unquote,
)


@pytest.mark.parametrize("code", range(256))
def test_token_characters(code: int) -> None:
    """A token holds letters, digits and fifteen marks, and nothing else (5.6.2)."""
    allowed = "!#$%&'*+-.^_`|~" + string.ascii_letters + string.digits
    assert is_token(chr(code)) is (chr(code) in allowed)
    assert not is_token("")


@pytest.mark.parametrize(
    ("lines", "value"),
    [
        (None, None),
        ([], None),
        ([""], ""),
        ([" a\t"], "a"),
        (["a\n"], "a\n"),
    ],
)
def test_only_line(lines: list[str] | None, value: str | None) -> None:
    """Absent and empty differ; white space round a value is not part of it (5.5)."""
    assert only_line(lines) == value


@pytest.mark.parametrize("lines", [["a", "b"], ["a", "a"], ["", ""]])
def test_two_lines_are_not_one(lines: list[str]) -> None:
    """A field that may stand once and stands twice is unreadable."""
    assert isinstance(only_line(lines), Unreadable)


@pytest.mark.parametrize("take", [joined, only_line])
def test_a_string_is_no_sequence_of_lines(take: type[str]) -> None:
    """The mistake is named at once instead of being read letter by letter."""
    with pytest.raises(InvalidArgument, match="put it into a list"):
        take("abc")


@pytest.mark.parametrize(
    ("plain", "quoted"),
    [
        ("", '""'),
        ("a", '"a"'),
        ("a b\t", '"a b\t"'),
        ('"', r'"\""'),
        ("\\", r'"\\"'),
        ("\\n", r'"\\n"'),
        ("\xe9", '"\xe9"'),
    ],
)
def test_quoted_strings(plain: str, quoted: str) -> None:
    """Quotes and backslashes are escaped, and nothing else (5.6.4)."""
    assert quote(plain) == quoted
    assert unquote(quoted) == plain


def test_needless_escapes_are_undone() -> None:
    """A recipient takes the character behind a backslash, whichever it is."""
    assert unquote(r'"\a\b\\"') == "ab\\"


@pytest.mark.parametrize("text", ["\x00", "a\nb", "\x7f", "\u0100", "\u65e5"])
def test_what_no_field_can_carry(text: str) -> None:
    """Controls and characters above U+00FF are refused."""
    with pytest.raises(InvalidArgument, match="encode it first"):
        quote(text)


def test_tokens_are_not_quoted() -> None:
    """Quotes stand only where they are needed."""
    assert token_or_quoted("a-b") == "a-b"
    assert token_or_quoted("a b") == '"a b"'
    assert token_or_quoted("") == '""'


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("60", 60),
        ("007", 7),
        ("2147483647", 2**31 - 1),
        ("2147483648", 2**31),
        ("2147483649", 2**31),
        ("9999999999", 2**31),
        ("99999999999", 2**31),
        ("9" * 5_000, 2**31),
        ("0" * 5_000 + "5", 5),
        ("0" * 5_000, 0),
        *((text, None) for text in ("", " 1", "1 ", "-1", "+1", "1.0", "1e3", "0x1", "1_0")),
        *((text, None) for text in ("\u0661", "\xb2", "1\n", "x")),
    ],
)
def test_delta_seconds(text: str, seconds: int | None) -> None:
    """Digits only, however many, and 2^31 at most (RFC 9111 1.2.2)."""
    assert delta_seconds(text) == seconds


@pytest.mark.parametrize(
    ("field", "tokens"),
    [
        ("", ()),
        (",", ()),
        ("a", ("a",)),
        ("a,b", ("a", "b")),
        (" a ,\t,b\t", ("a", "b")),
        ("a b", None),
        ('"a"', None),
        ("a\n", None),
        ("a;b", None),
    ],
)
def test_token_lists(field: str, tokens: tuple[str, ...] | None) -> None:
    """Empty elements are skipped; one member that is no token spoils the list (5.6.1)."""
    assert token_list(field) == tokens


def test_structured_strings_round_trip() -> None:
    """Only the quote and the backslash are escaped in a structured string (RFC 9651 4.1.6)."""
    text = "".join(map(chr, range(0x20, 0x7F)))
    assert parse_string_list([render_string(text)]) == (text,)
    with pytest.raises(InvalidArgument):
        render_string("\t")


def test_a_long_field_is_cut_in_a_repr() -> None:
    """An unreadable field can be logged, however long it is, and whatever stands in it."""
    shown = repr(Unreadable("\x1b[2J" + "x" * 65_536, "reason"))
    assert len(shown) < 200
    assert shown.isprintable()
