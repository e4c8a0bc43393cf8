"""`etagkit verify` and `etagkit history`: what the manifest says, and whether the files agree."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import attrs
import click

from etagkit._redact import redact_url
from etagkit.cli._exit import ExitCode, Fate, exit_code
from etagkit.cli._items import Failure
from etagkit.cli._logging import log_options
from etagkit.cli._output import print_json, print_line, print_table, short_hash, shown_path, tell
from etagkit.display import Table, human_size
from etagkit.errors import EtagKitError, InvalidArgument
from etagkit.transfer._verify import (
    FileCheck,
    FileStatus,
    RecordedFiles,
    manifest_beside,
    open_manifest,
    records_base,
    target_path,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from etagkit.manifest import ManifestRecord, ManifestStore

_MANIFEST = click.option(
    "--manifest",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Look here, not in .etagkit/ beside the files.",
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")


# --- verify --------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class Checked:
    """One file of the report; `named` says that the command line names it, and not its folder."""

    check: FileCheck
    named: bool = False

    @property
    def fate(self) -> Fate:
        """How it ended: a file without a record failed only if somebody asked for just that one."""
        match self.check.status:
            case FileStatus.OK:
                return Fate.UNCHANGED
            case FileStatus.MISSING | FileStatus.DIFFERS:
                return Fate.CORRUPT
            case FileStatus.UNREADABLE:
                return Fate.FAILED
            case FileStatus.UNRECORDED:
                return Fate.FAILED if self.named else Fate.UNCHANGED

    def detail(self) -> str:
        """Return what is wrong, in words."""
        check, record = self.check, self.check.record
        if check.error is not None:
            return check.error.reason
        if check.status is FileStatus.UNRECORDED:
            return "no record of it"
        if check.status is not FileStatus.DIFFERS or record is None:
            return ""
        if check.size != record.size:
            return f"size is {check.size}, recorded {record.size}"
        return f"sha256 is {short_hash(check.sha256)}, recorded {short_hash(record.sha256)}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields for a program; the names are part of the command's interface."""
        check, record = self.check, self.check.record
        return {
            "path": check.path,
            "status": check.status.value,
            "size": check.size,
            "sha256": check.sha256,
            "recorded_size": None if record is None else record.size,
            "recorded_sha256": None if record is None else record.sha256,
            "url": None if record is None else record.source_url,
            "error": None if check.error is None else Failure.of(check.error).to_json(),
        }


def verify_code(fates: Sequence[Fate]) -> ExitCode:
    """Return the exit code: a file that is missing or differs outweighs everything else."""
    return ExitCode.INTEGRITY if Fate.CORRUPT in fates else exit_code(fates)


def check_place(place: str, manifest: str | None) -> Iterator[Checked]:
    """Yield what became of the file `place`, or of all files of the folder `place`.

    Raises:
        InvalidArgument: there is no manifest.
        EtagKitError: the manifest or the folder cannot be read.
    """
    path = os.path.realpath(os.path.expanduser(place))
    where = manifest_beside(path) if manifest is None else manifest
    with open_manifest(where) as store:
        files = RecordedFiles.of(store, records_base(where))
    if not os.path.isdir(path):
        check = files.check(path)
        if check.status is FileStatus.MISSING and check.record is None:
            raise InvalidArgument("there is neither a file nor a record of one", path=place)
        yield Checked(check=check, named=True)
        return
    for one in (*files.below(path), *files.unrecorded_in(path)):
        yield Checked(check=files.check(one))


@click.command(short_help="Compare files with their records.")
@click.argument("places", nargs=-1, metavar="[PATH|FOLDER]...")
@_MANIFEST
@_JSON
@log_options
@click.pass_context
def verify(
    context: click.Context,
    /,
    *,
    places: tuple[str, ...],
    manifest: str | None,
    as_json: bool,
) -> None:
    """Hash fetched files and compare them with what was recorded when they were published.

    For a folder (by default the current one) all its recorded files are looked at, and files
    without a record are named. Nothing is changed: what differs is fetched again by the next get.
    """
    checked: list[Checked] = []
    fates: list[Fate] = []
    for place in places or (os.curdir,):
        try:
            for each in check_place(place, manifest):
                checked.append(each)
                fates.append(each.fate)
                if as_json:
                    print_json(each.to_json())
        except EtagKitError as exc:
            tell(f"failed: {Failure.of(exc).about(place)}")
            fates.append(Fate.FAILED)
    if checked and not as_json:
        print_table(verify_table(checked))
    context.exit(verify_code(fates))


def verify_table(checked: Sequence[Checked]) -> Table:
    """Return the report, titled with how many files ended in which way."""
    counts = [(sum(c.check.status is status for c in checked), status) for status in FileStatus]
    rows = tuple(
        (
            shown_path(each.check.path),
            each.check.status.value,
            human_size(each.check.size),
            short_hash(each.check.sha256),
            each.detail(),
        )
        for each in checked
    )
    return Table(
        title=", ".join(f"{count} {status.value}" for count, status in counts if count),
        columns=("file", "status", "size", "sha256", "detail"),
        rows=rows,
        right=("size",),
    )


# --- history -------------------------------------------------------------------------------------


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
@_MANIFEST
@_JSON
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
    print_line(f"manifest: {os.path.abspath(where)}")


def history_table(what: str, versions: Sequence[tuple[int, ManifestRecord]]) -> Table:
    """Return the versions, one a row."""
    rows = tuple(
        (
            str(number),
            f"{record.download_timestamp:%Y-%m-%d %H:%M:%S}",
            human_size(record.size),
            short_hash(record.sha256),
            str(record.etag or record.unquoted_etag or "-"),
            record.verdict,
            record.target,
        )
        for number, record in versions
    )
    columns = ("version", "fetched (UTC)", "size", "sha256", "ETag", "verdict", "file")
    return Table(title=redact_url(what), columns=columns, rows=rows, right=("version", "size"))
