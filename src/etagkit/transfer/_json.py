r"""Proof that a stream is one well-formed JSON text (RFC 8259), in bounded memory and linear time.

Nothing is built from the text. Whole runs of it are swallowed by regular expressions: members or
items, with what they hold down to `_NESTED` levels. Only what a run leaves over (containers that go
deeper, and what lies across the border of two blocks) is walked token by token, with one octet per
open container. A string is never held, however long; a number or literal that is cut by a border is
carried over, a long number as a short one that ends in the same state.

Well-formed does not mean that every reader can take it: nesting is followed to `MAX_NESTING`, and
`json.loads` raises RecursionError at about the recursion limit of Python, a thousand. A file for
such a reader is no less whole, so it is not refused here.

What RFC 8259 leaves open is accepted: equal names in one object, `\ud800` without its partner,
numbers of any size. One leading byte order mark is tolerated (section 8.1 lets a reader ignore it).
`NaN` and `Infinity` are not JSON and are refused.

About the expressions: a loop is written `(?:...|)*+`, never `(?:...)*+`, and `?+` never stands
behind a group. Python 3.11.0 to 3.11.4 leave the position of a failed last round inside such a
group (fixed in 3.11.5); the empty branch puts it back.
"""

from __future__ import annotations

import codecs
import re
from functools import cache
from typing import TYPE_CHECKING, Final

import attrs

from etagkit.errors import MalformedContent

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Deepest nesting that is followed. RFC 8259 section 9 lets a parser set one; readers in use stop
#: at about a thousand, and every level costs one octet here.
MAX_NESTING: Final = 10_000

#: Octets looked at in one go: bounds the copies that a large block would cause.
_PIECE: Final = 256 * 1024

#: Container levels inside an item or member that a run still swallows. Each level makes the
#: expression four times as long; two cover an array of records with small lists in them.
_NESTED: Final = 2

_OPEN_ARRAY: Final = ord("[")
_CLOSE_ARRAY: Final = ord("]")
_QUOTE: Final = ord('"')

#: C0 controls: forbidden in strings, and outside of them only three are white space.
_CONTROLS: Final = bytes(range(0x20))

#: What a string may hold: octets (UTF-8 is checked separately) and escapes, `\\u` in whole runs.
_PLAIN: Final = rb"[\x20\x21#-\[\]-\xff]*+"
_UNIT: Final = rb"u" + rb"[0-9a-fA-F]" * 4
_ESCAPE: Final = rb'\\(?:["\\/bfnrt]|' + _UNIT + rb"(?:\\" + _UNIT + rb"|)*+)"
_ESCAPED: Final = rb"(?:" + _ESCAPE + _PLAIN + rb"|)*+"
#: The branches exclude each other: a second way to read a string would be tried, and the whole
#: container again with it, wherever a container fails.
_STRING: Final = rb'"' + _PLAIN + rb'(?:"|(?=\\)' + _ESCAPED + rb'")'
_SPACE: Final = rb"[ \t\n\r]*+"

#: The same where the block is known to hold neither control nor backslash: several times faster.
_SIMPLE_STRING: Final = rb'"[^"]*+"'
_SIMPLE_SPACE: Final = rb" *+"

_TAIL: Final = rb"(?:\.[0-9]++(?:[eE][-+]?+[0-9]++|)|[eE][-+]?+[0-9]++|)"
_NUMBER: Final = rb"-?+[1-9][0-9]*+" + _TAIL + rb"|-?+0" + _TAIL
_LITERAL: Final = rb"true|false|null"

#: A number or literal, and whatever is glued to it, so that errors name the start of the word.
_word = re.compile(rb"[-+.0-9A-Za-z\x80-\xff]++")
_whole_word = re.compile(_NUMBER + rb"|" + _LITERAL)
#: The beginning of one, where more may follow in the next block.
_begun_word = re.compile(
    rb"-?+(?:(?:0|[1-9][0-9]*+)(?:\.(?:[0-9]++(?:[eE][-+]?+[0-9]*+|)|)|[eE][-+]?+[0-9]*+|)|)"
    rb"|t(?:ru?)?|true|f(?:a(?:ls?)?)?|false|n(?:ul?)?|null"
)
#: Digits that a word carried over a border can do without: two stand for any number of them.
_digits = re.compile(rb"([0-9])[0-9]{2,}+")

_space = re.compile(_SPACE)
_inside_string = re.compile(_PLAIN + _ESCAPED)
_begun_escape = re.compile(rb"\\(?:u[0-9a-fA-F]{0,3}|)")


@attrs.frozen(eq=False)
class _Expect:
    """What may come next, in the words of the error; an Enum member would be slow to look up."""

    words: str


_VALUE: Final = _Expect("a value")
_FIRST_ITEM: Final = _Expect("a value or the end of the array")
_KEY: Final = _Expect("a member name")
_FIRST_KEY: Final = _Expect("a member name or the end of the object")
_COLON: Final = _Expect("a colon")
_NEXT_ITEM: Final = _Expect("a comma or the end of the array")
_NEXT_MEMBER: Final = _Expect("a comma or the end of the object")
_NOTHING: Final = _Expect("the end of the text")

_VALUES: Final = frozenset({_VALUE, _FIRST_ITEM})
_KEYS: Final = frozenset({_KEY, _FIRST_KEY})
_COMMA: Final = ord(",")
_BLANKS: Final = b" \t\n\r"
_OPENINGS: Final = b"[{"
_CLOSINGS: Final = b"]}"

#: What a punctuation octet leads to; behind a closing one it depends on what is around.
_PUNCTUATION: Final = {
    (_COLON, ord(":")): _VALUE,
    (_NEXT_ITEM, ord(",")): _VALUE,
    (_NEXT_MEMBER, ord(",")): _KEY,
    (_FIRST_ITEM, _CLOSE_ARRAY): _NOTHING,
    (_NEXT_ITEM, _CLOSE_ARRAY): _NOTHING,
    (_FIRST_KEY, ord("}")): _NOTHING,
    (_NEXT_MEMBER, ord("}")): _NOTHING,
}

#: Containers that may be open where a run still stays within the limit.
_LAST_RUN: Final = MAX_NESTING - _NESTED

#: Groups of the expressions of runs.
_DEEPER: Final = 1
_OUT: Final = 2


@attrs.frozen
class _Runs:
    """Expressions that swallow as many items, or members, as stand together."""

    items: re.Pattern[bytes]
    members: re.Pattern[bytes]


def _pair(string: bytes, space: bytes, value: bytes) -> bytes:
    return string + space + rb":" + space + rb"(?:" + value + rb")"


def _container(opening: bytes, part: bytes, space: bytes, closing: bytes) -> bytes:
    more = rb"(?:," + space + part + space + rb"|)*+"
    return opening + space + rb"(?:" + part + space + more + rb"|)" + closing


def _run(part: bytes, space: bytes, closing: bytes, deeper: bytes) -> re.Pattern[bytes]:
    """Parts with the commas between them, then a step deeper, or out of containers.

    Group 1 is the bracket of a container that is entered, group 2 the brackets of those that end,
    group 3 the comma behind them. Without a step the text ends, or goes wrong, behind a comma.
    """
    after = rb"(?:," + space + rb"(?!" + closing + rb")|(?=" + closing + rb"))"
    out = rb"(" + closing + space + rb"(?:[\]}]" + space + rb"|)*+)((?:," + space + rb"|))"
    step = rb"(?:" + deeper + space + rb"|" + out + rb"|)"
    return re.compile(rb"(?:" + part + space + after + rb"|)*+" + step)


@cache
def _runs(string: bytes, space: bytes) -> _Runs:
    """Compile on first use: it takes some milliseconds."""
    word = _NUMBER + rb"|" + _LITERAL
    value = string + rb"|" + word
    for _ in range(_NESTED):
        array = _container(rb"\[", rb"(?:" + value + rb")", space, rb"\]")
        object_ = _container(rb"\{", _pair(string, space, value), space, rb"\}")
        value = rb"|".join((string, object_, array, word))
    return _Runs(
        items=_run(rb"(?:" + value + rb")", space, rb"\]", rb"([\[{])"),
        members=_run(_pair(string, space, value), space, rb"\}", _pair(string, space, rb"([\[{])")),
    )


class JsonStage:
    """Passes a JSON text through unchanged and raises where it stops being one.

    >>> stage = JsonStage()
    >>> list(stage.feed(b'{"etag": "x'))
    [b'{"etag": "x']
    >>> list(stage.feed(b'yz"}')), list(stage.finish())
    ([b'yz"}'], [])
    >>> stage.feed(b",")
    Traceback (most recent call last):
    etagkit.errors.MalformedContent: the JSON text is not well-formed (expected the end of the text,
    found something else at octet 15)

    A text that passes may be nested as deep as `MAX_NESTING`, more than `json.loads` can read.

    Raises:
        MalformedContent: from `feed` at the first octet, or word, that cannot stand there; from
            `finish` where the text has not come to its end. `found` gives the offset in octets;
            no part of the text is shown, for it may be secret.
    """

    name = "json"

    def __init__(self) -> None:
        """Expect the start of a text."""
        self._expect = _VALUE
        self._stack = bytearray()  # the opening bracket of each open container
        self._in_string = False
        self._simple = False  # the piece in hand holds neither control nor backslash
        self._mark: bytes | None = b""  # the start of a byte order mark; None once that is settled
        self._cut_character = b""
        self._carry = b""  # a word or an escape cut by the end of the last piece
        self._carry_at = 0
        self._carried = 0
        self._seen = 0

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        """Check the next octets and return them."""
        text = block if self._mark is None else self._behind_mark(block)
        for start in range(0, len(text), _PIECE):
            self._take(text[start : start + _PIECE])
        return (block,) if block else ()

    def finish(self) -> Iterable[bytes]:
        """Check that the text has come to its end."""
        if self._mark:
            self._take(self._mark)
        if not self._complete():
            raise MalformedContent(
                "the JSON text ends before it is complete",
                expected="the rest of a string" if self._in_string else self._expect.words,
                found=f"its end at octet {self._seen}",
            )
        return ()

    def _complete(self) -> bool:
        if self._in_string or self._stack:
            return False
        return self._expect is _NOTHING or _whole_word.fullmatch(self._carry) is not None

    def _behind_mark(self, block: bytes) -> bytes:
        """Leave out one byte order mark at the very start, however it is cut."""
        head = (self._mark or b"") + block
        if len(head) < len(codecs.BOM_UTF8) and codecs.BOM_UTF8.startswith(head):
            self._mark = head
            return b""
        self._mark = None
        if not head.startswith(codecs.BOM_UTF8):
            return head
        self._seen = len(codecs.BOM_UTF8)
        return head[self._seen :]

    def _take(self, piece: bytes) -> None:
        """Check one piece; what stands before an octet that is not UTF-8 is judged first."""
        bad = self._not_utf8(piece)
        self._scan(piece if bad is None else piece[: max(0, bad)])
        if bad is not None:
            raise _malformed("UTF-8", self._carry_at if self._carry else self._seen + min(0, bad))

    def _not_utf8(self, piece: bytes) -> int | None:
        """Return where the piece stops being UTF-8; below 0 if that character began before it."""
        if not self._cut_character and piece.isascii():
            return None
        before = len(self._cut_character)
        text = self._cut_character + piece
        try:
            _, taken = codecs.utf_8_decode(text, "strict", False)  # noqa: FBT003 -- positional only
        except UnicodeDecodeError as error:
            return error.start - before
        self._cut_character = text[taken:]
        return None

    def _scan(self, piece: bytes) -> None:
        """Walk through a piece, by runs where that goes, else token by token."""
        text, self._carried, self._carry = self._carry + piece, len(self._carry), b""
        self._simple = b"\\" not in text and len(text.translate(None, _CONTROLS)) == len(text)
        runs = _runs(_SIMPLE_STRING, _SIMPLE_SPACE) if self._simple else _runs(_STRING, _SPACE)
        at, size = self._string(text, 0) if self._in_string else 0, len(text)
        while at < size:
            if text[at] in _BLANKS:
                at = _end(_space, text, at)
            else:
                at = self._run(runs, text, at) or self._token(text, at)
        self._seen += len(piece)

    def _run(self, runs: _Runs, text: bytes, at: int) -> int:
        """Swallow run after run, and return where that ended; 0 where there was none.

        A closing bracket is left to `_token`, which knows whether it may follow a comma. Near the
        limit of nesting no run is made: what it hides would depend on where the blocks are cut.
        """
        stack, start = self._stack, at
        while at < len(text) and text[at] not in _CLOSINGS and len(stack) <= _LAST_RUN:
            if self._expect in _KEYS:
                found = runs.members.match(text, at)
            elif self._expect in _VALUES and stack and stack[-1] == _OPEN_ARRAY:
                found = runs.items.match(text, at)
            else:
                break
            if found is None or found.end() == at:
                break
            at = found.end()
            if found.lastindex == _DEEPER:
                self._open(text[found.start(_DEEPER)], found.start(_DEEPER))
            elif found.lastindex is None:
                self._expect = _VALUE if stack[-1] == _OPEN_ARRAY else _KEY
            else:
                self._leave(found)
        return at if at > start else 0

    def _leave(self, found: re.Match[bytes]) -> None:
        """Close the containers that end with a run, and take the comma behind them."""
        self._expect = self._behind_value()
        for at, code in enumerate(found[_OUT], found.start(_OUT)):
            if code not in _BLANKS:
                self._punctuation(code, at)
        if found.end() > found.end(_OUT):
            self._punctuation(_COMMA, found.end(_OUT))

    def _punctuation(self, code: int, at: int) -> None:
        """Move the state behind a bracket that closes, a comma or a colon."""
        following = _PUNCTUATION.get((self._expect, code))
        if following is None:
            raise _malformed(self._expect.words, self._offset(at))
        if code in _CLOSINGS:
            self._stack.pop()
            following = self._behind_value()
        self._expect = following

    def _token(self, text: bytes, at: int) -> int:
        """Take one token, or the part of it that has come, and return where it ends."""
        code, expect = text[at], self._expect
        if code == _QUOTE and (expect in _VALUES or expect in _KEYS):
            return self._string(text, at + 1)
        if expect in _VALUES:
            if code in _OPENINGS:
                self._open(code, at)
                return at + 1
            if (code, expect) != (_CLOSE_ARRAY, _FIRST_ITEM):
                return self._word(text, at)
        self._punctuation(code, at)
        return at + 1

    def _open(self, code: int, at: int) -> None:
        if len(self._stack) >= MAX_NESTING:
            raise MalformedContent(
                "the JSON text is nested too deeply to be followed",
                expected=f"at most {MAX_NESTING} levels",
                found=f"one more at octet {self._offset(at)}",
            )
        self._stack.append(code)
        self._expect = _FIRST_ITEM if code == _OPEN_ARRAY else _FIRST_KEY

    def _string(self, text: bytes, at: int) -> int:
        """Take what has come of a string, from inside of it."""
        self._in_string = True
        if self._simple:
            quote = text.find(b'"', at)
            at = len(text) if quote < 0 else quote
        else:
            at = _end(_inside_string, text, at)
        if at == len(text):
            return at
        if text[at] == _QUOTE:
            self._in_string = False
            self._expect = _COLON if self._expect in _KEYS else self._behind_value()
            return at + 1
        if _begun_escape.fullmatch(text, at):
            return self._keep(text[at:], text, at)
        raise _malformed("a string without raw controls or unknown escapes", self._offset(at))

    def _word(self, text: bytes, at: int) -> int:
        """Take a number or literal; one that touches the end of the text may go on."""
        end = _end(_word, text, at)
        word = text[at:end]
        ends_here = end < len(text)
        if not word or not (_whole_word if ends_here else _begun_word).fullmatch(word):
            raise _malformed(self._expect.words, self._offset(at))
        if not ends_here:
            return self._keep(_digits.sub(rb"\g<1>0", word), text, at)
        self._expect = self._behind_value()
        return end

    def _keep(self, what: bytes, text: bytes, at: int) -> int:
        """Carry `what`, which begins at `at`, over to the next piece."""
        self._carry, self._carry_at = what, self._offset(at)
        return len(text)

    def _behind_value(self) -> _Expect:
        if not self._stack:
            return _NOTHING
        return _NEXT_ITEM if self._stack[-1] == _OPEN_ARRAY else _NEXT_MEMBER

    def _offset(self, at: int) -> int:
        """Return the place in the stream of `text[at]`; for carried octets, where they began."""
        return self._carry_at if at < self._carried else self._seen + at - self._carried


def _end(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    """Return where a match of `pattern` at `at` ends; `at` itself where there is none."""
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _malformed(expected: str, offset: int) -> MalformedContent:
    return MalformedContent(
        "the JSON text is not well-formed",
        expected=expected,
        found=f"something else at octet {offset}",
    )
