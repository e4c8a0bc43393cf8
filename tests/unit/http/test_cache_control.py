"""Cache-Control (RFC 9111 5.2, RFC 5861, RFC 8246)."""

from __future__ import annotations

from typing import Any

import pytest

from etagkit.errors import InvalidArgument
from etagkit.http import CacheControl
from etagkit.http._fields import MAX_SECONDS

#: Every registered directive in its plain form, and the attributes that it sets.
PLAIN: list[tuple[str, dict[str, Any]]] = [
    ("public", {"public": True}),
    ("private", {"private": True}),
    ('private="set-cookie, x-user"', {"private_fields": ("set-cookie", "x-user")}),
    ("no-cache", {"no_cache": True}),
    ('no-cache="set-cookie"', {"no_cache_fields": ("set-cookie",)}),
    ("no-store", {"no_store": True}),
    ("no-transform", {"no_transform": True}),
    ("must-revalidate", {"must_revalidate": True}),
    ("proxy-revalidate", {"proxy_revalidate": True}),
    ("must-understand", {"must_understand": True}),
    ("immutable", {"immutable": True}),
    ("only-if-cached", {"only_if_cached": True}),
    ("max-age=0", {"max_age": 0}),
    ("max-age=60", {"max_age": 60}),
    ("s-maxage=60", {"s_maxage": 60}),
    ("stale-while-revalidate=60", {"stale_while_revalidate": 60}),
    ("stale-if-error=60", {"stale_if_error": 60}),
    ("max-stale=60", {"max_stale": 60}),
    ("max-stale", {"max_stale": MAX_SECONDS}),
    ("min-fresh=60", {"min_fresh": 60}),
    ("community=ucla", {"extensions": (("community", "ucla"),)}),
    ("surrogate", {"extensions": (("surrogate", None),)}),
    ('note="a, b"', {"extensions": (("note", "a, b"),)}),
    ('note=""', {"extensions": (("note", ""),)}),
    (r'note="a \"b\" \\"', {"extensions": (("note", 'a "b" \\'),)}),
    ("private, max-age=60", {"private": True, "max_age": 60}),
    ("a, a=1, a=2", {"extensions": (("a", None), ("a", "1"), ("a", "2"))}),
    ("", {}),
]

#: Other ways to write something, and the cautious reading of what is wrong.
READ: list[tuple[list[str] | None, str]] = [
    (None, ""),
    ([], ""),
    ([",, ,"], ""),
    (["MAX-AGE=60, No-Store"], "no-store, max-age=60"),
    (["max-age=60,,no-store,"], "no-store, max-age=60"),
    (["max-age=60", "no-store"], "no-store, max-age=60"),
    (["  no-store\t,\tpublic "], "public, no-store"),
    (['max-age="60"'], "max-age=60"),
    (["max-age=00060"], "max-age=60"),
    (["no-cache=Set-Cookie"], 'no-cache="set-cookie"'),
    (["Community=UCLA"], "community=UCLA"),
    # numbers too large
    (["max-age=2147483648"], "max-age=2147483648"),
    (["max-age=2147483649"], "max-age=2147483648"),
    (["max-age=" + "9" * 6_000], "max-age=2147483648"),
    (["max-age=" + "0" * 6_000 + "7"], "max-age=7"),
    # no number: no lifetime
    (["max-age"], "max-age=0"),
    (["max-age="], "max-age=0"),
    (['max-age=""'], "max-age=0"),
    (["max-age=x"], "max-age=0"),
    (["max-age=-1"], "max-age=0"),
    (["max-age=+1"], "max-age=0"),
    (["max-age=1.5"], "max-age=0"),
    (["max-age=1_0"], "max-age=0"),
    (["max-age=\u0661"], "max-age=0"),
    (["max-age= 60"], "max-age=0"),
    (["max-age=60 s"], "max-age=0"),
    (["max-age =60"], "max-age=0"),
    (["s-maxage=x"], "s-maxage=0"),
    (["stale-while-revalidate=x"], "stale-while-revalidate=0"),
    (["stale-if-error"], "stale-if-error=0"),
    (["max-stale=x"], "max-stale=0"),
    (["min-fresh=x"], "min-fresh=2147483648"),
    (["min-fresh"], "min-fresh=2147483648"),
    # twice: the more cautious value
    (["max-age=60, max-age=30"], "max-age=30"),
    (["max-age=30, max-age=60"], "max-age=30"),
    (["max-age=30", "max-age=x"], "max-age=0"),
    (["min-fresh=30, min-fresh=60, min-fresh=5"], "min-fresh=60"),
    (["max-stale, max-stale=5"], "max-stale=5"),
    (["no-store, no-store"], "no-store"),
    # with and without fields
    (['no-cache, no-cache="a"'], "no-cache"),
    (['private="a", private'], "private"),
    (['private="a", private="b, a"'], 'private="a, b"'),
    (['no-cache=""'], "no-cache"),
    (['no-cache=","'], "no-cache"),
    (['no-cache="a b"'], "no-cache"),
    (["private=a b"], "private"),
    (["private="], "private"),
    # contradictions
    (["public, private"], "private"),
    (["private", "public"], "private"),
    (['public, private="a"'], 'public, private="a"'),
    # arguments where none belong
    (["no-store=x"], "no-store"),
    (['immutable="1"'], "immutable"),
    (["no-store x"], "no-store"),
    # a quoted text that does not end
    (['private="set-cookie, max-age=10'], "private, no-cache, max-age=10"),
    (['note="a, no-store'], "no-cache, no-store"),
    (['"'], "no-cache"),
    (['"no-store"'], "no-cache"),
    (['note="a\x00b", public'], "no-cache, public"),
    # members that are no directives
    (["=5"], ""),
    (["note="], ""),
    (["note=a b"], ""),
    (["@, \xe4"], ""),
]


@pytest.mark.parametrize(("text", "attributes"), PLAIN)
def test_every_directive(text: str, attributes: dict[str, Any]) -> None:
    """Each directive is read into its attribute and rendered as it was."""
    value = CacheControl(**attributes)
    assert CacheControl.parse([text]) == value
    assert value.render() == str(value) == text
    assert bool(value) is bool(text)


@pytest.mark.parametrize(("lines", "text"), READ, ids=range(len(READ)))
def test_cautious_reading(lines: list[str] | None, text: str) -> None:
    """What is wrong, double or contradictory is read in the way that serves nothing wrong."""
    read = CacheControl.parse(lines)
    members = sorted(read.render().split(", "))
    assert members == sorted(text.split(", "))
    assert CacheControl.parse([read.render()]) == read


@pytest.mark.parametrize(
    "attributes",
    [
        {"public": True, "private": True},
        {"private": True, "private_fields": ("a",)},
        {"no_cache": True, "no_cache_fields": ("a",)},
        {"max_age": -1},
        {"s_maxage": MAX_SECONDS + 1},
        {"private_fields": ("Set-Cookie",)},
        {"no_cache_fields": ("a b",)},
        {"no_cache_fields": ("",)},
        {"extensions": (("max-age", "1"),)},
        {"extensions": (("no-cache", None),)},
        {"extensions": (("Note", "1"),)},
        {"extensions": (("", "1"),)},
        {"extensions": (("a, no-store", None),)},
        {"extensions": (("note", "a\r\nSet-Cookie: x"),)},
        {"extensions": (("note", "\u65e5"),)},
    ],
)
def test_values_that_cannot_be_sent(attributes: dict[str, Any]) -> None:
    """A program that contradicts itself, or would break out of the field, is told."""
    with pytest.raises(InvalidArgument):
        CacheControl(**attributes)


@pytest.mark.parametrize(
    ("field", "private_cache", "shared_cache"),
    [
        ("", None, None),
        ("max-age=60", 60, 60),
        ("s-maxage=600", None, 600),
        ("max-age=60, s-maxage=600", 60, 600),
        ("max-age=60, s-maxage=0", 60, 0),
        ("max-age=60, no-cache", 0, 0),
        ('max-age=60, no-cache="set-cookie"', 60, 60),
        ("max-age=x", 0, 0),
    ],
)
def test_lifetime(field: str, private_cache: int | None, shared_cache: int | None) -> None:
    """A shared cache follows s-maxage, both ask each time under no-cache (RFC 9111 4.2.1)."""
    value = CacheControl.parse([field])
    assert value.lifetime(shared=False) == private_cache
    assert value.lifetime(shared=True) == shared_cache


@pytest.mark.parametrize(
    ("field", "private_cache", "shared_cache", "understood"),
    [
        ("", True, True, True),
        ("max-age=60", True, True, True),
        ("no-store", False, False, False),
        ("no-store, max-age=60", False, False, False),
        ("private", True, False, True),
        ('private="set-cookie"', True, True, True),
        ("must-understand", False, False, True),
        ("must-understand, no-store", False, False, True),
        ("public, private", True, False, True),
    ],
)
def test_may_store(field: str, private_cache: bool, shared_cache: bool, understood: bool) -> None:
    """no-store, private and must-understand say who may keep an answer (RFC 9111 3)."""
    value = CacheControl.parse([field])
    assert value.may_store(shared=False) is private_cache
    assert value.may_store(shared=True) is shared_cache
    assert value.may_store(shared=False, understood=True) is understood
