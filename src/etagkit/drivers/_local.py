"""The operations that block and need no network, shared by both drivers."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from etagkit.flow import (
    Call,
    CreateTemp,
    Discard,
    Flush,
    HashFile,
    Locate,
    Op,
    Publish,
    ReadFile,
    Stat,
    Sweep,
    SyncFolder,
    Temp,
    Write,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from etagkit.drivers._files import Files, OpenTemp
    from etagkit.flow import FileFacts, Through


class LocalScope:
    """The temporary files of one flow, and every operation on local files."""

    def __init__(self, files: Files) -> None:
        """Start with nothing open."""
        self._files = files
        self._temps: dict[Temp, OpenTemp] = {}

    def perform(self, op: Op[Any]) -> Any:  # noqa: C901, PLR0911, PLR0912  one line per operation
        """Do `op`, which may block, and return its answer."""
        files = self._files
        match op:
            case Locate(path):
                return files.locate(path)
            case Stat(path):
                return files.stat(path)
            case HashFile(path):
                return files.hash(path)
            case ReadFile(path, limit):
                return files.read(path, limit)
            case Sweep(folder):
                return files.sweep(folder)
            case CreateTemp(target):
                return self._create(target)
            case Write(temp, data):
                return self._write(temp, data)
            case Flush(temp):
                return self._temps[temp].flush()
            case Publish(temp, target):
                return self._publish(temp, target)
            case SyncFolder(folder):
                return files.sync_folder(folder)
            case Discard(temp):
                return self._temps.pop(temp).discard()
            case Call(function):
                return function()
            case _:
                message = f"no driver performs {type(op).__name__}"
                raise NotImplementedError(message)

    def _create(self, target: str) -> Temp:
        opened: OpenTemp | None = None
        try:
            opened = self._files.create_temp(target)
            self._temps[opened.temp] = opened
        except BaseException:  # an interrupt between the two lines
            if opened is not None:
                opened.discard()
            raise
        return opened.temp

    def _publish(self, temp: Temp, target: str) -> FileFacts:
        facts = self._temps[temp].publish(target)
        del self._temps[temp]
        return facts

    def writer(self, temp: Temp | None) -> Callable[[bytes], None]:
        """Return what appends a block to `temp`; without one, what throws blocks away."""
        return _throw_away if temp is None else self._temps[temp].write

    def finish(self, through: Through, temp: Temp | None) -> None:
        """Store what is left at the end of a body; the file is not written to any more."""
        store = self.writer(temp)
        for piece in through.finish():
            store(piece)
        if temp is not None:
            self._temps[temp].settle()

    def _write(self, temp: Temp, data: bytes) -> None:
        self._temps[temp].write(data)
        self._temps[temp].settle()

    def close(self) -> None:
        """Remove what was not published."""
        with contextlib.ExitStack() as stack:
            for temp in self._temps.values():
                stack.callback(temp.discard)
        self._temps.clear()


def _throw_away(_block: bytes) -> None:
    pass


def carry(through: Through, store: Callable[[bytes], None], blocks: list[bytes]) -> None:
    """Pass `blocks` through and store what comes out."""
    for block in blocks:
        for piece in through.feed(block):
            store(piece)
