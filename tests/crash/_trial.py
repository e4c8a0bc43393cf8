"""One target in one state, what the source has for it, and what must hold whatever happens."""

from __future__ import annotations

import functools
import hashlib
import os
import ssl
import time
from typing import TYPE_CHECKING

import attrs
import httpx

from etagkit.drivers import Files
from etagkit.http import ETag
from etagkit.manifest import ManifestRecord, SQLiteManifest, parse_sidecar, sidecar_path
from etagkit.transfer import DownloadContext, FetchOptions, Skipped
from etagkit.transfer._decide import compare_local
from etagkit.transfer._model import LocalState
from tests.crash._job import Fetch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from etagkit.testing import Origin
    from etagkit.transfer import FetchResult

#: Octets of a body: several reads of a client, and several pages of a file system.
SIZE = 200_000

#: Two versions, no octet of one standing at the same place in the other, and an edit of the first.
OLD = bytes(range(1, 251)) * (SIZE // 250)
NEW = bytes(range(250, 0, -1)) * (SIZE // 250)
EDITED = OLD[:-1] + b"\xff"

PASSWORD = "hush"  # of the source, who does not ask for one

_NAME = "data.bin"


#: Seconds to wait for another process or thread; far more than a loaded machine needs.
PATIENCE = 30.0


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for what another process does to files, which nobody can be told of."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.001)


@functools.cache
def _no_authorities() -> ssl.SSLContext:
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def quick_client() -> httpx.Client:
    """Return a client that loads no certificates, for loopback needs none."""
    return httpx.Client(verify=_no_authorities(), trust_env=False)


@attrs.frozen(kw_only=True)
class Scene:
    """What stands where before the run that is disturbed.

    Attributes:
        recorded: what was fetched before; `None` for the first fetch ever.
        edited: what somebody put in its place since.
        source: what the source has.
        force, sidecar: what the run is told.
        loses_sidecar: the sidecar of what was fetched before is gone.
    """

    source: bytes
    recorded: bytes | None = None
    edited: bytes | None = None
    force: bool = False
    sidecar: bool = False
    loses_sidecar: bool = False

    @property
    def outcome(self) -> str:
        """What an undisturbed run returns."""
        idle = self.before == self.source and not self.force
        return "Skipped" if idle else "Fetched"

    @property
    def before(self) -> bytes | None:
        """What stands under the final name when the run begins."""
        return self.recorded if self.edited is None else self.edited


SCENES = {
    "fresh": Scene(source=NEW),
    "fresh with sidecar": Scene(source=NEW, sidecar=True),
    "update": Scene(recorded=OLD, source=NEW),
    "update with sidecar": Scene(recorded=OLD, source=NEW, sidecar=True),
    "refetch": Scene(recorded=NEW, source=NEW, force=True),
    "edited": Scene(recorded=OLD, edited=EDITED, source=OLD),
    "edited, another size": Scene(recorded=OLD, edited=b"mine", source=OLD),
    "edited and updated": Scene(recorded=OLD, edited=EDITED, source=NEW),
    "unchanged": Scene(recorded=OLD, source=OLD),
    "unchanged, sidecar lost": Scene(recorded=OLD, source=OLD, sidecar=True, loses_sidecar=True),
}


class Trial:
    """A scene, set up in a folder and at an origin of its own path."""

    def __init__(
        self,
        scene: Scene,
        origin: Origin,
        client: httpx.Client,
        folder: Path,
        *,
        manifest: Path | None = None,
    ) -> None:
        """Set the scene up; the manifest is the folder's own unless another is named."""
        folder.mkdir(exist_ok=True, parents=True)
        self.scene = scene
        self.manifest = folder / ".etagkit" / "manifest.sqlite" if manifest is None else manifest
        self.folder = folder
        self.path = str(folder / _NAME)
        self._origin = origin
        self._client = client
        self.route = f"{folder}/{_NAME}"
        if scene.recorded is not None:
            self.serve(scene.recorded)
            self.fetch()
        if scene.loses_sidecar:
            os.unlink(sidecar_path(self.path))
        if scene.edited is not None:
            (folder / _NAME).write_bytes(scene.edited)
        self.serve(scene.source)
        self._record_before = self.record()
        self._sidecar_before = self.sidecar()

    @property
    def job(self) -> Fetch:
        """The run that is to be disturbed."""
        return Fetch(
            url=self.url,
            to=self.path,
            manifest=str(self.manifest),
            force=self.scene.force,
            sidecar=self.scene.sidecar,
        )

    @property
    def url(self) -> str:
        """Where the source is, with a password that must not be shown anywhere."""
        return self._origin.url(self.route).replace("//", f"//me:{PASSWORD}@", 1)

    def serve(self, body: bytes) -> None:
        """Let the source have `body`."""
        self._origin.put(self.route, body, etag=_tag(body))

    def fetch(self) -> FetchResult:
        """Fetch undisturbed."""
        options = FetchOptions(sidecar=self.scene.sidecar)
        with DownloadContext(self._client, manifest=self.manifest) as context:
            return context.fetch(self.url, self.path, options=options)

    def content(self) -> bytes | None:
        """Return what stands under the final name."""
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def record(self) -> ManifestRecord | None:
        """Return the record in the manifest, if there is one."""
        if not self.manifest.exists():
            return None
        with SQLiteManifest(self.manifest) as manifest:
            return next(iter(manifest.records()), None)

    def sidecar(self) -> ManifestRecord | None:
        """Return the record beside the file, if there is one; a damaged one is an error."""
        try:
            with open(sidecar_path(self.path), "rb") as file:
                return parse_sidecar(file.read())
        except FileNotFoundError:
            return None

    def leftovers(self) -> list[str]:
        """Return the temporary files in the folder."""
        return sorted(name for name in os.listdir(self.folder) if name.endswith(".part"))

    # --- what must hold --------------------------------------------------------------------

    def check_safety(self) -> None:
        """What must hold at every moment: a whole file, and no record that could deceive."""
        content = self.content()
        assert content in {self.scene.before, self.scene.source}, "neither the old file nor the new"
        for record, before in (
            (self.record(), self._record_before),
            (self.sidecar(), self._sidecar_before),
        ):
            if record is None:
                continue
            if record != before:
                assert content == self.scene.source, "a new record stands beside the old file"
                assert record.sha256 == _sha256(self.scene.source)
            versions = {self.scene.recorded, self.scene.source}
            told = {(_tag(body), _sha256(body)) for body in versions if body is not None}
            assert (str(record.etag), record.sha256) in told, "validators of other bytes"
            if self._seems_to_fit(record):
                assert content is not None
                assert record.sha256 == _sha256(content), "a record that the local check believes"

    def check_untouched(self) -> None:
        """Nothing changed: the old file, the old record, no temporary file."""
        assert self.content() == self.scene.before
        assert self.record() == self._record_before
        assert self.sidecar() == self._sidecar_before
        assert self.leftovers() == []

    def check_repair(self) -> None:
        """The next run brings everything in order, and the one after it has nothing to do."""
        self.fetch()
        assert self.content() == self.scene.source
        kept = [self.record()]
        if self.scene.sidecar:
            kept.append(self.sidecar())
        for record in kept:
            assert record is not None
            assert record.etag == ETag(_tag(self.scene.source))
            assert record.sha256 == _sha256(self.scene.source)
            assert self._seems_to_fit(record)
        wanted = {_NAME} | ({f"{_NAME}.meta.json"} if self.scene.sidecar else set())
        assert set(os.listdir(self.folder)) - {".etagkit"} == wanted
        assert os.listdir(self.manifest.parent) == [self.manifest.name]
        self.check_rest()

    def check_rest(self) -> None:
        """One more run skips, at the price of one HEAD."""
        self._origin.clear_log()
        assert isinstance(self.fetch(), Skipped)
        assert [(each.method, each.status) for each in self._origin.log] == [("HEAD", 200)]

    def check_success(self) -> None:
        """A run that was not disturbed did its work."""
        self.check_safety()
        assert self.content() == self.scene.source
        assert self.leftovers() == []
        record = self.record()
        assert record is not None
        assert self._seems_to_fit(record)

    def _seems_to_fit(self, record: ManifestRecord) -> bool:
        return compare_local(record, Files().stat(self.path)) is LocalState.FITS


def _tag(body: bytes) -> str:
    return f'"{_sha256(body)[:16]}"'


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
