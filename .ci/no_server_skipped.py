"""Fail unless the tests of every real server ran: `python no_server_skipped.py REPORT.xml`.

The suite itself fails a server test whose server is missing. This reads the report afterwards, so
that a skip of another origin, or a folder of tests that was never collected, is noticed as well.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from collections import Counter

#: Each of these must occur in the name of a server test that ran.
_SERVERS = ("nginx", "apache", "caddy")


def _is_server_test(case: ET.Element) -> bool:
    marked = any(
        item.get("name") == "marker" and item.get("value") == "server"
        for item in case.iter("property")
    )
    return marked or str(case.get("classname", "")).startswith("tests.servers")


def _names(case: ET.Element) -> str:
    return f"{case.get('classname')}::{case.get('name')}"


def main(report: str) -> int:
    """Read the report and return the exit code."""
    cases = [case for case in ET.parse(report).iter("testcase") if _is_server_test(case)]  # noqa: S314 -- our own report
    skipped = [case for case in cases if case.find("skipped") is not None]
    ran = Counter(
        server
        for case in cases
        if case not in skipped
        for server in _SERVERS
        if server in _names(case)
    )
    for case in skipped:
        reason = case.find("skipped")
        print(f"skipped: {_names(case)}: {'' if reason is None else reason.get('message')}")
    idle = [server for server in _SERVERS if not ran[server]]
    if idle:
        print(f"no test ran against: {', '.join(idle)}")
    print(f"server tests: {len(cases) - len(skipped)} ran, {len(skipped)} skipped")
    return 1 if skipped or idle else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
