"""The sidecar: readable, whole or refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from etagkit.errors import InvalidArgument, ManifestCorrupt, ManifestTooNew
from etagkit.manifest import ManifestRecord, parse_sidecar, render_sidecar, sidecar_path
from etagkit.manifest._sidecar import MAX_SIDECAR
from tests.unit.manifest._samples import NOON, full, sample


@pytest.mark.parametrize("record", [sample(), full()], ids=["plain", "full"])
def test_round_trip(record: ManifestRecord) -> None:
    """A sidecar gives back the record that it was made from."""
    assert parse_sidecar(render_sidecar(record)) == record


def test_it_is_a_text_file_for_people() -> None:
    """Indented JSON with a line end, the fields under their own names."""
    data = render_sidecar(full())
    assert data.endswith(b"}\n")
    assert b'\n  "source_url": "https://example.org/data/a.csv",\n' in data
    assert json.loads(data)["sha256"] == full().sha256


def test_equal_records_give_equal_octets() -> None:
    """Writing an unchanged record again changes no file."""
    assert render_sidecar(full()) == render_sidecar(full())


def test_layout_is_free_but_values_are_not() -> None:
    """White space and order may change; a changed, added or removed value is noticed."""
    fields = json.loads(render_sidecar(full()))
    assert parse_sidecar(json.dumps(dict(reversed(fields.items()))).encode()) == full()
    for changed in ({"size": 4}, {"note": "mine"}, {"crc32": "00000000"}, {"crc32": None}):
        with pytest.raises(ManifestCorrupt, match="damaged"):
            parse_sidecar(json.dumps({**fields, **changed}).encode())
    for name in fields:
        with pytest.raises(ManifestCorrupt):
            parse_sidecar(json.dumps({k: v for k, v in fields.items() if k != name}).encode())


def test_a_torn_sidecar_is_refused() -> None:
    """Whatever part of the file is there, only the whole is a sidecar."""
    data = render_sidecar(full())
    for end in range(len(data) - 2):
        with pytest.raises(ManifestCorrupt):
            parse_sidecar(data[:end])


def test_a_newer_sidecar_is_refused_as_newer() -> None:
    """A newer schema is told from damage, whatever its checksum means."""
    fields = json.loads(render_sidecar(full()))
    with pytest.raises(ManifestTooNew):
        parse_sidecar(json.dumps({**fields, "schema": 2}).encode())


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[]", b"{}", b"\xff\xfe{\0}\0", b"<html>", b" " * (MAX_SIDECAR + 1)),
        *(b'{"schema":1,"n":NaN}', b'{"schema":1,"n":-Infinity}', b'{"schema":1,"n":1e999}'),
    ],
    ids=["empty", "list", "nothing", "utf-16", "page", "huge", "nan", "infinite", "too-large"],
)
def test_something_else_is_refused(data: bytes) -> None:
    """A file that happens to have the name is no sidecar."""
    with pytest.raises(ManifestCorrupt):
        parse_sidecar(data)


def test_a_record_that_cannot_be_stored_is_refused() -> None:
    """A sidecar that nobody could read is not made."""
    with pytest.raises(InvalidArgument):
        render_sidecar(sample(download_timestamp=NOON.replace(tzinfo=None)))


def test_its_path_follows_the_file() -> None:
    """The whole name of the file is kept, so two files never share a sidecar."""
    assert sidecar_path("x/a.tar.gz") == "x/a.tar.gz.meta.json"
    assert sidecar_path(Path("a")) == "a.meta.json"


def test_it_holds_no_secret() -> None:
    """Passwords, tokens and signatures of the URLs are not written."""
    url = "https://me:hunter2@example.org/a?X-Amz-Signature=5ecre7&token=t0ken"
    data = render_sidecar(sample(source_url=url, final_url=url))
    assert not any(secret in data for secret in (b"hunter2", b"5ecre7", b"t0ken"))
