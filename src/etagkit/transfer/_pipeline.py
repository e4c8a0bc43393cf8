"""What a body passes on its way to the file: stages that check or decode it, and hashers.

One pass: every block is hashed as it came and as it is stored, its first octets are kept for a look
at what it is, and the stages see it in order. Nothing is collected, and what a stage makes of a
block is handed on piece by piece, so memory is bounded whatever a body decodes to.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Final, Protocol

from etagkit.errors import InvalidArgument, SizeMismatch
from etagkit.integrity import RollingHasher

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: First octets that are kept: as many as `sniff` looks at.
SAMPLE_LIMIT: Final = 1024


class Stage(Protocol):
    """One step that octets pass: it checks them, decodes them, or both.

    Errors are raised while the results are iterated. Results should be lazy where a block can grow.
    """

    @property
    def name(self) -> str:
        """What the stage is called in records and messages."""

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        """Take the next octets, and give those for the next stage."""

    def finish(self) -> Iterable[bytes]:
        """The octets ended; give what is left, or raise where they may not end here."""


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

    Attributes:
        wire: hasher of the octets as sent.
        stored: hasher of the octets to store; the same object as `wire` if they are the same.
        sample, wire_sample: the first octets of both.

    >>> pipeline = Pipeline()
    >>> pipeline.feed(b"etagkit"), pipeline.finish()
    ((b'etagkit',), ())
    >>> pipeline.stored.count, pipeline.sample, pipeline.wire is pipeline.stored
    (7, b'etagkit', True)

    `feed` gives the blocks lazily where there are stages: take them all before the next call.

    Raises:
        InvalidArgument: `store_after` is not between 0 and the number of stages, or a limit is
            negative.
        SizeMismatch: from `feed` and `finish`, where more than `max_stored` octets were to be
            stored.
        RuntimeError: from `feed` and `finish`, after an error or after `finish`.
    """

    __slots__ = (
        "_max_stored",
        "_sample_limit",
        "_stages",
        "_state",
        "_store_after",
        "_wire_sample",
        "sample",
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
        if sample_limit < 0 or (max_stored is not None and max_stored < 0):
            raise InvalidArgument("a limit is a count of octets", expected="0 or more")
        wanted = tuple(algorithms)
        self._store_after = store_after
        self._max_stored = max_stored
        self._sample_limit = sample_limit
        self._state = _State.READY
        self.stored = RollingHasher(wanted)
        self.wire = RollingHasher(wanted) if store_after else self.stored
        self.sample = b""
        self._wire_sample = b""

    @property
    def wire_sample(self) -> bytes:
        """The first octets as sent."""
        return self._wire_sample if self._store_after else self.sample

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages, in order; after `finish` they tell what they saw."""
        return self._stages

    def feed(self, block: bytes, /) -> Iterable[bytes]:
        """Take the next octets as sent, and give those to store."""
        self._begin()
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

    def _guarded(self, blocks: Iterator[bytes], then: _State) -> Iterator[bytes]:
        try:
            yield from blocks
        except BaseException:
            self._state = _State.BROKEN
            raise
        self._state = then

    def _arrive(self, block: bytes) -> Iterator[bytes]:
        if self._store_after:
            self.wire.update(block)
            self._wire_sample += block[: self._sample_limit - len(self._wire_sample)]
        return self._pass(block, 0)

    def _flush(self) -> Iterator[bytes]:
        for passed, stage in enumerate(self._stages, 1):
            for block in stage.finish():
                yield from self._pass(block, passed)

    def _pass(self, block: bytes, passed: int) -> Iterator[bytes]:
        """Hand on a block that has passed so many stages; give what of it is to be stored."""
        if passed == self._store_after:
            self._store(block)
            yield block
        if passed < len(self._stages):
            for output in self._stages[passed].feed(block):
                yield from self._pass(output, passed + 1)

    def _store(self, block: bytes) -> None:
        if self._max_stored is not None and self.stored.count + len(block) > self._max_stored:
            self._state = _State.BROKEN
            raise SizeMismatch(
                "more came than may be stored",
                expected=f"at most {self._max_stored} octets",
                found=f"{self.stored.count + len(block)} octets or more",
            )
        self.stored.update(block)
        if len(self.sample) < self._sample_limit:
            self.sample += block[: self._sample_limit - len(self.sample)]

    def __repr__(self) -> str:
        """Show the stages and where the octets are stored."""
        names = [stage.name for stage in self._stages]
        names.insert(self._store_after, "store")
        return f"<Pipeline {' > '.join(names)}>"
