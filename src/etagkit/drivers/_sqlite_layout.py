"""What a database of ours holds, and how a file comes to hold it.

A file that is not ours, or that a newer version has written, is refused before SQLite could write
a byte to it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING

import attrs

from etagkit._log import get_logger
from etagkit.errors import ManifestCorrupt, ManifestError, ManifestTooNew

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

logger = get_logger("sqlite")


@attrs.frozen(kw_only=True)
class Layout:
    """What a database of ours holds: the mark in its header and the scripts that build it.

    `migrations` lead from an empty file to the present layout, one step each; their number is the
    version (`user_version`) that the file carries afterwards. A script that was released is never
    edited, only followed by another.

    `readable_from` is the first version whose tables the present queries can read, for files that
    are opened for reading only and so cannot be migrated; by default only the present one.
    """

    application_id: int
    migrations: tuple[str, ...]
    readable_from: int | None = None

    @property
    def version(self) -> int:
        """The version of a file that has seen every migration."""
        return len(self.migrations)


def number(connection: sqlite3.Connection, sql: str) -> int:
    """Return the one number that `sql` asks for."""
    return int(connection.execute(sql).fetchone()[0])


@contextlib.contextmanager
def one_state(connection: sqlite3.Connection) -> Generator[None]:
    """Let what the block reads be of one state of the file, whoever writes meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def check(connection: sqlite3.Connection, layout: Layout) -> int:
    """Return the version of a file that is ours or empty; refuse any other.

    Call it within a transaction: a file that another process turns from empty into ours between two
    of these questions would look like somebody else's.
    """
    mark = number(connection, "PRAGMA application_id")
    version = number(connection, "PRAGMA user_version")
    if mark != layout.application_id:
        if mark or version or number(connection, "SELECT count(*) FROM sqlite_schema"):
            raise ManifestCorrupt(
                "the file is a database of another program",
                expected=f"application_id {layout.application_id}",
                found=mark,
                advice="it was left untouched; name another file",
            )
        return 0
    if version > layout.version:
        raise ManifestTooNew(
            "the file was written by a newer etagkit",
            expected=f"version {layout.version} or lower",
            found=version,
            advice="it was left untouched; update etagkit or name another file",
        )
    return version


def check_readable(connection: sqlite3.Connection, layout: Layout) -> None:
    """Refuse a file that the present queries cannot read as it is."""
    with one_state(connection):
        version = check(connection, layout)
    if version == 0:
        raise ManifestError("there is no record yet in this file", advice="fetch something first")
    oldest = layout.version if layout.readable_from is None else layout.readable_from
    if version < oldest:
        raise ManifestError(
            "the file was written by an older etagkit and must be brought up to date first",
            expected=f"version {oldest} to {layout.version}",
            found=version,
            advice="open it once without read_only=True",
        )


def migrate(connection: sqlite3.Connection, layout: Layout) -> None:
    """Apply the migrations that are missing, each in a transaction that looks once more."""
    with one_state(connection):
        version = check(connection, layout)
    if version == layout.version:
        return
    for number, script in enumerate(layout.migrations, start=1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            if check(connection, layout) < number:
                for statement in _statements(script):
                    connection.execute(statement)
                connection.execute(f"PRAGMA application_id = {layout.application_id:d}")
                connection.execute(f"PRAGMA user_version = {number:d}")
                logger.debug("migrated a database to version %d", number)
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise


def _statements(script: str) -> Iterator[str]:
    """Split a script: `executescript` would commit the transaction it is to be part of."""
    statement = ""
    for piece in script.split(";"):
        statement += f"{piece};"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \n;"):
                yield statement
            statement = ""
