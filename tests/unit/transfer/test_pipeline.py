"""The pipeline: what is hashed, what is stored, and what happens when a stage objects."""

from __future__ import annotations

import gzip
import hashlib
import random
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest

from etagkit.errors import ContainerCut, InvalidArgument, LimitExceeded, MalformedContent
from etagkit.transfer._gunzip import GunzipStage
from etagkit.transfer._json import JsonStage
from etagkit.transfer._magic import BLANKS_LIMIT, SAMPLE_LIMIT, Magic, sniff
from etagkit.transfer._pipeline import WIRE_ROOM, Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from etagkit.flow import Through
    from etagkit.transfer._pipeline import Stage

_TEXT = b'{"is": "it", "still": ["current", "whole", "right"]}'
_GZIP = gzip.compress(_TEXT, mtime=0)


class _Doubling:
    """Gives every octet twice, and a mark at the end."""

    name = "doubling"

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        return [block, block]

    def finish(self) -> Iterable[bytes]:
        return [b"$"]


class _Collecting:
    """Remembers what it saw, and gives nothing before the end."""

    name = "collecting"

    def __init__(self) -> None:
        self.seen = b""

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        self.seen += block
        return ()

    def finish(self) -> Iterable[bytes]:
        return [self.seen[::-1]]


class _Passing:
    """Gives what it gets."""

    name = "passing"

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        return (block,)

    def finish(self) -> Iterable[bytes]:
        return ()


class _Counting:
    """Gives nothing but the number of octets, at the end."""

    name = "counting"

    def __init__(self) -> None:
        self.count = 0

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        self.count += len(block)
        return ()

    def finish(self) -> Iterable[bytes]:
        return (b"%d" % self.count,)


def _run(pipeline: Through, *blocks: bytes) -> bytes:
    stored = b"".join(out for block in blocks for out in pipeline.feed(block))
    return stored + b"".join(pipeline.finish())


def _sha256(octets: bytes) -> str:
    return hashlib.sha256(octets).hexdigest()


def test_no_stages() -> None:
    """Without stages the block itself is stored and hashed once."""
    pipeline = Pipeline(algorithms=("md5",))
    block = b"etagkit"
    (out,) = pipeline.feed(block)
    assert out is block
    assert tuple(pipeline.finish()) == ()
    assert pipeline.wire is pipeline.stored
    assert pipeline.stored.digests() == {
        "sha256": _sha256(block),
        "md5": hashlib.md5(block).hexdigest(),
    }
    assert (pipeline.sample, pipeline.wire_sample) == (block, block)


def test_store_as_sent_and_check() -> None:
    """The octets as sent are stored although stages behind the store decode and check them."""
    gunzip = GunzipStage()
    pipeline = Pipeline(stages=(gunzip, JsonStage()))
    assert _run(pipeline, _GZIP[:20], _GZIP[20:]) == _GZIP
    assert pipeline.stored is pipeline.wire
    assert pipeline.stored.sha256 == _sha256(_GZIP)
    assert gunzip.decoded_size == len(_TEXT)


def test_store_decoded() -> None:
    """The output of a stage is stored, and both forms are hashed and sampled."""
    pipeline = Pipeline(stages=(GunzipStage(), JsonStage()), store_after=1, sample_limit=9)
    assert _run(pipeline, _GZIP[:30], _GZIP[30:]) == _TEXT
    assert (pipeline.wire.sha256, pipeline.wire.count) == (_sha256(_GZIP), len(_GZIP))
    assert (pipeline.stored.sha256, pipeline.stored.count) == (_sha256(_TEXT), len(_TEXT))
    assert (pipeline.sample, pipeline.wire_sample) == (_TEXT[:9], _GZIP[:9])


@pytest.mark.parametrize(
    ("store_after", "stored"),
    [(0, b"ab"), (1, b"aabb$"), (2, b"$bbaa")],
)
def test_finish_flushes_in_order(store_after: int, stored: bytes) -> None:
    """What a stage gives at its end passes the stages behind it before they end."""
    collecting = _Collecting()
    pipeline = Pipeline(stages=(_Doubling(), collecting), store_after=store_after)
    assert _run(pipeline, b"a", b"b") == stored
    assert collecting.seen == b"aabb$"
    assert pipeline.stored.sha256 == _sha256(stored)


def test_checker_behind_the_store_is_fed() -> None:
    """A stage behind the store can refuse what came, from `feed` and from `finish`."""
    with pytest.raises(MalformedContent):
        _run(Pipeline(stages=(GunzipStage(), JsonStage())), gzip.compress(b"[1,]"))
    with pytest.raises(MalformedContent):
        _run(Pipeline(stages=(GunzipStage(), JsonStage())), gzip.compress(b"[1"))
    with pytest.raises(ContainerCut):
        _run(Pipeline(stages=(GunzipStage(),)), _GZIP[:-1])


@pytest.mark.parametrize("stages", [(), (JsonStage(),)], ids=["no stage", "one stage"])
def test_max_stored(stages: tuple[Stage, ...]) -> None:
    """One octet more than allowed is refused, and is neither hashed nor given."""
    pipeline = Pipeline(stages=stages, max_stored=4)
    assert list(pipeline.feed(b"1234")) == [b"1234"]
    with pytest.raises(LimitExceeded, match="at most 4 octets") as caught:
        list(pipeline.feed(b"5"))
    assert not caught.value.retryable
    assert pipeline.stored.count == 4


def test_max_stored_counts_what_is_stored() -> None:
    """The limit is for the stored form, not for the form as sent."""
    assert _run(Pipeline(stages=(GunzipStage(),), max_stored=len(_GZIP)), _GZIP) == _GZIP
    with pytest.raises(LimitExceeded):
        _run(Pipeline(stages=(GunzipStage(),), store_after=1, max_stored=len(_TEXT) - 1), _GZIP)


_EMPTY_BLOCKS = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\0\0\0\xff\xff" * 50_000


@pytest.mark.parametrize(
    "endless",
    [_GZIP + b"\0" * (1 << 18), _GZIP + gzip.compress(b"") * 9000, _EMPTY_BLOCKS],
    ids=["padding", "empty members", "empty blocks"],
)
@pytest.mark.parametrize("size", [1024, 1 << 20])
def test_what_decodes_to_nothing_meets_the_limit(endless: bytes, size: int) -> None:
    """Where a small body is stored decoded, its coded form may not go on for ever."""
    pipeline = Pipeline(stages=(GunzipStage(),), store_after=1, max_stored=1000)
    expected = WIRE_ROOM + 1010
    with pytest.raises(LimitExceeded, match=rf"received .*at most {expected} octets") as caught:
        _run(pipeline, *(endless[at : at + size] for at in range(0, len(endless), size)))
    assert pipeline.wire.count <= expected
    assert not caught.value.retryable
    with pytest.raises(RuntimeError, match="error"):
        pipeline.finish()


@pytest.mark.parametrize("size", [1000, 100_000, 10_000_000])
def test_room_for_content_that_does_not_shrink(size: int) -> None:
    """Random octets, coded in small flushed pieces, are within the default limit on the wire."""
    octets = random.Random(size).randbytes(size)
    coder = zlib.compressobj(wbits=31)
    pieces = [
        coder.compress(octets[at : at + 1024]) + coder.flush(zlib.Z_SYNC_FLUSH)
        for at in range(0, size, 1024)
    ]
    wire = b"".join(pieces) + coder.flush()
    assert len(wire) > size
    pipeline = Pipeline(stages=(GunzipStage(),), store_after=1, max_stored=size)
    assert _run(pipeline, wire) == octets


@pytest.mark.parametrize("stages", [(), (JsonStage(),)], ids=["no stage", "one stage"])
def test_max_wire(stages: tuple[Stage, ...]) -> None:
    """A limit on what is received is exact, whatever is stored."""
    pipeline = Pipeline(stages=stages, max_wire=4)
    assert list(pipeline.feed(b"1234")) == [b"1234"]
    with pytest.raises(LimitExceeded, match=r"received .*at most 4 octets"):
        list(pipeline.feed(b"5"))
    assert pipeline.wire.count == 4


def test_max_wire_of_a_stage_that_shrinks() -> None:
    """A stage that stores less than it gets sets the limit on the wire itself."""
    blocks = [b"x" * 50_000] * 3
    own = Pipeline(stages=(_Counting(),), store_after=1, max_stored=9, max_wire=150_000)
    assert _run(own, *blocks) == b"150000"
    with pytest.raises(LimitExceeded):
        _run(Pipeline(stages=(_Counting(),), store_after=1, max_stored=9), *blocks)


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
@pytest.mark.parametrize("store_after", [0, 1])
def test_samples_reach_behind_blanks(store_after: int, size: int) -> None:
    """Leading blanks are kept, but do not count: the sample shows what stands behind them."""
    page = b"\xef\xbb\xbf" + b"\r\n" * 1000 + b"<html>" + b"x" * 5000
    pipeline = Pipeline(stages=(_Passing(),), store_after=store_after)
    _run(pipeline, *(page[at : at + size] for at in range(0, len(page), size)))
    assert pipeline.sample == pipeline.wire_sample == page[: 2003 + SAMPLE_LIMIT]
    assert sniff(pipeline.sample) is Magic.HTML


@pytest.mark.timeout(30)
@pytest.mark.parametrize("unit", [b" ", b"\xff\xfe" + b"\n\x00" * 99, b"\xef\xbb\xbf"])
def test_samples_are_bounded(unit: bytes) -> None:
    """Endless blanks, octet by octet, are kept up to a limit, and cost no more than that."""
    pipeline = Pipeline()
    endless = (unit * 100_000)[:100_000]
    for at in range(len(endless)):
        pipeline.feed(endless[at : at + 1])
    assert endless.startswith(pipeline.sample)
    assert SAMPLE_LIMIT <= len(pipeline.sample) <= BLANKS_LIMIT + SAMPLE_LIMIT


def test_bomb_meets_the_limit() -> None:
    """A bomb is refused at the limit, in bounded memory, not after it was decoded."""
    bomb = gzip.compress(b"\0" * (64 << 20))
    pipeline = Pipeline(stages=(GunzipStage(),), store_after=1, max_stored=1 << 20)
    tracemalloc.start()
    try:
        with pytest.raises(LimitExceeded):
            for _ in pipeline.feed(bomb):
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert pipeline.stored.count <= 1 << 20
    assert peak < 2 << 20


@pytest.mark.parametrize("stages", [(), (JsonStage(),)], ids=["no stage", "one stage"])
def test_finished_takes_no_more(stages: tuple[Stage, ...]) -> None:
    """After `finish` both calls are refused with the reason."""
    pipeline = Pipeline(stages=stages)
    _run(pipeline, b"1 ")
    with pytest.raises(RuntimeError, match="finished"):
        pipeline.feed(b"2")
    with pytest.raises(RuntimeError, match="finished"):
        pipeline.finish()


def test_broken_takes_no_more() -> None:
    """After an error of a stage, which passes untouched, both calls are refused."""
    pipeline = Pipeline(stages=(JsonStage(),))
    with pytest.raises(MalformedContent):
        list(pipeline.feed(b"}"))
    with pytest.raises(RuntimeError, match="error"):
        pipeline.feed(b"1")
    with pytest.raises(RuntimeError, match="error"):
        pipeline.finish()


def test_limit_breaks_it() -> None:
    """After the limit was met nothing more is taken."""
    pipeline = Pipeline(max_stored=0)
    with pytest.raises(LimitExceeded):
        pipeline.feed(b"1")
    with pytest.raises(RuntimeError, match="error"):
        pipeline.finish()


def test_results_must_be_taken() -> None:
    """A block whose results were not taken to their end blocks the next one."""
    pipeline = Pipeline(stages=(JsonStage(),))
    pipeline.feed(b"1")
    with pytest.raises(RuntimeError, match="not taken"):
        pipeline.feed(b"2")


@pytest.mark.parametrize("store_after", [-1, 2])
def test_store_after_counts_stages(store_after: int) -> None:
    """The store lies before, between or behind the stages that there are."""
    with pytest.raises(InvalidArgument, match="0 to 1"):
        Pipeline(stages=(JsonStage(),), store_after=store_after)


def test_limits_are_counts() -> None:
    """A negative limit is a mistake of the caller."""
    with pytest.raises(InvalidArgument):
        Pipeline(max_stored=-1)
    with pytest.raises(InvalidArgument):
        Pipeline(max_stored=9, max_wire=-1)
    with pytest.raises(InvalidArgument):
        Pipeline(sample_limit=-1)


def test_repr_shows_the_way() -> None:
    """The repr shows stages and store in order, and no content."""
    pipeline = Pipeline(stages=(GunzipStage(), JsonStage()), store_after=1)
    assert repr(pipeline) == "<Pipeline gzip > store > json>"
