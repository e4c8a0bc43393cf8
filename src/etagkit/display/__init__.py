"""How results look: rows and cells, as text, as HTML and for rich; no feature is known here."""

from typing import TYPE_CHECKING

from etagkit._lazy import attach

__all__ = ["Shown", "Table", "display_width", "elide_middle", "human_size", "printable"]

__getattr__, __dir__ = attach(
    __name__,
    {
        "._shown": ["Shown"],
        "._table": ["Table"],
        "._text": ["display_width", "elide_middle", "human_size", "printable"],
    },
)

if TYPE_CHECKING:
    from etagkit.display._shown import Shown
    from etagkit.display._table import Table
    from etagkit.display._text import display_width, elide_middle, human_size, printable
