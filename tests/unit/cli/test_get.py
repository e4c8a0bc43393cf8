"""`etagkit get`: outcomes, what is printed where, and what stops nothing."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from etagkit.cli._get import plan_orders
from etagkit.cli._items import Failure, Item, Outcome, count_words
from etagkit.cli._octets import parse_octets
from etagkit.testing import CloseDelimited, Cut, Drip, LoginPage, NoValidators, Status

if TYPE_CHECKING:
    from pathlib import Path

    from etagkit.testing import Origin
    from tests.unit.cli.conftest import Runs

A_HASH = hashlib.sha256(b'{"a": 1}').hexdigest()


def test_fetched_then_skipped(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """The first run brings the files, the second only asks; data on stdout, the way on stderr."""
    urls = [origin.url("/a.json"), origin.url("/b.csv")]
    first = etagkit_("get", *urls, "--to", "to")
    assert first.code == 0
    assert first.out.splitlines()[0] == "2 fetched"
    assert A_HASH[:12] in first.out
    assert [line.split(":")[0] for line in first.err.splitlines()] == ["fetched", "fetched"]
    assert (folder / "to" / "a.json").read_bytes() == b'{"a": 1}'
    origin.clear_log()
    second = etagkit_("get", *urls, "--to", "to")
    assert (second.code, second.out.splitlines()[0]) == (0, "2 skipped")
    assert [exchange.body_sent for exchange in origin.log] == [0, 0]


def test_json_is_one_object_for_each_url(origin: Origin, folder: Path, process: Runs) -> None:
    """Only NDJSON goes to standard output, with the same fields for each outcome."""
    process("get", origin.url("/a.json"), "--to", "to/")
    done = process(
        *("get", "--json", "--to", "to"),
        *(origin.url("/a.json"), origin.url("/b.csv"), origin.url("/none?token=s3cret")),
    )
    skipped, fetched, failed = done.objects
    assert done.code == 4
    assert skipped == {
        "url": origin.url("/a.json"),
        "path": str(folder / "to" / "a.json"),
        "outcome": "skipped",
        "changed": False,
        "reason": "unchanged",
        "size": 8,
        "sha256": A_HASH,
        "etag": '"v1"',
        "verdict": "consistent",
        "verified": ["version", "transfer"],
        "error": None,
    }
    assert (fetched["outcome"], fetched["reason"]) == ("fetched", "never fetched")
    assert failed.keys() == fetched.keys() == skipped.keys()
    assert (failed["outcome"], failed["path"], failed["sha256"]) == ("failed", None, None)
    assert failed["error"]["kind"] == "status"
    assert failed["error"]["retryable"] is False
    assert "s3cret" not in done.out + done.err


def test_one_bad_url_stops_nothing(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """The others are fetched, the table names all, and standard error says what was wrong."""
    done = etagkit_("get", origin.url("/none"), "not-a-url", origin.url("/b.csv"), "--to", "to")
    assert done.code == 4
    assert done.out.splitlines()[0] == "1 fetched, 2 failed"
    assert done.err.count("failed: ") == 2
    assert (folder / "to" / "b.csv").exists()


@pytest.mark.parametrize(("urls", "code"), [(["/none"], 1), (["/none", "/nothing"], 4)])
def test_failures_have_their_codes(
    urls: list[str], code: int, origin: Origin, etagkit_: Runs
) -> None:
    """A URL alone gives 1, of several 4."""
    assert etagkit_("get", *map(origin.url, urls)).code == code


def test_wrong_bytes_are_code_5(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """A digest that does not agree: nothing is published, the old file stays."""
    (folder / "a.json").write_text("old", encoding="utf-8")
    done = etagkit_("get", origin.url("/a.json"), "--expect-sha256", "0" * 64)
    assert done.code == 5
    assert (folder / "a.json").read_text(encoding="utf-8") == "old"
    assert etagkit_("get", origin.url("/a.json"), "--expect-sha256", A_HASH.upper()).code == 0
    assert etagkit_("get", origin.url("/b.csv"), "--expect-size", "7").code == 5


def test_a_login_page_is_code_5(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """A page in the place of the file is wrong bytes, however well it came."""
    origin.always("/c.bin", LoginPage())
    origin.always("/a.json", LoginPage())
    assert etagkit_("get", origin.url("/a.json")).code == 5
    assert not (folder / "a.json").exists()


def test_a_cut_body_publishes_nothing(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """It is an error of the source, worth another try, and says so."""
    origin.always("/c.bin", Cut(after=100))
    done = etagkit_("get", origin.url("/c.bin"), "--json")
    assert done.code == 1
    assert done.objects[0]["error"]["retryable"] is True
    assert not (folder / "c.bin").exists()


def test_forced_and_checked(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """`--force` transfers again; `--check-hash` sees what size and times do not tell."""
    url = origin.url("/a.json")
    etagkit_("get", url)
    assert etagkit_("get", url, "--force", "--json").objects[0]["reason"] == "forced"
    assert etagkit_("get", url, "--check-hash", "--json").objects[0]["outcome"] == "skipped"


def test_unchanged_is_told_when_asked(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """3 if no file had to change; a repaired or changed file is a change, equal bytes are none."""
    url = origin.url("/a.json")
    assert etagkit_("get", url, "--exit-unchanged").code == 0
    assert etagkit_("get", url).code == 0
    assert etagkit_("get", url, "--exit-unchanged").code == 3
    assert etagkit_("get", url, "--exit-unchanged", "--force").code == 3
    (folder / "a.json").unlink()
    assert etagkit_("get", url, "--exit-unchanged").code == 0
    origin.put("/a.json", b"{}")
    assert etagkit_("get", url, "--exit-unchanged").code == 0
    assert etagkit_("get", url, origin.url("/none"), "--exit-unchanged").code == 4


def test_the_same_bytes_again_are_told(origin: Origin, etagkit_: Runs) -> None:
    """A source without validators is transferred each time; that nothing changed is said."""
    origin.put("/plain", b"x")
    origin.always("/plain", NoValidators())
    url = origin.url("/plain")
    first = etagkit_("get", url, "--json")
    assert (first.objects[0]["outcome"], first.objects[0]["changed"]) == ("fetched", True)
    again = etagkit_("get", url, "--json", "--exit-unchanged")
    assert (again.code, again.objects[0]["changed"]) == (3, False)
    assert again.objects[0]["reason"] == "source gives no comparable validator"
    table = etagkit_("get", url, origin.url("/a.json"), "--to", ".")
    assert table.out.splitlines()[0] == "1 fetched, 1 fetched again (same bytes)"
    assert "validator; same bytes" in table.out
    assert "validator; same bytes)" in table.err


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "--netrc"), (403, "has not expired"), (407, "--proxy http://USER")],
)
def test_advice_is_that_of_the_command_line(
    status: int, words: str, origin: Origin, etagkit_: Runs
) -> None:
    """It names options, not arguments of Python calls."""
    origin.always("/a.json", Status(status))
    done = etagkit_("get", origin.url("/a.json"))
    assert words in done.err
    assert "pass " not in done.err


def test_what_may_not_be_replaced_names_the_options(origin: Origin, etagkit_: Runs) -> None:
    """Bytes that nothing proves, or a login page: what to do stands there as options."""
    origin.always("/b.csv", CloseDelimited())
    assert "--accept-unverified" in etagkit_("get", origin.url("/b.csv")).err
    origin.always("/a.json", LoginPage())
    assert "check --netrc or --header" in etagkit_("get", origin.url("/a.json")).err


def test_urls_from_a_file(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """One a line; white space, blank lines and comments do not count, bad lines are items."""
    (folder / "list").write_bytes(
        b"\xef\xbb\xbf# ours\r\n  %s \r\n\n\tnot a url\n\xff\n" % origin.url("/a.json").encode()
    )
    done = etagkit_("get", origin.url("/b.csv"), "--from", "list", "--to", "to", "--json")
    assert done.code == 4
    outcomes = [each["outcome"] for each in done.objects]
    assert outcomes == ["fetched", "fetched", "failed", "failed"]
    assert "line 4 of list: " in done.objects[2]["error"]["message"]
    assert "line 5 of list is not UTF-8" in done.objects[3]["error"]["message"]
    assert sorted(file.name for file in (folder / "to").iterdir()) == [
        ".etagkit",
        "a.json",
        "b.csv",
    ]


def test_urls_from_standard_input(
    origin: Origin, folder: Path, environment: dict[str, str]
) -> None:
    """`-` reads it; one URL of a list goes to a folder, as two would."""
    done = subprocess.run(
        [sys.executable, "-m", "etagkit", "get", "--from", "-", "--to", "to"],
        cwd=folder,
        env=environment,
        input=f"{origin.url('/a.json')}\nnonsense".encode(),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 4
    assert b"line 2 of standard input: " in done.stderr
    assert (folder / "to" / "a.json").exists()


def test_an_empty_list_is_nothing_to_do(folder: Path, etagkit_: Runs) -> None:
    """No URL today is no mistake."""
    (folder / "list").write_bytes(b"# later\n")
    done = etagkit_("get", "--from", "list")
    assert (done.code, done.out) == (0, "nothing to do\n")


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("0", 0),
        ("4096", 4096),
        ("7B", 7),
        ("10k", 10_000),
        ("10 MB", 10_000_000),
        ("10K", 10_000),
        ("1GiB", 1024**3),
        ("2Ki", 2048),
        ("3t", 3 * 10**12),
    ],
)
def test_sizes_may_have_units(text: str, octets: int) -> None:
    """Thousands, and 1024s where an `i` says so."""
    assert parse_octets(text) == octets


def test_a_limit_with_a_unit_is_a_limit(origin: Origin, etagkit_: Runs) -> None:
    """`--max-bytes 1k` lets 256 octets through; what is larger is refused."""
    origin.put("/big", bytes(1001))
    assert etagkit_("get", origin.url("/c.bin"), "--max-bytes", "1k").code == 0
    assert etagkit_("get", origin.url("/big"), "--max-bytes", "1k").code == 5
    assert etagkit_("get", origin.url("/big"), "--max-bytes", "1KiB").code == 0


def test_other_wishes_are_passed_on(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """Decoding, sidecar, manifest, limits: each option does what it says."""
    origin.put("/d.json.gz", gzip.compress(b"[1, 2]"), content_type="application/gzip")
    done = etagkit_(
        *("get", origin.url("/d.json.gz"), "--to", "d.json", "--decode", "--sidecar"),
        *("--manifest", "records.sqlite"),
    )
    assert done.code == 0
    assert (folder / "d.json").read_bytes() == b"[1, 2]"
    assert json.loads((folder / "d.json.meta.json").read_bytes())["size"] == 6
    assert (folder / "records.sqlite").exists()
    assert not (folder / ".etagkit").exists()
    assert etagkit_("get", origin.url("/c.bin"), "--max-bytes", "255").code == 5
    origin.always("/b.csv", CloseDelimited())
    assert etagkit_("get", origin.url("/b.csv")).code == 5
    taken = etagkit_("get", origin.url("/b.csv"), "--accept-unverified", "--json")
    assert (taken.code, taken.objects[0]["verdict"]) == (0, "unverifiable")


def test_quiet_says_nothing_but_failures(origin: Origin, etagkit_: Runs) -> None:
    """Neither table nor lines; data that was asked for and failures still come."""
    fine = etagkit_("get", origin.url("/a.json"), "--quiet")
    assert (fine.code, fine.out, fine.err) == (0, "", "")
    failed = etagkit_("get", origin.url("/none"), "-q", "--json")
    assert len(failed.objects) == 1
    assert failed.err.startswith("failed: ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["http://h/a", "http://h/b", "--expect-size", "3"],
        ["http://h/a", "http://h/b", "--expect-sha256", "0" * 64],
        ["http://h/a", "--expect-sha256", "abc"],
        ["http://h/a", "--expect-size", "-1"],
        ["http://h/a", "--max-bytes", "-1"],
        ["http://h/a", "--max-bytes", "10x"],
        ["http://h/a", "--max-bytes", "1.5M"],
        ["--from", "no-such-file"],
        ["http://h/a", "--from", "-", "--expect-size", "3"],
        ["http://h/a", "--unknown"],
    ],
)
def test_mistakes_of_usage_are_code_2(arguments: list[str], etagkit_: Runs) -> None:
    """Nothing is begun; standard error says how it is used."""
    done = etagkit_("get", *arguments)
    assert (done.code, done.out) == (2, "")
    assert "Usage: etagkit get" in done.err


def test_a_broken_library_call_is_one_item(
    origin: Origin, etagkit_: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody expected fails its item, and does not repeat what may be a secret."""

    def explode(*_: object, **__: object) -> None:
        raise RuntimeError("s3cret")

    monkeypatch.setattr("etagkit.cli._get.DownloadContext.fetch", explode)
    done = etagkit_("get", origin.url("/a.json"), origin.url("/b.csv"), "--json")
    assert [each["error"]["kind"] for each in done.objects] == ["unexpected", "unexpected"]
    assert done.code == 4
    assert "s3cret" not in done.out + done.err
    assert "RuntimeError: s3cret" in etagkit_("-v", "get", origin.url("/a.json")).err


# --- where files go ------------------------------------------------------------------------------


def test_one_url_may_name_its_file() -> None:
    """A single target is taken as it is."""
    assert [order.to for order in plan_orders(["http://h/a"], "file")] == ["file"]


@pytest.mark.parametrize("to", ["d", "d/"])
def test_several_urls_go_to_a_folder(to: str) -> None:
    """The target is a folder, there already or not."""
    assert {order.to for order in plan_orders(["http://h/a", "http://h/b"], to)} == {"d/"}


def test_a_second_resource_of_the_same_name_is_refused() -> None:
    """It would replace the first; the same resource twice, or no name at all, is no clash."""
    urls = ["http://h/x/a", "http://h/y/a", "http://h/x/a", "http://h/x/", "nothing", "http://h/b"]
    refused = [order.refused is not None for order in plan_orders(urls, "d")]
    assert refused == [False, True, False, False, False, False]


def test_files_of_one_name_do_not_replace_each_other(
    origin: Origin, folder: Path, etagkit_: Runs
) -> None:
    """The first stays, the second is reported."""
    origin.put("/other/a.json", b"[]")
    done = etagkit_("get", origin.url("/a.json"), origin.url("/other/a.json"), "--to", "to")
    assert done.code == 4
    assert "same file name" in done.err
    assert (folder / "to" / "a.json").read_bytes() == b'{"a": 1}'


# --- items ---------------------------------------------------------------------------------------


def test_counts_in_words() -> None:
    """Only what happened is counted."""
    failed = Item.of_error("http://h/a", RuntimeError())
    assert failed.outcome is Outcome.FAILED
    assert count_words([failed]) == "1 failed"
    assert count_words([]) == "nothing to do"


def test_a_failure_names_its_url_once() -> None:
    """Whether or not the message holds it."""
    url = "http://h/a"
    assert Failure(kind="k", message=f"bad: {url}", retryable=False).about(url) == f"bad: {url}"
    assert Failure(kind="k", message="bad", retryable=False).about(url) == f"{url}: bad"


def test_retries_are_the_callers(origin: Origin, etagkit_: Runs) -> None:
    """A server that is busy for now fails the item as retryable."""
    origin.always("/a.json", Status(503))
    done = etagkit_("get", origin.url("/a.json"), "--json")
    assert done.objects[0]["error"]["retryable"] is True


def test_a_time_limit_ends_a_silent_source(origin: Origin, etagkit_: Runs) -> None:
    """`--timeout` counts the seconds without a byte."""
    origin.always("/c.bin", Drip(size=1, pause=30.0))
    done = etagkit_("get", origin.url("/c.bin"), "--timeout", "0.2", "--json")
    assert done.objects[0]["error"]["kind"] == "timeout"
