"""Tables, sentences and JSON on standard output; `say` is for standard error.

- What comes from a tenant or an archive is data: it goes through `one_line` and never through
  rich's markup.
- No word or name is broken to make it fit: a table that is too wide for the screen becomes a block
  of lines a row, and a word that is wider than the screen is left to the terminal.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import textwrap
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

# Files and pipes have no width; a reason should stand on one line there.
_WIDTH_OF_A_PIPE = 160

# Ids and outcomes are for copying and searching: they stay on one line.
_UNBROKEN = {"Run", "Outcome"}

# A word that is longer than any name is somebody's garbage, and may be folded in a table.
_LONGEST_NAME = 120

# What is laid out as a table, and what is printed at once.
_ROWS_AT_ONCE = 500

_KILOBYTE, _MEGABYTE = 1000, 1_000_000

_BETWEEN_CELLS = "   "

# Control and direction characters that JSON may hold as they are.
_STEERING = re.compile(r"[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

Row = TypeVar("Row")

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
    click.echo(escaped(json.dumps(content, indent=2, ensure_ascii=False)))


def escaped(document: str) -> str:
    """Return a JSON document that says the same and can steer no terminal that it is shown on."""
    return _STEERING.sub(lambda match: f"\\u{ord(match[0]):04x}", document)


def counted(number: int, what: str) -> str:
    """Return a number and what it counts, in the plural unless it is one."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def sized(size_bytes: int) -> str:
    """Return a size in bytes, kB or MB, which are 1000 and 1,000,000 bytes."""
    if size_bytes < _KILOBYTE:
        return counted(size_bytes, "byte")
    if size_bytes < _MEGABYTE:
        return f"{size_bytes / _KILOBYTE:,.0f} kB"
    return f"{size_bytes / _MEGABYTE:,.1f} MB"


def show_json_rows(head: dict[str, Any], name: str, rows: Iterable[dict[str, Any]]) -> None:
    """Print for machines: one JSON document, of which one part is a list, a row a line.

    Each row is printed as it comes, however many there are.

    Args:
        head: the other parts.
        name: of the list.
        rows: what it holds.
    """
    opening = f"{json.dumps(head, ensure_ascii=False)[:-1]}, {json.dumps(name)}: ["
    click.echo(escaped(opening), nl=False)
    before = "\n"
    for portion in _portions(rows):
        text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in portion)
        click.echo(f"{before}{escaped(text)}", nl=False)
        before = ",\n"
    click.echo("\n]}")


def show_text(text: str, *, indent: str = "") -> None:
    """Print a sentence, wrapped between words where the screen has a width.

    Args:
        text: becomes one line, without what could steer a terminal, known secrets masked.
        indent: before each of its lines.
    """
    from o365lib.plain_text import one_line

    width = console().width if _has_width() else sys.maxsize
    click.echo("\n".join(_wrapped(one_line(text), width, first=indent, later=indent)))


def say(text: str) -> None:
    """Tell a person, on standard error, something that is no result; one line, as `show_text`.

    Where nobody reads it any more, what was under way goes on: a digest is still to be signed.
    """
    from o365lib.plain_text import one_line

    with contextlib.suppress(OSError):
        click.echo(one_line(text), err=True)


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, title: str = "") -> None:
    """Print a table for people; known outcomes have their colour on a terminal.

    A screen that is too narrow for it shows one block of lines a row instead, and a table of two
    columns as names with their values.
    """
    from o365lib.plain_text import one_line

    shown = [
        tuple("\n".join(one_line(line) for line in cell.split("\n")) for cell in row)
        for row in rows
    ]
    screen = console()
    # Beside the cells: the frame, and a space on each side of each line between two columns.
    widths = _widths(columns, shown, screen.width - (3 * len(columns) - 1))
    if widths:
        _show_grid(screen, columns, shown, widths=widths, title=title)
    else:
        _show_blocks(screen, columns, shown, title=title)


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Print a table of any length and return how many rows it has; of none, print nothing.

    A long one, that nobody reads as a whole, becomes plain lines, the columns as wide as the first
    rows need: laying out a table takes a second for each few thousand rows, and all of the memory.
    """
    lines = iter(rows)
    first = list(islice(lines, _ROWS_AT_ONCE + 1))
    if len(first) <= _ROWS_AT_ONCE:
        if first:
            show_table(columns, first)
        return len(first)
    from rich.cells import cell_len, set_cell_size

    from o365lib.plain_text import one_line

    widths = [
        max(cell_len(cell) for cell in column) for column in zip(columns, *first, strict=True)
    ]
    count = 0
    for portion in _portions(chain([columns], first, lines)):
        shown = []
        for row in portion:
            *cells, last = map(one_line, row)
            padded = [
                set_cell_size(cell, max(width, cell_len(cell)))
                for cell, width in zip(cells, widths, strict=False)
            ]
            shown.append("  ".join([*padded, last]).rstrip())
        click.echo("\n".join(shown))
        count += len(portion)
    return count - 1  # the columns' names


def _portions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while portion := list(islice(left, _ROWS_AT_ONCE)):
        yield portion


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], available: int
) -> list[int] | None:
    """Return the columns' widths, or None where a word would have to be broken."""
    from rich.cells import cell_len

    least, most = [], []
    for number, column in enumerate(columns):
        cells = [column, *(row[number] for row in rows)]
        lines = [line for cell in cells for line in cell.split("\n")]
        is_whole = column in _UNBROKEN or (number == 0 and _has_names(columns))
        words = lines if is_whole else [word for line in lines for word in line.split()]
        least.append(min(max(map(cell_len, words), default=0), _LONGEST_NAME))
        most.append(max(map(cell_len, lines)))
    if sum(least) > available:
        return None
    widths, rest = least, available - sum(least)
    # Whoever lacks least is served first, so that as many columns as possible have all they want.
    lacking = sorted(range(len(columns)), key=lambda number: most[number] - least[number])
    for place, number in enumerate(lacking):
        more = min(most[number] - least[number], rest // (len(columns) - place))
        widths[number] += more
        rest -= more
    return widths


def _has_names(columns: Sequence[str]) -> bool:
    """Whether a row is a name and its value."""
    return len(columns) == 2  # noqa: PLR2004 -- the two


def _show_grid(
    screen: Console,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    widths: Sequence[int],
    title: str,
) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(
        box=SIMPLE_HEAD,
        title=Text(title, style="italic") if title else None,
        title_justify="left",
        pad_edge=False,
    )
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column, overflow="fold", width=width)
    for row in rows:
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    screen.print(table)


def _show_blocks(
    screen: Console, columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str
) -> None:
    from rich.text import Text

    screen.print(Text(title, style="bold"), soft_wrap=True)
    for row in rows:
        pairs = [tuple(row)] if _has_names(columns) else list(zip(columns, row, strict=True))
        for line in _block(pairs, screen.width):
            screen.print(line, soft_wrap=True)
    screen.print()


def _block(pairs: Sequence[Sequence[str]], width: int) -> list[Any]:
    """Return the lines of one row: as many cells on each as fit, none of them torn apart."""
    from rich.cells import cell_len
    from rich.text import Text

    lines: list[Text] = []
    is_open = False  # whether the last line takes another cell
    for label, cell in pairs:
        if not cell:
            continue
        indent = "  " if lines else ""
        piece = Text.assemble(f"{label}: ", (cell, _STYLES.get(cell, "")))
        is_short = "\n" not in cell
        if is_open and is_short:
            room = width - cell_len(lines[-1].plain) - len(_BETWEEN_CELLS)
            if cell_len(piece.plain) <= room:
                lines[-1] = Text.assemble(lines[-1], _BETWEEN_CELLS, piece)
                continue
        if is_short and cell_len(piece.plain) <= width - len(indent):
            lines.append(Text.assemble(indent, piece))
            is_open = True
            continue
        is_open = False
        for text in piece.plain.split("\n"):
            lines += map(Text, _wrapped(text, width, first=indent, later="    "))
            indent = "    "
    return lines


def _wrapped(text: str, width: int, *, first: str, later: str) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )


def console(*, stderr: bool = False) -> Console:
    """Return a console on what is now standard output or error."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if _has_width(stderr=stderr) else _WIDTH_OF_A_PIPE
    # rich would take "0" for a width, and stumble over a digit that is no decimal one.
    seen = dict(os.environ)
    if not _is_width_told():
        seen.pop("COLUMNS", None)
    return Console(file=stream, highlight=False, width=width, _environ=seen)


def _has_width(*, stderr: bool = False) -> bool:
    return (sys.stderr if stderr else sys.stdout).isatty() or _is_width_told()


def _is_width_told() -> bool:
    """Whether `COLUMNS` is a width; anything but a positive number is as if it were not set."""
    told = os.environ.get("COLUMNS", "")
    return told.isascii() and told.isdecimal() and int(told) > 0
