"""What a driver tells of its work: events to the listener, and a line of each to the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from etagkit._log import get_logger
from etagkit._redact import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from etagkit.http import Head

_events = get_logger("events")
_requests = get_logger("requests")


def tell(listener: Callable[[Any], None] | None, event: object) -> None:
    """Log `event`, at its own `log_level` if it has one, and pass it to the listener."""
    level = getattr(event, "log_level", logging.DEBUG)
    _events.log(level, "%s", event, extra={"event": event})
    if listener is not None:
        listener(event)


def tell_answer(head: Head) -> None:
    """Log one request with the status of its answer."""
    if _requests.isEnabledFor(logging.DEBUG):
        url = redact_url(head.url)
        facts = {"http_method": head.method, "url": url, "http_status": head.status}
        _requests.debug("%s %s -> %d", head.method, url, head.status, extra=facts)
