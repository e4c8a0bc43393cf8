"""The command as a whole: help, log, pipes, terminals, Ctrl-C, and life without the extra."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from typing import TYPE_CHECKING

import pytest

import etagkit
from etagkit.cli import main
from etagkit.testing import Drip, Stall, When

if TYPE_CHECKING:
    from pathlib import Path

    from etagkit.testing import Origin, Request
    from tests.unit.cli.conftest import Runs

COMMANDS = ("probe", "get", "verify", "history", "demo")

#: Seconds in which a process that was told to end must have ended.
SOON = 20


def is_download(request: Request) -> bool:
    """Tell whether a request asks for the whole body."""
    return request.method == "GET" and "range" not in request.headers


def test_help_and_version(etagkit_: Runs) -> None:
    """Every command explains itself, and the group names them and the exit codes."""
    text = etagkit_("--help").out
    assert all(re.search(rf"^  {name}\s", text, re.MULTILINE) for name in COMMANDS)
    assert "130 interrupted" in " ".join(text.split())
    assert etagkit_("--version").out == f"etagkit {etagkit.__version__}\n"
    for name in COMMANDS:
        done = etagkit_(name, "-h")
        assert (done.code, done.err) == (0, "")
        assert done.out.startswith(f"Usage: etagkit {name}")


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["verify", "--json=yes"]])
def test_a_command_line_without_sense_is_code_2(arguments: list[str], etagkit_: Runs) -> None:
    """The message goes to standard error."""
    done = etagkit_(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "Error: " in done.err


def test_the_module_is_the_command(process: Runs) -> None:
    """`python -m etagkit` runs it, and its exit code is the process's."""
    assert process("--version").out == f"etagkit {etagkit.__version__}\n"
    assert process("history", "http://h/a").code == 1


@pytest.mark.parametrize(
    "where", [["-v", "get"], ["get", "-v"], ["get", "--log-level", "debug"], ["-v", "get", "-v"]]
)
def test_the_log_is_shown_on_demand(where: list[str], origin: Origin, etagkit_: Runs) -> None:
    """Before or after the command's name, each step once, on standard error, until it ends."""
    url = origin.url("/a.json")
    assert "DEBUG" not in etagkit_("get", url, "--to", "x").err
    shown = etagkit_(*where, url, "--force", "--to", "x")
    assert shown.err.count("Published(") == 1
    assert "DEBUG" not in shown.out
    assert "DEBUG" not in etagkit_("get", url, "--force", "--to", "x").err


def test_how_far_a_body_has_come_is_no_step(origin: Origin, etagkit_: Runs) -> None:
    """The log tells that it began and ended; a line for each block would bury everything else."""
    origin.put("/big.bin", bytes(200_000))
    origin.always("/big.bin", When(is_download, Drip(size=20_000, pause=0.05)))
    done = etagkit_("get", "-v", origin.url("/big.bin"))
    assert done.err.count("Started(") == 1
    assert "Advanced(" not in done.err


def test_a_level_leaves_the_rest_out(origin: Origin, etagkit_: Runs) -> None:
    """Warnings only: no steps."""
    done = etagkit_("get", origin.url("/a.json"), "--log-level", "WARNING")
    assert (done.code, "DEBUG" in done.err) == (0, False)


@pytest.mark.parametrize("missing", ["click", "rich"])
def test_without_the_extra_it_says_what_to_install(
    missing: str, folder: Path, environment: dict[str, str]
) -> None:
    """Exit code 1 and one line with the command that installs it; no traceback."""
    code = f"import sys; sys.modules[{missing!r}] = None; from etagkit.cli import main; "
    done = subprocess.run(
        [sys.executable, "-c", f"{code}sys.exit(main(['--version']))"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines() == [
        "the etagkit command needs an optional dependency; run: pip install 'etagkit[cli]'"
    ]


def test_names_that_the_encoding_lacks_are_escaped(
    origin: Origin, folder: Path, environment: dict[str, str]
) -> None:
    """A terminal of another encoding shows escapes; nothing fails on it."""
    origin.put("/資料.txt", b"x")
    done = subprocess.run(
        [sys.executable, "-m", "etagkit", "get", origin.url("/資料.txt")],
        cwd=folder,
        env={**environment, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert rb"\u8cc7\u6599.txt" in done.stdout


# --- pipes ---------------------------------------------------------------------------------------


def test_a_reader_that_has_enough_ends_it_without_a_word(
    origin: Origin, folder: Path, environment: dict[str, str]
) -> None:
    """As `etagkit probe ... | head -n 1`: no traceback, not even from Python's own last flush."""
    process = subprocess.Popen(
        [sys.executable, "-m", "etagkit", "probe", "--json", *[origin.url("/a.json")] * 5],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.close()
    _, err = process.communicate(timeout=SOON)
    assert (process.returncode, err) == (1, b"")


def test_standard_output_that_was_never_open(
    origin: Origin, folder: Path, environment: dict[str, str]
) -> None:
    """`>&-` and a pipe that nobody reads end alike for what is printed only at the end."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "etagkit", "--help"],
            env=environment,
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


# --- Ctrl-C --------------------------------------------------------------------------------------


def test_an_interrupt_in_a_body_publishes_nothing(
    origin: Origin, folder: Path, environment: dict[str, str]
) -> None:
    """130, one line, no traceback; what was done stays and is told, nothing else is left."""
    origin.put("/big.bin", bytes(2_000_000), etag='"big"')
    origin.always("/big.bin", When(is_download, Stall(after=1_000_000)))
    (folder / "to").mkdir()
    (folder / "to" / "big.bin").write_bytes(b"the old one")
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "etagkit", "get", "--to", "to"),
            *map(origin.url, ("/a.json", "/big.bin", "/b.csv")),
        ],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        origin.wait_for(lambda exchange: exchange.body_sent >= 1_000_000, timeout=SOON)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=SOON)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert out.splitlines()[0] == "1 fetched"
    fetched, interrupted = err.splitlines()
    assert fetched.startswith("fetched: ")
    assert interrupted.startswith("interrupted: nothing half-done was published")
    assert (folder / "to" / "big.bin").read_bytes() == b"the old one"
    assert sorted(os.listdir(folder / "to")) == [".etagkit", "a.json", "big.bin"]


def test_an_interrupt_before_a_command_runs(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the command line is still being read."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("click.Group.resolve_command", interrupt)
    assert main(["demo"]) == 130
    assert capsys.readouterr().err.strip().startswith("interrupted: ")


# --- terminals -----------------------------------------------------------------------------------


def in_terminal(
    arguments: list[str], environment: dict[str, str], folder: Path, *, columns: int = 100
) -> tuple[int, str]:
    """Run the command in a terminal of its own; return its code and all that was drawn."""
    main_end, other_end = pty.openpty()
    fcntl.ioctl(other_end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "etagkit", *arguments],
        cwd=folder,
        env={**environment, "TERM": "xterm", "COLUMNS": str(columns)},
        stdin=other_end,
        stdout=other_end,
        stderr=other_end,
        start_new_session=True,
    )
    os.close(other_end)
    drawn = b""
    limit = time.monotonic() + SOON
    try:
        while time.monotonic() < limit:
            if not select.select([main_end], [], [], 0.1)[0]:
                continue
            try:
                block = os.read(main_end, 65536)
            except OSError:  # Linux: the other end was closed
                break
            if not block:
                break
            drawn += block
        return process.wait(timeout=SOON), drawn.decode()
    finally:
        process.kill()
        process.wait()
        os.close(main_end)


def test_a_terminal_gets_a_bar_and_a_drawn_table(
    origin: Origin, folder: Path, environment: dict[str, str]
) -> None:
    """The bar follows the bytes and goes away; the table stays."""
    origin.put("/big.bin", bytes(200_000))
    origin.always("/big.bin", When(is_download, Drip(size=20_000, pause=0.05)))
    code, drawn = in_terminal(
        ["get", origin.url("/a.json"), origin.url("/big.bin"), "--to", "to"], environment, folder
    )
    assert code == 0
    assert "1 of 2 files" in drawn
    assert "of 195.3 KiB" in drawn
    assert "\x1b[?25h" in drawn
    last = drawn.rpartition("\x1b[?25h")[2]
    assert "2 fetched" in last
    assert "\N{BOX DRAWINGS LIGHT HORIZONTAL}" in last
    assert "fetched: " not in drawn


@pytest.mark.parametrize("arguments", [["-v"], ["--json"]])
def test_no_bar_where_it_would_be_torn(
    arguments: list[str], origin: Origin, folder: Path, environment: dict[str, str]
) -> None:
    """The log, or data on the same terminal, takes the bar's place."""
    code, drawn = in_terminal(["get", *arguments, origin.url("/a.json")], environment, folder)
    assert code == 0
    assert "of 1 files" not in drawn
    assert "fetched: " in drawn


@pytest.mark.parametrize("columns", [80, 120])
def test_tables_fit_the_terminal(
    columns: int, origin: Origin, folder: Path, environment: dict[str, str]
) -> None:
    """No row is wider than the terminal, and dates, hashes and names are never broken."""
    path = f"/{'datasets/' * 6}{'a-long-name-of-a-file-' * 4}2024.bin"
    origin.put(path, b"content", etag=f'W/"{"5f2b" * 20}"')
    name = path.rpartition("/")[2]
    url = origin.url(path)

    def rows(*arguments: str) -> list[str]:
        _, drawn = in_terminal([*arguments], environment, folder, columns=columns)
        table = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn.rpartition("\x1b[?25h")[2])
        lines = [line.rstrip() for line in table.splitlines()]
        return [line for line in lines if not line.startswith(("source: ", "manifest: "))]

    sha256 = hashlib.sha256(b"content").hexdigest()[:12]
    got = rows("get", url, origin.url("/none" * 30), "--to", "to")
    seen = rows("history", f"to/{name}")
    told = {
        "get": got,
        "verify": rows("verify", "to"),
        "history": seen,
        "probe": rows("probe", url),
    }
    for lines in told.values():
        assert max(map(len, lines)) <= columns
    for lines in (got, told["verify"], seen):
        assert len([line for line in lines if sha256 in line]) == 1
    assert any(re.search(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", line) for line in seen)
    assert len([line for line in got if "2024.bin" in line]) == 1
    assert re.search(r"W/\"5f2.*\.\.\..*2b\"$", seen[3]) is not None


def test_no_terminal_no_bar(origin: Origin, process: Runs) -> None:
    """Pipes get plain text: no escape sequence in either stream."""
    done = process("get", origin.url("/a.json"))
    assert done.code == 0
    assert "\x1b" not in done.out + done.err
