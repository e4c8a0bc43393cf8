"""Behaviours whose body ends wrongly, late or never."""

from __future__ import annotations

import itertools

import attrs
from typing_extensions import override

from etagkit.testing._origin_behaviour import Behaviour, not_negative, positive
from etagkit.testing._origin_model import Ending, Framing, Pace, Reply, Stop, Visit, show_bytes


@attrs.frozen
class Cut(Behaviour):
    """Announce the full length and close the connection after so many body bytes."""

    after: int = attrs.field(validator=not_negative)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer with a stop in its body."""
        return attrs.evolve(visit.well(), stop=Stop(after=self.after, ending=Ending.CLOSE))


@attrs.frozen
class CutChunked(Behaviour):
    """Send chunks and close the connection after so many body bytes, without the last chunk."""

    after: int = attrs.field(validator=not_negative)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer in chunks, with a stop in its body."""
        stop = Stop(after=self.after, ending=Ending.CLOSE)
        return attrs.evolve(visit.well(), framing=Framing.CHUNKED, stop=stop)


@attrs.frozen
class Chunked(Behaviour):
    """Send the body in chunks, to its proper end and without a length: right, but unannounced."""

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer in chunks."""
        return attrs.evolve(visit.well(), framing=Framing.CHUNKED)


@attrs.frozen
class CloseDelimited(Behaviour):
    """Announce no length and tell the end by closing; `after` closes before the true end."""

    after: int | None = attrs.field(default=None, validator=not_negative)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer delimited by the end of the connection."""
        stop = None if self.after is None else Stop(after=self.after, ending=Ending.CLOSE)
        return attrs.evolve(visit.well(), framing=Framing.CLOSE, stop=stop)


@attrs.frozen
class WrongLength(Behaviour):
    """Announce another length than that of the body, send the body and close."""

    declared: int = attrs.field(validator=not_negative)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer under a wrong length."""
        return attrs.evolve(visit.well(), declared=self.declared)


@attrs.frozen
class Stall(Behaviour):
    """Send so many body bytes (`None`: not even the head), then nothing.

    The rest comes when `Origin.release` is called. A body that is not longer ends well.
    """

    after: int | None = attrs.field(validator=not_negative)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer, held back from a point on."""
        return attrs.evolve(visit.well(), stop=Stop(after=self.after, ending=Ending.STALL))


@attrs.frozen
class Reset(Behaviour):
    """Reset the connection (TCP RST) after so many body bytes; `None`: in the place of an answer.

    A client may lose bytes that came before the reset; that is the nature of it.
    """

    after: int | None = attrs.field(default=None, validator=not_negative)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer, broken off by a reset."""
        return attrs.evolve(visit.well(), stop=Stop(after=self.after, ending=Ending.RESET))


@attrs.frozen(kw_only=True)
class Drip(Behaviour):
    """Send the body in pieces of `size` bytes with `pause` seconds between them."""

    pause: float = attrs.field(validator=not_negative)
    size: int = attrs.field(default=1, validator=positive)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer, slowly."""
        return attrs.evolve(visit.well(), pace=Pace(size=self.size, pause=self.pause))


@attrs.frozen
class Late(Behaviour):
    """Wait so many seconds before answering."""

    delay: float = attrs.field(validator=not_negative)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return the right answer, late."""
        return attrs.evolve(visit.well(), delay=self.delay)


@attrs.frozen
class Endless(Behaviour):
    """Send `block` over and over in chunks, until the client or the origin gives up."""

    block: bytes = attrs.field(default=bytes(65536), repr=show_bytes)

    @override
    def reply(self, visit: Visit) -> Reply:
        """Return an answer without end."""
        well = visit.without("Range").well()
        return attrs.evolve(well, body=itertools.repeat(self.block), framing=Framing.CHUNKED)
