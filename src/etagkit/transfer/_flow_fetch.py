"""The main job: bring a file here whole, unless it is here already.

In the order that makes every crash repairable:

    locate, sweep -> look up the record -> probe -> decide
      -> GET -> hash, check and write to a temporary file beside the target -> judge
      -> fsync -> rename -> fsync of the folder -> record

The record comes last. Killed before the rename, the old file and the old record stand; killed
between rename and record, the new file stands whole and the old record no longer fits it, so the
next run fetches again. At no moment does a record describe bytes that are not there, and validators
are those of the answer that carried the bytes (the probe may have met another version).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import attrs

from etagkit import events
from etagkit.errors import EtagKitError, IntegrityError, SourceChanged
from etagkit.flow import (
    Answer,
    Call,
    CreateTemp,
    Discard,
    Drain,
    Emit,
    FileFacts,
    Flow,
    Flush,
    HashFile,
    Locate,
    Now,
    Publish,
    Release,
    Stat,
    Sweep,
    SyncFolder,
    Temp,
    Write,
    ask,
)
from etagkit.http import Framing, Head, Sameness, Validators
from etagkit.integrity import IntegrityReport, Observed, Verdict, evidence_of, judge_integrity
from etagkit.manifest import (
    Completeness,
    ManifestRecord,
    render_sidecar,
    resource_id,
    sidecar_path,
)
from etagkit.transfer import _decide
from etagkit.transfer._flow_probe import SAMPLE, intent_of, look, probe
from etagkit.transfer._flow_request import Reached, about, follow
from etagkit.transfer._magic import sniff
from etagkit.transfer._model import (
    Fetched,
    FetchOptions,
    FetchResult,
    LocalCheck,
    LocalState,
    Reason,
    RemoteFileIntent,
    Skip,
    Skipped,
)

if TYPE_CHECKING:
    from datetime import datetime

    from etagkit.transfer._pipeline import Pipeline

#: Times a fetch starts over because the source changed between probe and body.
_RESTARTS = 1


class Storing(Protocol):
    """A strategy, as far as the fetch needs to know it."""

    @property
    def name(self) -> str:
        """What the record calls it."""

    def accepts(self, intent: RemoteFileIntent, /) -> bool:
        """Whether this strategy is made for what was seen."""

    def pipeline(self, *, decode_first: bool, max_stored: int | None) -> Pipeline:
        """Return a fresh pipeline; `decode_first` puts the undoing of a gzip coding before it."""


class Keeping(Protocol):
    """Where the record of one target is kept; the calls block."""

    @property
    def base(self) -> str | None:
        """Folder that targets are recorded relative to, if any."""

    def get(self, resource: str) -> ManifestRecord | None:
        """Return the current record of `resource`, or `None`."""

    def put(self, record: ManifestRecord) -> None:
        """Make `record` the current version."""

    def touch(self, resource: str, checked_at: datetime, local: FileFacts | None) -> None:
        """Note that the source called the current version unchanged."""


@attrs.frozen(kw_only=True)
class Job:
    """One fetch, as the caller wants it. `strategies` holds one where the caller insists on it."""

    url: str
    to: str
    options: FetchOptions
    shelf: Callable[[str], Keeping]
    strategies: Sequence[Storing]
    insists: bool = False


@attrs.frozen(kw_only=True)
class _Target:
    """Where the file goes and what is known of it."""

    path: str
    folder: str
    key: str
    resource: str
    shelf: Keeping
    record: ManifestRecord | None


def fetch(job: Job) -> Flow[FetchResult]:
    """Bring `job.url` to `job.to` unless it is there already; see the module's head."""
    with about(job.url, job.to):
        _decide.check_url(job.url)
        target = yield from _settle(job)
        try:
            return (yield from _fetch_to(job, target))
        except EtagKitError as exc:
            failed = events.Failed(url=job.url, path=target.path, kind=exc.kind, message=exc.reason)
            yield from ask(Emit(failed))
            raise


def _settle(job: Job) -> Flow[_Target]:
    """Resolve the target, clear what dead runs left beside it, and look up its record."""
    place = yield from ask(Locate(job.to))
    path = os.path.join(place.path, _decide.file_name(job.url)) if place.is_folder else place.path
    folder = os.path.dirname(path)
    yield from ask(Sweep(folder))
    shelf = yield from ask(Call(lambda: job.shelf(path)))
    key = _decide.target_key(path, shelf.base)
    resource = resource_id(job.url, key)
    record = yield from ask(Call(lambda: shelf.get(resource)))
    return _Target(path=path, folder=folder, key=key, resource=resource, shelf=shelf, record=record)


def _fetch_to(job: Job, target: _Target) -> Flow[FetchResult]:
    local, facts = yield from _local_state(target, job.options)
    intent = None
    if target.record is not None or not job.insists:
        sample = 0 if job.insists else SAMPLE
        intent = yield from probe(job.url, target.record, sample=sample)
    if local is LocalState.TOUCHED and intent is not None and intent.known is Sameness.SAME:
        local, facts = yield from _hash_local(target)
    decision = _decide.should_transfer(
        target.record,
        Sameness.UNKNOWN if intent is None else intent.known,
        local,
        job.options,
        forms={each.name for each in job.strategies} | (set() if job.insists else {None}),
    )
    if isinstance(decision, Skip) and target.record is not None:
        return (yield from _skip(job, target, target.record, decision, facts))
    if intent is not None and intent.known is Sameness.SAME and not job.insists:
        intent = yield from look(job.url)  # the record knows the stored form, not the one sent
    restarts = 0
    while True:
        try:
            return (yield from _transfer(job, target, intent, decision.reason))
        except SourceChanged:
            if restarts == _RESTARTS:
                raise
            restarts += 1
            if not job.insists:
                intent = yield from probe(job.url)


def _local_state(
    target: _Target, options: FetchOptions
) -> Flow[tuple[LocalState, FileFacts | None]]:
    facts = yield from ask(Stat(target.path))
    local = _decide.compare_local(target.record, facts)
    if local is LocalState.FITS and options.local_check is LocalCheck.HASH:
        local = LocalState.TOUCHED
    return local, facts


def _hash_local(target: _Target) -> Flow[tuple[LocalState, FileFacts | None]]:
    """Settle by SHA-256 whether a file with other times still holds the recorded bytes."""
    hashed = yield from ask(HashFile(target.path))
    if hashed is None:
        return LocalState.MISSING, None
    sha256, facts = hashed
    fits = target.record is not None and sha256 == target.record.sha256
    return (LocalState.FITS if fits else LocalState.DIFFERS), facts


def _skip(
    job: Job, target: _Target, record: ManifestRecord, decision: Skip, facts: FileFacts | None
) -> Flow[Skipped]:
    now = yield from ask(Now())
    yield from ask(Call(lambda: target.shelf.touch(target.resource, now, facts)))
    fresh = attrs.evolve(record, checked_at=now, local=facts)
    if job.options.sidecar:
        yield from _settle_sidecar(target, fresh)
    yield from ask(Emit(events.Skipped(url=job.url, path=target.path, reason=str(decision.reason))))
    return Skipped(
        url=job.url, path=Path(target.path), reason=decision.reason, record=fresh
    )


def _transfer(
    job: Job, target: _Target, intent: RemoteFileIntent | None, reason: Reason
) -> Flow[Fetched]:
    started = yield from ask(Now())
    reached = yield from follow("GET", job.url)
    head = reached.head
    refused = _decide.refuse_status(job.url, head)
    if refused is not None:
        yield from ask(Release(reached.answer.body))
        raise refused
    strategy = _strategy(job, intent, reached)
    pipeline = strategy.pipeline(
        decode_first=_decide.undo_coding(job.url, head), max_stored=job.options.max_bytes
    )
    temp = yield from ask(CreateTemp(target.path))
    try:
        yield from _receive(job, target, reached.answer, pipeline, temp)
        report = _judge(job, target, intent, head, pipeline)
    except IntegrityError as exc:
        yield from ask(Discard(temp))
        if _moved(intent, head):
            raise SourceChanged(
                "the source changed between probe and download", url=job.url
            ) from exc
        raise
    strength = None if report.strength is None else report.strength.name.lower()
    yield from ask(
        Emit(
            events.Verified(
                url=job.url, path=target.path, verdict=report.verdict.value, strength=strength
            )
        )
    )
    facts = yield from _publish(job, target, pipeline, temp)
    now = yield from ask(Now())
    record = _record(job, target, reached, pipeline, report, strategy, facts, (started, now))
    yield from _remember(job, target, record)
    return Fetched(
        url=job.url,
        path=Path(target.path),
        reason=reason,
        record=record,
        report=report,
        previous=target.record,
    )


def _strategy(job: Job, intent: RemoteFileIntent | None, reached: Reached) -> Storing:
    if job.insists:
        return job.strategies[0]
    seen = intent if intent is not None else intent_of(job.url, reached, None, requests=1)
    return _decide.choose_strategy(seen, job.strategies)


def _receive(
    job: Job, target: _Target, answer: Answer, pipeline: Pipeline, temp: Temp
) -> Flow[None]:
    total = answer.head.content_length
    url, path = job.url, target.path
    yield from ask(Emit(events.Started(url=url, path=path, total=total)))
    yield from ask(
        Drain(
            body=answer.body,
            through=pipeline,
            into=temp,
            progress=lambda received: events.Advanced(
                url=url, path=path, received=received, total=total
            ),
        )
    )


def _judge(
    job: Job, target: _Target, intent: RemoteFileIntent | None, head: Head, pipeline: Pipeline
) -> IntegrityReport:
    """Return the report if the bytes may be published; raise why not otherwise."""
    earlier = None if target.record is None else target.record.magic
    unfit: IntegrityError | None = _decide.refuse_content(
        job.url,
        head,
        sniff(pipeline.sample),
        expected=job.options.expected_type,
        earlier=earlier,
    )
    if unfit is None and intent is not None:
        unfit = _decide.refuse_size(intent, head, pipeline.wire.count)
    if unfit is not None:
        raise unfit
    validators = Validators.from_headers(head.headers)
    observed = Observed(
        framing=Framing.LENGTH if head.framing is Framing.NONE else head.framing,
        wire_size=pipeline.wire.count,
        stored_size=pipeline.stored.count,
        wire_digests=pipeline.wire.digests(),
        stored_digests=pipeline.stored.digests(),
        etag=validators.etag,
    )
    stated = evidence_of(
        head,
        expected_sha256=job.options.expected_sha256,
        expected_size=job.options.expected_size,
    )
    report = judge_integrity(stated, observed)
    refused = _decide.refuse_report(job.url, report, job.options)
    if refused is not None:
        raise refused
    return report


def _moved(intent: RemoteFileIntent | None, head: Head) -> bool:
    """Whether the body was of another version than the probe saw, so its verdict may be unfair."""
    if intent is None:
        return False
    return intent.validators.compare(Validators.from_headers(head.headers)) is Sameness.DIFFERENT


def _publish(job: Job, target: _Target, pipeline: Pipeline, temp: Temp) -> Flow[FileFacts]:
    yield from ask(Flush(temp))
    facts = yield from ask(Publish(temp, target.path))
    yield from ask(SyncFolder(target.folder))
    yield from ask(
        Emit(
            events.Published(
                url=job.url,
                path=target.path,
                size=pipeline.stored.count,
                sha256=pipeline.stored.sha256,
            )
        )
    )
    return facts


def _record(  # noqa: PLR0913  the facts of a whole fetch meet here
    job: Job,
    target: _Target,
    reached: Reached,
    pipeline: Pipeline,
    report: IntegrityReport,
    strategy: Storing,
    facts: FileFacts,
    times: tuple[datetime, datetime],
) -> ManifestRecord:
    head = reached.head
    validators = Validators.from_headers(head.headers)
    digests = pipeline.stored.digests()
    sha256 = digests.pop("sha256")
    wire = pipeline.wire.sha256
    proved = report.verdict is not Verdict.UNVERIFIABLE
    started, now = times
    return ManifestRecord(
        resource=target.resource,
        source_url=job.url,
        final_url=head.url,
        target=target.key,
        etag=validators.etag,
        unquoted_etag=validators.unquoted,
        last_modified_server=validators.last_modified,
        last_modified_settled=validators.settled,
        content_type=head.headers.only("content-type"),
        content_encoding=head.headers.joined("content-encoding"),
        content_disposition=head.headers.only("content-disposition"),
        vary=head.headers.joined("vary"),
        content_length=head.content_length,
        received=pipeline.wire.count,
        size=pipeline.stored.count,
        sha256=sha256,
        wire_sha256=wire if wire != sha256 else None,
        digests=digests,
        verdict=report.verdict.value,
        verified=tuple(tier.name.lower() for tier in report.verified),
        completeness=Completeness.PROVED if proved else Completeness.UNVERIFIED,
        magic=sniff(pipeline.sample).value,
        strategy=strategy.name,
        local=facts,
        download_timestamp=now,
        checked_at=now,
        http_status=head.status,
        http_version=head.http_version,
        server_date=head.headers.only("date"),
        duration=(now - started).total_seconds(),
    )


def _remember(job: Job, target: _Target, record: ManifestRecord) -> Flow[None]:
    """Commit the record, and write its sidecar where one is wanted."""
    yield from ask(Call(lambda: target.shelf.put(record)))
    if job.options.sidecar:
        yield from _write_sidecar(target, _sidecar(record))
    yield from ask(Emit(events.Recorded(url=job.url, path=target.path)))


def _sidecar(record: ManifestRecord) -> bytes:
    """Return the sidecar of `record`, which tells of the transfer.

    When the source was last asked stands in the manifest only, so that a skip has nothing to write.
    """
    return render_sidecar(attrs.evolve(record, checked_at=record.download_timestamp))


def _settle_sidecar(target: _Target, record: ManifestRecord) -> Flow[None]:
    """Write the sidecar unless it stands: a run may have died before it came to it."""
    content = _sidecar(record)
    standing = yield from ask(HashFile(sidecar_path(target.path)))
    if standing is None or standing[0] != hashlib.sha256(content).hexdigest():
        yield from _write_sidecar(target, content)


def _write_sidecar(target: _Target, content: bytes) -> Flow[None]:
    beside = sidecar_path(target.path)
    temp = yield from ask(CreateTemp(beside))
    yield from ask(Write(temp, content))
    yield from ask(Flush(temp))
    yield from ask(Publish(temp, beside))
    yield from ask(SyncFolder(target.folder))
