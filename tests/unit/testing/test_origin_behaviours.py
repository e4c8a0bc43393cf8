"""Each behaviour, seen from the other end of the wire."""

from __future__ import annotations

import gzip
import itertools
import time
from typing import TYPE_CHECKING

import attrs
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from etagkit.errors import InvalidArgument
from etagkit.testing import (
    Behaviour,
    ChangeDuring,
    Chunked,
    CloseDelimited,
    Cut,
    CutChunked,
    Drip,
    EncodeGzip,
    Endless,
    ExtraHeaders,
    Garbage,
    IgnoreConditions,
    IgnoreIfRange,
    IgnoreRange,
    Late,
    LoginPage,
    NoHead405,
    NoValidators,
    Origin,
    Outcome,
    Reply,
    Reset,
    Stall,
    Status,
    Together,
    UnaskedPartial,
    Visit,
    Well,
    When,
    WrongLength,
)
from tests.unit.testing._client import ask, connect, parse, read_all, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from etagkit.testing import Exchange, Request

BODY = bytes(range(256)) * 4


def last(origin: Origin) -> Exchange:
    """Return the latest exchange."""
    return origin.log[-1]


def has_outcome(outcome: Outcome) -> Callable[[Exchange], bool]:
    """Return the condition that an exchange has come so far."""
    return lambda exchange: exchange.outcome is outcome


@pytest.fixture
def served(origin: Origin) -> Origin:
    """Serve one resource of 1,024 bytes."""
    origin.put("/f", BODY, content_type="text/plain", etag='"v1"')
    return origin


@pytest.mark.parametrize("after", [0, 1, 100, 1023])
def test_cut_announces_all_and_sends_a_part(
    served: Origin, client: httpx.Client, after: int
) -> None:
    """A cut body is shorter than its Content-Length, which httpx reports as an error."""
    served.always("/f", Cut(after=after))
    reply = ask(served, "/f")
    assert reply.headers["content-length"] == "1024"
    assert reply.body == BODY[:after]
    assert (last(served).body_sent, last(served).outcome) == (after, Outcome.BROKEN)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(served.url("/f"))


@pytest.mark.parametrize("after", [1024, 5000])
def test_cut_beyond_the_end_leaves_the_body_whole(
    served: Origin, client: httpx.Client, after: int
) -> None:
    """A stop that the body does not go beyond harms nothing, nor a HEAD or a 304."""
    served.always("/f", Cut(after=after))
    assert client.get(served.url("/f")).content == BODY
    assert last(served).outcome is Outcome.COMPLETE
    assert client.head(served.url("/f")).status_code == 200
    assert client.get(served.url("/f"), headers={"If-None-Match": '"v1"'}).status_code == 304


@pytest.mark.parametrize("after", [0, 100, 1024])
def test_cut_chunked_never_sends_the_last_chunk(
    served: Origin, client: httpx.Client, after: int
) -> None:
    """Without the last chunk even a body with all its bytes is incomplete."""
    served.always("/f", CutChunked(after=after))
    reply = ask(served, "/f")
    assert (reply.headers["transfer-encoding"], "content-length" in reply.headers) == (
        "chunked",
        False,
    )
    assert reply.body == (b"%x\r\n%b\r\n" % (after, BODY[:after]) if after else b"")
    assert (last(served).body_sent, last(served).outcome) == (after, Outcome.BROKEN)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(served.url("/f"))


def test_chunked_ends_well_and_keeps_the_connection(served: Origin, client: httpx.Client) -> None:
    """Chunks with a proper end are a right answer without a length."""
    served.always("/f", Chunked())
    for _ in range(2):
        response = client.get(served.url("/f"))
        assert response.content == BODY
        assert "content-length" not in response.headers
        assert client.head(served.url("/f")).content == b""
        assert last(served).outcome is Outcome.COMPLETE
    assert last(served).connection == 1


def test_close_delimited_ends_with_the_connection(served: Origin, client: httpx.Client) -> None:
    """Without length and chunks, a client cannot tell the end from a cut."""
    served.script("/f", CloseDelimited(), CloseDelimited(after=10))
    whole, cut = client.get(served.url("/f")), client.get(served.url("/f"))
    assert (whole.content, cut.content) == (BODY, BODY[:10])
    assert not {"content-length", "transfer-encoding"} & set(whole.headers)
    assert [exchange.outcome for exchange in served.log] == [Outcome.COMPLETE, Outcome.BROKEN]


@pytest.mark.parametrize("declared", [0, 1000, 1025, 10**12])
def test_wrong_length_is_announced_and_the_true_body_sent(served: Origin, declared: int) -> None:
    """The announced length and the sent body differ in either direction."""
    served.always("/f", WrongLength(declared=declared))
    reply = ask(served, "/f")
    assert (reply.headers["content-length"], reply.body) == (str(declared), BODY)
    assert last(served).outcome is Outcome.BROKEN


@pytest.mark.parametrize("after", [None, 0, 10])
def test_stall_holds_the_rest_until_released(served: Origin, after: int | None) -> None:
    """So much comes, then nothing, then after `release` the rest."""
    served.always("/f", Stall(after=after))
    with connect(served) as sock:
        sock.sendall(request("/f"))
        (exchange,) = served.wait_for(has_outcome(Outcome.STALLED))
        assert exchange.body_sent == (after or 0)
        assert exchange.status == (None if after is None else 200)
        if after is None:
            sock.settimeout(0.05)
            with pytest.raises(TimeoutError):
                sock.recv(1)
            sock.settimeout(5)
        served.release()
        assert parse(read_all(sock)).body == BODY
    assert last(served).outcome is Outcome.COMPLETE


def test_stall_notices_a_client_that_leaves(served: Origin) -> None:
    """A stalled exchange ends as abandoned when the client closes."""
    served.always("/f", Stall(after=10))
    with connect(served) as sock:
        sock.sendall(request("/f"))
        served.wait_for(has_outcome(Outcome.STALLED))
    served.wait_for(has_outcome(Outcome.ABANDONED))


@pytest.mark.parametrize("after", [None, 0, 10])
def test_reset_breaks_the_connection_with_rst(served: Origin, after: int | None) -> None:
    """The client's read fails with a reset, not with an orderly end."""
    served.always("/f", Reset(after=after))
    with connect(served) as sock:
        sock.sendall(request("/f"))
        served.wait_for(has_outcome(Outcome.BROKEN))
        with pytest.raises(ConnectionResetError):
            read_all(sock)


def test_drip_sends_small_pieces_with_pauses(served: Origin) -> None:
    """The pauses are kept: three of them take at least their sum."""
    served.put("/f", b"abcd")
    served.always("/f", Drip(pause=0.01, size=1))
    begin = time.monotonic()
    assert ask(served, "/f").body == b"abcd"
    assert time.monotonic() - begin >= 0.03


def test_late_answers_after_the_delay(served: Origin) -> None:
    """Nothing of the answer comes before the delay is over."""
    served.always("/f", Late(0.05))
    begin = time.monotonic()
    assert ask(served, "/f").body == BODY
    assert time.monotonic() - begin >= 0.05


def test_endless_goes_on_until_the_client_leaves(served: Origin, client: httpx.Client) -> None:
    """More comes than the resource has, and the origin notices when nobody reads."""
    served.always("/f", Endless(b"z" * 1000))
    with client.stream("GET", served.url("/f"), headers={"Range": "bytes=0-1"}) as response:
        assert response.status_code == 200
        some = b"".join(itertools.islice(response.iter_raw(1000), 50))
        assert some == b"z" * 50_000
    (exchange,) = served.wait_for(has_outcome(Outcome.ABANDONED))
    assert exchange.body_sent >= 50_000


def test_status_answers_whatever_was_asked(served: Origin, client: httpx.Client) -> None:
    """Status, body and fields are as told, and no validators are invented."""
    served.always("/f", Status(503, body=b"busy", headers={"Retry-After": "1"}))
    response = client.get(served.url("/f"), headers={"If-None-Match": '"v1"'})
    assert (response.status_code, response.content) == (503, b"busy")
    assert response.headers["retry-after"] == "1"
    assert "etag" not in response.headers


def test_methods_limit_a_behaviour(served: Origin, client: httpx.Client) -> None:
    """What a behaviour does not concern is answered well and does not use it up."""
    served.script("/f", Status(403, methods="GET"), Well())
    codes = [
        client.request(method, served.url("/f")).status_code for method in ("HEAD", "GET", "GET")
    ]
    assert codes == [200, 403, 200]
    assert [exchange.behaviour for exchange in served.log] == ["Well", "Status", "Well"]


def test_no_head_refuses_head_only(served: Origin, client: httpx.Client) -> None:
    """HEAD is 405 with Allow, GET works."""
    served.always("/f", NoHead405())
    refused = client.head(served.url("/f"))
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET")
    assert client.get(served.url("/f")).content == BODY


def test_login_page_is_html_in_perfect_framing(served: Origin, client: httpx.Client) -> None:
    """The page comes as 200 with a right length, whatever range was asked for."""
    served.always("/f", LoginPage())
    response = client.get(served.url("/f"), headers={"Range": "bytes=0-9"})
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert b'type="password"' in response.content
    assert last(served).outcome is Outcome.COMPLETE


def test_garbage_is_not_http(served: Origin, client: httpx.Client) -> None:
    """The bytes come as they are, and the connection ends."""
    served.always("/f", Garbage(b"\x00\x01nothing\r\n\r\n"))
    with connect(served) as sock:
        sock.sendall(request("/f", close=False))
        assert read_all(sock) == b"\x00\x01nothing\r\n\r\n"
    assert (last(served).status, last(served).outcome) == (None, Outcome.BROKEN)
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(served.url("/f"))


def test_extra_headers_take_the_place_of_namesakes(served: Origin, client: httpx.Client) -> None:
    """Fields are added, and those that are there are replaced."""
    served.always("/f", ExtraHeaders({"ETag": "unquoted", "X": "1"}))
    headers = client.get(served.url("/f")).headers
    assert (headers.get_list("etag"), headers["x"]) == (["unquoted"], "1")


def test_no_validators_has_none_and_never_304(served: Origin, client: httpx.Client) -> None:
    """Neither validator is sent, and none matches."""
    served.always("/f", NoValidators())
    response = client.get(served.url("/f"), headers={"If-None-Match": '"v1"'})
    assert response.status_code == 200
    assert not {"etag", "last-modified"} & set(response.headers)


def test_ignored_conditions_and_ranges(served: Origin, client: httpx.Client) -> None:
    """Each of the three ignores what it says, and nothing else."""
    url = served.url("/f")
    served.always("/f", IgnoreConditions())
    assert client.get(url, headers={"If-None-Match": '"v1"'}).status_code == 200
    assert client.get(url, headers={"If-Match": '"v2"', "Range": "bytes=0-0"}).status_code == 206
    served.always("/f", IgnoreRange())
    whole = client.get(url, headers={"Range": "bytes=0-0"})
    assert (whole.status_code, whole.headers["accept-ranges"]) == (200, "bytes")
    assert client.get(url, headers={"If-None-Match": '"v1"'}).status_code == 304
    served.always("/f", IgnoreIfRange())
    mixed = client.get(url, headers={"Range": "bytes=1-2", "If-Range": '"v0"'})
    assert (mixed.status_code, mixed.content) == (206, BODY[1:3])


def test_unasked_partial_answers_a_plain_get_with_a_part(
    served: Origin, client: httpx.Client
) -> None:
    """A plain GET gets 206; a ranged one gets what it asked for."""
    served.always("/f", UnaskedPartial(first=2, last=4))
    plain = client.get(served.url("/f"))
    assert (plain.status_code, plain.content) == (206, BODY[2:5])
    assert plain.headers["content-range"] == "bytes 2-4/1024"
    assert client.get(served.url("/f"), headers={"Range": "bytes=9-9"}).content == BODY[9:10]
    served.always("/f", UnaskedPartial())
    assert client.get(served.url("/f")).content == BODY[:513]


def test_encode_gzip_compresses_what_nobody_asked_to(served: Origin, client: httpx.Client) -> None:
    """Body, length and ranges are those of the compressed representation."""
    served.always("/f", EncodeGzip(suffix="-gzip"))
    with client.stream("GET", served.url("/f")) as response:
        raw = b"".join(response.iter_raw())
    assert gzip.decompress(raw) == BODY
    assert response.headers["content-encoding"] == "gzip"
    assert response.headers["etag"] == '"v1-gzip"'
    assert int(response.headers["content-length"]) == len(raw) < len(BODY)
    with client.stream("GET", served.url("/f"), headers={"Range": "bytes=0-9"}) as part:
        assert b"".join(part.iter_raw()) == raw[:10]
    served.always("/f", EncodeGzip())
    assert client.head(served.url("/f")).headers["etag"] == '"v1"'


def test_change_during_replaces_the_resource_for_good(served: Origin, client: httpx.Client) -> None:
    """The second request and all later ones see the new version under a new tag."""
    served.script("/f", Well(), ChangeDuring(b"new"), Well())
    first, second, third = (client.get(served.url("/f")) for _ in range(3))
    assert [r.content for r in (first, second, third)] == [BODY, b"new", b"new"]
    assert first.headers["etag"] != second.headers["etag"] == third.headers["etag"]
    assert third.headers["content-type"] == "text/plain"
    served.script("/f", ChangeDuring(b"newer", etag=third.headers["etag"]))
    fourth = client.get(served.url("/f"))
    assert (fourth.content, fourth.headers["etag"]) == (b"newer", third.headers["etag"])


def test_script_goes_by_request_and_the_last_stays(served: Origin, client: httpx.Client) -> None:
    """The n-th request meets the n-th behaviour; an empty script means to behave again."""
    served.script("/f", Status(500), Status(503), Status(404))
    codes = [client.get(served.url("/f")).status_code for _ in range(5)]
    assert codes == [500, 503, 404, 404, 404]
    assert client.get(served.url("/other")).status_code == 404
    served.script("/f")
    assert client.get(served.url("/f")).content == BODY


def test_together_spoils_one_answer_in_several_ways(served: Origin, client: httpx.Client) -> None:
    """Behaviours add up, each only for the methods it names."""
    served.always(
        "/f",
        Together(
            NoValidators(), CloseDelimited(after=5), IgnoreRange(), Status(403, methods=("HEAD",))
        ),
    )
    response = client.get(served.url("/f"), headers={"Range": "bytes=7-9"})
    assert (response.status_code, response.content) == (200, BODY[:5])
    assert not {"etag", "content-length"} & set(response.headers)
    assert client.head(served.url("/f")).status_code == 403
    assert last(served).behaviour == "NoValidators+CloseDelimited+IgnoreRange+Status"


def test_when_asks_the_request(served: Origin, client: httpx.Client) -> None:
    """A condition chooses the requests; the others do not use the behaviour up."""

    def plain(request: Request) -> bool:
        return "range" not in request.headers

    served.script("/f", When(plain, Status(500)), Well())
    ranged = client.get(served.url("/f"), headers={"Range": "bytes=0-9"})
    codes = [client.get(served.url("/f")).status_code for _ in range(2)]
    assert (ranged.status_code, codes) == (206, [500, 200])


def test_a_new_behaviour_is_a_class_with_one_method(served: Origin, client: httpx.Client) -> None:
    """Users add their own, and a fault in one is a 500 that names it."""

    @attrs.frozen
    class Teapot(Behaviour):
        @override
        def reply(self, visit: Visit) -> Reply:
            return attrs.evolve(visit.well(), status=418 // (3 - visit.number))

    served.always("/f", Teapot())
    url = served.url("/f")
    assert [client.get(url).status_code for _ in range(2)] == [209, 418]
    broken = client.get(url)
    assert broken.status_code == 500
    assert "Teapot raised ZeroDivisionError" in broken.text


@pytest.mark.parametrize(
    "make",
    [
        lambda: Cut(after=-1),
        lambda: Stall(after=-1),
        lambda: WrongLength(declared=-1),
        lambda: Drip(pause=0, size=0),
        lambda: Late(-0.1),
        lambda: Status(200, headers={"X": "\n"}),
    ],
    ids=["cut", "stall", "length", "drip", "late", "status"],
)
def test_behaviours_refuse_what_cannot_be(make: Callable[[], Behaviour]) -> None:
    """A negative count, a size without progress or a broken field is an error of the caller."""
    with pytest.raises(InvalidArgument):
        make()


@pytest.mark.property
@given(body=st.binary(max_size=300), after=st.integers(0, 310), chunked=st.booleans())
def test_cut_sends_exactly_the_prefix(body: bytes, after: int, *, chunked: bool) -> None:
    """Whatever the body and the place, what arrives is the prefix, and the log counts it."""
    with Origin() as origin:
        origin.put("/f", body)
        origin.always("/f", CutChunked(after=after) if chunked else Cut(after=after))
        with connect(origin) as sock:
            sock.sendall(request("/f"))
            reply = parse(read_all(sock))
    expected = body[:after]
    if chunked:
        framed = b"%x\r\n%b\r\n" % (len(expected), expected) if expected else b""
        assert reply.body == framed + (b"0\r\n\r\n" if after > len(body) else b"")
    else:
        assert reply.body == expected
    (exchange,) = origin.log
    assert exchange.body_sent == len(expected)
