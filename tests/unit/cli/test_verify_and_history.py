"""`etagkit verify` and `etagkit history`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from etagkit.cli._exit import Fate
from etagkit.cli._verify import verify_code

if TYPE_CHECKING:
    from pathlib import Path

    from etagkit.testing import Origin
    from tests.unit.cli.conftest import Runs


@pytest.fixture
def mirror(origin: Origin, folder: Path, etagkit_: Runs) -> Path:
    """A folder with three fetched files."""
    urls = [origin.url(path) for path in ("/a.json", "/b.csv", "/c.bin")]
    assert etagkit_("get", *urls, "--to", "mirror").code == 0
    return folder / "mirror"


def test_a_whole_folder_is_fine(mirror: Path, etagkit_: Runs) -> None:
    """Every file is hashed and agrees: code 0."""
    done = etagkit_("verify", mirror)
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines()[0] == "3 ok"


def test_the_current_folder_is_the_default(
    mirror: Path, etagkit_: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a path, the folder that one stands in."""
    monkeypatch.chdir(mirror)
    assert etagkit_("verify").out.splitlines()[0] == "3 ok"


def test_every_kind_of_trouble_is_named(mirror: Path, etagkit_: Runs) -> None:
    """Missing, another size, other bytes of the same size, unknown: each with its word; code 5."""
    (mirror / "a.json").unlink()
    (mirror / "b.csv").write_bytes(b"short")
    (mirror / "c.bin").write_bytes(bytes(256))
    (mirror / "own.txt").write_text("mine", encoding="utf-8")
    (mirror / ".hidden").write_text("mine", encoding="utf-8")
    done = etagkit_("verify", mirror, "--json")
    assert done.code == 5
    statuses = {os.path.basename(each["path"]): each["status"] for each in done.objects}
    assert statuses == {
        "a.json": "missing",
        "b.csv": "differs",
        "c.bin": "differs",
        "own.txt": "unrecorded",
    }
    changed = next(each for each in done.objects if each["path"].endswith("c.bin"))
    assert changed["sha256"] != changed["recorded_sha256"]
    assert changed["size"] == changed["recorded_size"] == 256
    table = etagkit_("verify", mirror).out
    assert table.splitlines()[0] == "1 missing, 2 differs, 1 unrecorded"
    assert "size is 5, recorded 8" in table
    assert "sha256 is 5341e6b26469, recorded 40aff2e9d2d8" in table


def test_single_files(mirror: Path, etagkit_: Runs) -> None:
    """A file by name; one without a record failed, since that is what was asked for."""
    (mirror / "own.txt").write_text("mine", encoding="utf-8")
    assert etagkit_("verify", mirror / "a.json").code == 0
    assert etagkit_("verify", mirror / "own.txt").code == 1
    assert etagkit_("verify", mirror / "own.txt", mirror / "a.json").code == 4
    (mirror / "a.json").unlink()
    assert etagkit_("verify", mirror / "a.json").code == 5
    nothing = etagkit_("verify", mirror / "nothing")
    assert nothing.code == 1
    assert "neither a file nor a record" in nothing.err


def test_a_folder_without_a_manifest_cannot_be_verified(folder: Path, etagkit_: Runs) -> None:
    """That is an error, not "nothing differs"; and no manifest is left behind."""
    (folder / "plain").mkdir()
    done = etagkit_("verify", "plain")
    assert done.code == 1
    assert "there is no manifest here" in done.err
    assert list((folder / "plain").iterdir()) == []


def test_folders_below_are_verified(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """Each by its own manifest, in order, whether or not the folder above has one; links not."""
    for place in ("top/b/", "top/a/deep/"):
        etagkit_("get", origin.url("/a.json"), "--to", place)
    (folder / "elsewhere").mkdir()
    etagkit_("get", origin.url("/b.csv"), "--to", "elsewhere/")
    (folder / "top" / "link").symlink_to(folder / "elsewhere")
    (folder / "top" / "b" / "own.txt").write_text("mine", encoding="utf-8")
    done = etagkit_("verify", "top", "--json")
    paths = [os.path.relpath(each["path"], folder / "top") for each in done.objects]
    assert (done.code, paths) == (0, ["a/deep/a.json", "b/a.json", "b/own.txt"])
    (folder / "top" / "a" / "deep" / "a.json").write_bytes(b"broken")
    assert etagkit_("verify", "top").code == 5
    etagkit_("get", origin.url("/c.bin"), "--to", "top/")
    assert etagkit_("verify", "top").out.splitlines()[0] == "2 ok, 1 differs, 1 unrecorded"


def test_a_manifest_below_that_cannot_be_read_is_no_pass(
    origin: Origin, folder: Path, etagkit_: Runs
) -> None:
    """The others are looked at; its own files are neither fine nor unrecorded."""
    for place in ("top/a/", "top/b/"):
        etagkit_("get", origin.url("/a.json"), "--to", place)
    (folder / "top" / "a" / ".etagkit" / "manifest.sqlite").write_bytes(b"no database" * 99)
    done = etagkit_("verify", "top")
    assert done.code == 4
    assert done.out.splitlines()[0] == "1 ok"
    assert done.err.startswith("failed: ")


def test_two_manifests_of_one_file(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """The later record counts, whichever manifest has it."""
    above = folder / "top" / ".etagkit" / "manifest.sqlite"
    etagkit_("get", origin.url("/a.json"), "--to", "top/sub/", "--manifest", above)
    origin.put("/a.json", b"[2]", etag='"v2"')
    etagkit_("get", origin.url("/a.json"), "--to", "top/sub/", "--force")
    assert etagkit_("verify", "top").out.splitlines()[0] == "1 ok"


def test_a_file_that_cannot_be_read_is_no_pass(mirror: Path, etagkit_: Runs) -> None:
    """Here a folder has taken the file's name: unreadable, never ok."""
    (mirror / "a.json").unlink()
    (mirror / "a.json").mkdir()
    done = etagkit_("verify", mirror, "--json")
    assert done.code == 4
    seen = next(each for each in done.objects if each["path"].endswith("a.json"))
    assert seen["status"] == "unreadable"
    assert seen["error"]["kind"] == "local_file"


def test_sidecars_belong_to_their_files(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """The sidecar of a recorded file is not an unrecorded file."""
    etagkit_("get", origin.url("/a.json"), "--to", "to/", "--sidecar")
    assert etagkit_("verify", "to").out.splitlines()[0] == "1 ok"


def test_a_manifest_of_several_folders(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """One named manifest describes files in folders below and elsewhere; each folder by itself."""
    for number, name in enumerate(("/a.json", "/b.csv")):
        etagkit_("get", origin.url(name), "--to", f"d{number}/", "--manifest", "all.sqlite")
    assert etagkit_("verify", "--manifest", "all.sqlite", "d0").out.splitlines()[0] == "1 ok"
    both = etagkit_("verify", "--manifest", "all.sqlite", "--json")
    assert [os.path.basename(each["path"]) for each in both.objects if each["status"] == "ok"] == [
        "a.json",
        "b.csv",
    ]


def test_the_default_manifest_may_be_named(mirror: Path, etagkit_: Runs) -> None:
    """By its path it says the same as by its folder."""
    manifest = mirror / ".etagkit" / "manifest.sqlite"
    assert etagkit_("verify", mirror, "--manifest", manifest).out.splitlines()[0] == "3 ok"


def test_the_last_published_record_counts(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """Two sources were fetched to one file on purpose: it is held against the later one."""
    etagkit_("get", origin.url("/a.json"), "--to", "one.file")
    etagkit_("get", origin.url("/b.csv"), "--to", "one.file")
    assert etagkit_("verify").out.splitlines()[0] == "1 ok"


def test_what_differs_outweighs_what_cannot_be_told() -> None:
    """Wrong bytes are the worst news."""
    assert verify_code([Fate.FAILED, Fate.CORRUPT, Fate.UNCHANGED]) == 5


# --- history -------------------------------------------------------------------------------------


def test_versions_newest_first(
    origin: Origin, mirror: Path, etagkit_: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By file from anywhere, by URL in the folder; the same versions, the newest first."""
    origin.put("/a.json", b"[2]", etag='"v2"')
    etagkit_("get", origin.url("/a.json"), "--to", "mirror/")
    by_path = etagkit_("history", mirror / "a.json", "--json")
    assert by_path.code == 0
    assert [(each["version"], each["etag"]) for each in by_path.objects] == [
        (2, '"v2"'),
        (1, '"v1"'),
    ]
    assert by_path.objects[0]["path"] == str(mirror / "a.json")
    monkeypatch.chdir(mirror)
    assert etagkit_("history", origin.url("/a.json"), "--json").objects == by_path.objects
    table = etagkit_("history", "a.json").out
    assert table.index('"v2"') < table.index('"v1"')
    assert str(mirror / ".etagkit" / "manifest.sqlite") in table


def test_rows_of_several_sources_are_told_apart(origin: Origin, etagkit_: Runs) -> None:
    """Each row has the number of its source, and the lines below say which that is."""
    for name in ("/a.json", "/b.csv"):
        etagkit_("get", origin.url(name), "--to", "one.file", "--force")
    lines = etagkit_("history", "one.file").out.splitlines()
    assert lines[1].split()[:2] == ["version", "source"]
    assert [line.split()[1] for line in lines[3:5]] == ["1", "2"]
    assert lines[5:7] == [f"source 1: {origin.url('/b.csv')}", f"source 2: {origin.url('/a.json')}"]


def test_a_version_that_came_again_is_held_since_the_first_time(
    origin: Origin, mirror: Path, etagkit_: Runs
) -> None:
    """Fetched again it stays the same version, and the date of its last fetch stands beside."""
    (first,) = etagkit_("history", mirror / "a.json", "--json").objects
    assert first["held_since"] == first["fetched"]
    assert "fetched (UTC)" not in etagkit_("history", mirror / "a.json").out
    etagkit_("get", origin.url("/a.json"), "--to", "mirror/", "--force")
    (again,) = etagkit_("history", mirror / "a.json", "--json").objects
    assert again["held_since"] == first["fetched"] < again["fetched"]
    head = etagkit_("history", mirror / "a.json").out.splitlines()[1]
    assert head.index("held since (UTC)") < head.index("fetched (UTC)")


def test_what_all_rows_share_is_told_once(origin: Origin, mirror: Path, etagkit_: Runs) -> None:
    """Source and verdict stand below, not in each row; the file was named by the caller."""
    text = etagkit_("history", mirror / "a.json").out
    assert "file" not in text.splitlines()[1]
    assert f"source: {origin.url('/a.json')}" in text.splitlines()
    assert "verdict: consistent" in text.splitlines()


def test_a_file_that_is_gone_has_its_history(mirror: Path, etagkit_: Runs) -> None:
    """Records outlive files."""
    (mirror / "a.json").unlink()
    assert etagkit_("history", mirror / "a.json").code == 0


@pytest.mark.parametrize("what", ["mirror/none", "http://h/none", "elsewhere/x"])
def test_what_was_never_fetched_has_no_history(what: str, mirror: Path, etagkit_: Runs) -> None:
    """An error that says what to name, on standard error."""
    done = etagkit_("history", what)
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: there is no ")


def test_a_file_that_is_no_manifest(folder: Path, etagkit_: Runs) -> None:
    """It is refused and left as it is."""
    (folder / "notes.txt").write_text("not a database, but some text of mine" * 9, encoding="utf-8")
    done = etagkit_("history", "http://h/a", "--manifest", "notes.txt")
    assert done.code == 1
    assert "error: " in done.err
