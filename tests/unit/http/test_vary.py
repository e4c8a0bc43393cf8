"""Vary (RFC 9110 12.5.5)."""

from __future__ import annotations

import pytest

from etagkit.errors import InvalidArgument
from etagkit.http import Vary


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (None, ""),
        ([], ""),
        ([""], ""),
        ([" , "], ""),
        (["Accept"], "Accept"),
        (["accept-encoding"], "accept-encoding"),
        (["Accept, Cookie"], "Accept, Cookie"),
        (["Accept,Cookie"], "Accept, Cookie"),
        (["Accept", "Cookie"], "Accept, Cookie"),
        (["Accept, accept, ACCEPT"], "Accept"),
        (["Accept,,Cookie,"], "Accept, Cookie"),
        (["*"], "*"),
        (["*, Accept"], "*"),
        (["Accept", "*"], "*"),
        # what cannot be read may mean anything
        (["Accept Cookie"], "*"),
        (["Accept, (none)"], "*"),
        (['"Accept"'], "*"),
        (["Accept\n"], "*"),
        (["\xe4"], "*"),
    ],
)
def test_parse(lines: list[str] | None, text: str) -> None:
    """Names are gathered once each; "*" and the unreadable swallow them."""
    vary = Vary.parse(lines)
    assert vary.render() == str(vary) == text
    assert vary.anything is (text == "*")
    assert bool(vary) is bool(text)


def test_names_compare_without_case_and_order() -> None:
    """Two values that ask the same are equal, and hash alike."""
    assert Vary.of("Accept", "Cookie") == Vary.of("cookie", "ACCEPT")
    assert hash(Vary.of("Accept", "Cookie")) == hash(Vary.of("cookie", "ACCEPT"))
    assert Vary.of("Accept") != Vary.of("Cookie")
    assert Vary() != Vary(anything=True)


def test_contains() -> None:
    """A name is in it in any case, and everything is in "*"."""
    assert "accept" in Vary.of("Accept")
    assert "cookie" not in Vary.of("Accept")
    assert "cookie" in Vary(anything=True)
    assert 1 not in Vary.of("Accept")


def test_merge_never_loses_a_name() -> None:
    """Merging adds what the other names, and "*" wins from either side."""
    ours, theirs = Vary.of("Authorization"), Vary.parse(["accept-encoding, authorization"])
    assert str(ours.merge(theirs)) == "Authorization, accept-encoding"
    assert str(ours.merge(Vary())) == "Authorization"
    assert str(ours.merge(Vary(anything=True))) == "*"
    assert str(Vary(anything=True).merge(ours)) == "*"


@pytest.mark.parametrize("name", ["", "*", "a b", "a,b", "a\r\nSet-Cookie: x"])
def test_only_names_are_named(name: str) -> None:
    """Nothing breaks out of the field."""
    with pytest.raises(InvalidArgument):
        Vary.of(name)
