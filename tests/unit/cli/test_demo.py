"""`etagkit demo`: three runs against a real server, and an honest exit code."""

from __future__ import annotations

import os
import shlex
import zlib
from typing import TYPE_CHECKING

from etagkit.cli import _demo
from etagkit.cli._demo_files import demo_files, png, prices

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.unit.cli.conftest import Runs


def test_the_three_tables(folder: Path, process: Runs) -> None:
    """Six fetched, six skipped without a body byte, one fetched; then where the manifest lies."""
    done = process("demo", "--keep", "kept")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line for line in lines if line[:2] in {"1.", "2.", "3."}] == [
        "1. first run: 6 fetched",
        "2. nothing changed: 6 skipped",
        "3. one file changed: 1 fetched, 5 skipped",
    ]
    assert "   cost: 6 requests, 0 body bytes (0 B)" in lines
    changed = [line.split() for line in lines if " source changed " in line]
    assert [words[:2] for words in changed] == [["prices.csv", "fetched"]]
    manifest = folder / "kept" / ".etagkit" / "manifest.sqlite"
    assert f"The manifest lies in {manifest}" in lines
    assert manifest.exists()


def test_what_it_recommends_works(folder: Path, etagkit_: Runs) -> None:
    """The commands in its last lines run as they stand there."""
    done = etagkit_("demo", "--keep", "a folder")
    advice = [shlex.split(line) for line in done.out.splitlines() if line.startswith("  etagkit")]
    assert [words[1] for words in advice] == ["verify", "history"]
    verified, versions = (etagkit_(*words[1:]) for words in advice)
    assert verified.out.splitlines()[0] == "6 ok"
    assert [line.split()[0] for line in versions.out.splitlines()[3:5]] == ["2", "1"]


def test_without_a_folder_the_temporary_one_stays(
    folder: Path, etagkit_: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path that is printed is worth something afterwards."""
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    done = etagkit_("demo")
    assert done.code == 0
    (made,) = folder.glob("etagkit-demo-*")
    assert str(made) in done.out
    assert (made / "model.bin").stat().st_size == 1024 * 1024


def test_a_folder_with_something_in_it_is_left_alone(folder: Path, etagkit_: Runs) -> None:
    """It could hold files of the same names."""
    (folder / "mine").mkdir()
    (folder / "mine" / "prices.csv").write_text("mine", encoding="utf-8")
    done = etagkit_("demo", "--keep", "mine")
    assert done.code == 2
    assert os.listdir(folder / "mine") == ["prices.csv"]


def test_wrong_counts_are_an_error(
    folder: Path, etagkit_: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the file at the origin does not change after all, the third run gives it away."""
    monkeypatch.setattr(_demo, "prices", lambda _: prices("19.90"))
    done = etagkit_("demo", "--keep", "kept")
    assert done.code == 1
    assert "did not come to what they must" in done.err


def test_proxies_do_not_matter(
    folder: Path, etagkit_: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is on this machine, whatever the environment says about others."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    assert etagkit_("demo", "--keep", "kept").code == 0


def test_the_files_are_of_several_types_and_always_the_same() -> None:
    """Six names, six types, equal bytes each time."""
    files = demo_files()
    assert len({file.content_type for file in files}) == len({file.name for file in files}) == 6
    assert files == demo_files()


def test_the_picture_is_a_picture() -> None:
    """Signature, size and as many samples as it says."""
    picture = png(5, 3)
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    start = picture.index(b"IDAT")
    length = int.from_bytes(picture[start - 4 : start], "big")
    assert len(zlib.decompress(picture[start + 4 : start + 4 + length])) == 3 * (5 + 1)
