"""Gzip (RFC 1952), decoded while it streams by and checked to the end of its last member.

A gzip stream is a series of members; each carries the CRC-32 and the length of what it decodes to,
and optionally a checksum of its header. zlib checks all three. What zlib and most HTTP clients do
not check is the series: that a next member is read, that the last one came to its end, and that
nothing else follows.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from etagkit.errors import ContainerCut, MalformedContent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: Longest block that a decoder hands on: deflate can grow data a thousandfold, so a block is never
#: decoded in one go.
MAX_OUTPUT: Final = 256 * 1024

#: Longest padding with zeros behind the last member. It fills up a tape block, so it is shorter
#: than one, and 1 MiB is the largest that drives and programs commonly write (`tar -b 2048`).
MAX_PADDING: Final = 1024 * 1024

#: Most members in a row that decode to nothing. Each costs time and no room on a disk, so a source
#: could go on with them for ever. Files that are joined of smaller ones have some: an empty log for
#: each hour of a year makes 8760.
MAX_EMPTY_MEMBERS: Final = 10_000

#: Octets given to zlib at a time: what it could not take yet is copied for every block that it
#: hands out.
_INPUT: Final = 64 * 1024

#: Window bits that make zlib read gzip, header and trailer included.
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS

#: First octet of every member, and the first three: ID1, ID2 and CM 8 (RFC 1952, 2.3.1).
_FIRST_OCTET: Final = 0x1F
_MEMBER_START: Final = b"\x1f\x8b\x08"

#: Octets that may come before it shows what a coded body holds. Programs that code a body write a
#: bare header of 10; longer is the header of a file, whose extra field alone may take 64 KiB.
_MOST_HELD: Final = 128 * 1024


class GunzipStage:
    """Decodes a gzip stream; the output comes in blocks of at most `MAX_OUTPUT` octets.

    Zero octets behind the last member are taken for the padding of a tape block and ignored, as
    gzip itself does; members behind such padding are refused. What decodes to nothing is limited:
    `MAX_PADDING` octets of padding, `MAX_EMPTY_MEMBERS` members in a row. Deflate blocks within one
    member may be empty as well, without a limit here: a limit on what is received ends them.

    Attributes:
        members: members that came to their end so far.
        decoded_size: octets decoded so far.

    >>> import gzip
    >>> stage = GunzipStage()
    >>> b"".join(stage.feed(gzip.compress(b"etag") + gzip.compress(b"kit")))
    b'etagkit'
    >>> list(stage.finish()), stage.members, stage.decoded_size
    ([], 2, 7)

    Raises:
        MalformedContent: no gzip, a wrong checksum or length, bad deflate data, something else
            behind the last member, or too much that decodes to nothing. Raised while the result
            of `feed` is iterated.
        ContainerCut: from `finish`, where the stream ends inside a member or before the first.
    """

    name = "gzip"

    def __init__(self) -> None:
        """Expect the first member."""
        self.members = 0
        self.decoded_size = 0
        self._member: zlib._Decompress | None = None
        self._member_start = 0  # octets decoded before this member
        self._empty = 0  # members in a row that decoded to nothing
        self._padding = 0

    def feed(self, block: bytes, /) -> Iterator[bytes]:
        """Decode the next octets, lazily."""
        for start in range(0, len(block), _INPUT):
            left = block[start : start + _INPUT]
            while left:
                member = self._member or self._next_member(left)
                if member is None:
                    break
                yield from self._decode(member, left)
                left = member.unused_data

    def finish(self) -> Iterable[bytes]:
        """Check that the stream ended with a member."""
        if self._member is not None or not self.members:
            raise ContainerCut(
                "the gzip stream ends before its end mark",
                expected="the end of a member",
                found=f"{self.members} whole members, {self.decoded_size} octets decoded",
            )
        return ()

    def _next_member(self, octets: bytes) -> zlib._Decompress | None:
        """Begin a member, or return `None` where `octets` are padding."""
        if self.members and (self._padding or octets[0] == 0):
            self._padding += len(octets)
            if self._padding > MAX_PADDING:
                raise _endless("padding", f"at most {MAX_PADDING} octets", self._padding)
            if octets.count(0) == len(octets):
                return None
        if self.members and (self._padding or octets[0] != _FIRST_OCTET):
            raise MalformedContent(
                "something else follows the last gzip member",
                expected="another member, zero padding or the end",
                found=f"other octets behind member {self.members}",
            )
        self._member = zlib.decompressobj(_GZIP_WINDOW)
        self._member_start = self.decoded_size
        return self._member

    def _decode(self, member: zlib._Decompress, octets: bytes) -> Iterator[bytes]:
        while True:
            try:
                output = member.decompress(octets, MAX_OUTPUT)
            except zlib.error as error:
                raise MalformedContent(
                    "the gzip stream is damaged",
                    expected=f"a well-formed member {self.members + 1}",
                    found=str(error),
                ) from error
            self.decoded_size += len(output)
            if output:
                yield output
            octets = member.unconsumed_tail
            if member.eof:
                self._end_member()
                return
            if not octets and len(output) < MAX_OUTPUT:  # a full block may leave more inside zlib
                return

    def _end_member(self) -> None:
        self._member = None
        self.members += 1
        self._empty = self._empty + 1 if self.decoded_size == self._member_start else 0
        if self._empty > MAX_EMPTY_MEMBERS:
            raise _endless("empty members", f"at most {MAX_EMPTY_MEMBERS} in a row", self._empty)


def _endless(what: str, expected: str, found: int) -> MalformedContent:
    return MalformedContent(
        f"the gzip stream goes on with {what}", expected=expected, found=f"{found} or more"
    )


class UndoGzipStage:
    """Undoes a gzip content coding of a resource that is a gzip file itself, if there is one.

    Sources say `Content-Encoding: gzip` of such a file in two senses: they coded the file once
    more, or they describe the file as it is. The octets tell: where the first ones decoded are gzip
    again, one layer is taken off; otherwise they pass as sent. Either way the outer gzip is checked
    to its end, as `GunzipStage` does, and nothing is given before it is known which.

    At most 128 KiB and one block are held until then; what shows nothing for so long passes as
    sent, and so does gzip of fewer than three octets. Not told apart: gzip of gzip that is
    described as it is (`.gz.gz`), which loses a layer, as the field says it may.

    Attributes:
        undone: whether a layer was taken off; `None` as long as that is not known.

    >>> import gzip
    >>> file = gzip.compress(b"etagkit", mtime=0)
    >>> for sent in (gzip.compress(file), file):
    ...     stage = UndoGzipStage()
    ...     b"".join([*stage.feed(sent), *stage.finish()]) == file, stage.undone
    (True, True)
    (True, False)

    Raises:
        MalformedContent, ContainerCut: as `GunzipStage`.
    """

    name = "gzip coding"

    def __init__(self) -> None:
        """Expect the first member."""
        self.undone: bool | None = None
        self._gunzip = GunzipStage()
        self._held = bytearray()
        self._shown = b""

    def feed(self, block: bytes, /) -> Iterator[bytes]:
        """Decode the next octets, lazily, or check and return them."""
        if self.undone is None:
            self._held += block
        for output in self._gunzip.feed(block):
            first = self._look(output) if self.undone is None else output
            if self.undone:
                yield first
        if self.undone is None and len(self._held) > _MOST_HELD:
            self.undone = False
        if self.undone is False:
            yield self._release() or block

    def finish(self) -> Iterable[bytes]:
        """Check that the stream ended with a member; give what was held."""
        self._gunzip.finish()
        self.undone = bool(self.undone)
        return (self._release(),) if self._held else ()

    def _look(self, output: bytes) -> bytes:
        """Settle which it is, if it shows; return all that was decoded so far."""
        shown = self._shown + output
        if not _MEMBER_START.startswith(shown[: len(_MEMBER_START)]):
            self.undone = False
        elif len(shown) >= len(_MEMBER_START):
            self.undone = True
            self._held.clear()
        self._shown = b"" if self.undone is not None else shown
        return shown

    def _release(self) -> bytes:
        held = bytes(self._held)
        self._held.clear()
        return held


def gunzip_prefix(sample: bytes, limit: int) -> bytes:
    """Return what the start of a gzip stream decodes to, at most `limit` octets.

    Made for looking inside a coded body: a sample cut anywhere gives what can be decoded of it,
    anything that is no gzip gives nothing.

    >>> import gzip
    >>> gunzip_prefix(gzip.compress(b"etagkit", mtime=0)[:-10], 4)
    b'etag'
    >>> gunzip_prefix(b"plain", 7)
    b''
    """
    decoded = bytearray()
    while sample and len(decoded) < limit:
        member = zlib.decompressobj(_GZIP_WINDOW)
        try:
            decoded += member.decompress(sample, limit - len(decoded))
        except zlib.error:
            break
        sample = member.unused_data
    return bytes(decoded)
