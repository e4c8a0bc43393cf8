"""`etagkit history`: which versions were fetched, when, and from where."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from etagkit._redact import redact_url
from etagkit.cli._logging import log_options
from etagkit.cli._options import json_option, manifest_option
from etagkit.cli._output import print_json, print_line, print_table, short_hash
from etagkit.display import Table, human_size
from etagkit.errors import InvalidArgument
from etagkit.manifest import records_base
from etagkit.transfer._verify import RecordedFiles, manifest_beside, open_manifest, target_path

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from etagkit.manifest import ManifestRecord, ManifestStore


def versions_of(what: str, store: ManifestStore, base: str) -> list[tuple[int, ManifestRecord]]:
    """Return the numbered versions of a URL or a fetched file, newest first.

    A URL may have been fetched to several files, and a file from several URLs.
    """
    if "://" in what:
        current = store.find(what)
    else:
        path = os.path.realpath(os.path.expanduser(what))
        current = list(RecordedFiles.of(store, base).records.get(path, ()))
    found: list[tuple[int, ManifestRecord]] = []
    for record in current:
        versions = store.history(record.resource)
        found += zip(range(len(versions), 0, -1), versions, strict=True)
    return sorted(found, key=lambda each: each[1].download_timestamp, reverse=True)


def version_to_json(number: int, record: ManifestRecord, path: str) -> dict[str, Any]:
    """Return the fields for a program; the names are part of the command's interface."""
    checked = record.checked_at
    return {
        "url": record.source_url,
        "path": path,
        "version": number,
        "fetched": record.download_timestamp.isoformat(),
        "held_since": record.held_since.isoformat(),
        "checked": None if checked is None else checked.isoformat(),
        "size": record.size,
        "sha256": record.sha256,
        "etag": None if record.etag is None else str(record.etag),
        "last_modified": record.last_modified_server,
        "content_type": record.content_type,
        "magic": record.magic,
        "verdict": record.verdict,
        "verified": list(record.verified),
    }


@click.command(short_help="Show the recorded versions of a URL or a file.")
@click.argument("what", metavar="URL|PATH")
@manifest_option
@json_option
@log_options
def history(*, what: str, manifest: str | None, as_json: bool) -> None:
    """Show every version that was fetched of a URL or to a file, newest first.

    The manifest is that of the file's folder; for a URL, that of the current folder.
    """
    start = os.curdir if "://" in what else os.path.realpath(os.path.expanduser(what))
    where = manifest_beside(os.path.abspath(start)) if manifest is None else manifest
    base = records_base(where)
    with open_manifest(where) as store:
        versions = versions_of(what, store, base)
    if not versions:
        raise InvalidArgument(
            "there is no record of this", path=what, advice="name a fetched file, or --manifest"
        )
    if as_json:
        for number, record in versions:
            print_json(version_to_json(number, record, target_path(record.target, base)))
        return
    print_table(history_table(what, versions))
    for line in history_legend(what, versions):
        print_line(line)
    print_line(f"manifest: {os.path.abspath(where)}")


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def history_table(what: str, versions: Sequence[tuple[int, ManifestRecord]]) -> Table:
    """Return the versions, one a row, without what `history_legend` tells of all of them."""
    sources, files = _numbered(versions, _source), _numbered(versions, _file)
    cells: dict[str, Callable[[ManifestRecord], str]] = {
        "source": lambda record: sources[_source(record)],
        "file": lambda record: files[_file(record)],
        "held since (UTC)": lambda record: _moment(record.held_since),
        "fetched (UTC)": lambda record: _moment(record.download_timestamp),
        "size": lambda record: human_size(record.size),
        "sha256": lambda record: short_hash(record.sha256),
        "ETag": lambda record: str(record.etag or record.unquoted_etag or "-"),
        "verdict": _verdict,
    }
    silent = {
        "source": len(sources) == 1,
        "file": len(files) == 1,
        "verdict": len(_numbered(versions, _verdict)) == 1,
        "fetched (UTC)": all(each.held_since == each.download_timestamp for _, each in versions),
    }
    shown = {name: cell for name, cell in cells.items() if not silent.get(name)}
    return Table(
        title=redact_url(what),
        columns=("version", *shown),
        rows=tuple((str(n), *(cell(each) for cell in shown.values())) for n, each in versions),
        right=("version", "size"),
        elastic=("ETag",),
        spare=tuple(name for name in ("fetched (UTC)", "size") if name in shown),
    )


def history_legend(what: str, versions: Sequence[tuple[int, ManifestRecord]]) -> list[str]:
    """Return in lines what is the same for all versions, or stands as a number in the table.

    What was asked for, a file or a URL, is not told once more.
    """
    lines: list[str] = []
    asked = "source" if "://" in what else "file"
    for name, value in (("source", _source), ("file", _file)):
        numbers = _numbered(versions, value)
        if len(numbers) > 1:
            lines += [f"{name} {number}: {each}" for each, number in numbers.items()]
        elif name != asked:
            lines += [f"{name}: {each}" for each in numbers]
    verdicts = _numbered(versions, _verdict)
    return lines if len(verdicts) > 1 else [*lines, *(f"verdict: {each}" for each in verdicts)]


def _source(record: ManifestRecord) -> str:
    return record.source_url


def _file(record: ManifestRecord) -> str:
    return record.target


def _verdict(record: ManifestRecord) -> str:
    return record.verdict


def _numbered(
    versions: Sequence[tuple[int, ManifestRecord]], value: Callable[[ManifestRecord], str]
) -> dict[str, str]:
    """Return the values that occur, in the order of the rows, with a number for each."""
    found = dict.fromkeys(value(record) for _, record in versions)
    return {each: str(number) for number, each in enumerate(found, start=1)}
