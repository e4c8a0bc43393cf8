"""What a body passes on its way to the file: stages that check or decode it, and hashers.

One pass: every block is hashed as it came and as it is stored, its first octets are kept for a look
at what it is, and the stages see it in order. Nothing else is collected, and what a stage makes of
a block is handed on piece by piece, so memory is bounded whatever a body decodes to.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, Protocol

from etagkit.errors import EtagKitError, InvalidArgument, LimitExceeded, StrategyFailed
from etagkit.integrity import RollingHasher
from etagkit.transfer._magic import BLANKS_LIMIT, SAMPLE_LIMIT, blanks_before

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: What a body may be longer as sent than as stored, where it is stored decoded: room for headers,
#: trailers and padding, and then one part in a hundred for the blocks of content that does not
#: shrink (deflate needs 5 octets for each 64 KiB of it at best; a source that flushes every KiB of
#: its output needs 10).
WIRE_ROOM: Final = 64 * 1024
WIRE_SHARE: Final = 100


class Stage(Protocol):
    """One step that octets pass: it checks them, decodes them, or both.

    Errors are raised while the results are iterated. Results should be lazy where a block can grow.
    """

    @property
    def name(self) -> str:
        """What the stage is called in records and messages."""
        ...

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        """Take the next octets, and give those for the next stage."""
        ...

    def finish(self) -> Iterable[bytes]:
        """The octets ended; give what is left, or raise where they may not end here."""
        ...


class _State(enum.Enum):
    """Whether a pipeline can take a block."""

    READY = "ready"
    BUSY = "the results of the last call were not taken to their end"
    BROKEN = "an error ended it"
    FINISHED = "it is finished"


class Pipeline:
    """Passes a body through `stages` and hashes it; what `feed` and `finish` give is to be stored.

    `store_after` counts the stages that the stored octets have passed: 0 stores them as sent. The
    stages behind that still see everything, to check it; what they give is dropped.

    `max_stored` limits what is stored, and so what a small body may grow to. It does not limit what
    is received where stages stand in between: a coded body may go on for ever and decode to
    nothing. That is what `max_wire` is for. Its default is `max_stored`, 64 KiB and 1 % where
    stages come before the store, because content codings make a body smaller, or larger by less
    than that. Stages that shrink what they get, to store an extract of it for example, need a
    `max_wire` of their own.

    Attributes:
        wire: hasher of the octets as sent.
        stored: hasher of the octets to store; the same object as `wire` if they are the same.

    >>> pipeline = Pipeline()
    >>> pipeline.feed(b"etagkit"), pipeline.finish()
    ((b'etagkit',), ())
    >>> pipeline.stored.count, pipeline.sample, pipeline.wire is pipeline.stored
    (7, b'etagkit', True)

    `feed` gives the blocks lazily where there are stages: take them all before the next call.

    Raises:
        InvalidArgument: `store_after` is not between 0 and the number of stages, or a limit is
            negative.
        LimitExceeded: from `feed` and `finish`, where more than `max_stored` octets were to be
            stored, and from `feed`, where more than `max_wire` octets came.
        RuntimeError: from `feed` and `finish`, after an error or after `finish`.
    """

    __slots__ = (
        "_max_stored",
        "_max_wire",
        "_received",
        "_sample",
        "_stages",
        "_state",
        "_store_after",
        "_wire_sample",
        "stored",
        "wire",
    )

    def __init__(
        self,
        *,
        stages: Iterable[Stage] = (),
        store_after: int = 0,
        algorithms: Iterable[str] = (),
        max_stored: int | None = None,
        max_wire: int | None = None,
        sample_limit: int = SAMPLE_LIMIT,
    ) -> None:
        """Make a pipeline for one body; stages are not shared between pipelines."""
        self._stages = tuple(stages)
        if not 0 <= store_after <= len(self._stages):
            raise InvalidArgument(
                "store_after counts stages",
                expected=f"0 to {len(self._stages)}",
                found=store_after,
            )
        if min(sample_limit, max_stored or 0, max_wire or 0) < 0:
            raise InvalidArgument("a limit is a count of octets", expected="0 or more")
        wanted = tuple(algorithms)
        self._store_after = store_after
        self._max_stored = max_stored
        self._max_wire = max_wire
        if max_wire is None and max_stored is not None and store_after:
            self._max_wire = max_stored + max_stored // WIRE_SHARE + WIRE_ROOM
        self._received = 0
        self._state = _State.READY
        self.stored = RollingHasher(wanted)
        self.wire = RollingHasher(wanted) if store_after else self.stored
        self._sample = _Sample(sample_limit)
        self._wire_sample = _Sample(sample_limit) if store_after else self._sample

    @property
    def sample(self) -> bytes:
        """The first octets to store: `sample_limit` of them behind leading blanks.

        The blanks are part of it, up to 16 KiB, so that it is a beginning all the same: what stands
        behind them is what tells a web page.
        """
        return bytes(self._sample.octets)

    @property
    def wire_sample(self) -> bytes:
        """The first octets as sent, likewise."""
        return bytes(self._wire_sample.octets)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order; after `finish` they tell what they saw."""
        return self._stages

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        """Take the next octets as sent, and give those to store."""
        self._begin()
        self._receive(len(block))
        if self._stages:
            return self._guarded(self._arrive(block), _State.READY)
        self._store(block)
        self._state = _State.READY
        return (block,)

    def finish(self) -> Iterable[bytes]:
        """Let each stage finish, through those behind it, and give the rest to store."""
        self._begin()
        if self._stages:
            return self._guarded(self._flush(), _State.FINISHED)
        self._state = _State.FINISHED
        return ()

    def _begin(self) -> None:
        if self._state is not _State.READY:
            message = f"this pipeline takes no more: {self._state.value}"
            raise RuntimeError(message)
        self._state = _State.BUSY

    def _receive(self, count: int) -> None:
        self._received += count
        if self._max_wire is not None and self._received > self._max_wire:
            self._state = _State.BROKEN
            raise LimitExceeded(
                "more came than may be received",
                expected=f"at most {self._max_wire} octets",
                found=f"{self._received} octets or more",
            )

    def _guarded(self, blocks: Iterator[bytes], then: _State) -> Iterator[bytes]:
        try:
            yield from blocks
        except EtagKitError:
            self._state = _State.BROKEN
            raise
        except Exception as exc:
            self._state = _State.BROKEN
            raise StrategyFailed(
                f"a stage of the pipeline {self!r} failed", found=type(exc).__name__
            ) from exc
        except BaseException:
            self._state = _State.BROKEN
            raise
        self._state = then

    def _arrive(self, block: bytes) -> Iterator[bytes]:
        if self._store_after:
            self.wire.update(block)
            self._wire_sample.take(block)
        return self._pass(block, 0)

    def _flush(self) -> Iterator[bytes]:
        for passed, stage in enumerate(self._stages, 1):
            for block in stage.finish():
                yield from self._pass(_checked(block, stage), passed)

    def _pass(self, block: bytes, passed: int) -> Iterator[bytes]:
        """Hand on a block that has passed so many stages; give what of it is to be stored."""
        if passed == self._store_after:
            self._store(block)
            yield block
        if passed < len(self._stages):
            stage = self._stages[passed]
            for output in stage.feed(block):
                yield from self._pass(_checked(output, stage), passed + 1)

    def _store(self, block: bytes) -> None:
        if self._max_stored is not None and self.stored.count + len(block) > self._max_stored:
            self._state = _State.BROKEN
            raise LimitExceeded(
                "more came than may be stored",
                expected=f"at most {self._max_stored} octets",
                found=f"{self.stored.count + len(block)} octets or more",
            )
        self.stored.update(block)
        self._sample.take(block)

    def __repr__(self) -> str:
        """Show the stages and where the octets are stored."""
        names = [stage.name for stage in self._stages]
        names.insert(self._store_after, "store")
        return f"<Pipeline {' > '.join(names)}>"


class _Sample:
    """The first octets of a body, `limit` of them behind leading blanks."""

    __slots__ = ("_blanks", "_limit", "octets")

    def __init__(self, limit: int) -> None:
        self.octets = bytearray()
        self._limit = limit
        self._blanks = 0

    def take(self, block: bytes) -> None:
        """Keep of `block` what still belongs to them."""
        known = len(self.octets)
        if known >= self._limit + self._blanks:
            return
        self.octets += block[: self._limit + BLANKS_LIMIT - known]
        self._blanks = blanks_before(self.octets)
        del self.octets[self._limit + self._blanks :]


def _checked(block: object, stage: Stage) -> bytes:
    """Return what a stage gave, if it is octets: one that gives text or numbers proves nothing."""
    if isinstance(block, bytes):
        return block
    raise StrategyFailed(
        f"the stage {stage.name!r} gave something else than blocks of bytes",
        expected="an iterable of bytes, such as (block,)",
        found=type(block).__name__,
    )
