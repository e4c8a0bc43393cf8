"""Loggers under `etagkit.*`: silent until the host sets a handler, cheap where nobody listens.

DEBUG tells the steps, WARNING what a host should look at. Nothing is logged at INFO or above for
ordinary work: hosts follow progress through events. A line's facts are also its `extra`.
"""

from __future__ import annotations

import logging
from typing import Final

_ROOT: Final = logging.getLogger("etagkit")
# Without any handler, logging would print warnings to stderr by itself.
_ROOT.addHandler(logging.NullHandler())


def get_logger(name: str) -> logging.Logger:
    """Return the logger `etagkit.<name>`.

    >>> get_logger("requests").name
    'etagkit.requests'
    """
    return _ROOT.getChild(name)
