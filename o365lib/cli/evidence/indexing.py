"""`o365 evidence index`: the index made anew; and the index as the other commands open it."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from o365lib.cli.evidence.listing import opened_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from o365lib.cli.options import Options
    from o365lib.evidence.index import Index

# Reading so many takes about a second.
_RECORDS_A_WORD = 1000
_RECORDS_A_LINE = 10_000


@contextmanager
def opened_index(options: Options) -> Iterator[Index]:
    """Give an index that is up to date, for the length of a `with` block.

    How far it is with many records is told on standard error.

    Raises:
        UsageError: there is no archive.
        EvidenceError: the archive cannot be listed.
    """
    from o365lib.evidence.index import Index

    with Index(opened_archive(options), on_progress=(progress := _Progress())) as index:
        index.refresh()
        progress.end()
        yield index


class _Progress:
    """Tells on standard error how many records were read: one line on a terminal, or a few."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._width = 0

    def __call__(self, count: int) -> None:
        if count % (_RECORDS_A_WORD if self._is_terminal else _RECORDS_A_LINE) == 0:
            text = f"{count:,} records read into the index"
            self._width = len(text)
            click.echo(
                f"\r{text}" if self._is_terminal else text, err=True, nl=not self._is_terminal
            )

    def end(self) -> None:
        """Take the line from the terminal again."""
        if self._is_terminal and self._width:
            click.echo(f"\r{' ' * self._width}\r", err=True, nl=False)


@click.command("index")
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def rebuild_index(context: click.Context, *, as_json: bool) -> None:
    """Make the index anew from the archive.

    It is never needed: `list`, `search` and `show` bring it up to date themselves.
    """
    from dataclasses import asdict

    from o365lib.cli.output import show_json, show_text
    from o365lib.evidence.index import Index

    archive = opened_archive(context.obj)
    with Index(archive, on_progress=(progress := _Progress())) as index:
        size = index.rebuild()
    progress.end()
    if as_json:
        show_json({"evidence": str(archive.root), **asdict(size)})
        return
    show_text(
        f"The index has {size.runs:,} runs of {size.clients:,} clients, and {size.seals:,} seals."
    )
    if size.unreadable:
        show_text(
            f"{size.unreadable:,} of the runs have a record that cannot be read:"
            " `o365 evidence list --outcome unreadable` shows them."
        )
