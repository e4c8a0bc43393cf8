"""Cache-Groups and Cache-Group-Invalidation (RFC 9875, RFC 9651)."""

from __future__ import annotations

import pytest

from etagkit.errors import InvalidArgument
from etagkit.http import (
    CACHE_GROUP_INVALIDATION,
    CACHE_GROUPS,
    CacheGroups,
    Unreadable,
    groups_to_invalidate,
)


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        (None, []),
        ([], []),
        ([""], []),
        (["  "], []),
        (['"a"'], ["a"]),
        ([' "a" '], ["a"]),
        (['""'], [""]),
        (['"a", "b"'], ["a", "b"]),
        (['"a","b"'], ["a", "b"]),
        (['"a"\t,\t"b"'], ["a", "b"]),
        (['"a"', '"b"'], ["a", "b"]),
        (['"a", "a"'], ["a"]),
        (['"A", "a"'], ["A", "a"]),
        (['"a,b"'], ["a,b"]),
        (['"a b"'], ["a b"]),
        (['"a;b"'], ["a;b"]),
        ([r'"a\"b"'], ['a"b']),
        ([r'"a\\b"'], ["a\\b"]),
        # parameters are read over
        (['"a";x'], ["a"]),
        (['"a";x=1'], ["a"]),
        (['"a"; x=-1.5;y'], ["a"]),
        (['"a";x="b, c", "d"'], ["a", "d"]),
        (['"a";x=tok/en:*, "b"'], ["a", "b"]),
        (['"a";x=:aGk=:;y=?1;z=@12;w=%"%c3%a9"'], ["a"]),
    ],
)
def test_parse(lines: list[str] | None, names: list[str]) -> None:
    """A structured list of strings is read, each name once."""
    groups = CacheGroups.parse(lines)
    assert isinstance(groups, CacheGroups)
    assert list(groups) == names
    assert len(groups) == len(names)
    assert all(name in groups for name in names)
    assert CacheGroups.parse([groups.render()]) == groups


@pytest.mark.parametrize(
    "field",
    [
        *("a", "'a'", "1", "?1", ":aGk=:", "*", '("a" "b")'),
        *('"a', 'a"', '"a" "b"', '"a""b"', '"a",', ',"a"', '"a",,"b"', '"a", b', '"a"x'),
        *('"a";', '"a";X', '"a";x=', '"a";1', '"a" ;x', '"a";x=1.', '"a";x=?2', '"a";x=@1.5'),
        *('"\xe9"', '"a\tb"', '"a\nb"', '"a\x7f"', r'"a\b"', '"a\\', "\t", '\t"a"'),
    ],
)
def test_unreadable(field: str) -> None:
    """A structured field is right as a whole, or nothing is known of it."""
    assert isinstance(CacheGroups.parse([field]), Unreadable)


def test_render() -> None:
    """Names are quoted and escaped, and stand once."""
    assert str(CacheGroups.of("a", 'b"c\\', "a")) == r'"a", "b\"c\\"'
    assert CacheGroups().render() == ""


@pytest.mark.parametrize("name", ["\xe9", "a\nb", "\x00", "\x7f", "\u65e5"])
def test_what_cannot_be_sent_is_refused(name: str) -> None:
    """Only printable ASCII goes into a structured string."""
    with pytest.raises(InvalidArgument, match="encode it first"):
        CacheGroups.of(name)


def test_what_every_implementation_reads() -> None:
    """32 groups of 32 characters are safe everywhere; one more of either is not."""
    full = [f"{i:032}" for i in range(32)]
    assert CacheGroups().interoperable
    assert CacheGroups.of(*full).interoperable
    assert not CacheGroups.of(*full, "x").interoperable
    assert not CacheGroups.of("x" * 33).interoperable


@pytest.mark.parametrize(
    ("method", "names"),
    [
        *((method, []) for method in ("GET", "HEAD", "OPTIONS", "QUERY", "TRACE")),
        *((method, ["a"]) for method in ("POST", "PUT", "PATCH", "DELETE", "get")),
    ],
)
def test_only_answers_to_writes_invalidate(method: str, names: list[str]) -> None:
    """A safe method drops nothing, whatever its answer says."""
    groups = groups_to_invalidate(method, ['"a"'])
    assert isinstance(groups, CacheGroups)
    assert list(groups) == names


def test_field_names() -> None:
    """The two fields have the names of the RFC."""
    assert (CACHE_GROUPS, CACHE_GROUP_INVALIDATION) == ("Cache-Groups", "Cache-Group-Invalidation")
