"""How a kind of file is downloaded: what its bytes pass through, and which of them are stored.

A strategy proves something about its kind while the bytes stream by: gzip to the end of its last
member, JSON to its closing bracket. Strategies compose: the JSON inside a gzip is checked by
`GzipDownloadStrategy(JsonDownloadStrategy())`. A subclass needs a `name`, `accepts` and `stages`.
"""

from __future__ import annotations

import abc
import os
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from etagkit.errors import InvalidArgument
from etagkit.transfer._decide import check_url, is_json
from etagkit.transfer._flow_fetch import Job, fetch
from etagkit.transfer._gunzip import GunzipStage, UndoGzipStage
from etagkit.transfer._json import JsonStage
from etagkit.transfer._magic import Magic
from etagkit.transfer._model import Coding, FetchOptions, FetchResult, RemoteFileIntent
from etagkit.transfer._pipeline import Pipeline, Stage
from etagkit.transfer._session import AsyncSession, Manifests, Session

if TYPE_CHECKING:
    from etagkit.drivers import AsyncHttpClient, HttpClient
    from etagkit.manifest import ManifestStore


class DownloadStrategy(abc.ABC):
    """How one kind of file is downloaded; subclass it for your own kind.

    `name` goes into the record. `proves` says in words what a finished download has shown.
    """

    proves: ClassVar[str] = "nothing beyond the transfer"

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """What the record calls this strategy; another stored form needs another name."""

    @abc.abstractmethod
    def accepts(self, intent: RemoteFileIntent, /) -> bool:
        """Whether this strategy is made for what the prober saw."""

    def stages(self) -> tuple[Stage, ...]:
        """Return fresh stages that the body passes through, in order."""
        return ()

    @property
    def store_after(self) -> int:
        """How many stages the bytes pass before they are stored; 0 stores them as sent."""
        return 0

    def stored_name(self, name: str, /) -> str:
        """Return what a file called `name` at the source is called in a folder here."""
        return name

    def pipeline(self, *, coding: Coding, max_stored: int | None) -> Pipeline:
        """Return a fresh pipeline, which undoes a content coding before all else."""
        before: tuple[Stage, ...] = ()
        if coding is Coding.GZIP:
            before = (GunzipStage(),)
        elif coding is Coding.GZIP_OR_LABEL:
            before = (UndoGzipStage(),)
        return Pipeline(
            stages=(*before, *self.stages()),
            store_after=len(before) + self.store_after,
            max_stored=max_stored,
        )

    def execute(
        self,
        url: str,
        path: str | os.PathLike[str],
        *,
        client: HttpClient | None = None,
        manifest: ManifestStore | str | os.PathLike[str] | None = None,
        options: FetchOptions | None = None,
    ) -> FetchResult:
        """Download `url` to `path` in this way, unless what is there is current and whole.

        `path` is a file, or a folder that then gets a file named after the URL. Without a `client`
        one is made for this call; without a `manifest` the one of the target's folder is used.

        Raises:
            EtagKitError: see `etagkit.errors`; what stood there before still does, unless the error
                is marked as `published`: then only the record could not be made.
        """
        session, manifests = Session(client), Manifests(manifest)
        try:
            return session.run(fetch(self._job(url, path, manifests, options)))
        finally:
            session.close()
            manifests.close()

    async def aexecute(
        self,
        url: str,
        path: str | os.PathLike[str],
        *,
        client: AsyncHttpClient | None = None,
        manifest: ManifestStore | str | os.PathLike[str] | None = None,
        options: FetchOptions | None = None,
    ) -> FetchResult:
        """Async twin of `execute`."""
        session, manifests = AsyncSession(client), Manifests(manifest)
        try:
            return await session.run(fetch(self._job(url, path, manifests, options)))
        finally:
            await session.aclose()
            manifests.close()

    def _job(
        self,
        url: str,
        path: str | os.PathLike[str],
        manifests: Manifests,
        options: FetchOptions | None,
    ) -> Job:
        return job_of(url, path, manifests, options, (self,), insists=True)

    def __repr__(self) -> str:
        """Show the name and what it proves."""
        return f"<{type(self).__name__} {self.name!r}: proves {self.proves}>"


def job_of(
    url: str,
    path: str | os.PathLike[str],
    manifests: Manifests,
    options: FetchOptions | None,
    strategies: tuple[DownloadStrategy, ...],
    *,
    insists: bool,
) -> Job:
    """Return the job for one call of a facade.

    Raises:
        InvalidArgument: `path` is no path.
    """
    check_url(url)
    for strategy in strategies:
        _check_strategy(strategy)
    if options is not None and not isinstance(options, FetchOptions):
        raise InvalidArgument(
            "options are FetchOptions", found=type(options).__name__, expected="FetchOptions(...)"
        )
    try:
        to = os.fsdecode(path)
        to.encode(errors="surrogateescape")
    except (TypeError, UnicodeEncodeError) as exc:
        raise InvalidArgument(
            "the target must be a path", found=type(path).__name__, expected="str or Path"
        ) from exc
    if not to or "\0" in to:
        raise InvalidArgument("the target must be a path", found=to, expected="a file or a folder")
    return Job(
        url=url,
        to=to,
        options=options or FetchOptions(),
        shelf=manifests.shelf,
        strategies=strategies,
        insists=insists,
    )


def _check_strategy(strategy: object) -> None:
    """Refuse now what would fail after the transfer."""
    if isinstance(strategy, type):
        raise InvalidArgument(
            "a strategy is an instance, not a class",
            found=strategy.__name__,
            advice=f"call it: {strategy.__name__}()",
        )
    name: object = getattr(strategy, "name", None)
    if not isinstance(strategy, DownloadStrategy) or not (isinstance(name, str) and name):
        raise InvalidArgument(
            "a strategy is an instance of DownloadStrategy, with text for a name", found=strategy
        )


class BinaryDownloadStrategy(DownloadStrategy):
    """Stores the bytes as they are; takes anything."""

    @property
    def name(self) -> str:
        """`binary`."""
        return "binary"

    def accepts(self, intent: RemoteFileIntent, /) -> bool:  # noqa: ARG002  it takes anything
        """Always."""
        return True


class JsonDownloadStrategy(DownloadStrategy):
    """Stores the bytes as they are, and proves that they are one well-formed JSON text.

    RFC 8259, UTF-8; checked while streaming, in bounded memory, whatever the size.
    """

    proves: ClassVar[str] = "one well-formed JSON text"

    @property
    def name(self) -> str:
        """`json`."""
        return "json"

    def accepts(self, intent: RemoteFileIntent, /) -> bool:
        """Whether the bytes begin like JSON and the name or the declared type promise it."""
        return intent.magic is Magic.JSON and is_json(intent.url, intent.content_type)

    def stages(self) -> tuple[Stage, ...]:
        """Return the checker."""
        return (JsonStage(),)


def _strategy_or_none(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if value is not None and not isinstance(value, DownloadStrategy):
        raise InvalidArgument(f"{attribute.name} is no strategy", found=value)


@attrs.frozen(repr=False)
class GzipDownloadStrategy(DownloadStrategy):
    """Checks a gzip stream through every member to its end.

    `inside` is the strategy for the decoded content, if it is to be checked as well. With
    `decode=True` the decoded bytes are stored, otherwise the gzip as sent.
    """

    inside: DownloadStrategy | None = attrs.field(default=None, validator=_strategy_or_none)
    decode: bool = attrs.field(default=False, kw_only=True)

    proves: ClassVar[str] = "every gzip member to its end, by length and CRC-32"

    @property
    def name(self) -> str:
        """`gzip`, with `+` what is inside, and `:decoded` where the decoded bytes are stored."""
        inner = "" if self.inside is None else f"+{self.inside.name}"
        return f"gzip{inner}{':decoded' if self.decode else ''}"

    def accepts(self, intent: RemoteFileIntent, /) -> bool:
        """Whether the bytes begin like gzip, and what is inside suits the inner strategy."""
        if intent.magic is not Magic.GZIP:
            return False
        return self.inside is None or self.inside.accepts(
            attrs.evolve(intent, magic=intent.inner, inner=None)
        )

    def stored_name(self, name: str, /) -> str:
        """Return the name without `.gz` where the decoded bytes are stored.

        >>> GzipDownloadStrategy(decode=True).stored_name("data.json.gz")
        'data.json'
        """
        short = name[: -len(".gz")] if name.lower().endswith(".gz") else name
        return short if self.decode and short else name

    def stages(self) -> tuple[Stage, ...]:
        """Return the decoder, then what the inner strategy checks."""
        return (GunzipStage(), *(() if self.inside is None else self.inside.stages()))

    @property
    def store_after(self) -> int:
        """One stage where the decoded bytes are stored."""
        return 1 if self.decode else 0


def default_strategies(*, decode: bool = False) -> tuple[DownloadStrategy, ...]:
    """Return the strategies that are tried, in order; the last takes anything.

    With `decode=True` gzip files are stored decoded.
    """
    return (
        GzipDownloadStrategy(JsonDownloadStrategy(), decode=decode),
        GzipDownloadStrategy(decode=decode),
        JsonDownloadStrategy(),
        BinaryDownloadStrategy(),
    )
