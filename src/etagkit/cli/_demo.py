"""`etagkit demo`: the main job for real, against a server on this machine."""

from __future__ import annotations

import os
import shlex
import tempfile
from typing import TYPE_CHECKING

import attrs
import click

from etagkit.cli._demo_files import demo_files, prices
from etagkit.cli._exit import ExitCode
from etagkit.cli._get import Order, fetch_each
from etagkit.cli._items import Item, Outcome, count_words, table_of
from etagkit.cli._logging import log_options
from etagkit.cli._output import print_line, print_table, tell
from etagkit.cli._progress import Lines
from etagkit.display import human_size
from etagkit.manifest import default_manifest_path
from etagkit.transfer import DownloadContext, FetchOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from etagkit.testing import Exchange, Origin

#: The file that changes at the origin before the third run.
_CHANGING = "prices.csv"


@attrs.frozen(kw_only=True)
class Step:
    """One run of the demonstration, and what it must come to."""

    headline: str
    fetched: int
    skipped: int

    def holds(self, items: Sequence[Item]) -> bool:
        """Whether the run came to that."""
        counts = {each: sum(item.outcome is each for item in items) for each in Outcome}
        return counts == {
            Outcome.FETCHED: self.fetched,
            Outcome.SKIPPED: self.skipped,
            Outcome.FAILED: 0,
        }


def steps_for(files: int) -> tuple[Step, Step, Step]:
    """Return the three runs over `files` files."""
    return (
        Step(headline="1. first run", fetched=files, skipped=0),
        Step(headline="2. nothing changed", fetched=0, skipped=files),
        Step(headline="3. one file changed", fetched=1, skipped=files - 1),
    )


def cost_words(log: Sequence[Exchange]) -> str:
    """Return what a run cost by the origin's own log: requests, and octets of bodies."""
    octets = sum(exchange.body_sent for exchange in log)
    return f"   cost: {len(log)} requests, {octets} body bytes ({human_size(octets)})"


@click.command(short_help="Show the main job against a server on this machine.")
@click.option(
    "--keep",
    type=click.Path(file_okay=False),
    metavar="FOLDER",
    help="Mirror to this folder, new or empty, instead of a temporary one.",
)
@log_options
@click.pass_context
def demo(context: click.Context, /, *, keep: str | None) -> None:
    """Mirror six files from a server on this machine, three times over.

    First everything is fetched; then nothing, because the ETags are the recorded ones; then the one
    file that has changed at the server. The folder stays, so that you can look at it.
    """
    from etagkit.testing import Origin

    folder = _folder(keep)
    with Origin() as origin:
        fine = _show(origin, folder)
    _print_whereabouts(folder)
    if not fine:
        tell("error: the runs did not come to what they must; please report this")
    context.exit(ExitCode.DONE if fine else ExitCode.ERROR)


def _folder(keep: str | None) -> str:
    """Return the folder to mirror to. One that holds anything is refused: it is not ours."""
    if keep is None:
        return os.path.realpath(tempfile.mkdtemp(prefix="etagkit-demo-"))
    os.makedirs(keep, exist_ok=True)
    if os.listdir(keep):
        message = "the folder is not empty"
        raise click.BadParameter(message, param_hint="'--keep'")
    return os.path.realpath(keep)


def _show(origin: Origin, folder: str) -> bool:
    """Do the three runs and print them; return whether each came to what it must."""
    files = demo_files()
    for file in files:
        origin.put(f"/{file.name}", file.body, content_type=file.content_type)
    orders = [Order(url=origin.url(f"/{file.name}"), to=os.path.join(folder, "")) for file in files]
    fine = True
    for step in steps_for(len(files)):
        if step.fetched == 1:
            origin.put(f"/{_CHANGING}", prices("17.50"), content_type="text/csv")
        items = _run(orders)
        title = f"{step.headline}: {count_words(items)}"
        print_table(table_of(items, title=title, base=folder))
        print_line(cost_words(origin.log))
        print_line("")
        origin.clear_log()
        fine = fine and step.holds(items)
    return fine


def _run(orders: Sequence[Order]) -> list[Item]:
    """Fetch everything once, with a client of its own: no run knows the one before.

    Proxies of the environment are left alone: the origin is on this machine.
    """
    import httpx

    with (
        httpx.Client(trust_env=False) as client,
        DownloadContext(client) as downloads,
        Lines(only_failures=True) as failures,
    ):
        return list(fetch_each(downloads, orders, FetchOptions(), failures))


def _print_whereabouts(folder: str) -> None:
    print_line(f"The manifest lies in {default_manifest_path(folder)}")
    print_line("Look at it:")
    print_line(f"  etagkit verify {shlex.quote(folder)}")
    print_line(f"  etagkit history {shlex.quote(os.path.join(folder, _CHANGING))}")
