"""Lists of URLs, one a line, as `get --from` reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from etagkit.errors import EtagKitError, InvalidArgument, InvalidURL
from etagkit.transfer._decide import check_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@attrs.frozen(kw_only=True)
class Wanted:
    """A URL to fetch; `refused` says why what stands there is none."""

    url: str
    refused: EtagKitError | None = None


def read_listing(lines: Iterable[bytes], name: str) -> Iterator[Wanted]:
    """Yield what the lines of the file `name` ask for.

    White space around a URL, blank lines and lines that begin with `#` are left out.

    >>> [wanted.url for wanted in read_listing([b"# ours", b" http://h/a ", b""], "list")]
    ['http://h/a']
    """
    for number, line in enumerate(lines, start=1):
        # A byte order mark may stand before the first line, as some editors put it there.
        text = line.removeprefix(b"\xef\xbb\xbf").strip()
        if text and not text.startswith(b"#"):
            yield _wanted(text, f"line {number} of {name}")


def _wanted(text: bytes, where: str) -> Wanted:
    try:
        url = text.decode()
    except UnicodeDecodeError:
        refused = InvalidArgument(f"{where} is not UTF-8")
        return Wanted(url=where, refused=refused)
    try:
        check_url(url)
    except InvalidURL as exc:
        exc.reason = f"{where}: {exc.reason}"
        return Wanted(url=url, refused=exc)
    return Wanted(url=url)
