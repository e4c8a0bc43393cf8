"""The origin that nobody disturbs: what RFC 9110 and 9112 ask of it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from etagkit.errors import InvalidArgument
from etagkit.testing import Document, Fields, Reply, Request, Visit
from etagkit.testing._origin_answer import answer
from tests.unit.testing._client import ask, connect, parse, read_all, request

if TYPE_CHECKING:
    import httpx

    from etagkit.testing import Origin

NOW = datetime(2024, 2, 29, 12, 0, 0, tzinfo=UTC)
OLD = NOW - timedelta(days=1)


def visit(document: Document | None, method: str = "GET", **headers: str) -> Visit:
    """Return a visit that no socket has seen."""
    lines = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Visit(
        request=Request(method=method, path="/f", headers=Fields(lines)),
        resource=document,
        number=1,
        now=NOW,
        answer=answer,
        store=lambda _path, _document: None,
    )


def http_date(moment: datetime) -> str:
    """Return `moment` as a header has it."""
    return format_datetime(moment, usegmt=True)


def test_get_carries_everything_that_describes_the_body(
    origin: Origin, client: httpx.Client, now: datetime
) -> None:
    """A GET is answered with the body, its type and length, both validators and the date."""
    origin.put("/f", b"hello", content_type="text/plain", last_modified=now - timedelta(days=1))
    response = client.get(origin.url("/f"))
    assert (response.status_code, response.content) == (200, b"hello")
    assert dict(response.headers) == {
        "content-length": "5",
        "content-type": "text/plain",
        "etag": f'"{hashlib.sha256(b"hello").hexdigest()[:32]}"',
        "last-modified": "Wed, 28 Feb 2024 12:00:00 GMT",
        "date": "Thu, 29 Feb 2024 12:00:00 GMT",
        "accept-ranges": "bytes",
    }


def test_head_says_what_get_says_without_the_body(origin: Origin, client: httpx.Client) -> None:
    """HEAD has the same fields as GET, and no body, on a connection that goes on."""
    origin.put("/f", b"hello")
    got, headed = client.get(origin.url("/f")), client.head(origin.url("/f"))
    assert headed.headers == got.headers
    assert headed.content == b""
    assert [exchange.connection for exchange in origin.log] == [1, 1]


def test_missing_resource_is_404_and_other_methods_405(
    origin: Origin, client: httpx.Client
) -> None:
    """What is not there is 404; a POST, whose body is read, is 405 with Allow."""
    origin.put("/f", b"hello")
    assert client.get(origin.url("/other")).status_code == 404
    posted = client.post(origin.url("/f"), content=b"x" * 100_000)
    assert (posted.status_code, posted.headers["allow"]) == (405, "GET, HEAD")
    assert client.get(origin.url("/f")).content == b"hello"
    assert {exchange.connection for exchange in origin.log} == {1}


def test_put_delete_and_redirect_change_the_next_answer(
    origin: Origin, client: httpx.Client
) -> None:
    """Resources are replaced, removed and moved while the origin runs."""
    origin.put("/f", b"one")
    first = client.get(origin.url("/f"))
    origin.put("/f", b"two")
    second = client.get(origin.url("/f"), headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.content) == (200, b"two")
    origin.redirect("/f", "/g", status=307)
    moved = client.get(origin.url("/f"))
    assert (moved.status_code, moved.headers["location"]) == (307, "/g")
    assert "etag" not in moved.headers
    origin.delete("/f")
    assert client.get(origin.url("/f")).status_code == 404


def test_own_fields_and_tags_are_sent_as_given(origin: Origin, client: httpx.Client) -> None:
    """`etag` and `headers` go out as they are, `headers` in the place of namesakes."""
    origin.put(
        "/f",
        b"x",
        etag='W/"1"',
        headers=[("Cache-Control", "no-cache"), ("Link", "<a>"), ("Link", "<b>")],
    )
    headers = client.get(origin.url("/f")).headers
    assert headers["etag"] == 'W/"1"'
    assert headers.get_list("link") == ["<a>", "<b>"]
    not_modified = client.get(origin.url("/f"), headers={"If-None-Match": '"1"'})
    assert (not_modified.status_code, not_modified.content) == (304, b"")
    assert not_modified.headers["etag"] == 'W/"1"'
    assert not_modified.headers["cache-control"] == "no-cache"
    assert "content-length" not in not_modified.headers


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If_None_Match": '"v"'}, 304),
        ({"If_None_Match": 'W/"v"'}, 304),
        ({"If_None_Match": '"a", W/"b,\xe9", "v"'}, 304),
        ({"If_None_Match": "*"}, 304),
        ({"If_None_Match": '"w"'}, 200),
        ({"If_None_Match": "v"}, 200),
        ({"If_None_Match": '"w"', "If_Modified_Since": http_date(NOW)}, 200),
        ({"If_Modified_Since": http_date(OLD)}, 304),
        ({"If_Modified_Since": http_date(NOW)}, 304),
        ({"If_Modified_Since": http_date(OLD - timedelta(seconds=1))}, 200),
        ({"If_Modified_Since": "yesterday"}, 200),
        ({"If_Match": '"v"'}, 200),
        ({"If_Match": "*"}, 200),
        ({"If_Match": 'W/"v"'}, 412),
        ({"If_Match": '"w"'}, 412),
        ({"If_Match": '"w"', "If_None_Match": '"v"'}, 412),
        ({"If_Match": '"v"', "If_Unmodified_Since": http_date(OLD - timedelta(days=1))}, 200),
        ({"If_Unmodified_Since": http_date(OLD)}, 200),
        ({"If_Unmodified_Since": http_date(OLD - timedelta(seconds=1))}, 412),
        ({"Range": "bytes=0-1", "If_None_Match": '"v"'}, 304),
        ({"Range": "bytes=0-1", "If_Range": '"v"'}, 206),
        ({"Range": "bytes=0-1", "If_Range": '"w"'}, 200),
        ({"Range": "bytes=0-1", "If_Range": 'W/"v"'}, 200),
        ({"Range": "bytes=0-1", "If_Range": http_date(OLD)}, 206),
        ({"Range": "bytes=0-1", "If_Range": http_date(OLD + timedelta(seconds=1))}, 200),
        ({"Range": "bytes=9-", "If_Range": '"w"'}, 200),
        ({"Range": "bytes=9-"}, 416),
        ({"Range": "bytes=-0"}, 416),
        ({"Range": "bytes=0-1,3-4"}, 200),
        ({"Range": "bytes=3-1"}, 200),
        ({"Range": f"bytes=0-{'9' * 5000}"}, 200),
        ({"Range": "lines=0-1"}, 200),
    ],
)
def test_conditions_follow_rfc_9110_section_13(headers: dict[str, str], status: int) -> None:
    """Each condition, and each pair that has an order, is decided as section 13.2.2 says."""
    document = Document(body=b"hello", etag='"v"', last_modified=OLD)
    assert answer(visit(document, **headers)).status == status


def test_weak_tag_never_allows_a_range() -> None:
    """If-Range compares strongly: a weak tag gives the whole even if it is the same."""
    document = Document(body=b"hello", etag='W/"v"', last_modified=NOW)
    assert answer(visit(document, Range="bytes=0-1", If_Range='W/"v"')).status == 200
    assert answer(visit(document, Range="bytes=0-1", If_Range=http_date(NOW))).status == 200


@pytest.mark.property
@given(
    body=st.binary(max_size=64),
    first=st.integers(0, 80) | st.none(),
    last=st.integers(0, 80) | st.none(),
)
def test_ranges_are_slices(body: bytes, first: int | None, last: int | None) -> None:
    """A 206 holds the slice that its Content-Range names; otherwise it is whole, or 416."""
    text = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    reply = answer(visit(Document(body=body, etag='"v"'), Range=text))
    assert isinstance(reply.body, bytes)
    if reply.status == 206:
        unit, _, rest = reply.headers["content-range"].partition(" ")
        begin, end = map(int, rest.split("/")[0].split("-"))
        assert (unit, rest.split("/")[1]) == ("bytes", str(len(body)))
        assert reply.body == body[begin : end + 1] != b""
        if first is None:
            assert last is not None
            assert end == len(body) - 1
            assert len(reply.body) == min(last, len(body))
        else:
            assert begin == first
            assert end == (len(body) - 1 if last is None else min(last, len(body) - 1))
    elif reply.status == 416:
        assert reply.headers["content-range"] == f"bytes */{len(body)}"
        assert last == 0 or (first is not None and first >= len(body))
    else:
        assert (reply.status, reply.body) == (200, body)


def test_answers_to_head_ignore_ranges() -> None:
    """Range is defined for GET only (RFC 9110 14.2)."""
    document = Document(body=b"hello", etag='"v"')
    assert answer(visit(document, "HEAD", Range="bytes=0-1")).status == 200


@pytest.mark.parametrize("path", ["", "f", "?x"])
def test_paths_without_a_slash_are_refused(origin: Origin, path: str) -> None:
    """A path that no request can name is an error of the caller."""
    with pytest.raises(InvalidArgument, match="starts with a slash"):
        origin.put(path, b"")
    with pytest.raises(InvalidArgument):
        origin.url(path)


def test_fields_that_break_their_line_are_refused(origin: Origin) -> None:
    """A line break in a value or a blank in a name is an error of the caller."""
    with pytest.raises(InvalidArgument):
        origin.put("/f", b"", headers={"X": "1\r\nY: 2"})
    with pytest.raises(InvalidArgument):
        origin.put("/f", b"", headers={"X Y": "1"})
    with pytest.raises(InvalidArgument, match="time zone"):
        origin.put("/f", b"", last_modified=datetime(2024, 1, 1))  # noqa: DTZ001


def test_urls_and_requests_meet_at_the_decoded_path(origin: Origin, client: httpx.Client) -> None:
    """`url` encodes, a request decodes, and the query does not choose the resource."""
    origin.put("/a b/ü%.txt", b"x")
    url = origin.url("/a b/ü%.txt?token=secret")
    assert url.endswith("/a%20b/%C3%BC%25.txt?token=secret")
    assert client.get(url).content == b"x"
    (exchange,) = origin.log
    assert (exchange.path, exchange.query) == ("/a b/ü%.txt", "token=secret")
    assert "secret" not in repr(exchange)


def test_absolute_targets_are_understood(origin: Origin) -> None:
    """A request as a proxy gets it names the same resource (RFC 9112 3.2.2)."""
    origin.put("/f", b"x")
    assert ask(origin, "http://elsewhere.test/f").body == b"x"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /f\r\n\r\n", 400),
        (b"GET /f HTTP/2.0\r\nHost: x\r\n\r\n", 400),
        (b"GET /f HTTP/1.1\r\n\r\n", 400),
        (b"GET /f HTTP/1.1\r\nHost: x\r\nno field\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"PUT /f HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411),
        (b"PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413),
        (b"PUT /f HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 413),
        (b"GET /f HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /f HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 2_000_000, 431),
    ],
)
def test_what_is_no_request_is_refused_and_not_logged(
    origin: Origin, data: bytes, status: int
) -> None:
    """Broken, oversized and unreadable requests get their status and a closed connection."""
    with connect(origin) as sock:
        sock.sendall(data)
        reply = parse(read_all(sock))
    assert reply.status_line.startswith(f"HTTP/1.1 {status} ")
    assert reply.headers["connection"] == "close"
    assert origin.log == []


def test_slow_request_heads_are_waited_for(origin: Origin) -> None:
    """A head that comes byte by byte, after empty lines, is a request like any other."""
    origin.put("/f", b"x")
    with connect(origin) as sock:
        for byte in b"\r\n\r\n" + request("/f"):
            sock.sendall(bytes([byte]))
        assert parse(read_all(sock)).body == b"x"


def test_http_1_0_gets_an_answer_and_the_end(origin: Origin) -> None:
    """An HTTP/1.0 client needs no Host and is not kept waiting for the close."""
    origin.put("/f", b"x")
    with connect(origin) as sock:
        sock.sendall(b"GET /f HTTP/1.0\r\n\r\n")
        reply = parse(read_all(sock))
    assert (reply.body, reply.headers["connection"]) == (b"x", "close")


def test_a_behaviour_sees_an_altered_visit_and_leaves_the_original() -> None:
    """`asking`, `without` and `seeing` give new visits."""
    document = Document(body=b"hello", etag='"v"')
    plain = visit(document)
    assert plain.asking({"Range": "bytes=0-0"}).well().body == b"h"
    assert plain.asking({"Range": "bytes=0-0"}).without("range").well() == plain.well()
    assert plain.seeing(None).well().status == 404
    assert plain.well() == Reply(
        status=200,
        headers=plain.well().headers,
        body=b"hello",
    )
    assert attrs.evolve(plain) == plain


def test_secrets_stay_out_of_reprs() -> None:
    """Credentials in a request are shown by no repr."""
    request = Request(
        method="GET",
        path="/f",
        query="sig=hush",
        headers=Fields((("Authorization", "Bearer hush"), ("Cookie", "hush"), ("X", "shown"))),
    )
    assert "hush" not in repr(request)
    assert "shown" in repr(request)
