"""Settings of the whole test-suite: Hypothesis profiles, and what reports say about markers.

`HYPOTHESIS_PROFILE` chooses a profile: `dev` (default), `ci` (deterministic, so that a red build is
red again), `long` (many examples, for `nox -s long`). Without the variable, `CI=true` means `ci`.
The order of tests and `random` follow `--randomly-seed=N`, which the head of every run prints.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

#: Deadlines are off everywhere: a loaded machine is not a bug. What is too slow to generate still
#: fails through the other health checks.
_COMMON = settings(deadline=None)

settings.register_profile("dev", _COMMON, max_examples=50)
settings.register_profile("ci", _COMMON, max_examples=100, derandomize=True, database=None)
settings.register_profile("long", _COMMON, max_examples=5_000, print_blob=True)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") == "true" else "dev")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Name the markers in the JUnit report, so that it can be asked which server tests ran."""
    for item in items:
        for name in ("server", "notebook"):
            if item.get_closest_marker(name) is not None:
                item.user_properties.append(("marker", name))
