"""README and documentation: their commands are those of CI, and their links lead somewhere."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import pytest

from etagkit.cli._app import etagkit
from tests._support import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

README = (PROJECT / "README.md").read_text(encoding="utf-8")

#: Build results are no documents of ours.
PAGES = sorted(
    [
        *PROJECT.glob("*.md"),
        *(page for page in (PROJECT / "docs").rglob("*.md") if "_build" not in page.parts),
    ]
)

_FENCE = re.compile(
    r"^(`{3,}|~{3,})(?P<info>[^\n]*)\n(?P<body>.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL
)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (?P<words>.+)$", re.MULTILINE)
_DOC_ROLE = re.compile(r"\{doc\}`(?:[^`<]*<)?(?P<target>[^`>]+)>?`")


def commands() -> list[str]:
    """Return the shell commands of the README's set-up, one line each."""
    return [
        line
        for fence in _FENCE.finditer(README)
        if fence["info"] == "sh"
        for line in fence["body"].splitlines()
    ]


def test_the_readme_sets_up_with_two_commands() -> None:
    """One command shows the main job, one runs the tests; each starts from bare Python."""
    environment = "python3 -m venv .venv && .venv/bin/pip install"
    assert commands() == [
        f"{environment} '.[cli]' && .venv/bin/etagkit demo",
        f"{environment} nox && .venv/bin/nox -s tests",
    ]


def test_ci_runs_the_readmes_commands() -> None:
    """Each step of the two commands stands in `.ci/run`, with an environment of its own."""
    script = (PROJECT / ".ci" / "run").read_text(encoding="utf-8")
    for command in commands():
        install, run = command.split(" && ")[1:]
        assert install.removeprefix(".venv/bin/pip install ") in script
        assert f"/bin/{run.removeprefix('.venv/bin/').split()[0]}" in script
        assert run.split(maxsplit=1)[1] in script


def test_nox_knows_the_readmes_session() -> None:
    """The session that the README names exists in noxfile.py."""
    tree = ast.parse((PROJECT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any("session" in ast.unparse(mark) for mark in node.decorator_list)
    }
    (named,) = re.findall(r"nox -s (\w+)", "\n".join(commands()))
    assert named in sessions


def test_the_readme_reads_every_howto() -> None:
    """No page of the guides is forgotten on the first page."""
    linked = {target for target in _LINK.findall(README) if target.endswith(".md")}
    guides = {
        str(page.relative_to(PROJECT))
        for page in PAGES
        if page.parent.name in {"howto", "explanation"} and page.name != "index.md"
    }
    assert guides <= linked


def shell_words(page: Path) -> list[list[str]]:
    """Return the calls of `etagkit` on a page, in shell blocks and in backticks, as words."""
    text = page.read_text(encoding="utf-8")
    lines = [line for fence in _FENCE.finditer(text) for line in fence["body"].splitlines()]
    lines += re.findall(r"`([^`\n]+)`", prose(page))
    calls = (re.search(r"(?:^|/bin/)etagkit (?P<rest>[a-z].*)", line) for line in lines)
    return [call["rest"].split() for call in calls if call]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_command_and_option_exists(page: Path) -> None:
    """Calls of `etagkit` in the documentation name commands and options that there are."""
    for command, *words in shell_words(page):
        assert command in etagkit.commands
        known = {name for option in etagkit.commands[command].params for name in option.opts}
        assert {word for word in words if word.startswith("--")} <= known | {"--help"}


def prose(page: Path) -> str:
    """Return the text of a page without code and comments."""
    return _COMMENT.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """Return the anchors that a page's headings make, as GitHub and MyST make them."""
    words = (heading["words"].lower() for heading in _HEADING.finditer(prose(page)))
    return {re.sub(r"[^\w\- ]", "", each).strip().replace(" ", "-") for each in words}


def broken(page: Path) -> list[str]:
    """Return the relative links of a page that lead nowhere."""
    text = prose(page)
    wrong: list[str] = []
    for link in _LINK.finditer(text):
        target, _, anchor = link["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            wrong.append(link["target"])
    for role in _DOC_ROLE.finditer(text):
        root = PROJECT / "docs" if role["target"].startswith("/") else page.parent
        if not (root / f"{role['target'].lstrip('/')}.md").exists():
            wrong.append(role["target"])
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    """Files exist and headings have the anchors that links name."""
    assert broken(page) == []


def test_a_broken_link_is_noticed(tmp_path: Path) -> None:
    """The check above can fail: on a missing file, a missing heading and a missing page."""
    page = tmp_path / "page.md"
    page.write_text(
        "# One heading\n[a](#one-heading) [b](#another) [c](gone.md) {doc}`gone`\n"
        "[d](page.md) [e](https://example.org/)\n```\n[f](gone.md)\n```\n",
        encoding="utf-8",
    )
    assert broken(page) == ["#another", "gone.md", "gone"]
