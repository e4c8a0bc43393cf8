"""Field lines: order, repetition and "present but empty" (RFC 9110 5.2, 5.3)."""

from __future__ import annotations

from types import MappingProxyType

import pytest

from etagkit.http import Headers

LINES = [
    ("ETag", '"v1"'),
    ("Vary", "Accept"),
    ("X-Empty", ""),
    ("vary", "Accept-Language"),
    ("Set-Cookie", "a=1"),
]


def test_lines_keep_their_order_and_spelling() -> None:
    """Nothing is merged or renamed."""
    headers = Headers.of(LINES)
    assert list(headers) == LINES
    assert headers.lines == tuple(LINES)
    assert len(headers) == 5


@pytest.mark.parametrize("name", ["vary", "Vary", "VARY"])
def test_names_compare_without_case(name: str) -> None:
    """Field names are case-insensitive (RFC 9110 5.1)."""
    headers = Headers.of(LINES)
    assert headers.all(name) == ("Accept", "Accept-Language")
    assert headers.first(name) == "Accept"
    assert headers.joined(name) == "Accept, Accept-Language"
    assert name in headers


def test_present_but_empty_is_not_absent() -> None:
    """An empty value is a value."""
    headers = Headers.of(LINES)
    assert (headers.first("x-empty"), headers.only("x-empty")) == ("", "")
    assert headers.joined("x-empty") == ""
    assert "x-empty" in headers


def test_absent_field() -> None:
    """What is not there gives `None`, or no lines."""
    headers = Headers.of(LINES)
    assert headers.all("age") == ()
    assert (headers.first("age"), headers.only("age"), headers.joined("age")) == (None,) * 3
    assert "age" not in headers
    assert 5 not in headers


@pytest.mark.parametrize(
    ("values", "only"),
    [
        (['"a"'], '"a"'),
        (['"a"', '"a"'], '"a"'),
        (['"a"', '"b"'], None),
        (['"a"', ""], None),
        (['"a"', 'W/"a"'], None),
    ],
)
def test_singleton_field_that_contradicts_itself_is_not_read(
    values: list[str], only: str | None
) -> None:
    """A field that may stand once is read only if all of its lines agree."""
    assert Headers.of([("ETag", value) for value in values]).only("etag") == only


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("  x ", "x"),
        ("\tx\t", "x"),
        ("a  b", "a  b"),
        ("\xa0x\xa0", "\xa0x\xa0"),
        ("\x85x", "\x85x"),
    ],
)
def test_optional_white_space_is_no_part_of_a_value(value: str, kept: str) -> None:
    """Only space and tab surround a value (RFC 9110 5.5, 5.6.3); obs-text stays."""
    assert Headers.of({"X": value}).first("x") == kept


@pytest.mark.parametrize("make", [dict, MappingProxyType])
def test_mapping_gives_its_items(make: type[dict[str, str]]) -> None:
    """Any mapping will do."""
    assert Headers.of(make({"A": "1", "B": "2"})).lines == (("A", "1"), ("B", "2"))


def test_generator_of_pairs_is_read_once() -> None:
    """Any iterable of pairs will do."""
    headers = Headers.of((name, "1") for name in "AB")
    assert headers.lines == (("A", "1"), ("B", "1"))


def test_keep_drops_everything_else() -> None:
    """Only the named fields are kept, in their order."""
    assert list(Headers.of(LINES).keep(["VARY", "etag"])) == [
        ("ETag", '"v1"'),
        ("Vary", "Accept"),
        ("vary", "Accept-Language"),
    ]


PRIVATE = ["Authorization", "Cookie", "Set-Cookie", "Proxy-Authorization", "WWW-Authenticate"]


@pytest.mark.parametrize("name", PRIVATE)
def test_credentials_are_never_kept_and_never_shown(name: str) -> None:
    """Not even on demand."""
    headers = Headers.of([(name, "hunter2"), ("Age", "3")])
    assert headers.keep([name, "age"]).lines == (("Age", "3"),)
    assert "hunter2" not in repr(headers)
    assert repr(headers) == f"Headers([({name!r}, '***'), ('Age', '3')])"


def test_headers_are_values() -> None:
    """Equal lines make equal headers, usable as keys."""
    assert Headers.of(LINES) == Headers.of(LINES)
    assert hash(Headers.of(LINES)) == hash(Headers.of(LINES))
    assert Headers.of(LINES) != Headers.of(LINES[::-1])
    assert len(Headers()) == 0
