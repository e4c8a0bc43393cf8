"""One table of exit codes, and the decision for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etagkit.cli._exit import ExitCode, Fate, code_of_error, exit_code, fate_of
from etagkit.errors import DigestMismatch, EtagKitError, UnexpectedStatus

CHANGED, UNCHANGED, FAILED, CORRUPT = Fate.CHANGED, Fate.UNCHANGED, Fate.FAILED, Fate.CORRUPT


def test_the_numbers_are_a_promise() -> None:
    """Scripts compare with these numbers, so they never move."""
    assert {code.name: code.value for code in ExitCode} == {
        "DONE": 0,
        "ERROR": 1,
        "USAGE": 2,
        "UNCHANGED": 3,
        "SOME_FAILED": 4,
        "INTEGRITY": 5,
        "CONFLICTS": 6,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize(
    ("fates", "code"),
    [
        ([], 0),
        ([CHANGED], 0),
        ([UNCHANGED, UNCHANGED], 0),
        ([FAILED], 1),
        ([CORRUPT], 5),
        ([FAILED, CHANGED], 4),
        ([FAILED, FAILED], 4),
        ([CORRUPT, CHANGED], 5),
        ([CORRUPT, CORRUPT], 5),
        ([CORRUPT, FAILED], 4),
    ],
)
def test_the_code_follows_from_how_the_items_ended(fates: list[Fate], code: int) -> None:
    """One that fails alone is 1, some of many 4; only wrong bytes are 5."""
    assert exit_code(fates) == code


@pytest.mark.property
@given(st.lists(st.sampled_from(Fate)), st.booleans())
def test_a_failure_is_never_hidden(fates: list[Fate], tell: bool) -> None:
    """Done and unchanged are said only where nothing failed; unchanged only where asked."""
    code = exit_code(fates, tell_unchanged=tell)
    failed = FAILED in fates or CORRUPT in fates
    assert (code in {ExitCode.DONE, ExitCode.UNCHANGED}) == (not failed)
    assert (code is ExitCode.UNCHANGED) == (tell and not failed and CHANGED not in fates)


@pytest.mark.parametrize(
    ("error", "fate", "code"),
    [
        (DigestMismatch("wrong"), CORRUPT, 5),
        (UnexpectedStatus("gone", status=404), FAILED, 1),
        (EtagKitError("else"), FAILED, 1),
        (RuntimeError(), FAILED, None),
    ],
)
def test_an_error_says_what_became_of_its_item(
    error: Exception, fate: Fate, code: int | None
) -> None:
    """Integrity errors are told apart from all others."""
    assert fate_of(error) is fate
    if isinstance(error, EtagKitError):
        assert code_of_error(error) == code
