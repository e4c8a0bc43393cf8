"""`etagkit probe`: what is behind a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from etagkit._redact import redact_url
from etagkit.cli._client import Connection, build_client, client_options
from etagkit.cli._exit import Fate, exit_code, fate_of
from etagkit.cli._items import Failure
from etagkit.cli._logging import log_options
from etagkit.cli._output import print_json, print_line, print_table, tell
from etagkit.transfer import SourceProber

if TYPE_CHECKING:
    from etagkit.transfer import RemoteFileIntent


def intent_to_json(intent: RemoteFileIntent) -> dict[str, Any]:
    """Return the fields for a program; the names are part of the command's interface."""
    return {
        "url": redact_url(intent.url),
        "final_url": redact_url(intent.final_url),
        "size": intent.size,
        "etag": None if intent.etag is None else str(intent.etag),
        "last_modified": intent.last_modified,
        "content_type": intent.content_type,
        "content_encoding": intent.content_encoding,
        "magic": None if intent.magic is None else intent.magic.value,
        "inner": None if intent.inner is None else intent.inner.value,
        "accepts_ranges": intent.accepts_ranges,
        "redirects": [{"url": redact_url(hop.url), "status": hop.status} for hop in intent.hops],
        "requests": intent.requests,
        "error": None,
    }


def error_to_json(url: str, failure: Failure) -> dict[str, Any]:
    """Return the fields of a URL that could not be probed."""
    return {"url": redact_url(url), "error": failure.to_json()}


@click.command(short_help="Say what is behind a URL, without downloading it.")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each URL.")
@client_options
@log_options
@click.pass_context
def probe(
    context: click.Context, /, *, urls: tuple[str, ...], as_json: bool, connection: Connection
) -> None:
    """Say what is behind each URL: size, validators, type, ranges.

    Costs one HEAD and, where that leaves something open, one GET for the first 1 KiB.
    """
    with build_client(connection) as client, SourceProber(client) as prober:
        fates = [_probe_one(prober, url, as_json=as_json) for url in urls]
    context.exit(exit_code(fates))


def _probe_one(prober: SourceProber, url: str, *, as_json: bool) -> Fate:
    """Probe one URL and print what came of it; nothing that is wrong with it stops the others."""
    try:
        intent = prober.probe_source(url)
    except Exception as exc:  # noqa: BLE001  see above; the traceback goes to the log
        failure = Failure.of(exc)
        tell(f"failed: {failure.about(redact_url(url))}")
        if as_json:
            print_json(error_to_json(url, failure))
        return fate_of(exc)
    if as_json:
        print_json(intent_to_json(intent))
    else:
        print_table(intent.table())
        print_line("")
    return Fate.CHANGED
