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

import contextlib
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
    Now,
    Publish,
    Release,
    SyncFolder,
    Temp,
    ask,
)
from etagkit.http import Framing, Head, Sameness, Validators
from etagkit.integrity import IntegrityReport, Observed, Verdict, evidence_of, judge_integrity
from etagkit.manifest import (
    Completeness,
    ManifestRecord,
)
from etagkit.transfer import _decide
from etagkit.transfer._flow_probe import intent_of, look, probe
from etagkit.transfer._flow_request import Reached, about, follow
from etagkit.transfer._flow_sidecar import check_sidecar, keep_sidecar
from etagkit.transfer._flow_target import Keeping, Target, hash_local, local_state, settle
from etagkit.transfer._magic import sniff
from etagkit.transfer._model import (
    Coding,
    Fetched,
    FetchOptions,
    FetchResult,
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
        ...

    def accepts(self, intent: RemoteFileIntent, /) -> bool:
        """Whether this strategy is made for what was seen."""
        ...

    def stored_name(self, name: str, /) -> str:
        """Return what a file called `name` at the source is called here."""
        ...

    def pipeline(self, *, coding: Coding, max_stored: int | None) -> Pipeline:
        """Return a fresh pipeline, which undoes a content coding before all else."""
        ...


@attrs.frozen(kw_only=True)
class Job:
    """One fetch, as the caller wants it. `strategies` holds one where the caller insists on it."""

    url: str
    to: str
    options: FetchOptions
    shelf: Callable[[str], Keeping]
    strategies: Sequence[Storing]
    insists: bool = False


def fetch(job: Job) -> Flow[FetchResult]:
    """Bring `job.url` to `job.to` unless it is there already; see the module's head."""
    with about(job.url, job.to):
        _decide.check_url(job.url)
        target = yield from settle(
            job.url, job.to, job.shelf, lambda name: _rename(name, job.strategies)
        )
        try:
            return (yield from _fetch_to(job, target))
        except EtagKitError as exc:
            exc.about(url=job.url, path=target.path)
            failed = events.Failed(
                url=job.url,
                path=target.path,
                kind=exc.kind,
                message=exc.reason,
                published=exc.published,
            )
            with contextlib.suppress(Exception):  # a listener's own trouble may not hide this one
                yield from ask(Emit(failed))
            raise


def _rename(name: str, strategies: Sequence[Storing]) -> str:
    """Return the name in a folder: the source's, or what the first that changes it makes of it."""
    for strategy in strategies:
        stored = strategy.stored_name(name)
        if stored != name:
            _decide.check_name(stored, strategy.name)
            return stored
    return name


def _fetch_to(job: Job, target: Target) -> Flow[FetchResult]:
    if job.options.sidecar:
        yield from check_sidecar(target.path)
    local, facts = yield from local_state(target.path, target.record, job.options.local_check)
    taken = _decide.refuse_target(job.url, target.path, target.other, facts, job.options)
    if taken is not None:
        raise taken
    intent = yield from _probe(job, target.record)
    if local is LocalState.TOUCHED and intent is not None and intent.known is Sameness.SAME:
        local, facts = yield from hash_local(target.path, target.record)
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
    if decision.reason is Reason.UNRECORDED_FILE:
        yield from ask(Emit(events.Replacing(url=job.url, path=target.path)))
    return (yield from _transfer_settled(job, target, intent, decision.reason))


def _probe(job: Job, record: ManifestRecord | None) -> Flow[RemoteFileIntent | None]:
    """Probe as far as the answer matters: a strategy insisted on needs no sample."""
    if job.insists:
        return None if record is None else (yield from probe(job.url, record, sample=0))
    return (yield from probe(job.url, record))


def _transfer_settled(
    job: Job, target: Target, intent: RemoteFileIntent | None, reason: Reason
) -> Flow[Fetched]:
    """Transfer, and start over where the source moved under way; a bounded number of times."""
    for _ in range(_RESTARTS):
        try:
            return (yield from _transfer(job, target, intent, reason))
        except SourceChanged:
            if not job.insists:
                intent = yield from probe(job.url)
    return (yield from _transfer(job, target, intent, reason))


def _skip(
    job: Job, target: Target, record: ManifestRecord, decision: Skip, facts: FileFacts | None
) -> Flow[Skipped]:
    now = yield from ask(Now())
    yield from ask(Call(lambda: target.shelf.touch(target.resource, now, facts)))
    fresh = attrs.evolve(record, checked_at=now, local=facts)
    yield from keep_sidecar(target.path, fresh, wanted=job.options.sidecar)
    yield from ask(Emit(events.Skipped(url=job.url, path=target.path, reason=str(decision.reason))))
    return Skipped(url=job.url, path=Path(target.path), reason=decision.reason, record=fresh)


def _transfer(
    job: Job, target: Target, intent: RemoteFileIntent | None, reason: Reason
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
        coding=_decide.undo_coding(job.url, head), max_stored=job.options.max_bytes
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
    facts = yield from _publish(target, temp)
    try:
        yield from _tell_published(job, target, pipeline)
        now = yield from ask(Now())
        record = _record(job, target, reached, pipeline, report, strategy, facts, (started, now))
        record = yield from _remember(job, target, record)
    except EtagKitError as exc:
        exc.published = True
        raise
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
    job: Job, target: Target, answer: Answer, pipeline: Pipeline, temp: Temp
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
    job: Job, target: Target, intent: RemoteFileIntent | None, head: Head, pipeline: Pipeline
) -> IntegrityReport:
    """Return the report if the bytes may be published; raise why not otherwise."""
    earlier = None if target.record is None else target.record.magic
    unfit: IntegrityError | None = None
    if intent is not None:
        unfit = _decide.refuse_size(intent, head, pipeline.wire.count)
    if unfit is None:
        unfit = _decide.refuse_content(
            job.url,
            head,
            sniff(pipeline.sample),
            sent=sniff(pipeline.wire_sample),
            expected=job.options.expected_type,
            earlier=earlier,
        )
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


def _publish(target: Target, temp: Temp) -> Flow[FileFacts]:
    yield from ask(Flush(temp))
    return (yield from ask(Publish(temp, target.path)))


def _tell_published(job: Job, target: Target, pipeline: Pipeline) -> Flow[None]:
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


def _record(  # noqa: PLR0913, PLR0917  the facts of a whole fetch meet here
    job: Job,
    target: Target,
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


def _remember(job: Job, target: Target, record: ManifestRecord) -> Flow[ManifestRecord]:
    """Commit the record, and then its sidecar; return the record as it is kept."""
    kept = yield from ask(Call(lambda: target.shelf.put(record)))
    yield from keep_sidecar(target.path, kept, wanted=job.options.sidecar)
    yield from ask(Emit(events.Recorded(url=job.url, path=target.path)))
    return kept
