"""Options that several commands share."""

from __future__ import annotations

import click

#: Which manifest to look into, for commands that only read.
manifest_option = click.option(
    "--manifest",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Look here, not in .etagkit/ beside the files.",
)

#: For programs that read what a command prints.
json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
