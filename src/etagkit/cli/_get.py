"""`etagkit get`: bring what changed, skip what is here, whole and current."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING

import attrs
import click

from etagkit.cli._client import Connection, build_client, client_options
from etagkit.cli._exit import exit_code
from etagkit.cli._gather import gather
from etagkit.cli._items import Item, count_words, table_of
from etagkit.cli._listing import Wanted, read_listing
from etagkit.cli._logging import log_is_shown, log_options
from etagkit.cli._octets import octets_option
from etagkit.cli._output import print_json, print_line, print_table
from etagkit.cli._progress import Bar, Follower, Lines, Style, choose_style
from etagkit.drivers._local_errors import local_errors
from etagkit.errors import EtagKitError, InvalidArgument
from etagkit.http import identity_url
from etagkit.transfer import DownloadContext, FetchOptions, LocalCheck, default_strategies
from etagkit.transfer._decide import file_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO


@attrs.frozen(kw_only=True)
class Order:
    """One URL and where it goes; `refused` says why it cannot be fetched in this run."""

    url: str
    to: str
    refused: EtagKitError | None = None


def plan_orders(
    urls: Sequence[str], to: str, listed: Sequence[Wanted] | None = None
) -> tuple[Order, ...]:
    """Return what to fetch where.

    One URL may name the file that it becomes. Several go to a folder, there already or not, under
    the names that end them: a second one with the name of another resource is refused, because it
    would replace what the first has just brought. A list (`listed`) always goes to a folder, for it
    may hold one URL today and two tomorrow.

    >>> [order.to for order in plan_orders(["http://h/a", "http://h/b"], "mirror")]
    ['mirror/', 'mirror/']
    """
    if len(urls) == 1 and listed is None:
        return (Order(url=urls[0], to=to),)
    folder = to if to.endswith(("/", os.sep)) else f"{to}{os.sep}"
    taken: dict[str, str] = {}
    wanted = (*(Wanted(url=url) for url in urls), *(listed or ()))
    return tuple(
        Order(url=each.url, to=folder, refused=each.refused or _second_of_name(each.url, taken))
        for each in wanted
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
    if order.refused is not None:
        return Item.of_error(order.url, order.refused)
    try:
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


def _wish(  # noqa: PLR0913  one parameter for each option
    *,
    force: bool,
    expect_sha256: str | None,
    expect_size: int | None,
    max_bytes: int | None,
    accept_unverified: bool,
    sidecar: bool,
    check_hash: bool,
) -> FetchOptions:
    return FetchOptions(
        force=force,
        expected_sha256=expect_sha256,
        expected_size=expect_size,
        max_bytes=max_bytes,
        accept_unverified=accept_unverified,
        sidecar=sidecar,
        local_check=LocalCheck.HASH if check_hash else LocalCheck.STAT,
    )


_fetch_options = gather(
    "options",
    _wish,
    (
        (
            "force",
            click.option("--force", is_flag=True, help="Transfer even what has not changed."),
        ),
        (
            "expect_sha256",
            click.option(
                "--expect-sha256", metavar="HEX", help="Publish only a file with this SHA-256."
            ),
        ),
        (
            "expect_size",
            click.option(
                "--expect-size", type=int, metavar="N", help="Publish only a file of N octets."
            ),
        ),
        (
            "max_bytes",
            click.option(
                "--max-bytes",
                metavar="N",
                callback=octets_option,
                help="Store no file of more than N octets; 10k, 10M, 1GiB will do.",
            ),
        ),
        (
            "accept_unverified",
            click.option(
                "--accept-unverified",
                is_flag=True,
                help="Take a body that ends only with its connection; record it as unverified.",
            ),
        ),
        (
            "sidecar",
            click.option(
                "--sidecar", is_flag=True, help="Also write each record to FILE.meta.json."
            ),
        ),
        (
            "check_hash",
            click.option(
                "--check-hash",
                is_flag=True,
                help="Before skipping, prove the local file by SHA-256, not by size and times.",
            ),
        ),
    ),
)


@click.command(short_help="Fetch what has changed, and skip the rest.")
@click.argument("urls", nargs=-1, metavar="URL...")
@click.option(
    "--from",
    "listing",
    type=click.File("rb"),
    metavar="FILE",
    help="Also fetch the URLs in this file, one a line; - is standard input.",
)
@click.option(
    "--to",
    default=".",
    show_default="the current folder",
    metavar="PATH",
    help="The folder to fetch to or, for one URL, the file. A path that ends in / is a folder.",
)
@_fetch_options
@click.option("--decode", is_flag=True, help="Store gzip files decoded.")
@click.option(
    "--manifest",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Keep the records here, not in .etagkit/ beside the files.",
)
@click.option("--exit-unchanged", is_flag=True, help="Exit with code 3 if no file changed.")
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
    listing: BinaryIO | None,
    to: str,
    options: FetchOptions,
    decode: bool,
    manifest: str | None,
    exit_unchanged: bool,
    as_json: bool,
    quiet: bool,
    connection: Connection,
) -> None:
    """Fetch each URL unless it is here already, whole and current.

    A file appears under its final name only when all of it has come and been checked. One URL that
    fails stops no other.
    """
    _check_usage(urls, listing, options)
    orders = plan_orders(urls, to, _listed(listing))
    items: list[Item] = []
    with (
        contextlib.ExitStack() as at_end,
        build_client(connection) as client,
        _follower(len(orders), quiet=quiet, as_json=as_json) as follower,
        DownloadContext(
            client,
            manifest=manifest,
            strategies=default_strategies(decode=decode),
            on_event=follower.event,
        ) as downloads,
    ):
        if not (as_json or quiet):
            at_end.callback(_print_summary, items)  # also when Ctrl-C ends the run early
            if not orders:
                print_line(count_words(()))
        for item in fetch_each(downloads, orders, options, follower):
            items.append(item)
            if as_json:
                print_json(item.to_json())
    context.exit(exit_code([item.fate for item in items], tell_unchanged=exit_unchanged))


def _check_usage(urls: Sequence[str], listing: BinaryIO | None, options: FetchOptions) -> None:
    if not urls and listing is None:
        message = "give a URL, or a file of them by --from"
        raise click.UsageError(message)
    one = len(urls) == 1 and listing is None
    if not one and (options.expected_sha256, options.expected_size) != (None, None):
        message = "--expect-sha256 and --expect-size speak of one file: give one URL"
        raise click.UsageError(message)


def _listed(listing: BinaryIO | None) -> list[Wanted] | None:
    """Return what the list asks for, whole before anything is fetched.

    Raises:
        LocalFileError: it cannot be read.
    """
    if listing is None:
        return None
    name = "standard input" if listing.name in {"-", "<stdin>"} else listing.name
    with local_errors(name):
        return list(read_listing(listing, name))


def _print_summary(items: Sequence[Item]) -> None:
    if items:
        print_table(table_of(items, title=count_words(items)))


def _follower(files: int, *, quiet: bool, as_json: bool) -> Follower:
    style = choose_style(
        quiet=quiet,
        drawable=sys.stderr.isatty() and os.environ.get("TERM") != "dumb",
        log_shown=log_is_shown(),
        data_there=as_json and sys.stdout.isatty(),
    )
    return Bar(files) if style is Style.BAR else Lines(only_failures=style is Style.FAILURES)
