"""The head of an answer: its length, codings, framing and type (RFC 9110 8.3, 8.4, 8.6; 9112 6)."""

from __future__ import annotations

import pytest

from etagkit.http import Framing, Head, Headers, media_type

CHUNKED = ("Transfer-Encoding", "chunked")
FIVE = ("Content-Length", "5")


def head(
    *lines: tuple[str, str], status: int = 200, method: str = "GET", version: str = "HTTP/1.1"
) -> Head:
    """Return the head of an answer with these field lines."""
    return Head(
        status=status,
        headers=Headers.of(lines),
        url="http://localhost/",
        method=method,
        http_version=version,
    )


@pytest.mark.parametrize(
    ("values", "length"),
    [
        ([], None),
        (["0"], 0),
        (["5"], 5),
        (["005"], 5),
        (["5", "5"], 5),
        (["5, 5"], 5),
        (["5,5", "5"], 5),
        (["9223372036854775807"], 2**63 - 1),
        ([""], None),
        (["5", "6"], None),
        (["5, 6"], None),
        (["5,"], None),
        (["-5"], None),
        (["+5"], None),
        (["5.0"], None),
        (["5 5"], None),
        (["0x5"], None),
        (["1_000"], None),
        (["\u0665"], None),
        (["\xb2"], None),
        (["9" * 20], None),
        (["9" * 65_536], None),
    ],
)
def test_content_length(values: list[str], length: int | None) -> None:
    """A length is read if all of its values agree (RFC 9110 8.6); otherwise there is none."""
    assert head(*(("Content-Length", value) for value in values)).content_length == length


@pytest.mark.parametrize(
    ("lines", "version", "framing"),
    [
        ([FIVE], "HTTP/1.1", Framing.LENGTH),
        ([FIVE], "HTTP/1.0", Framing.LENGTH),
        ([("Content-Length", "0")], "HTTP/1.1", Framing.LENGTH),
        ([], "HTTP/1.1", Framing.CLOSE),
        ([], "HTTP/1.0", Framing.CLOSE),
        ([("Content-Length", "5, 6")], "HTTP/1.1", Framing.CLOSE),
        # transfer codings override a length (RFC 9112 6.3)
        ([CHUNKED], "HTTP/1.1", Framing.CHUNKED),
        ([CHUNKED, FIVE], "HTTP/1.1", Framing.CHUNKED),
        ([("transfer-encoding", "gzip, Chunked ")], "HTTP/1.1", Framing.CHUNKED),
        ([("Transfer-Encoding", "gzip"), CHUNKED], "HTTP/1.1", Framing.CHUNKED),
        ([("Transfer-Encoding", "gzip")], "HTTP/1.1", Framing.CLOSE),
        ([("Transfer-Encoding", "gzip"), FIVE], "HTTP/1.1", Framing.CLOSE),
        ([("Transfer-Encoding", "chunked, gzip")], "HTTP/1.1", Framing.CLOSE),
        ([("Transfer-Encoding", "x-chunked")], "HTTP/1.1", Framing.CLOSE),
        ([("Transfer-Encoding", "")], "HTTP/1.1", Framing.CLOSE),
        # HTTP/1.0 knows no transfer codings (RFC 9112 6.1)
        ([CHUNKED], "HTTP/1.0", Framing.CLOSE),
        ([CHUNKED, FIVE], "HTTP/1.0", Framing.CLOSE),
        # streams mark their end themselves
        ([], "HTTP/2", Framing.STREAM),
        ([FIVE], "HTTP/2", Framing.STREAM),
        ([], "HTTP/3", Framing.STREAM),
        # an unknown version proves the least
        ([], "", Framing.CLOSE),
        ([], "HTTP/0.9", Framing.CLOSE),
        # written by a source into the status line of HTTP/1
        ([], "HTTP/2.0", Framing.CLOSE),
        ([FIVE], "HTTP/2.0", Framing.LENGTH),
        ([], "http/2", Framing.CLOSE),
        ([], "ICY", Framing.CLOSE),
    ],
)
def test_framing(lines: list[tuple[str, str]], version: str, framing: Framing) -> None:
    """What marks the end of a body follows from version, codings and length, in this order."""
    assert head(*lines, version=version).framing is framing


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/2"])
@pytest.mark.parametrize(
    ("status", "method"), [(204, "GET"), (304, "GET"), (200, "HEAD"), (404, "HEAD"), (103, "GET")]
)
def test_answers_without_a_body(status: int, method: str, version: str) -> None:
    """Whatever their fields say, these have no body (RFC 9112 6.3)."""
    answer = head(CHUNKED, FIVE, status=status, method=method, version=version)
    assert answer.framing is Framing.NONE


@pytest.mark.parametrize("status", [200, 206, 301, 404, 416, 500])
def test_all_other_answers_have_one(status: int) -> None:
    """Errors and redirects have bodies as well."""
    assert head(FIVE, status=status).framing is Framing.LENGTH


@pytest.mark.parametrize(
    ("values", "codings"),
    [
        ([], ()),
        ([""], ()),
        (["identity"], ()),
        (["GZip"], ("gzip",)),
        (["gzip, br"], ("gzip", "br")),
        (["gzip", "br"], ("gzip", "br")),
        (["gzip,,identity , br"], ("gzip", "br")),
    ],
)
def test_content_encodings(values: list[str], codings: tuple[str, ...]) -> None:
    """Codings come in the order in which they were applied, without identity."""
    assert head(*(("Content-Encoding", v) for v in values)).content_encodings == codings


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("text/html", "text/html"),
        ("Text/HTML;Charset=utf-8", "text/html"),
        ('text/html ; charset="a;b"', "text/html"),
        ("\tapplication/vnd.api+json", "application/vnd.api+json"),
        ("application/x-gzip;", "application/x-gzip"),
        (None, None),
        ("", None),
        (";", None),
        ("text", None),
        ("text/", None),
        ("/html", None),
        ("text/html/x", None),
        ("text / html", None),
        ("text/html, text/plain", None),
        ("te\u212at/plain", None),
        ("text/html\n", None),
        ("t\xe9xt/html", None),
    ],
)
def test_media_type(field: str | None, kind: str | None) -> None:
    """The essence of a Content-Type is two tokens, lower-cased; anything else is no type."""
    assert media_type(field) == kind


def test_url_is_not_shown() -> None:
    """A head's repr holds no URL, which may hold a secret."""
    assert "localhost" not in repr(head(FIVE))
