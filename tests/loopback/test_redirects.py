"""Redirects: where they may lead, and what goes along."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

from etagkit import errors
from etagkit.http import ETag
from etagkit.testing import ExtraHeaders, Fields, Origin
from etagkit.transfer import Skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.loopback._world import World

BODY = b"the file\n" * 300


@pytest.fixture
def elsewhere() -> Iterator[Origin]:
    """Serve another origin."""
    with Origin() as running:
        running.put("/file", BODY)
        yield running


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_each_kind_of_redirect(world: World, status: int) -> None:
    """Every redirect is followed by every request, and the record knows both URLs."""
    world.put("/real", BODY)
    world.origin.redirect("/file", "/real", status=status)
    result = world.fetch(world.origin.url("/file"))
    assert result.record.source_url == world.origin.url("/file")
    assert result.record.final_url == world.origin.url("/real")
    assert isinstance(world.fetch(world.origin.url("/file")), Skipped)


def test_the_validators_of_a_hop_are_its_own(world: World) -> None:
    """A tag on the redirect says nothing about the file."""
    world.put("/real", BODY, etag='"file"')
    world.origin.redirect("/file", "/real", headers={"ETag": '"hop"'})
    seen = world.probe(world.origin.url("/file"))
    assert seen.etag == ETag('"file"')
    assert [(hop.status, hop.validators.etag) for hop in seen.hops] == [(302, ETag('"hop"'))]
    assert seen.requests == 4
    assert world.fetch(world.origin.url("/file")).record.etag == ETag('"file"')


@pytest.mark.parametrize(
    ("location", "path"),
    [
        ("real", "/a/real"),
        ("./real", "/a/real"),
        ("../real", "/real"),
        ("?x=1", "/a/file"),
        ("/a b", "/a b"),
        ("/caf\xe9", "/caf\xe9"),
        ("/caf%C3%A9", "/caf\xe9"),
        ("/real#part", "/real"),
    ],
)
def test_relative_locations(small_world: World, location: str, path: str) -> None:
    """A Location is taken relative to the URL that gave it, octets that no URL holds escaped."""
    world = small_world
    if path == "/a/file":
        world.put(path, BODY)
        world.origin.redirect("/file", "/a/file?x=1")
        assert world.fetch(world.origin.url("/file")).read_bytes() == BODY
        assert world.last().query == "x=1"
        return
    world.origin.redirect("/a/file", location)
    world.put(path, BODY)
    assert world.fetch(world.origin.url("/a/file")).read_bytes() == BODY


@pytest.mark.parametrize("method", ["fetch", "probe"])
def test_a_loop_ends(world: World, method: str) -> None:
    """A redirect in circles is refused after a bounded number of requests."""
    world.origin.redirect("/a", "/b")
    world.origin.redirect("/b", "/a")
    with pytest.raises(errors.RedirectRefused, match="too many redirects"):
        getattr(world, method)(world.origin.url("/a"))
    assert len(world.origin.log) == 21


@pytest.mark.parametrize(
    "location", ["", "ftp://127.0.0.1/", "file:///etc/passwd", "javascript:1", "http://", "//["]
)
def test_a_redirect_to_nowhere(small_world: World, location: str) -> None:
    """What is no web URL is not followed."""
    small_world.origin.redirect("/file", location)
    if location == "":
        small_world.origin.always("/file", ExtraHeaders({"Location": ""}))
    with pytest.raises(errors.RedirectRefused) as caught:
        small_world.fetch(small_world.origin.url("/file"))
    assert caught.value.url == small_world.origin.url("/file")
    assert not caught.value.retryable


# --- credentials -----------------------------------------------------------------------------

SECRETS = ("header-secret", "cookie-secret", "param-secret", "auth-secret", "key-secret")


def _client_with_secrets() -> dict[str, Any]:
    return {
        "headers": {"X-Api-Key": "key-secret", "X-Custom": "header-secret", "User-Agent": "me/1"},
        "cookies": {"session": "cookie-secret"},
        "params": {"token": "param-secret"},
        "auth": ("user", "auth-secret"),
    }


def _sent(fields: Fields, query: str) -> str:
    import base64

    text = query + "".join(fields.values())
    authorization = fields.get("authorization", "")
    if authorization.startswith("Basic "):
        text += base64.b64decode(authorization.removeprefix("Basic ")).decode()
    return text


def test_credentials_reach_their_own_origin(world: World) -> None:
    """On the origin that the caller named, redirects included, everything goes along."""
    world.put("/real", BODY)
    world.origin.redirect("/file", "/real")
    world.client = _client_with_secrets()
    world.fetch(world.origin.url("/file"))
    for exchange in world.origin.log:
        sent = _sent(exchange.headers, exchange.query)
        missing = [secret for secret in SECRETS if secret not in sent]
        expected = ["param-secret"] if exchange.path == "/real" else []
        assert missing == expected  # parameters belong to the URL that was asked for
        assert exchange.headers["user-agent"] == "me/1"


def test_credentials_reach_no_other_origin(world: World, elsewhere: Origin) -> None:
    """Beyond it nothing of the client's goes along, nor after a way back; the range still does."""
    world.allow(BODY)
    world.put("/back", BODY)
    elsewhere.redirect("/hop", world.origin.url("/back"))
    world.origin.redirect("/file", elsewhere.url("/file"))
    world.origin.redirect("/round", elsewhere.url("/hop"))
    world.client = _client_with_secrets()
    world.fetch(world.origin.url("/file"))
    world.fetch(world.origin.url("/round"), "other")
    abroad = [*elsewhere.log, *(each for each in world.origin.log if each.path == "/back")]
    assert len(abroad) == 9
    for exchange in abroad:
        sent = _sent(exchange.headers, exchange.query)
        assert [secret for secret in SECRETS if secret in sent] == []
        assert "authorization" not in exchange.headers
        assert exchange.headers["accept-encoding"] == "identity"
    assert [each.headers.get("range") for each in elsewhere.log[:3]] == [None, "bytes=0-1023", None]


def test_a_netrc_reaches_its_own_origin_only(
    world: World, elsewhere: Origin, tmp_path: Any
) -> None:
    """What a netrc file holds for this host is not sent to another port of it."""
    from importlib import import_module

    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password auth-secret\n")
    netrc.chmod(0o600)
    world.client = {"auth": import_module(world.kind.library).NetRCAuth(str(netrc))}
    world.allow(BODY)
    world.origin.redirect("/file", elsewhere.url("/file"))
    world.fetch(world.origin.url("/file"))
    assert all("authorization" in each.headers for each in world.origin.log)
    assert not any("authorization" in each.headers for each in elsewhere.log)


def test_a_user_in_the_url(world: World, elsewhere: Origin) -> None:
    """A user name in the URL is used on its origin, after redirects too, and nowhere else."""
    world.put("/real", BODY)
    world.origin.redirect("/near", world.origin.url("/real"))
    world.origin.redirect("/far", elsewhere.url("/file"))
    world.allow(BODY)
    world.secrets = [b"auth-secret", b"YWxpY2U6YXV0aC1zZWNyZXQ"]
    for path in ("/near", "/far"):
        url = world.origin.url(path).replace("http://", "http://alice:auth-secret@")
        world.fetch(url, path[1:])
        assert isinstance(world.fetch(url, path[1:]), Skipped)
    for exchange in world.origin.log:
        assert _sent(exchange.headers, "").endswith("alice:auth-secret")
    assert not any("authorization" in each.headers for each in elsewhere.log)


# --- secrets ---------------------------------------------------------------------------------


def test_a_secret_in_the_url_stays_there(world: World) -> None:
    """Passwords, tokens and signatures appear in no record, file, log, event, repr or error."""
    world.put("/file", BODY)
    world.secrets = [b"pass-secret", b"cGFzcy1zZWNyZXQ", b"%70ass"]
    base = world.origin.url("/file").replace("http://", "http://alice:pass-secret@")
    world.fetch(base, sidecar=True)
    world.fetch(base, sidecar=True)
    world.probe(base)
    world.has_changed(base, '"x"')
    world.origin.delete("/file")
    with pytest.raises(errors.UnexpectedStatus) as caught:
        world.fetch(base)
    assert "***@" in str(caught.value)
    with pytest.raises(errors.UnexpectedStatus):
        world.has_changed(base, '"x"')
    assert world.record().source_url.startswith("http://***@")
    assert any("***@" in repr(event) for event in world.events)


class _OnlyOurs(logging.Filter):
    """Leaves out the client's own log: it shows each URL that it requests, as it is."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether this library wrote the line."""
        return record.name.startswith("etagkit")


def test_a_secret_in_the_query(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Tokens in the query are masked in everything that etagkit itself says or stores."""
    with caplog.filtering(_OnlyOurs()):
        world.put("/file", BODY)
        world.secrets = [b"token-secret", b"signature-secret"]
        url = world.origin.url("/file?token=token-secret&X-Amz-Signature=signature-secret&part=1")
        world.fetch(url, sidecar=True)
        assert isinstance(world.fetch(url), Skipped)
        assert "part=1" in world.record().source_url
        resigned = url.replace("signature-secret", "another-signature")
        assert isinstance(world.fetch(resigned), Skipped)
        world.origin.delete("/file")
        with pytest.raises(errors.UnexpectedStatus):
            world.fetch(url)


def test_a_secret_in_a_location(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """A signed link behind a redirect is masked, in results and in errors."""
    with caplog.filtering(_OnlyOurs()):
        world.put("/real", BODY)
        world.secrets = [b"signature-secret"]
        world.origin.redirect("/file", "/real?X-Amz-Signature=signature-secret")
        world.fetch(world.origin.url("/file"), sidecar=True)
        world.origin.delete("/real")
        with pytest.raises(errors.UnexpectedStatus):
            world.fetch(world.origin.url("/file"))


def test_a_header_that_cannot_be_sent(world: World) -> None:
    """A token with a line end in it is an error that does not show the token."""
    url = world.put("/file", BODY)
    world.client = {"headers": {"Authorization": "Bearer token-secret\n"}}
    world.secrets = [b"token-secret"]
    with pytest.raises(errors.InvalidArgument, match="HTTP does not allow"):
        world.fetch(url)
