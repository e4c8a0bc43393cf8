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

#: Octets given to zlib at a time: what it could not take yet is copied for every block that it
#: hands out.
_INPUT: Final = 64 * 1024

#: Window bits that make zlib read gzip, header and trailer included.
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS

#: First octet of every member (RFC 1952, 2.3.1).
_FIRST_OCTET: Final = 0x1F


class GunzipStage:
    """Decodes a gzip stream; the output comes in blocks of at most `MAX_OUTPUT` octets.

    Zero octets behind the last member are taken for the padding of a tape block and ignored, as
    gzip itself does; members behind such padding are refused.

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
        MalformedContent: no gzip, a wrong checksum or length, bad deflate data, or something else
            behind the last member. Raised while the result of `feed` is iterated.
        ContainerCut: from `finish`, where the stream ends inside a member or before the first.
    """

    name = "gzip"

    def __init__(self) -> None:
        """Expect the first member."""
        self.members = 0
        self.decoded_size = 0
        self._member: zlib._Decompress | None = None
        self._padding = False

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
            self._padding = True
            if octets.count(0) == len(octets):
                return None
        if self.members and (self._padding or octets[0] != _FIRST_OCTET):
            raise MalformedContent(
                "something else follows the last gzip member",
                expected="another member, zero padding or the end",
                found=f"other octets behind member {self.members}",
            )
        self._member = zlib.decompressobj(_GZIP_WINDOW)
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
                self._member = None
                self.members += 1
                return
            if not octets and len(output) < MAX_OUTPUT:
                return


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
