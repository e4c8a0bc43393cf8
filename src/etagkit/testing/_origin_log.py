"""The log of the test origin."""

from __future__ import annotations

import enum
from datetime import datetime

import attrs
from typing_extensions import override

from etagkit.testing._origin_model import Fields


class Outcome(enum.Enum):
    """How far an exchange has come."""

    #: Not all is sent.
    SENDING = "sending"
    #: Not all is sent, and a behaviour holds the rest back.
    STALLED = "stalled"
    #: Everything that the framing promised was sent, and nothing else.
    COMPLETE = "complete"
    #: A behaviour ended it in another way.
    BROKEN = "broken"
    #: The client, or the closing of the origin, broke it off.
    ABANDONED = "abandoned"


@attrs.frozen(kw_only=True, repr=False)
class Exchange:
    """One line of the log.

    Attributes:
        number: of the exchange in the life of the origin, from 1.
        connection: number of the connection that carried it, from 1.
        status: `None` as long as no status line was sent.
        body_sent: body bytes handed to the connection, without the framing of chunks.
        behaviour: class name of the behaviour that answered.
        at: when the request came, by the origin's clock.
    """

    number: int
    connection: int
    method: str
    path: str
    query: str
    headers: Fields
    status: int | None
    body_sent: int
    outcome: Outcome
    behaviour: str
    at: datetime

    @override
    def __repr__(self) -> str:
        """Show the exchange in one line, without query and credentials."""
        asked = "".join(
            f", {name}: {self.headers[name]}"
            for name in ("range", "if-range", "if-none-match", "if-modified-since")
            if name in self.headers
        )
        return (
            f"<{self.method} {self.path}{'?...' if self.query else ''}{asked} -> "
            f"{self.status or 'no status'}, {self.body_sent} body bytes, {self.outcome.value}, "
            f"{self.behaviour}>"
        )
