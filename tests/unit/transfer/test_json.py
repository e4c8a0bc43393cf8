"""The JSON stage: what it accepts, where it objects, and that neither costs more than it should."""

from __future__ import annotations

import pickle
import tracemalloc

import pytest

from etagkit.errors import MalformedContent
from etagkit.transfer._json import MAX_NESTING, JsonStage


def _check(octets: bytes, size: int = 1 << 16) -> None:
    stage = JsonStage()
    for at in range(0, len(octets), size):
        assert list(stage.feed(octets[at : at + size])) == [octets[at : at + size]]
    assert list(stage.finish()) == []


_SIZES = pytest.mark.parametrize("size", [1, 2, 3, 1 << 16])


@_SIZES
@pytest.mark.parametrize(
    "text",
    [
        "0",
        "-0.0e-0",
        "12.5E+10",
        "true",
        " \t\r\n null \n",
        '""',
        r'"\"\\\/\b\f\n\r\t\u00e9\uD83D\uDE00"',
        r'"a lone surrogate \ud800 is left open"',
        '"größe € 😀 \x7f"',
        "[]",
        "[ ]",
        "{}",
        "{ }",
        "[[],{},[[[]]],[{}]]",
        '[1,2.5,-3e4,true,false,null,"x"]',
        '{"a":{"b":{"c":{"d":[1,{"e":[2,3]}]}}},"a":"equal names are left open"}',
        '{\n\t"a" :\r\n[ 1 , 2 ] ,\n"b" : { } }\n',
        '[{"a":[1]},\n{"a":[{"b":[[[0]]]}]},\n{"a":[]}]',
        '{"}":"]","[":"{\\"","\\\\":"\\\\"}',
        '"one string "',
        "[" * 30 + "]" * 30,
        '{"a":' * 30 + "1" + "}" * 30,
        "\ufeff[1]",
        "\ufeff 1 ",
    ],
)
def test_accepts(text: str, size: int) -> None:
    """Whatever RFC 8259 allows passes unchanged, however it is cut; one byte order mark as well."""
    _check(text.encode(), size)


@_SIZES
@pytest.mark.parametrize(
    ("octets", "offset"),
    [
        (b"x", 0),
        (b"}", 0),
        (b"[1,]", 3),
        (b"[1, ]", 4),
        (b"[,1]", 1),
        (b"[1 2]", 3),
        (b"[1}", 2),
        (b'{"a":1]', 6),
        (b'{"a":1,}', 7),
        (b'{"a" 1}', 5),
        (b'{"a":}', 5),
        (b"{1:2}", 1),
        (b'["a":1]', 4),
        (b'{"a",1}', 4),
        (b'{"a":1 "b":2}', 7),
        (b"{'a':1}", 1),
        (b"[[[[1]]]],", 9),
        (b"[[[[1]]]]]", 9),
        (b'{"a":[[[1]]]}}', 13),
        (b"[01]", 1),
        (b"[-]", 1),
        (b"[1.]", 1),
        (b"[.5]", 1),
        (b"[+1]", 1),
        (b"[1e]", 1),
        (b"[0x10]", 1),
        (b"[1_000]", 2),
        (b"[NaN]", 1),
        (b"[Infinity]", 1),
        (b"[-Infinity]", 1),
        (b"[True]", 1),
        (b"[nul]", 1),
        (b"[nullx]", 1),
        (b"1 2", 2),
        (b"null,", 4),
        (b'"a" "b"', 4),
        (b'{"a":1}{"b":2}', 7),
        (b'"a\tb"', 2),
        (b'["a\nb"]', 3),
        (b'"a\x00b"', 2),
        (b'"a\x1fb"', 2),
        (b'["\\n\x1f"]', 4),
        (b"[1234567890x]", 1),
        (rb'"a\x"', 2),
        (rb'"a\u12g4"', 2),
        (rb'"\u123"', 1),
        (b"[1\x0b]", 2),
        (b"[1\xc2\xa0]", 1),
        (b'"\xff"', 1),
        (b'"ab\xc3"', 3),
        (b'"\xc0\x80"', 1),
        (b'"\xed\xa0\x80"', 1),
        (b'"\xf4\x90\x80\x80"', 1),
        (b"\xef\xbb\xbf\xef\xbb\xbf1", 3),
        (b"\xef\xbb1", 0),
        (b"1\xef\xbb\xbf", 0),
        ('{"a":1}'.encode("utf-16-le"), 1),
        (b"[1] // why", 4),
        (b"/**/ 1", 0),
    ],
)
def test_refuses(octets: bytes, offset: int, size: int) -> None:
    """What RFC 8259 forbids is refused where it begins, and the place does not depend on cuts."""
    with pytest.raises(MalformedContent) as caught:
        _check(octets, size)
    assert caught.value.found == f"something else at octet {offset}"


@_SIZES
@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b" \n",
        b"\xef\xbb\xbf",
        b"[",
        b"[1",
        b"[1,",
        b"{",
        b'{"a',
        b'{"a"',
        b'{"a":',
        b'{"a":1',
        b'{"a":1,',
        b"[[[[[1]]]]",
        b'"',
        b'"a',
        b'"a\\',
        b'"a\\u12',
        b'"\xc3',
        b"-",
        b"1.",
        b"1e+",
        b"12345678901234567890e",
        b"fal",
    ],
)
def test_ends_too_early(octets: bytes, size: int) -> None:
    """A text that ends before it is complete is malformed, with the place of its end."""
    with pytest.raises(MalformedContent, match="ends before it is complete") as caught:
        _check(octets, size)
    assert caught.value.found == f"its end at octet {len(octets)}"


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
@pytest.mark.parametrize("pair", [(b"[", b"]"), (b'{"a":', b"}"), (b"[1,", b"]")])
@pytest.mark.parametrize(
    "inside", [b"[[[0]]]", b'{"a":[{}]}', b'[1,[2,[3],4],"5"]', b'{"a":1,"b":[[]],"c":{"d":{}}}']
)
def test_nesting_limit(pair: tuple[bytes, bytes], inside: bytes, size: int) -> None:
    """The limit is met exactly, wherever blocks are cut and whatever a run would swallow."""
    opening, closing = pair
    around = MAX_NESTING - 3
    _check(opening * around + inside + closing * around, size)
    with pytest.raises(MalformedContent, match="nested too deeply"):
        _check(opening * around + b"[" + inside + b"]" + closing * around, size)


def test_error_shows_no_content() -> None:
    """Neither message nor pickle of an error holds any of the text: it may be secret."""
    with pytest.raises(MalformedContent) as caught:
        _check(b'{"password": "hunter2", hunter2}')
    assert "hunter2" not in str(caught.value)
    assert b"hunter2" not in pickle.dumps(caught.value)


def test_long_words_are_cut_anywhere() -> None:
    """A number of any length passes, its digits are still checked, and it costs no memory."""
    stage = JsonStage()
    stage.feed(b"-1")
    tracemalloc.start()
    try:
        for _ in range(64):
            stage.feed(b"1234567890" * 6_000)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1 << 14
    stage.feed(b".5e10")
    assert list(stage.finish()) == []
    with pytest.raises(MalformedContent):
        _check(b"0" * 100_000)
    with pytest.raises(MalformedContent):
        _check(b"1.1" * 100_000)


@pytest.mark.parametrize("inside", [b"x", b"\\n", b"\\u1234", "é".encode()], ids=repr)
def test_long_string_in_bounded_memory(inside: bytes) -> None:
    """One string of 64 MiB is checked in the memory of a few blocks."""
    block = inside * (65536 // len(inside))
    stage = JsonStage()
    stage.feed(b'["')
    stage.feed(block)  # compiled expressions are not what is measured
    tracemalloc.start()
    try:
        for _ in range(1024 if inside == b"x" else 64):
            stage.feed(block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    stage.feed(b'"]')
    assert list(stage.finish()) == []
    assert peak < 1 << 20


def test_large_block_in_bounded_memory() -> None:
    """A block of any size is looked at in pieces: nothing of its size is made from it."""
    block = b'["' + "é".encode() * (16 << 20) + b'"]'
    stage = JsonStage()
    tracemalloc.start()
    try:
        stage.feed(block)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert list(stage.finish()) == []
    assert peak < 4 << 20


@pytest.mark.parametrize("size", [1 << 16, 100])
@pytest.mark.parametrize(
    "octets",
    [
        pytest.param((b"[" * 9_000 + b"]" * 9_000 + b",") * 30, id="deep arrays"),
        pytest.param((b'{"":' * 9_000 + b"1" + b"}" * 9_000 + b",") * 12, id="deep objects"),
        pytest.param(b'"",' * 200_000, id="quotes"),
        pytest.param(b'"' + b"\\\\" * 300_000 + b'",', id="backslashes"),
        pytest.param(b'["\\n",' + b'"\\"",' * 100_000 + b"[[[[1]]]]],", id="late failures"),
        pytest.param((b"[" + b"1," * 1_000 + b"[[[[") * 300, id="late depth"),
        pytest.param((b'[["\\n",' + b"1.5e3," * 3_000 + b"[[[1]]]]],") * 30, id="second ways"),
        pytest.param(b" " * 600_000, id="blanks"),
        pytest.param(b"1," * 300_000, id="numbers"),
        pytest.param((b"[[" + b"] " * 2 + b",") * 100_000, id="brackets"),
    ],
)
@pytest.mark.timeout(30)
def test_hostile_text_in_linear_time(octets: bytes, size: int) -> None:
    """Text made to be slow takes seconds at worst, where anything quadratic would take hours."""
    stage = JsonStage()
    stage.feed(b"[")
    for at in range(0, len(octets), size):
        stage.feed(octets[at : at + size])
    with pytest.raises(MalformedContent):
        stage.feed(b"!")
