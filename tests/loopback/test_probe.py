"""What a probe finds out, in how many requests, and how little it costs."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest

from etagkit import errors
from etagkit.http import ETag, Sameness
from etagkit.testing import (
    Chunked,
    CloseDelimited,
    EncodeGzip,
    Endless,
    ExtraHeaders,
    IgnoreRange,
    NoValidators,
    Outcome,
    Reset,
    Stall,
    Status,
    Together,
)
from etagkit.transfer import Magic

if TYPE_CHECKING:
    from tests.loopback._world import World

#: What sockets on both sides hold before anybody notices that nobody reads.
_IN_FLIGHT = 6 * 1024 * 1024


def test_a_probe(world: World) -> None:
    """HEAD and the first KiB say size, version, kind and that ranges work, on one connection."""
    url = world.put("/a.json", b'{"a": 1}' + b" " * 5000, content_type="application/json")
    seen = world.probe(url)
    assert (seen.url, seen.final_url, seen.size) == (url, url, 5008)
    assert seen.etag is not None
    assert seen.last_modified is not None
    assert (seen.content_type, seen.magic) == ("application/json", Magic.JSON)
    assert seen.accepts_ranges is True
    assert seen.content_encoding is None
    assert (seen.hops, seen.known, seen.requests) == ((), Sameness.UNKNOWN, 2)
    assert seen.headers.first("accept-ranges") == "bytes"
    assert world.asked() == ["HEAD 200", "GET 206"]
    assert world.bodies() == 1024
    assert {each.connection for each in world.origin.log} == {1}
    assert all(each.headers["accept-encoding"] == "identity" for each in world.origin.log)


def test_what_is_inside_a_gzip(world: World) -> None:
    """For gzip the probe also says what the first decoded octets show."""
    url = world.put("/a.gz", gzip.compress(b'{"a": 1}'))
    seen = world.probe(url)
    assert (seen.magic, seen.inner) == (Magic.GZIP, Magic.JSON)


def test_what_a_coding_hides(world: World) -> None:
    """A gzip coding is looked through: the kind is that of the file."""
    url = world.put("/a.json", b'{"a": 1}' * 1000)
    world.origin.always("/a.json", EncodeGzip())
    seen = world.probe(url)
    assert (seen.magic, seen.inner, seen.content_encoding) == (Magic.JSON, None, "gzip")


@pytest.mark.parametrize("status", [400, 403, 404, 405, 500, 501])
def test_a_refused_head(world: World, status: int) -> None:
    """Where HEAD is refused, the range tells everything."""
    url = world.put("/a.zip", b"PK\x03\x04" + bytes(5000))
    world.origin.always("/a.zip", Status(status, methods="HEAD"))
    seen = world.probe(url)
    assert (seen.size, seen.magic, seen.accepts_ranges) == (5004, Magic.ZIP, True)
    assert seen.etag is not None
    assert world.asked() == [f"HEAD {status}", "GET 206"]


def test_a_head_that_is_hung_up_on(world: World) -> None:
    """Where the connection breaks at the HEAD, the range tells everything."""
    url = world.put("/a.zip", b"PK\x03\x04" + bytes(5000))
    world.origin.always("/a.zip", Reset(methods="HEAD"))
    assert world.probe(url).size == 5004


@pytest.mark.parametrize("behaviour", [Endless(), IgnoreRange()], ids=["endless", "50 MiB"])
def test_a_range_that_is_ignored(world: World, behaviour: object) -> None:
    """A source that sends everything costs little more than the sample."""
    body = b"PK\x03\x04" + bytes(50 * 1024 * 1024)
    url = world.put("/a.zip", body)
    world.origin.always("/a.zip", behaviour)  # type: ignore[arg-type]
    seen = world.probe(url)
    assert seen.accepts_ranges is False
    assert seen.magic in {Magic.ZIP, Magic.BINARY}
    world.origin.wait_for(lambda each: each.method == "GET" and each.outcome is Outcome.ABANDONED)
    assert world.bodies() < _IN_FLIGHT


def test_a_source_that_says_little(world: World) -> None:
    """No length, no validators: the probe says that it does not know."""
    url = world.put("/a", os.urandom(5000))
    world.origin.always("/a", Together(NoValidators(), IgnoreRange(), Chunked()))
    seen = world.probe(url)
    assert (seen.size, seen.etag, seen.last_modified) == (None, None, None)
    assert "-" in str(seen)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 1025])
def test_sizes_around_the_sample(small_world: World, size: int) -> None:
    """Shorter than the sample, as long or longer, or nothing at all."""
    url = small_world.put("/a", b"x" * size, content_type="text/plain", etag='"t"')
    seen = small_world.probe(url)
    assert seen.size == size
    assert seen.magic is (Magic.TEXT if size else Magic.EMPTY)
    assert seen.content_type == "text/plain"
    assert seen.etag == ETag('"t"')


def test_an_empty_file_without_head(small_world: World) -> None:
    """The refusal of the range describes itself, not the file."""
    url = small_world.put("/a.csv", b"", content_type="text/csv")
    small_world.origin.always("/a.csv", Status(405, methods="HEAD"))
    seen = small_world.probe(url)
    assert (seen.size, seen.magic, seen.content_type) == (0, Magic.EMPTY, None)


@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        (Status(404), errors.UnexpectedStatus),
        (Status(416), errors.UnexpectedStatus),
        (Reset(), errors.ConnectionFailed),
        (Stall(after=None), errors.SourceTimeout),
        (CloseDelimited(after=0), None),
    ],
    ids=["404", "416", "reset", "stall", "nothing"],
)
def test_a_probe_that_fails(
    world: World, behaviour: object, error: type[errors.EtagKitError] | None
) -> None:
    """The error names the URL."""
    url = world.put("/a", b"abc")
    world.origin.always("/a", behaviour)  # type: ignore[arg-type]
    world.client = {"timeout": 0.25}
    if error is None:
        assert world.probe(url).magic is Magic.EMPTY
        return
    with pytest.raises(error) as caught:
        world.probe(url)
    assert caught.value.url == url


def test_nobody_is_there(world: World) -> None:
    """A port without a server is a connection that failed."""
    world.origin.close()
    with pytest.raises(errors.ConnectionFailed) as caught:
        world.probe(world.origin.url("/a"))
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value, OSError)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a.txt",
        "ftp://127.0.0.1/a",
        "file:///etc/passwd",
        "http://",
        "http:///a",
        "http://127.0.0.1:x/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1/a b",
        "http://127.0.0.1/\n",
        "http://[::1",
    ],
)
def test_what_is_no_url(small_world: World, url: str) -> None:
    """It is refused before anything is asked, and before anything is made on the disk."""
    with pytest.raises(errors.InvalidURL):
        small_world.probe(url)
    with pytest.raises(errors.InvalidURL):
        small_world.fetch(url)
    with pytest.raises(errors.InvalidURL):
        small_world.has_changed(url, '"x"')
    assert os.listdir(small_world.folder) == []


def test_the_get_is_believed(small_world: World) -> None:
    """Where HEAD and GET name different versions, the one with the bytes counts."""
    url = small_world.put("/a.txt", b"abc", etag='"get"')
    small_world.origin.always(
        "/a.txt", ExtraHeaders({"ETag": '"head"', "Content-Type": "x/y"}, methods="HEAD")
    )
    seen = small_world.probe(url)
    assert seen.etag == ETag('"get"')
    assert seen.content_type == "application/octet-stream"


def test_a_known_version_needs_no_look(world: World) -> None:
    """With the record of that version one HEAD is enough; the kind comes from the record."""
    from etagkit import AsyncSourceProber, SourceProber

    url = world.put("/a.zip", b"PK\x03\x04" + bytes(5000))
    record = world.fetch(url).record
    world.origin.clear_log()
    seen = world.run(
        lambda client: SourceProber(client).probe_source(url, record),
        lambda client: AsyncSourceProber(client).probe_source(url, record),
    )
    assert (seen.known, seen.magic, seen.requests) == (Sameness.SAME, Magic.ZIP, 1)
    assert world.asked() == ["HEAD 200"]
