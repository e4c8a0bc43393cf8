"""The reference of the command line: its examples run, and it names every option and code."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import attrs
import click
import pytest

from etagkit.cli._app import etagkit as group
from etagkit.cli._exit import ExitCode
from tests._support import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from etagkit.testing import Origin

PAGE = PROJECT / "docs" / "reference" / "cli.md"

#: The origin that the page speaks of; the test puts its own in the place.
SHOWN = "https://example.org"


@attrs.frozen
class Example:
    """A command and what the page says that it prints."""

    command: str
    output: str


def examples(text: str) -> list[Example]:
    """Return the commands in the `console` blocks of a page, in order."""
    found: list[Example] = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Example(command, output))
    return found


def flat(text: str) -> str:
    """Return `text` without the widths of columns, which follow the length of the origin's URL."""
    return re.sub(r"\s+", " ", re.sub(r"-{2,}", "--", text)).strip()


def matches(output: str, printed: str) -> bool:
    """Tell whether `printed` is what the page shows; `...` there stands for anything."""
    pattern = ".*".join(map(re.escape, flat(output).split("...")))
    return re.fullmatch(pattern, flat(printed)) is not None


@pytest.fixture
def shell(folder: Path, environment: dict[str, str]) -> dict[str, str]:
    """Return an environment whose PATH begins with this etagkit."""
    program = folder / "bin" / "etagkit"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m etagkit "$@"\n', encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {**environment, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}


def test_the_examples_print_what_the_page_says(
    origin: Origin, folder: Path, shell: dict[str, str]
) -> None:
    """Each command, in the order of the page, in one folder."""
    found = examples(PAGE.read_text(encoding="utf-8"))
    assert len(found) >= 8
    for example in found:
        done = subprocess.run(
            ["/bin/sh", "-c", example.command.replace(SHOWN, origin.base_url)],
            cwd=folder,
            env=shell,
            stdout=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
        printed = done.stdout.replace(origin.base_url, SHOWN)
        assert matches(example.output, printed), f"{example.command}\n{printed}"


def test_a_page_that_lies_is_noticed() -> None:
    """Another word or number does not match; other widths and `...` do."""
    assert matches("a  1\n--- --", "a 1\n----  -----")
    assert matches("made ... today", "made at 12:00 today")
    assert not matches("a  1", "a  2")
    assert not matches("a", "a b")


def section_of(name: str, text: str) -> str:
    """Return the part of the page under the heading `name`."""
    return re.split(r"^## ", text.partition(f"\n## {name}\n")[2], flags=re.MULTILINE)[0]


@pytest.mark.parametrize("name", sorted(group.commands))
def test_the_page_names_every_option(name: str) -> None:
    """Each option of a command stands in its section, or in one that several commands share."""
    text = PAGE.read_text(encoding="utf-8")
    shared = section_of("Options of every command", text)
    if name in {"get", "probe"}:
        shared += section_of("Options of the connection", text)
    own = section_of(name, text)
    assert own
    for parameter in group.commands[name].params:
        if isinstance(parameter, click.Option):
            for option in parameter.opts:
                assert f"`{option}" in own + shared, f"{name} {option}"


def test_the_page_names_every_exit_code() -> None:
    """The table is the enumeration."""
    table = section_of("Exit codes", PAGE.read_text(encoding="utf-8"))
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(
        ExitCode
    )
