"""`etagkit get`: bring what changed, skip what is here, whole and current."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
import click

from etagkit._redact import identity_url
from etagkit.cli._client import Connection, build_client, client_options
from etagkit.cli._exit import exit_code
from etagkit.cli._items import Item, count_words, table_of
from etagkit.cli._logging import log_is_shown, log_options
from etagkit.cli._output import print_json, print_table
from etagkit.cli._progress import Bar, Follower, Lines, Style, choose_style
from etagkit.errors import EtagKitError, InvalidArgument
from etagkit.transfer import DownloadContext, FetchOptions, LocalCheck, default_strategies
from etagkit.transfer._decide import file_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@attrs.frozen(kw_only=True)
class Order:
    """One URL and where it goes; `refused` says why it cannot be fetched in this run."""

    url: str
    to: str
    refused: InvalidArgument | None = None


def plan_orders(urls: Sequence[str], to: str) -> tuple[Order, ...]:
    """Return what to fetch where.

    One URL may name the file that it becomes. Several go to a folder, there already or not, under
    the names that end them: a second one with the name of another resource is refused, because it
    would replace what the first has just brought.

    >>> [order.to for order in plan_orders(["http://h/a", "http://h/b"], "mirror")]
    ['mirror/', 'mirror/']
    """
    if len(urls) == 1:
        return (Order(url=urls[0], to=to),)
    folder = to if to.endswith(("/", os.sep)) else f"{to}{os.sep}"
    taken: dict[str, str] = {}
    return tuple(
        Order(url=url, to=folder, refused=_second_of_name(url, taken)) for url in urls
    )


def _second_of_name(url: str, taken: dict[str, str]) -> InvalidArgument | None:
    """Note the name of `url` in `taken`; return the refusal if another resource has it."""
    try:
        name, identity = file_name(url), identity_url(url)
    except EtagKitError:
        return None  # the fetch itself says better what is wrong with it
    if taken.setdefault(name, identity) == identity:
        return None
    return InvalidArgument(
        "another URL of this run has the same file name",
        url=url,
        found=name,
        advice="fetch it in a run of its own, with another --to",
    )


def fetch_order(context: DownloadContext, order: Order, options: FetchOptions) -> Item:
    """Fetch one URL; whatever is wrong with it is an item, and stops no other."""
    try:
        if order.refused is not None:
            raise order.refused
        return Item.of_result(context.fetch(order.url, order.to, options=options))
    except Exception as exc:  # noqa: BLE001  see above; the traceback goes to the log
        return Item.of_error(order.url, exc)


def fetch_each(
    context: DownloadContext,
    orders: Sequence[Order],
    options: FetchOptions,
    follower: Follower,
) -> Iterator[Item]:
    """Yield each item at its end."""
    for order in orders:
        item = fetch_order(context, order, options)
        follower.ended(item)
        yield item


@click.command(short_help="Fetch what has changed, and skip the rest.")
@click.argument("urls", nargs=-1, required=True, metavar="URL...")
@click.option(
    "--to",
    default=".",
    show_default=True,
    metavar="PATH",
    help="The folder to fetch to or, for one URL, the file. A path that ends in / is a folder.",
)
@click.option("--force", is_flag=True, help="Transfer even what has not changed.")
@click.option("--expect-sha256", metavar="HEX", help="Publish only if the file has this SHA-256.")
@click.option(
    "--expect-size", type=int, metavar="N", help="Publish only if the file has N octets."
)
@click.option("--max-bytes", type=int, metavar="N", help="Store no file of more than N octets.")
@click.option("--decode", is_flag=True, help="Store gzip files decoded.")
@click.option(
    "--accept-unverified",
    is_flag=True,
    help="Take a body that ends only with its connection, and record it as unverified.",
)
@click.option(
    "--manifest",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Keep the records here instead of in .etagkit/ beside the files.",
)
@click.option("--sidecar", is_flag=True, help="Also write the record to FILE.meta.json.")
@click.option(
    "--check-hash",
    is_flag=True,
    help="Before skipping, prove the local file by its SHA-256, not by size and times.",
)
@click.option(
    "--exit-unchanged", is_flag=True, help="Exit with code 3 if no file had to be changed."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each URL.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but failures; --json still prints.")
@client_options
@log_options
@click.pass_context
def get(  # noqa: PLR0913  one parameter for each option
    context: click.Context,
    /,
    *,
    urls: tuple[str, ...],
    to: str,
    force: bool,
    expect_sha256: str | None,
    expect_size: int | None,
    max_bytes: int | None,
    decode: bool,
    accept_unverified: bool,
    manifest: str | None,
    sidecar: bool,
    check_hash: bool,
    exit_unchanged: bool,
    as_json: bool,
    quiet: bool,
    connection: Connection,
) -> None:
    """Fetch each URL unless it is here already, whole and current.

    A file appears under its final name only when all of it has come and been checked. One URL that
    fails stops no other.
    """
    if len(urls) > 1 and (expect_sha256 is not None or expect_size is not None):
        message = "--expect-sha256 and --expect-size speak of one file: give one URL"
        raise click.UsageError(message)
    options = _options(
        force=force,
        expected_sha256=expect_sha256,
        expected_size=expect_size,
        max_bytes=max_bytes,
        accept_unverified=accept_unverified,
        local_check=LocalCheck.HASH if check_hash else LocalCheck.STAT,
        sidecar=sidecar,
    )
    orders = _orders(urls, to)
    items: list[Item] = []
    with (
        contextlib.ExitStack() as at_end,
        build_client(connection) as client,
        _follower(len(urls), quiet=quiet, as_json=as_json) as follower,
        DownloadContext(
            client,
            manifest=manifest,
            strategies=default_strategies(decode=decode),
            on_event=follower.event,
        ) as downloads,
    ):
        if not (as_json or quiet):
            at_end.callback(_print_summary, items)  # also when Ctrl-C ends the run early
        for item in fetch_each(downloads, orders, options, follower):
            items.append(item)
            if as_json:
                print_json(item.to_json())
    context.exit(exit_code([item.fate for item in items], tell_unchanged=exit_unchanged))
