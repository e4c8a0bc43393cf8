"""The gzip stage: all members, to their end, and nothing else."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from etagkit.errors import ContainerCut, EtagKitError, MalformedContent
from etagkit.transfer._gunzip import (
    MAX_EMPTY_MEMBERS,
    MAX_OUTPUT,
    MAX_PADDING,
    GunzipStage,
    UndoGzipStage,
    gunzip_prefix,
)

_TEXT = b"is what I hold still the current version, whole and right? " * 40
_GZIP = gzip.compress(_TEXT, mtime=0)


def _decode(*blocks: bytes) -> bytes:
    stage = GunzipStage()
    out = b"".join(output for block in blocks for output in stage.feed(block))
    return out + b"".join(stage.finish())


def _member(text: bytes, flags: int, fields: bytes) -> bytes:
    """Return a member with these header flags and optional fields (RFC 1952, 2.3)."""
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff" + fields
    if flags & 2:
        head += (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little")
    deflate = zlib.compressobj(wbits=-15)
    body = deflate.compress(text) + deflate.flush()
    return head + body + zlib.crc32(text).to_bytes(4, "little") + len(text).to_bytes(4, "little")


def test_counts() -> None:
    """The stage counts members and decoded octets."""
    stage = GunzipStage()
    out = b"".join(stage.feed(_GZIP * 3))
    assert list(stage.finish()) == []
    assert (out, stage.members, stage.decoded_size) == (_TEXT * 3, 3, 3 * len(_TEXT))


@pytest.mark.parametrize(
    ("flags", "fields"),
    [
        (1, b""),
        (2, b""),
        (4, b"\x03\x00abc"),
        (8, b"name\0"),
        (16, b"comment\0"),
        (31, b"\x03\x00abc" + b"name\0" + b"comment\0"),
    ],
)
def test_header_fields(flags: int, fields: bytes) -> None:
    """Every optional field of a header is read, the header checksum included."""
    assert _decode(_member(_TEXT, flags, fields)) == _TEXT


def test_header_checksum() -> None:
    """A wrong header checksum is malformed."""
    damaged = bytearray(_member(_TEXT, 2, b""))
    damaged[10] ^= 1
    with pytest.raises(MalformedContent, match="header crc mismatch"):
        _decode(bytes(damaged))


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"<html>", "incorrect header check"),
        (b"\0" * 512, "incorrect header check"),
        (_GZIP[:-8] + bytes([_GZIP[-8] ^ 1]) + _GZIP[-7:], "incorrect data check"),
        (_GZIP[:-1] + b"\x01", "incorrect length check"),
        (_GZIP[:10] + b"\xff" * 20, "invalid"),
        (_GZIP[:3] + b"\xe0" + _GZIP[4:], "unknown header flags"),
        (_GZIP + b"junk", "something else follows"),
        (_GZIP + b"\0\0junk", "something else follows"),
        (_GZIP + b"\0" + _GZIP, "something else follows"),
        (_GZIP + b"\x1f\x8cjunk", "incorrect header check"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
def test_malformed(octets: bytes, words: str, size: int) -> None:
    """Wrong checksums, bad data and foreign octets are malformed, however the stream is cut."""
    with pytest.raises(MalformedContent, match=words):
        _decode(*(octets[at : at + size] for at in range(0, len(octets), size)))


@pytest.mark.parametrize("size", [1, 5, 1 << 20])
def test_zero_padding(size: int) -> None:
    """Zeros behind the last member are padding."""
    octets = _GZIP + b"\0" * 1024
    assert _decode(*(octets[at : at + size] for at in range(0, len(octets), size))) == _TEXT


@pytest.mark.parametrize("size", [10_007, 1 << 22])
def test_padding_has_an_end(size: int) -> None:
    """Padding as long as the largest tape block is taken, one octet more is refused."""
    octets = _GZIP + b"\0" * (MAX_PADDING + 1)
    blocks = [octets[at : at + size] for at in range(0, len(octets), size)]
    assert _decode(*blocks[:-1], blocks[-1][:-1]) == _TEXT
    with pytest.raises(MalformedContent, match=f"padding .*at most {MAX_PADDING} octets"):
        _decode(*blocks)


@pytest.mark.parametrize("size", [1, 10_007, 1 << 22])
def test_empty_members_have_an_end(size: int) -> None:
    """As many members that decode to nothing as are allowed are taken, one more is refused."""
    octets = _GZIP + gzip.compress(b"", mtime=0) * MAX_EMPTY_MEMBERS
    more = octets + gzip.compress(b"", mtime=0)
    assert _decode(*(octets[at : at + size] for at in range(0, len(octets), size))) == _TEXT
    with pytest.raises(MalformedContent, match=f"empty members .*{MAX_EMPTY_MEMBERS} in a row"):
        _decode(*(more[at : at + size] for at in range(0, len(more), size)))


def test_empty_members_are_counted_in_a_row() -> None:
    """A member that holds something begins the count anew."""
    empty = gzip.compress(b"", mtime=0) * (MAX_EMPTY_MEMBERS // 2 + 1)
    assert _decode(empty, _GZIP, empty, _GZIP) == _TEXT * 2


def _undo(*blocks: bytes) -> tuple[bytes, bool | None]:
    stage = UndoGzipStage()
    out = b"".join(output for block in blocks for output in stage.feed(block))
    return out + b"".join(stage.finish()), stage.undone


_BARE = gzip.compress(b"etagkit" * 9, mtime=0)
_NAMED = _member(b"etagkit", 31, b"\x03\x00abc" + b"name\0" + b"comment\0")


@pytest.mark.parametrize(
    ("sent", "stored", "undone"),
    [
        pytest.param(_BARE, _BARE, False, id="a file as it is"),
        pytest.param(_NAMED * 2, _NAMED * 2, False, id="two members"),
        pytest.param(_BARE + b"\0" * 99, _BARE + b"\0" * 99, False, id="padding"),
        pytest.param(gzip.compress(_BARE), _BARE, True, id="coded"),
        pytest.param(gzip.compress(_NAMED * 2), _NAMED * 2, True, id="two members coded"),
        pytest.param(
            gzip.compress(_BARE[:2]) + gzip.compress(_BARE[2:]), _BARE, True, id="coded in two"
        ),
        pytest.param(gzip.compress(gzip.compress(_BARE)), gzip.compress(_BARE), True, id="twice"),
        pytest.param(gzip.compress(b"", mtime=0), gzip.compress(b"", mtime=0), False, id="empty"),
        pytest.param(
            gzip.compress(b"\x1f\x8b", mtime=0),
            gzip.compress(b"\x1f\x8b", mtime=0),
            False,
            id="two",
        ),
        pytest.param(
            gzip.compress(b"\x1f\x8b!", mtime=0),
            gzip.compress(b"\x1f\x8b!", mtime=0),
            False,
            id="nearly gzip",
        ),
    ],
)
def test_undo_coding_at_every_split(sent: bytes, stored: bytes, undone: bool) -> None:
    """A layer is taken off where gzip lies below, else the octets pass; wherever they are cut."""
    assert _undo(sent) == (stored, undone)
    assert _undo(*(sent[at : at + 1] for at in range(len(sent)))) == (stored, undone)
    for at in range(1, len(sent)):
        assert _undo(sent[:at], sent[at:]) == (stored, undone)


@pytest.mark.parametrize("file", [_BARE, gzip.compress(_BARE, mtime=0)], ids=["as is", "coded"])
def test_undo_checks_to_the_end(file: bytes) -> None:
    """Cut, damaged or followed by something else: the outer gzip is refused in both cases."""
    for end in range(len(file)):
        with pytest.raises(ContainerCut):
            _undo(file[:end])
    damaged = bytearray(file)
    damaged[-6] ^= 1
    for octets in (bytes(damaged), file + b"junk", b"plain text"):
        with pytest.raises(MalformedContent):
            _undo(octets)


def test_undo_gives_nothing_too_early() -> None:
    """Before it shows which it is, nothing is given, and `undone` says so."""
    stage = UndoGzipStage()
    assert list(stage.feed(_BARE[:10])) == []
    assert stage.undone is None
    assert list(stage.feed(_BARE[10:])) == [_BARE]


def test_undo_holds_a_bounded_beginning() -> None:
    """What shows nothing for very long passes as sent, and is no longer held."""
    stage = UndoGzipStage()
    file = _member(b"etagkit", 8, b"n" * 200_000 + b"\0")
    blocks = [file[at : at + 4096] for at in range(0, len(file), 4096)]
    given = [sum(map(len, stage.feed(block))) for block in blocks]
    assert list(stage.finish()) == []
    assert sum(given) == len(file)
    assert given[:32] == [0] * 32
    assert given[32:34] == [33 * 4096, 4096]
    assert stage.undone is False


@pytest.mark.parametrize("layers", [1, 2])
def test_undo_in_bounded_memory(layers: int) -> None:
    """A body that grows a thousandfold takes a few pieces' worth of memory, whichever it is."""
    bomb = gzip.compress(b"\0" * (64 << 20))
    if layers == 2:
        bomb = gzip.compress(_BARE + gzip.compress(b"\0" * (64 << 20), 0), 1)
    stage = UndoGzipStage()
    tracemalloc.start()
    try:
        size = sum(len(block) for block in stage.feed(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert list(stage.finish()) == []
    assert size >= (len(bomb) if layers == 1 else 64 << 20)
    assert peak < (2 << 20) + 2 * len(bomb)


def test_cut_anywhere() -> None:
    """A stream cut at any octet is an error, at the latest when it finishes."""
    octets = gzip.compress(b"etagkit", mtime=0)
    for end in range(len(octets)):
        with pytest.raises(ContainerCut):
            _decode(octets[:end])
    for end in range(len(octets) + 1, 2 * len(octets)):
        with pytest.raises(ContainerCut):
            _decode((octets * 2)[:end])


def test_cut_says_how_far_it_came() -> None:
    """The error counts whole members and decoded octets, and is worth another try."""
    with pytest.raises(ContainerCut, match=f"1 whole members, {len(_TEXT)} octets") as caught:
        _decode(_GZIP + _GZIP[:5])
    assert caught.value.retryable


def test_output_is_cut_into_pieces() -> None:
    """No block is longer than the limit, and what zlib holds back at a limit is not lost."""
    for size in (MAX_OUTPUT - 1, MAX_OUTPUT, MAX_OUTPUT + 1, 5 * MAX_OUTPUT):
        stage = GunzipStage()
        blocks = list(stage.feed(gzip.compress(b"\0" * size)))
        assert list(stage.finish()) == []
        assert max(map(len, blocks)) <= MAX_OUTPUT
        assert sum(map(len, blocks)) == size


def test_bomb_in_bounded_memory() -> None:
    """A body that grows a thousandfold is decoded in a few pieces' worth of memory."""
    bomb = gzip.compress(b"\0" * (64 << 20))
    stage = GunzipStage()
    tracemalloc.start()
    try:
        size = sum(len(block) for block in stage.feed(bomb))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert list(stage.finish()) == []
    assert size == 64 << 20
    assert peak < 2 << 20


def test_prefix() -> None:
    """A sample cut anywhere gives a prefix of the text, and never an error."""
    octets = gzip.compress(b"", mtime=0) + _member(_TEXT, 8, b"name\0")
    lengths = []
    for end in range(len(octets) + 1):
        found = gunzip_prefix(octets[:end], 100)
        assert _TEXT.startswith(found)
        lengths.append(len(found))
    assert lengths == sorted(lengths)
    assert lengths[-1] == 100


@pytest.mark.parametrize("sample", [b"", b"plain", b"\x1f", _GZIP[:3] + b"\xff" * 50])
def test_prefix_of_something_else(sample: bytes) -> None:
    """What is no gzip has no prefix."""
    assert gunzip_prefix(sample, 100) == b""


@pytest.mark.parametrize("limit", [0, -1])
def test_prefix_without_room(limit: int) -> None:
    """No room gives nothing (zlib would take 0 for no limit)."""
    assert gunzip_prefix(_GZIP, limit) == b""


def test_prefix_keeps_what_came_before_damage() -> None:
    """A damaged second member does not take the first with it."""
    assert gunzip_prefix(gzip.compress(b"etag") + b"\x1f\x8bjunk", 100) == b"etag"


def test_errors_are_typed() -> None:
    """The error of zlib appears only as the cause."""
    with pytest.raises(EtagKitError) as caught:
        _decode(b"plain text")
    assert isinstance(caught.value.__cause__, zlib.error)
    assert "incorrect header check" in str(caught.value.found)
