"""`etagkit probe`: what is behind URLs, for people and for programs."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from etagkit.testing import Status

if TYPE_CHECKING:
    from etagkit.testing import Origin
    from tests.unit.cli.conftest import Runs


def test_a_table_for_each_url(origin: Origin, etagkit_: Runs) -> None:
    """Each says size, validators and type; nothing goes to standard error."""
    done = etagkit_("probe", origin.url("/a.json"), origin.url("/b.csv"))
    assert (done.code, done.err) == (0, "")
    first, second = done.out.strip().split("\n\n")
    assert first.splitlines()[0] == origin.url("/a.json")
    assert 'ETag           "v1"' in first
    assert 'ETag           "b1"' in second


def test_json_for_programs(origin: Origin, process: Runs) -> None:
    """The fields of the probe, one object a line, secrets hidden."""
    origin.put("/d.json.gz", gzip.compress(b"[1]", mtime=0), content_type="application/gzip")
    origin.redirect("/r", "/d.json.gz")
    (seen,) = process("probe", "--json", origin.url("/r?token=s3cret")).objects
    assert seen["final_url"] == origin.url("/d.json.gz")
    assert seen["url"].endswith("/r?token=***")
    assert (seen["magic"], seen["inner"], seen["accepts_ranges"]) == ("gzip", "json", True)
    assert [hop["status"] for hop in seen["redirects"]] == [302]
    assert seen["error"] is None


def test_what_cannot_be_probed_stops_nothing(origin: Origin, etagkit_: Runs) -> None:
    """The error stands in its place; the next URL is probed."""
    origin.always("/a.json", Status(404))
    done = etagkit_("probe", "--json", origin.url("/a.json"), "no-url", origin.url("/b.csv"))
    assert done.code == 4
    assert [(each["error"] or {}).get("kind") for each in done.objects] == [
        "status",
        "invalid_url",
        None,
    ]
    assert done.err.count("failed: ") == 2
    assert etagkit_("probe", origin.url("/a.json")).code == 1


def test_control_characters_of_a_source_do_not_reach_the_terminal(
    origin: Origin, etagkit_: Runs
) -> None:
    """A header may hold octets that steer a terminal: they are shown as what they are not."""
    origin.put("/evil", b"x", content_type="text/plain; a=\x9b2J")
    done = etagkit_("probe", origin.url("/evil"))
    assert done.code == 0
    assert "\x9b" not in done.out
