"""`etagkit verify`: whether the files are what the manifest says."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import attrs
import click

from etagkit.cli._exit import ExitCode, Fate, exit_code
from etagkit.cli._items import Failure
from etagkit.cli._logging import log_options
from etagkit.cli._options import json_option, manifest_option
from etagkit.cli._output import print_json, print_table, short_hash, shown_path, tell
from etagkit.display import Table, human_size
from etagkit.errors import EtagKitError, InvalidArgument, LocalFileError
from etagkit.manifest import records_base
from etagkit.transfer._verify import (
    FileCheck,
    FileStatus,
    RecordedFiles,
    folders_below,
    manifest_beside,
    open_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


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


@attrs.frozen(kw_only=True)
class Unread:
    """A folder or a manifest that could not be read: nothing is known of its files."""

    place: str
    error: EtagKitError


def check_place(place: str, manifest: str | None) -> Iterator[Checked | Unread]:
    """Yield what became of the file `place`, or of all files of the folder `place` and below.

    Raises:
        InvalidArgument: there is no manifest.
        EtagKitError: the manifest of the file cannot be read.
    """
    path = os.path.realpath(os.path.expanduser(place))
    if os.path.isdir(path):
        yield from _check_folder(path, manifest)
        return
    check = _recorded_in(manifest_beside(path) if manifest is None else manifest).check(path)
    if check.status is FileStatus.MISSING and check.record is None:
        raise InvalidArgument("there is neither a file nor a record of one", path=place)
    yield Checked(check=check, named=True)


def _check_folder(folder: str, manifest: str | None) -> Iterator[Checked | Unread]:
    """Yield what became of the files, by one manifest or by those of the folder and below."""
    folders = [folder]
    if manifest is None:
        found = list(folders_below(folder))
        yield from (Unread(place=folder, error=e) for e in found if isinstance(e, LocalFileError))
        below = [each for each in found if isinstance(each, str)]
        folders = [each for each in below if os.path.isfile(manifest_beside(each))] or [folder]
    parts: dict[str, RecordedFiles] = {}
    for each in folders:
        try:
            parts[each] = _recorded_in(manifest_beside(each) if manifest is None else manifest)
        except EtagKitError as exc:
            yield Unread(place=each, error=exc)
    files = RecordedFiles.merged(parts.values())
    for one in files.below(folder):
        yield Checked(check=files.check(one))
    for each in parts:
        try:
            yield from (Checked(check=files.check(one)) for one in files.unrecorded_in(each))
        except LocalFileError as exc:
            yield Unread(place=each, error=exc)


def _recorded_in(manifest: str) -> RecordedFiles:
    with open_manifest(manifest) as store:
        return RecordedFiles.of(store, records_base(manifest))


@click.command(short_help="Compare files with their records.")
@click.argument("places", nargs=-1, metavar="[PATH|FOLDER]...")
@manifest_option
@json_option
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

    For a folder (by default the current one) all recorded files in it and below are looked at, and
    files without a record are named. Nothing is changed: the next get fetches again what differs.
    """
    checked: list[Checked] = []
    fates: list[Fate] = []
    for place in places or (os.curdir,):
        try:
            for each in check_place(place, manifest):
                if isinstance(each, Unread):
                    fates.append(_tell_unread(each))
                    continue
                checked.append(each)
                fates.append(each.fate)
                if as_json:
                    print_json(each.to_json())
        except EtagKitError as exc:
            fates.append(_tell_unread(Unread(place=place, error=exc)))
    if checked and not as_json:
        print_table(verify_table(checked))
    context.exit(verify_code(fates))


def _tell_unread(unread: Unread) -> Fate:
    tell(f"failed: {Failure.of(unread.error).about(unread.place)}")
    return Fate.FAILED


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
        elastic=("file",),
        prose=("detail",),
        spare=("sha256", "size"),
    )
