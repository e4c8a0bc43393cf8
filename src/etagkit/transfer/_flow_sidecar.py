"""Keeping `<file>.meta.json` true, once somebody asked for it.

A sidecar that stands beside a file is a record of it, so it is rewritten with every new version,
asked for or not: a record may never describe bytes that are gone. A file of that name which is no
sidecar of ours is somebody else's: it is left alone, and a sidecar asked for is refused.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import attrs

from etagkit.errors import InvalidArgument, ManifestError
from etagkit.flow import CreateTemp, Flow, Flush, Publish, ReadFile, Stat, SyncFolder, Write, ask
from etagkit.manifest import MAX_SIDECAR, parse_sidecar, render_sidecar, sidecar_path

if TYPE_CHECKING:
    from etagkit.manifest import ManifestRecord


def check_sidecar(path: str) -> Flow[None]:
    """Refuse before any transfer if the sidecar of `path` would replace what is not ours.

    Raises:
        InvalidArgument: somebody else's file stands there.
        LocalFileError: something that is no file does.
    """
    beside = sidecar_path(path)
    facts = yield from ask(Stat(beside))
    if facts is None:
        return
    if not _is_ours((yield from ask(ReadFile(beside, MAX_SIDECAR + 1)))):
        raise InvalidArgument(
            "a file that is no sidecar stands where the sidecar should go",
            path=beside,
            advice="move it, or fetch without sidecar=True",
        )


def keep_sidecar(path: str, record: ManifestRecord, *, wanted: bool) -> Flow[None]:
    """Make the sidecar of the file at `path` say what `record` says, unless it does already.

    When the source was last asked stands in the manifest only, so that a skip has nothing to write.
    """
    beside = sidecar_path(path)
    standing = yield from ask(ReadFile(beside, MAX_SIDECAR + 1))
    if not wanted and not _is_ours(standing):
        return
    content = render_sidecar(attrs.evolve(record, checked_at=record.download_timestamp))
    if standing == content:
        return
    temp = yield from ask(CreateTemp(beside))
    yield from ask(Write(temp, content))
    yield from ask(Flush(temp))
    yield from ask(Publish(temp, beside))
    yield from ask(SyncFolder(os.path.dirname(beside)))


def _is_ours(content: bytes | None) -> bool:
    if content is None:
        return False
    try:
        parse_sidecar(content)
    except ManifestError:
        return False
    return True
