"""What goes wrong at the source: a typed error, the old file whole, nothing left behind.

`World.check` runs after each test: what stands under the final name is a version that the origin
held, whole, and the record describes it.
"""

from __future__ import annotations

import gzip
import json
import os
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from etagkit import errors
from etagkit.manifest import Completeness
from etagkit.testing import (
    Behaviour,
    ChangeDuring,
    CloseDelimited,
    Cut,
    CutChunked,
    Drip,
    EncodeGzip,
    ExtraHeaders,
    Garbage,
    LoginPage,
    NoValidators,
    Reset,
    Stall,
    Status,
    Together,
    UnaskedPartial,
    Well,
    When,
    WrongLength,
)
from etagkit.transfer import Fetched, Magic, Reason, Skipped

if TYPE_CHECKING:
    from collections.abc import Callable

    from etagkit.testing import Request
    from tests.loopback._world import World

OLD = b"the first version\n" * 5000
NEW = b"another version!!\n" * 5000
SIZE = len(NEW)


def _for_the_body(request: Request) -> bool:
    return request.method == "GET" and "range" not in request.headers


def _body(behaviour: Behaviour) -> Behaviour:
    """Return a behaviour for the body alone: the probe goes well."""
    return When(_for_the_body, behaviour)


class _Case:
    """One fault: how it is played, which error it must become, and what the error must say."""

    def __init__(
        self,
        behaviour: Behaviour,
        error: type[errors.EtagKitError],
        *,
        says: str = "",
        retryable: bool | None = None,
        client: dict[str, Any] | None = None,
    ) -> None:
        self.behaviour = behaviour
        self.error = error
        self.says = says
        self.retryable = retryable
        self.client = client or {}


_QUICK = {"timeout": 0.25}

FAULTS: dict[str, _Case] = {
    "cut-0": _Case(_body(Cut(after=0)), errors.BodyCut, says=f"expected {SIZE} octets"),
    "cut-1": _Case(_body(Cut(after=1)), errors.BodyCut, says="found 1 octets", retryable=True),
    "cut-half": _Case(_body(Cut(after=SIZE // 2)), errors.BodyCut),
    "cut-last": _Case(_body(Cut(after=SIZE - 1)), errors.BodyCut),
    "cut-chunked-0": _Case(_body(CutChunked(after=0)), errors.BodyCut, says="a marked end"),
    "cut-chunked-half": _Case(_body(CutChunked(after=SIZE // 2)), errors.BodyCut),
    "cut-chunked-end": _Case(_body(CutChunked(after=SIZE)), errors.BodyCut),
    "close-whole": _Case(_body(CloseDelimited()), errors.UnverifiedBody, says="accept_unverified"),
    "close-cut": _Case(
        _body(Together(NoValidators(), CloseDelimited(after=1000))), errors.UnverifiedBody
    ),
    "close-cut-known": _Case(_body(CloseDelimited(after=1000)), errors.SizeMismatch),
    "longer": _Case(_body(WrongLength(SIZE + 10)), errors.BodyCut, says=f"{SIZE + 10} octets"),
    "shorter": _Case(_body(WrongLength(SIZE - 10)), errors.SizeMismatch, says=f"expected {SIZE}"),
    "empty": _Case(_body(WrongLength(0)), errors.SizeMismatch, says="found 0"),
    "reset": _Case(_body(Reset()), errors.ConnectionFailed, retryable=True),
    "reset-half": _Case(_body(Reset(after=SIZE // 2)), errors.BodyCut),
    "garbage": _Case(_body(Garbage()), errors.ConnectionFailed, retryable=True),
    "garbage-everywhere": _Case(Garbage(), errors.ConnectionFailed),
    "stall": _Case(_body(Stall(after=None)), errors.SourceTimeout, client=_QUICK),
    "stall-half": _Case(
        _body(Stall(after=SIZE // 2)), errors.SourceTimeout, client=_QUICK, retryable=True
    ),
    "partial": _Case(_body(UnaskedPartial()), errors.UnexpectedStatus, says="206"),
    "range-in-200": _Case(
        _body(ExtraHeaders({"Content-Range": f"bytes 0-{SIZE - 1}/{SIZE}"})),
        errors.UnexpectedStatus,
        says="a part of the file",
    ),
    "brotli": _Case(
        _body(ExtraHeaders({"Content-Encoding": "br"})), errors.UnsupportedEncoding, says="br"
    ),
    "two-codings": _Case(
        _body(ExtraHeaders({"Content-Encoding": "gzip, gzip"})), errors.UnsupportedEncoding
    ),
    "not-gzip": _Case(_body(ExtraHeaders({"Content-Encoding": "gzip"})), errors.MalformedContent),
    "login": _Case(LoginPage(), errors.UnexpectedContent, says="a web page"),
    "login-late": _Case(_body(LoginPage()), errors.UnexpectedContent, retryable=False),
    "200-empty-late": _Case(_body(Status(204)), errors.UnexpectedStatus, says="204"),
    **{
        f"status-{code}": _Case(
            Status(code), errors.UnexpectedStatus, says=f"{code}", retryable=code in {429, 500, 503}
        )
        for code in (401, 403, 404, 416, 429, 500, 503)
    },
    "status-late": _Case(_body(Status(503)), errors.UnexpectedStatus, retryable=True),
}


@pytest.mark.parametrize("earlier", [False, True], ids=["first", "update"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault(world: World, name: str, earlier: bool) -> None:
    """It is an error of the right type that names the URL; the old file stays; it heals."""
    case = FAULTS[name]
    url = world.origin.url("/data.txt")
    if earlier:
        world.put("/data.txt", OLD)
        world.fetch(url)
    before = world.records()
    world.put("/data.txt", NEW)
    world.origin.always("/data.txt", case.behaviour)
    world.client = case.client
    with pytest.raises(case.error) as caught:
        world.fetch(url)
    error = caught.value
    assert type(error) is case.error
    assert error.url == url
    assert error.path == world.path()
    assert case.says in str(error)
    assert case.retryable in {None, error.retryable}
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    if earlier:
        assert world.read() == OLD
        assert world.records() == before
    else:
        assert list(world.files()) == []
        assert os.listdir(world.folder) == []
    assert type(world.events[-1]).__name__ == "Failed"
    assert world.events[-1].kind == error.kind
    world.origin.always("/data.txt", Well())
    world.client = {}
    assert isinstance(world.fetch(url), Fetched)
    assert world.read() == NEW


def test_not_modified_without_a_question(small_world: World) -> None:
    """A 304 to a request that named no version brings nothing, and is no answer."""
    url = small_world.put("/data.txt", NEW)
    small_world.origin.always("/data.txt", Status(304))
    with pytest.raises(errors.UnexpectedStatus, match="304"):
        small_world.fetch(url)


# --- bodies that end with their connection ---------------------------------------------------


def test_an_unmarked_end_on_the_callers_word(world: World) -> None:
    """Accepted, it is recorded as unverified, and fetched again unless accepted again."""
    url = world.put("/data.bin", NEW)
    world.origin.always("/data.bin", CloseDelimited())
    result = world.fetch(url, accept_unverified=True)
    assert isinstance(result, Fetched)
    assert result.record.completeness is Completeness.UNVERIFIED
    assert (result.record.verdict, result.record.verified) == ("unverifiable", ("version",))
    assert isinstance(world.fetch(url, accept_unverified=True), Skipped)
    with pytest.raises(errors.UnverifiedBody):
        world.fetch(url)
    world.origin.always("/data.bin", Well())
    result = world.fetch(url)
    assert result.reason is Reason.RECORD_UNVERIFIED
    assert world.record().completeness is Completeness.PROVED


@pytest.mark.parametrize("pin", ["expected_sha256", "expected_size"])
def test_an_unmarked_end_with_a_pin(small_world: World, pin: str) -> None:
    """A digest or a size from the caller shows that the body is whole, or that it is not."""
    import hashlib

    whole = hashlib.sha256(NEW).hexdigest() if pin == "expected_sha256" else SIZE
    pinned: dict[str, Any] = {pin: whole}
    url = small_world.put("/data.bin", NEW)
    cut = Together(NoValidators(), CloseDelimited(after=1000))
    small_world.origin.always("/data.bin", cut)
    with pytest.raises((errors.DigestMismatch, errors.SizeMismatch)):
        small_world.fetch(url, **pinned, accept_unverified=True)
    small_world.origin.always("/data.bin", CloseDelimited())
    result = small_world.fetch(url, **pinned)
    assert result.record.completeness is Completeness.PROVED


# --- what the caller expects -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"expected_sha256": "0" * 64}, errors.DigestMismatch),
        ({"expected_size": SIZE + 1}, errors.SizeMismatch),
        ({"expected_type": Magic.ZIP}, errors.UnexpectedContent),
        ({"max_bytes": SIZE - 1}, errors.LimitExceeded),
    ],
)
def test_an_expectation_that_is_not_met(
    world: World, options: dict[str, Any], error: type[errors.EtagKitError]
) -> None:
    """The error says what was expected and found, and nothing is published."""
    url = world.put("/data.txt", NEW)
    with pytest.raises(error) as caught:
        world.fetch(url, **options)
    assert caught.value.expected is not None
    assert caught.value.found is not None
    assert os.listdir(world.folder) == []


@pytest.mark.parametrize(
    "options",
    [
        {"expected_sha256": "abc"},
        {"expected_sha256": "g" * 64},
        {"expected_size": -1},
        {"max_bytes": -1},
    ],
)
def test_an_expectation_that_makes_no_sense(small_world: World, options: dict[str, Any]) -> None:
    """It is refused before anything is asked of the source."""
    with pytest.raises(errors.InvalidArgument):
        small_world.fetch(small_world.put("/data.txt", NEW), **options)
    assert small_world.origin.log == []


def test_expectations_that_are_met(world: World) -> None:
    """A digest proves the file to the highest tier."""
    import hashlib

    url = world.put("/data.txt", NEW)
    result = world.fetch(
        url,
        expected_sha256=hashlib.sha256(NEW).hexdigest().upper(),
        expected_size=SIZE,
        expected_type=Magic.TEXT,
        max_bytes=SIZE,
    )
    assert result.record.verdict == "verified"
    assert result.record.verified == ("version", "transfer", "digest", "authentic")


# --- another kind of thing -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.zip", "a.gz", "a.json", "a.csv", "a.pdf", "a.txt"])
def test_a_login_page_under_a_name(small_world: World, name: str) -> None:
    """A page of HTML in the place of a file is refused although it came whole, with 200."""
    url = small_world.origin.url(f"/{name}")
    small_world.origin.always(f"/{name}", LoginPage())
    with pytest.raises(errors.UnexpectedContent) as caught:
        small_world.fetch(url)
    assert caught.value.found == "html"
    assert caught.value.advice is not None
    assert os.listdir(small_world.folder) == []


def test_a_login_page_after_a_good_version(small_world: World) -> None:
    """Where the name promises nothing, the earlier version does."""
    url = small_world.put("/download", b"PK\x03\x04" + OLD)
    small_world.fetch(url)
    small_world.origin.always("/download", LoginPage())
    with pytest.raises(errors.UnexpectedContent) as caught:
        small_world.fetch(url)
    assert caught.value.expected == "zip"


@pytest.mark.parametrize("path", ["/page.html", "/page", "/"])
def test_a_page_that_is_wanted(small_world: World, path: str) -> None:
    """HTML under a name for HTML, or under none, is a file like any other; so is its update."""
    page = b"<!DOCTYPE html><html><body>hello</body></html>"
    url = small_world.put(path, page, content_type="text/html")
    assert small_world.fetch(url).record.magic == "html"
    small_world.put(path, page + b"\n", content_type="text/html")
    assert small_world.fetch(url).record.magic == "html"


def test_a_page_that_is_insisted_on(small_world: World) -> None:
    """With `expected_type` the caller's word counts more than the name."""
    page = b"<!DOCTYPE html><html><body>hello</body></html>"
    url = small_world.put("/odd.zip", page, content_type="text/html")
    assert small_world.fetch(url, expected_type=Magic.HTML).record.magic == "html"


@pytest.mark.parametrize("name", ["a.zip", "a.json", "a.tar.gz", "a.parquet"])
def test_nothing_in_the_place_of_a_file(small_world: World, name: str) -> None:
    """An empty 200 is no version of a format that has no empty form."""
    url = small_world.put(f"/{name}", b"")
    with pytest.raises(errors.UnexpectedContent, match="nothing came"):
        small_world.fetch(url)


@pytest.mark.parametrize("name", ["empty", "empty.txt", "empty.csv"])
def test_an_empty_file(world: World, name: str) -> None:
    """An empty file is a file: the look at it is answered 416, which says that it is empty."""
    url = world.put(f"/{name}", b"", content_type="text/csv")
    result = world.fetch(url)
    assert (world.read(), result.record.magic) == (b"", "empty")
    assert world.asked() == ["HEAD 200", "GET 416", "GET 200"]
    assert isinstance(world.fetch(url), Skipped)


# --- codings and containers ------------------------------------------------------------------


def test_a_coding_that_was_not_asked_for(world: World) -> None:
    """Gzip as a content coding is undone, and both digests are recorded."""
    url = world.put("/data.txt", OLD, content_type="text/plain")
    world.origin.always("/data.txt", EncodeGzip(suffix="-gzip"))
    result = world.fetch(url)
    assert world.read() == OLD
    assert result.record.content_encoding == "gzip"
    assert result.record.received < result.record.size == len(OLD)
    assert result.record.wire_sha256 not in {None, result.record.sha256}
    assert isinstance(world.fetch(url), Skipped)


def test_a_gzip_file_labelled_as_coded(world: World) -> None:
    """A `.gz` that a server calls a coding is kept as it is."""
    packed = gzip.compress(OLD)
    url = world.put("/data.csv.gz", packed)
    world.origin.always("/data.csv.gz", ExtraHeaders({"Content-Encoding": "gzip"}))
    result = world.fetch(url)
    assert world.read() == packed
    assert result.record.strategy == "gzip"


def test_a_coded_body_that_is_cut(world: World) -> None:
    """A coding that ends before its end mark is refused, though the framing was in order."""
    packed = gzip.compress(OLD)
    url = world.put("/data.txt", packed[:-5])
    world.origin.always("/data.txt", ExtraHeaders({"Content-Encoding": "gzip"}))
    with pytest.raises(errors.ContainerCut):
        world.fetch(url)


@pytest.mark.parametrize("decode", [False, True])
def test_gzip(world: World, decode: bool) -> None:
    """A gzip file is stored as sent or decoded, by choice; all members count."""
    packed = gzip.compress(OLD[:1000]) + gzip.compress(OLD[1000:])
    url = world.put("/data.csv.gz", packed, content_type="application/gzip")
    world.allow(OLD)
    result = world.fetch(url, decode=decode)
    assert world.read() == (OLD if decode else packed)
    assert result.content() == OLD
    assert result.record.strategy == ("gzip:decoded" if decode else "gzip")


@pytest.mark.parametrize("decode", [False, True])
@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda packed: packed[:-4], errors.ContainerCut),
        (lambda packed: packed[: len(packed) // 2], errors.ContainerCut),
        (lambda packed: packed[:-8] + b"\0" * 4 + packed[-4:], errors.MalformedContent),
        (lambda packed: packed + b"rubbish", errors.MalformedContent),
    ],
    ids=["trailer-cut", "half", "checksum", "rubbish"],
)
def test_damaged_gzip(
    small_world: World,
    spoil: Callable[[bytes], bytes],
    error: type[errors.EtagKitError],
    decode: bool,
) -> None:
    """A gzip that is cut or damaged at the source itself is never published, in either form."""
    small_world.origin.put("/data.csv.gz", spoil(gzip.compress(os.urandom(50_000))))
    with pytest.raises(error):
        small_world.fetch(small_world.origin.url("/data.csv.gz"), decode=decode)
    assert os.listdir(small_world.folder) == []


def test_json(world: World) -> None:
    """JSON is checked to its closing bracket, plain or in gzip."""
    value = {"rows": list(range(1000)), "name": "caf\xe9"}
    plain = json.dumps(value).encode()
    url = world.put("/data.json", plain, content_type="application/json")
    result = world.fetch(url)
    assert result.json() == value
    assert result.record.strategy == "json"
    packed = world.put("/packed.json.gz", gzip.compress(plain))
    result = world.fetch(packed, "packed")
    assert result.json() == value
    assert result.record.strategy == "gzip+json"


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("text", [b'{"a": [1, 2', b'{"a": 1}}', b'{"a": nul}', b'{"a": "\xff"}'])
def test_malformed_json(small_world: World, text: bytes, packed: bool) -> None:
    """A body that is cut at the source in perfect framing is refused because it does not close."""
    path = "/data.json.gz" if packed else "/data.json"
    body = b'{"fill": "' + b"x" * 2000 + b'", "v": ' + text + b"}"
    if text.startswith(b'{"a": 1}}'):
        body = text
    small_world.origin.put(path, gzip.compress(body) if packed else body)
    with pytest.raises(errors.MalformedContent):
        small_world.fetch(small_world.origin.url(path))
    assert os.listdir(small_world.folder) == []


# --- sources that move -----------------------------------------------------------------------


def test_a_source_that_changes_its_kind_under_way(world: World) -> None:
    """Changed between probe and body into what the strategy refuses, it is looked at again."""
    url = world.put("/data", b'{"a": 1}', content_type="application/json")
    zipped = b"PK\x03\x04" + os.urandom(5000)
    world.allow(zipped)
    world.origin.script("/data", Well(methods="HEAD"), Well(methods="GET"), ChangeDuring(zipped))
    result = world.fetch(url)
    assert world.read() == zipped
    assert result.record.strategy == "binary"
    assert world.asked() == ["HEAD 200", "GET 206", "GET 200", "HEAD 200", "GET 206", "GET 200"]


def test_a_source_that_changes_under_way(world: World) -> None:
    """Changed into something else that fits, the new version is taken with its own tag."""
    url = world.put("/data.txt", OLD)
    world.allow(NEW)
    world.origin.script("/data.txt", Well(), Well(), ChangeDuring(NEW), Well())
    result = world.fetch(url)
    assert world.read() == NEW
    assert result.record.etag is not None
    assert isinstance(world.fetch(url), Skipped)


class _Flapping(Behaviour):
    """Give every answer another tag, and every body another kind than the look before it."""

    def reply(self, visit: Any) -> Any:
        reply = visit.well().replacing({"ETag": f'"{visit.number}"'})
        if visit.request.method == "GET" and "range" not in visit.request.headers:
            import attrs

            return attrs.evolve(reply, body=b"no json at all")
        return reply


def test_tags_that_flap_do_not_loop(world: World) -> None:
    """A source that is never the same twice ends in an error after one new start."""
    url = world.put("/data.json", b'{"a": 1}', content_type="application/json")
    world.origin.always("/data.json", _Flapping())
    with pytest.raises(errors.SourceChanged) as caught:
        world.fetch(url)
    assert caught.value.retryable
    assert len(world.origin.log) == 6


def test_tags_that_flap_on_good_bytes(small_world: World) -> None:
    """A host that tags each answer anew is fetched from, each time."""
    url = small_world.put("/data.txt", OLD)

    class Anew(Behaviour):
        def reply(self, visit: Any) -> Any:
            return visit.well().replacing({"ETag": f'"{visit.number}"'})

    small_world.origin.always("/data.txt", Anew())
    assert isinstance(small_world.fetch(url), Fetched)
    result = small_world.fetch(url)
    assert isinstance(result, Fetched)
    assert not result.changed


def test_a_slow_source(world: World) -> None:
    """A body that comes in pieces, each within the time limit, comes whole."""
    url = world.put("/data.bin", NEW)
    world.origin.always("/data.bin", _body(Drip(pause=0.01, size=SIZE // 8)))
    world.client = {"timeout": 1}
    world.fetch(url)
    assert world.read() == NEW


def test_a_restart_needs_no_second_connection(world: World) -> None:
    """A client that may open one connection can start over after a body that was refused."""
    url = world.put("/data", b'{"a": 1}', content_type="application/json")
    zipped = b"PK\x03\x04" + os.urandom(500_000)
    world.allow(zipped)
    world.origin.script("/data", Well(methods="HEAD"), Well(methods="GET"), ChangeDuring(zipped))
    import httpx
    import httpx2

    library = {"httpx": httpx, "httpx2": httpx2}[world.kind.library]
    world.client = {"limits": library.Limits(max_connections=1), "timeout": 1}
    assert isinstance(world.fetch(url), Fetched)
