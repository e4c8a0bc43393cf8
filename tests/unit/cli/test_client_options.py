"""The client that the options make, and the secrets that no message repeats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from etagkit.cli._client import Connection, build_client, parse_header
from etagkit.errors import InvalidArgument, MissingExtra

if TYPE_CHECKING:
    from pathlib import Path

    from etagkit.testing import Origin
    from tests.unit.cli.conftest import Runs

SECRET = "hunter2"


def test_headers_go_out_and_stay_out_of_sight(origin: Origin, etagkit_: Runs) -> None:
    """A header reaches its origin, more than once if given more than once; no output shows it."""
    done = etagkit_(
        *("-v", "get", origin.url("/a.json"), "--to", "x.json"),
        *("--header", f"Authorization: Bearer {SECRET}", "--header", "X-Team: data"),
        *("--user-agent", "robot/1"),
    )
    assert done.code == 0
    assert SECRET not in done.out + done.err
    for exchange in origin.log:
        assert exchange.headers["authorization"] == f"Bearer {SECRET}"
        assert exchange.headers["x-team"] == "data"
        assert exchange.headers["user-agent"] == "robot/1"


def test_it_says_who_it_is(origin: Origin, etagkit_: Runs) -> None:
    """Without an option, the User-Agent is etagkit and its version."""
    etagkit_("probe", origin.url("/a.json"))
    assert {e.headers["user-agent"].partition("/")[0] for e in origin.log} == {"etagkit"}


def test_a_user_agent_may_come_as_a_header() -> None:
    """It takes the place of ours; there are never two."""
    with build_client(Connection(headers=(("user-agent", "me"),))) as client:
        assert client.headers.get_list("user-agent") == ["me"]


@pytest.mark.parametrize(
    "text",
    [
        f"no colon {SECRET}",
        f": {SECRET}",
        f"Bad Name: {SECRET}",
        f"X: {SECRET}\r\nEvil: 1",
        f"X: {SECRET}\u20ac",
        f"Range: bytes={SECRET}",
        f"if-none-match: {SECRET}",
    ],
)
def test_a_bad_header_is_a_mistake_of_usage(text: str, etagkit_: Runs) -> None:
    """Exit code 2; the value is not repeated."""
    done = etagkit_("probe", "http://127.0.0.1:9/", "--header", text)
    assert (done.code, done.out) == (2, "")
    assert "--header" in done.err
    assert SECRET not in done.err


def test_header_values_keep_their_octets() -> None:
    """White space around is dropped; Latin-1 goes out as it is."""
    assert parse_header("X-Name:  caf\u00e9 \t") == ("X-Name", "caf\u00e9")
    with build_client(Connection(headers=(("X-Name", "caf\u00e9"),))) as client:
        assert (b"X-Name", b"caf\xe9") in client.headers.raw


def test_a_proxy_is_used_and_its_password_is_hidden(origin: Origin, etagkit_: Runs) -> None:
    """The request goes to the proxy; what it answers is reported without the password."""
    proxy = origin.base_url.replace("http://", f"http://me:{SECRET}@")
    done = etagkit_("-v", "probe", "http://files.invalid/a.json", "--proxy", proxy)
    assert [exchange.headers["host"] for exchange in origin.log][:1] == ["files.invalid"]
    assert SECRET not in done.out + done.err


@pytest.mark.parametrize("proxy", [f"ftp://me:{SECRET}@h:1", f"http://me:{SECRET}@h:port"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_password(
    proxy: str, etagkit_: Runs
) -> None:
    """Exit code 1 with the reason."""
    done = etagkit_("probe", "http://127.0.0.1:9/", "--proxy", proxy)
    assert done.code == 1
    assert "proxy" in done.err
    assert SECRET not in done.err


@pytest.mark.parametrize(
    ("proxy", "advice"),
    [
        ("127.0.0.1:1", "write http://127.0.0.1:1\n"),
        ("[::1]:3128", "write http://[::1]:3128\n"),
        (f"me:{SECRET}@h:1", "write http://USER:PASSWORD@h:1\n"),
        (f"{SECRET}@h:1", "write http://USER@h:1\n"),
        (f"h:{SECRET}", "write http://HOST:PORT\n"),
    ],
)
def test_a_proxy_without_its_scheme_is_told_how_to_write_it(
    proxy: str, advice: str, etagkit_: Runs
) -> None:
    """With the host that was given, and without user name and password."""
    done = etagkit_("probe", "http://127.0.0.1:9/", "--proxy", proxy)
    assert done.code == 1
    assert done.err.endswith(advice)
    assert SECRET not in done.err


def test_netrc_gives_the_password(origin: Origin, folder: Path, etagkit_: Runs) -> None:
    """From the file named, or from the home folder; without the option nothing is sent."""
    line = f"machine 127.0.0.1 login me password {SECRET}\n"
    (folder / "home").mkdir()
    for file in (folder / "secrets", folder / "home" / ".netrc"):
        file.write_text(line, encoding="utf-8")
        file.chmod(0o600)
    url = origin.url("/a.json")
    etagkit_("probe", url)
    assert all("authorization" not in exchange.headers for exchange in origin.log)
    for option in (["--netrc-file", "secrets"], ["--netrc"]):
        origin.clear_log()
        assert etagkit_("probe", url, *option).code == 0
        assert all(e.headers["authorization"].startswith("Basic ") for e in origin.log)


@pytest.mark.parametrize("text", [f"machine h {SECRET} me", "\xff\xfe"])
def test_a_broken_netrc_is_told_without_what_is_in_it(
    text: str, folder: Path, etagkit_: Runs
) -> None:
    """The parser's own message would repeat the word that it stumbled over."""
    (folder / "broken").write_bytes(text.encode("latin-1"))
    done = etagkit_("probe", "http://127.0.0.1:9/", "--netrc-file", "broken")
    assert done.code == 1
    assert "netrc" in done.err
    assert SECRET not in done.err


def test_a_missing_netrc_is_told(etagkit_: Runs) -> None:
    """Asking for ~/.netrc where there is none is an error, not a request without a password."""
    done = etagkit_("probe", "http://127.0.0.1:9/", "--netrc")
    assert done.code == 1
    assert "there is no netrc file" in done.err


def test_certificates_must_be_certificates(folder: Path, etagkit_: Runs) -> None:
    """A file that holds none is refused before anything is sent."""
    (folder / "ca.pem").write_text("hello", encoding="utf-8")
    done = etagkit_("probe", "https://127.0.0.1:9/", "--cacert", "ca.pem")
    assert done.code == 1
    assert "certificates in PEM form" in done.err
    assert etagkit_("probe", "https://127.0.0.1:9/", "--cacert", "none.pem").code == 2


@pytest.mark.parametrize("seconds", ["0", "-1", "inf", "nan", "1e9", "soon"])
def test_a_time_limit_is_a_number_of_seconds(seconds: str, etagkit_: Runs) -> None:
    """What no clock can wait for is a mistake of usage."""
    assert etagkit_("probe", "http://127.0.0.1:9/", f"--timeout={seconds}").code == 2


def test_time_limits_and_http2_reach_the_client() -> None:
    """The usual limits are the library's; an option replaces all of them."""
    with build_client(Connection()) as client:
        assert client.timeout == httpx.Timeout(30.0, connect=10.0)
    with build_client(Connection(timeout=2.5, http2=True)) as client:
        assert client.timeout == httpx.Timeout(2.5)


def test_http2_without_its_library_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is the command that installs it."""
    monkeypatch.setitem(__import__("sys").modules, "h2", None)
    with pytest.raises(MissingExtra, match=r"pip install 'etagkit\[http2\]'"):
        build_client(Connection(http2=True))


def test_a_socks_proxy_without_its_library_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Httpx has an extra for it."""
    monkeypatch.setitem(__import__("sys").modules, "socksio", None)
    with pytest.raises(MissingExtra, match=r"httpx\[socks\]"):
        build_client(Connection(proxy="socks5://127.0.0.1:9"))


def test_a_connection_does_not_show_its_secrets() -> None:
    """Neither proxy nor headers stand in the repr."""
    shown = repr(Connection(proxy=f"http://me:{SECRET}@h", headers=(("X", SECRET),)))
    assert SECRET not in shown


def test_a_proxy_of_the_environment_that_cannot_be_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message says where it comes from, since the command line does not name it."""
    monkeypatch.setenv("HTTP_PROXY", "gopher://h:1")
    with pytest.raises(InvalidArgument, match="named by the environment"):
        build_client(Connection())
