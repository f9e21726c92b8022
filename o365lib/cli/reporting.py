"""How the command line shows an error: sentences, and an exit status.

A stack of frames is shown with `--debug` only: it helps nobody but those who change the program.
"""

import io
import sys
import traceback
from typing import Any

import click

from o365lib import secret
from o365lib.errors import ParametersError, Refused, RunbookError, UsageError
from o365lib.plain_text import without_controls

FAILED, USAGE, REFUSED = 1, 2, 3


class ReportingGroup(click.Group):
    """A group of commands whose errors end as sentences on standard error."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; every error but click's own becomes sentences and an exit status."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # a console without our letters shows a `?`
                stream.reconfigure(errors="replace")
        try:
            return super().invoke(context)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception as error:  # noqa: BLE001 -- the one place where all errors end
            if context.params.get("debug"):
                click.echo(secret.mask(traceback.format_exc()), err=True)
            for line in sentences(error):
                click.echo(without_controls(line), err=True)
            context.exit(exit_status(error))


def sentences(error: Exception) -> list[str]:
    """Return what a person is told of an error, line by line."""
    if isinstance(error, ParametersError):
        return [*map(str, error.problems), f"o365: {error.remedy}"]
    if isinstance(error, RunbookError):
        return [f"o365: {secret.mask(str(error))}"]
    said = secret.mask(f"{type(error).__name__}: {error}")
    if isinstance(error, OSError):  # a full disk, a missing right: not ours to mend
        return [f"o365: The operating system refused: {said}. --debug shows at what."]
    return [f"o365: {said}. This is a defect of the program; --debug shows where."]


def exit_status(error: Exception) -> int:
    """Return the exit status that belongs to an error."""
    if isinstance(error, UsageError):
        return USAGE
    return REFUSED if isinstance(error, Refused) else FAILED
