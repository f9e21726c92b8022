"""What a person reads below a table of runs: what to do about those that did not end well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from o365lib.cli.options import Options
    from o365lib.runs.summary import RunResult

# Whoever has more of them reads their names in the table.
_MOST_CLIENTS = 50


def show_what_to_do(results: Sequence[RunResult], options: Options) -> None:
    """Print each remedy once, with the clients whom it concerns, and how to see a run whole.

    Where all ended well, nothing is printed.
    """
    from o365lib.cli.invocation import evidence_line
    from o365lib.cli.output import show_text
    from o365lib.plain_text import one_line
    from o365lib.runs import summary

    advice = summary.advice(results)
    if advice:
        click.echo("What to do:")
    for each in advice:
        show_text(one_line(each.remedy), indent="  ")
        show_text(f"for {_named(each.clients)}", indent="    ")
    # What is wrong beside a good outcome is not in the record: it would show a run without fault.
    bad = [each for each in results if not summary.is_good(each.outcome)]
    recorded = [each for each in bad if each.record_file]
    if recorded:
        whole = "The run" if len(recorded) == 1 else "One of these runs"
        # In one piece, whatever the width: it is there to be copied.
        click.echo(f"{whole} step by step:")
        click.echo(f"  {evidence_line(options, 'show', recorded[0].run_id)}")


def _named(clients: Sequence[str]) -> str:
    shown = ", ".join(dict.fromkeys(clients[:_MOST_CLIENTS]))
    more = len(clients) - _MOST_CLIENTS
    return f"{shown} and {more} more" if more > 0 else shown
