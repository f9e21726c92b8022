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

    with Index(opened_archive(options), on_progress=_tell) as index:
        index.refresh()
        _tell_end()
        yield index


def _tell(count: int) -> None:
    is_terminal = sys.stderr.isatty()
    if count % (_RECORDS_A_WORD if is_terminal else _RECORDS_A_LINE) == 0:
        text = f"{count:,} records read into the index"
        click.echo(f"\r{text}" if is_terminal else text, err=True, nl=not is_terminal)


def _tell_end() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", err=True, nl=False)


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
    with Index(archive, on_progress=_tell) as index:
        size = index.rebuild()
    _tell_end()
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
