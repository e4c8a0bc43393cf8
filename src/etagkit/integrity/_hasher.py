"""One pass over the bytes, every digest that is wanted, and their count."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from typing_extensions import override

from etagkit.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Algorithms that the standard library always has and that HTTP or a provider uses for content.
_KNOWN = ("md5", "sha1", "sha256", "sha512")


class RollingHasher:
    """Digests of a stream of blocks: SHA-256 always, others on demand.

    Called in the hot loop: hashing 64 KiB costs about 30 microseconds with SHA-NI, and hashlib
    lets go of the interpreter lock from 2 KiB on.

    >>> hasher = RollingHasher()
    >>> for block in (b"etag", b"kit"):
    ...     hasher.update(block)
    >>> hasher.count, hasher.sha256[:8]
    (7, '2083abbf')

    Raises:
        InvalidArgument: an algorithm is not known.
    """

    __slots__ = ("_hashes", "count")

    def __init__(self, algorithms: Iterable[str] = ()) -> None:
        """Start with nothing seen; `algorithms` are hashlib names besides sha256."""
        wanted = dict.fromkeys(("sha256", *algorithms))
        for name in wanted:
            if name not in _KNOWN:
                reason = "unknown digest algorithm"
                raise InvalidArgument(reason, found=name, expected=f"one of {', '.join(_KNOWN)}")
        self._hashes = {name: hashlib.new(name, usedforsecurity=False) for name in wanted}
        self.count = 0

    def update(self, block: bytes | bytearray | memoryview) -> None:
        """Take the next octets."""
        self.count += block.nbytes if isinstance(block, memoryview) else len(block)
        for each in self._hashes.values():
            each.update(block)

    @property
    def sha256(self) -> str:
        """SHA-256 of everything so far, as lower-case hex."""
        return self._hashes["sha256"].hexdigest()

    def digests(self) -> dict[str, str]:
        """Return every digest so far, as lower-case hex by algorithm name."""
        return {name: each.hexdigest() for name, each in self._hashes.items()}

    def copy(self) -> RollingHasher:
        """Return a hasher that goes on from here by itself."""
        twin = RollingHasher()
        twin._hashes = {name: each.copy() for name, each in self._hashes.items()}
        twin.count = self.count
        return twin

    __copy__ = copy

    @override
    def __repr__(self) -> str:
        """Show the count and the algorithms."""
        return f"RollingHasher({', '.join(self._hashes)}; {self.count} octets)"
