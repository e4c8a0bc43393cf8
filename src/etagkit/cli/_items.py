"""What became of one URL, for the table, for `--json` and for the exit code."""

from __future__ import annotations

import enum
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from etagkit._redact import redact_url
from etagkit.cli._advice import in_words
from etagkit.cli._exit import Fate, fate_of
from etagkit.cli._output import short_hash, shown_path
from etagkit.display import Table, human_size
from etagkit.errors import EtagKitError
from etagkit.manifest import ManifestRecord
from etagkit.transfer import Fetched, FetchResult, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence


_log = logging.getLogger("etagkit.cli")

#: Transfers that change what lies on the disk even where they bring the recorded bytes again.
_REPAIRS = frozenset({Reason.LOCAL_MISSING, Reason.LOCAL_DIFFERS})

_COLUMNS = ("file", "outcome", "reason", "size", "sha256")


class Outcome(enum.Enum):
    """What was done."""

    FETCHED = "fetched"
    SKIPPED = "skipped"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class Failure:
    """An error as far as it is told: `message` names the subject, secrets left out."""

    kind: str
    message: str
    retryable: bool

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Describe `error`; of one that nobody expected only the class, its text may hold a secret.

        The traceback of such a one goes to the log (`-v`).
        """
        if isinstance(error, EtagKitError):
            return cls(kind=error.kind, message=in_words(error), retryable=error.retryable)
        _log.debug("unexpected error", exc_info=error)
        name = type(error).__name__
        return cls(kind="unexpected", message=f"unexpected {name}; -v shows where", retryable=False)

    def about(self, url: str) -> str:
        """Return the message with the URL in it, once."""
        return self.message if url in self.message else f"{url}: {self.message}"

    def to_json(self) -> dict[str, Any]:
        """Return the fields for a program."""
        return attrs.asdict(self)


@attrs.frozen(kw_only=True)
class Item:
    """One URL at the end of its fetch. `path` is `None` where nothing was published or found.

    `reason` is for programs; `words` are what people read.
    """

    url: str = attrs.field(converter=redact_url)
    outcome: Outcome
    fate: Fate
    reason: str
    path: Path | None = None
    record: ManifestRecord | None = None
    failure: Failure | None = None

    @classmethod
    def of_result(cls, result: FetchResult) -> Item:
        """Describe a fetch that went well."""
        fetched = isinstance(result, Fetched)
        changed = result.changed or result.reason in _REPAIRS
        return cls(
            url=result.url,
            outcome=Outcome.FETCHED if fetched else Outcome.SKIPPED,
            fate=Fate.CHANGED if changed else Fate.UNCHANGED,
            reason=str(result.reason),
            path=result.path,
            record=result.record,
        )

    @classmethod
    def of_error(cls, url: str, error: Exception) -> Item:
        """Describe a fetch that failed."""
        failure = Failure.of(error)
        reason = error.reason if isinstance(error, EtagKitError) else failure.message
        return cls(
            url=url,
            outcome=Outcome.FAILED,
            fate=fate_of(error),
            reason=reason,
            failure=failure,
        )

    @property
    def same_bytes(self) -> bool:
        """Whether it was transferred only to bring what is here already."""
        return self.outcome is Outcome.FETCHED and self.fate is Fate.UNCHANGED

    @property
    def words(self) -> str:
        """The reason, and that nothing came of it where that is so."""
        return f"{self.reason}; same bytes" if self.same_bytes else self.reason

    def to_json(self) -> dict[str, Any]:
        """Return the fields for a program; the names are part of the command's interface."""
        record = self.record
        return {
            "url": self.url,
            "path": None if self.path is None else str(self.path),
            "outcome": self.outcome.value,
            "changed": self.fate is Fate.CHANGED,
            "reason": self.reason,
            "size": None if record is None else record.size,
            "sha256": None if record is None else record.sha256,
            "etag": None if record is None or record.etag is None else str(record.etag),
            "verdict": None if record is None else record.verdict,
            "verified": [] if record is None else list(record.verified),
            "error": None if self.failure is None else self.failure.to_json(),
        }

    def line(self) -> str:
        """Return what to say of it in one line."""
        if self.failure is not None:
            return f"failed: {self.failure.about(self.url)}"
        size = human_size(None if self.record is None else self.record.size)
        where = "" if self.path is None else f" -> {shown_path(self.path)}"
        return f"{self.outcome.value}: {self.url}{where} ({size}, {self.words})"

    def cells(self, base: str | None) -> tuple[str, ...]:
        """Return the row of the table; paths are shown relative to `base`."""
        record = self.record
        return (
            self.url if self.path is None else shown_path(self.path, base),
            self.outcome.value,
            self.words,
            human_size(None if record is None else record.size),
            short_hash(None if record is None else record.sha256),
        )


def count_words(items: Sequence[Item]) -> str:
    """Return how many items ended in which way: `2 fetched, 1 failed`.

    Those that were transferred again for nothing are counted apart.
    """
    again = sum(item.same_bytes for item in items)
    counts = {each: sum(item.outcome is each for item in items) for each in Outcome}
    parts = (
        (counts[Outcome.FETCHED] - again, "fetched"),
        (again, "fetched again (same bytes)"),
        (counts[Outcome.SKIPPED], "skipped"),
        (counts[Outcome.FAILED], "failed"),
    )
    return ", ".join(f"{count} {word}" for count, word in parts if count) or "nothing to do"


def table_of(items: Sequence[Item], *, title: str = "", base: str | None = None) -> Table:
    """Return the table of a run."""
    return Table(
        title=title,
        columns=_COLUMNS,
        rows=tuple(item.cells(base) for item in items),
        right=("size",),
        elastic=("file",),
        prose=("reason",),
        spare=("sha256", "size"),
    )
