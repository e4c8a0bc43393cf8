"""One pass over the bytes, every digest that is wanted, and their count."""

from __future__ import annotations

import array
import copy
import hashlib

import pytest

from etagkit.errors import InvalidArgument
from etagkit.integrity import RollingHasher

BLOCKS = [b"", b"a", b"bc" * 40_000, bytes(range(256))]


@pytest.mark.parametrize("algorithms", [(), ("md5",), ("sha1", "sha512", "md5", "sha256", "md5")])
def test_digests_are_those_of_hashlib(algorithms: tuple[str, ...]) -> None:
    """However the bytes are cut, the digests and the count are those of the whole."""
    hasher = RollingHasher(algorithms)
    for block in BLOCKS:
        hasher.update(block)
    whole = b"".join(BLOCKS)
    assert hasher.count == len(whole)
    assert hasher.sha256 == hashlib.sha256(whole).hexdigest()
    assert hasher.digests() == {
        name: hashlib.new(name, whole).hexdigest() for name in {"sha256", *algorithms}
    }


def test_nothing_seen() -> None:
    """The digest of nothing is that of the empty string."""
    hasher = RollingHasher()
    assert (hasher.count, hasher.sha256) == (0, hashlib.sha256(b"").hexdigest())


def test_asking_does_not_end_the_count() -> None:
    """A digest may be read on the way."""
    hasher = RollingHasher()
    hasher.update(b"a")
    assert hasher.sha256 == hasher.sha256 == hashlib.sha256(b"a").hexdigest()
    hasher.update(b"b")
    assert hasher.sha256 == hashlib.sha256(b"ab").hexdigest()


@pytest.mark.parametrize(
    "block",
    [
        b"abcd",
        bytearray(b"abcd"),
        memoryview(b"abcd"),
        memoryview(b"xabcdx")[1:5],
        memoryview(array.array("H", b"abcd")),
        memoryview(b"abcd").cast("B", (2, 2)),
    ],
)
def test_octets_are_counted_not_items(block: bytes | bytearray | memoryview) -> None:
    """A view of wider items counts its octets, as its digest does."""
    hasher = RollingHasher()
    hasher.update(block)
    assert hasher.count == 4
    assert hasher.sha256 == hashlib.sha256(b"abcd").hexdigest()


@pytest.mark.parametrize("name", ["", "crc32c", "SHA256", "sha-256", "blake2b", "shake_128"])
def test_unknown_algorithm_is_refused(name: str) -> None:
    """An algorithm that is not certain to be there is refused before any byte comes."""
    with pytest.raises(InvalidArgument, match="unknown digest algorithm") as caught:
        RollingHasher(["md5", name])
    assert caught.value.found == name
    assert "sha512" in str(caught.value)


@pytest.mark.parametrize("make", [RollingHasher.copy, copy.copy], ids=["method", "module"])
def test_copy_goes_on_by_itself(make: type[RollingHasher]) -> None:
    """Neither hasher sees what the other one is fed."""
    hasher = RollingHasher(["md5"])
    hasher.update(b"a")
    twin: RollingHasher = make(hasher)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    hasher.update(b"b")
    twin.update(b"cc")
    assert (hasher.count, hasher.digests()["md5"]) == (2, hashlib.md5(b"ab").hexdigest())
    assert (twin.count, twin.digests()["md5"]) == (3, hashlib.md5(b"acc").hexdigest())
    assert twin.sha256 == hashlib.sha256(b"acc").hexdigest()


def test_repr_names_the_algorithms() -> None:
    """The repr says what is counted, and no digest."""
    hasher = RollingHasher(["md5"])
    hasher.update(b"abc")
    assert repr(hasher) == "RollingHasher(sha256, md5; 3 octets)"
