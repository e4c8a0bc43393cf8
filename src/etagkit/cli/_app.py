"""The group of all commands, and the one place where a run ends: errors, pipes, Ctrl-C.

Inside a command an error of the library may simply be raised; here it becomes one line on standard
error and an exit code. Anything else that is raised is a mistake of ours and keeps its traceback.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, Any

import click
from typing_extensions import override

from etagkit._version import __version__
from etagkit.cli._advice import in_words
from etagkit.cli._demo import demo
from etagkit.cli._exit import ExitCode, code_of_error
from etagkit.cli._get import get
from etagkit.cli._history import history
from etagkit.cli._logging import log_options
from etagkit.cli._output import tell
from etagkit.cli._probe import probe
from etagkit.cli._verify import verify
from etagkit.errors import EtagKitError

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = "interrupted: nothing half-done was published; run the same command again to go on"


class _Commands(click.Group):
    """The group; ends every command in the same way."""

    @override
    def invoke(self, ctx: click.Context) -> Any:
        """Run the command and turn what it raises into an exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(_interrupted())
        except BrokenPipeError:
            ctx.exit(_nobody_reads())
        except EtagKitError as exc:
            tell(f"error: {in_words(exc)}")
            ctx.exit(code_of_error(exc))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Data goes to standard output, everything else to standard error. Exit codes: "
    "0 done, 1 error, 2 usage, 3 nothing changed (when asked for), 4 some items failed, "
    "5 integrity, 6 conflicts left, 130 interrupted.",
)
@click.version_option(__version__, prog_name="etagkit", message="%(prog)s %(version)s")
@log_options
def etagkit() -> None:
    """Is what I hold still the current version, whole and right?"""


for _command in (probe, get, verify, history, demo):
    etagkit.add_command(_command)


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    _take_any_character()
    try:
        code = etagkit.main(
            None if arguments is None else list(arguments),
            prog_name="etagkit",
            standalone_mode=False,
        )
    except click.ClickException as exc:
        exc.show()
        return exc.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _interrupted()
    return code if isinstance(code, int) else ExitCode.DONE


def _interrupted() -> ExitCode:
    if sys.stderr.isatty():
        click.echo(err=True)  # ends the line on which the terminal shows ^C
    tell(_INTERRUPTED)
    return ExitCode.INTERRUPTED


def _nobody_reads() -> ExitCode:
    """Standard output was closed, as by `| head`: stop without a word.

    What is still in the buffer would fail once more when Python flushes it at its end, so the
    descriptor is led to where everything can be written.
    """
    with contextlib.suppress(OSError, io.UnsupportedOperation):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return ExitCode.ERROR


def _take_any_character() -> None:
    """Write what the terminal's encoding lacks as escapes instead of failing on it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
