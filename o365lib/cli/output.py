"""Tables, sentences and JSON on standard output.

What comes from a tenant is data: it goes through `one_line` and never through rich's markup.
"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

# Files and pipes have no width; a reason should stand on one line there.
_WIDTH_OF_A_PIPE = 160

_STYLES = {
    "done": "green",
    "nothing to do": "green",
    "planned": "cyan",
    "refused": "yellow",
    "unverified": "red",
    "failed": "red",
    "unfinished": "red",
    "not started": "red",
}


def show_json(content: Any) -> None:
    """Print for machines: one JSON document."""
    click.echo(json.dumps(content, indent=2, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """Print a table for people; known outcomes have their colour on a terminal."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    from o365lib.plain_text import one_line

    table = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for column in columns:
        # Ids and outcomes are for copying and searching: they stay on one line if they can.
        table.add_column(column, overflow="fold", no_wrap=column in {"Run", "Outcome"})
    for row in rows:
        cells = ["\n".join(one_line(line) for line in cell.split("\n")) for cell in row]
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in cells))
    console().print(table)


def console(*, stderr: bool = False) -> Console:
    """Return a console on what is now standard output or error."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    narrow = stream.isatty() or "COLUMNS" in os.environ
    return Console(file=stream, highlight=False, width=None if narrow else _WIDTH_OF_A_PIPE)
