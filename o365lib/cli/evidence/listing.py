"""`o365 evidence list` and `show`: find runs in the archive, and read one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.cli.evidence.choosing import choosing, chosen, instant, limit_of
from o365lib.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from o365lib.cli.options import Options
    from o365lib.evidence.archive import Archive, RunFolder
    from o365lib.evidence.index import Index
    from o365lib.evidence.index_entry import IndexedRun
    from o365lib.evidence.record import Record

__all__ = ["as_json_row", "instant", "list_runs", "opened_archive", "show_run", "tell_more"]

_COLUMNS = ("Run", "Client", "Runbook", "Outcome", "Reason")
_NAMES = ("run_id", "client", "runbook", "outcome", "reason")


def opened_archive(options: Options) -> Archive:
    """Return the archive.

    Raises:
        UsageError: its folder is not there: "no runs" would be an answer that nobody has.
    """
    from o365lib.evidence.archive import Archive

    root = options.archive_root()
    if not root.is_dir():
        if options.archive_url:
            raise UsageError(
                f"Nothing of {options.archive_url} has been fetched yet.",
                remedy=f"Fetch it: o365 --evidence {options.archive_url} evidence fetch",
            )
        raise UsageError(
            f"There is no archive at {root}.",
            remedy="The first run makes it; another one is named by --evidence, which stands before"
            " the command: o365 --evidence FOLDER evidence ...",
        )
    return Archive(root)


@click.command("list")
@choosing
@click.pass_context
def list_runs(
    context: click.Context, /, *, limit: int | None, is_all: bool, as_json: bool, **asked: Any
) -> None:
    """List runs, oldest first.

    A run whose record cannot be read may be any, and is left out only by its client or outcome.
    """
    from o365lib.cli.evidence.indexing import opened_index
    from o365lib.cli.output import show_json_rows, show_rows, show_text

    options: Options = context.obj
    most = limit_of(limit=limit, is_all=is_all, as_json=as_json)
    with opened_index(options) as index:
        wanted = chosen(index, options, **asked)
        root, runs = options.archive_root(), index.runs(wanted, limit=most)
        if as_json:
            rows = (as_json_row(run, root) for run in runs)
            show_json_rows({"evidence": str(root)}, "runs", rows)
            return
        shown = show_rows(_COLUMNS, ([getattr(run, name) for name in _NAMES] for run in runs))
        if shown:
            tell_more(shown, index.count(wanted))
        else:
            show_text(f"No such runs in {root}.")


def as_json_row(run: IndexedRun, root: Path) -> dict[str, Any]:
    """Return a run as it is printed for machines.

    Args:
        run: from the index.
        root: the archive's folder.
    """
    told = dict(vars(run))
    for name in ("started", "ended"):
        told[name] = told[name] and clock.iso(told[name])
    return {**told, "folder": str(root / run.client / run.run_id)}


def tell_more(shown: int, count: int) -> None:
    """Tell how many runs there are beside those that were shown."""
    from o365lib.cli.output import show_text

    if shown < count:
        show_text(
            f"The newest {shown:,} of {count:,}; --all shows all, --limit as many as you say."
        )


@click.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print the record for machines.")
@click.pass_context
def show_run(context: click.Context, *, run: str, as_json: bool) -> None:
    """Show a run's record. RUN is its id, or a part of it that no other run's id has."""
    from o365lib.cli.evidence.indexing import opened_index
    from o365lib.cli.output import escaped

    with opened_index(context.obj) as index:
        folder = index.find(run)
        record = folder.read_record()
        if as_json:
            click.echo(escaped(record.to_json()), nl=False)
        else:
            _show(folder, record, index)


def _show(folder: RunFolder, record: Record, index: Index) -> None:
    from o365lib.cli.output import show_table, show_text
    from o365lib.cli.record_tables import tables

    for title, columns, rows in tables(record):
        show_table(columns, rows, title=title)
    show_text(f"Record: {folder.record_file}")
    if folder.notebook_file.is_file():
        show_text(f"Executed notebook: {folder.notebook_file}")
    show_text(f"Folder: {folder.path}")
    show_table(("File", "Bytes"), _files(folder), title="Files")
    show_text(seal_line(folder, index))


def _files(folder: RunFolder) -> list[tuple[str, str]]:
    """Names and sizes of a run's files; a link is told as such and not followed."""
    found = []
    try:
        for path in sorted(folder.path.iterdir()):
            size = "a link" if path.is_symlink() else f"{path.stat().st_size:,}"
            found.append((path.name, size))
    except OSError as error:
        raise EvidenceError(
            f"The files in {folder.path} cannot be listed ({error.strerror}).",
            remedy="Give yourself the right to read there.",
        ) from error
    return found


def seal_line(run: RunFolder, index: Index) -> str:
    """Return in a sentence which seal says that it is a run's, and whose key it names.

    Nothing is verified here, and the sentence says what does.
    """
    from o365lib.evidence.layout import SEALS, numbered
    from o365lib.evidence.public_keys import fingerprint_of
    from o365lib.evidence.seal import read_seal
    from o365lib.plain_text import one_line

    verify = "`o365 evidence verify` tells whether it holds."
    numbers = index.seals(run.client, run.run_id)
    if not numbers:
        return "There is no seal yet, or none any more: `o365 evidence verify` tells which."
    number = numbers[0]
    others = f", and as {', '.join(map(str, numbers[1:]))}" if len(numbers) > 1 else ""
    try:
        signer = read_seal(run.path.parent / SEALS / numbered(number)).predicate.get("signer")
    except EvidenceError as error:
        return f"Seal {number} of {run.client}: {error.message} {verify}"
    by = signer if isinstance(signer, dict) else {}
    return one_line(
        f"Sealed as number {number}{others} of {run.client}, by {by.get('name') or 'nobody'} with"
        f" the key {fingerprint_of(str(by.get('key_id')))}; {verify}"
    )
