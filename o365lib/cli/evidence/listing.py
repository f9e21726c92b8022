"""`o365 evidence list` and `show`: find runs in the archive, and read one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from o365lib.cli.options import Options
    from o365lib.evidence.archive import Archive, RunFolder
    from o365lib.evidence.record import Record
    from o365lib.places import Places

UNREADABLE = "unreadable"

# Those of `evidence.record.Outcome`, which `--help` does not wait for; a test compares them.
OUTCOMES = (
    "done",
    "nothing to do",
    "planned",
    "refused",
    "failed",
    "unverified",
    "unfinished",
    UNREADABLE,
)

_MOST_NAMES = 10

_SPANS = {"d": "days", "h": "hours", "m": "minutes"}


def instant(_context: click.Context, _parameter: click.Parameter, value: Any) -> datetime | None:
    """Return an aware instant: a date, a date with time, or so many days, hours or minutes ago.

    Raises:
        click.BadParameter: the text is none of these.
    """
    if not value:
        return None
    try:
        if span := re.fullmatch(r"(\d{1,6})([dhm])", value):
            return clock.now() - timedelta(**{_SPANS[span[2]]: int(span[1])})
        found = datetime.fromisoformat(value)
    except OverflowError as error:
        raise click.BadParameter("is before all calendars; write a shorter span") from error
    except ValueError as error:
        raise click.BadParameter("write a date such as 2026-11-23, or a span such as 7d") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@click.command("list")
@click.option("--client", help="Only this client's runs.")
@click.option("--runbook", help="Only runs of this runbook: create, remove, or its whole name.")
@click.option("--outcome", type=click.Choice(OUTCOMES), help="Only runs that ended so.")
@click.option(
    "--since",
    metavar="DATE",
    callback=instant,
    help="Only later runs: 2026-11-23, or 7d, 12h, 30m.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def list_runs(context: click.Context, /, *, as_json: bool, **wanted: Any) -> None:
    """List runs, oldest first."""
    from o365lib.cli.output import show_json, show_table, show_text

    options: Options = context.obj
    archive = opened_archive(options)
    places = _places(options)
    if wanted["client"] is not None:
        _check_client(wanted["client"], archive, places)
    every = [row for run in archive.runs(wanted["client"]) for row in _rows(run)]
    if wanted["runbook"] is not None:
        _check_runbook(wanted["runbook"], {row["runbook"] for row in every}, places)
    rows = [row for row in every if _is_wanted(row, **wanted)]
    if as_json:
        shown = [{**row, "started": row["started"] and clock.iso(row["started"])} for row in rows]
        show_json({"evidence": str(archive.root), "runs": shown})
    elif not rows:
        show_text(f"No such runs in {archive.root}.")
    else:
        columns = ("Run", "Client", "Runbook", "Outcome", "Reason")
        names = ("run_id", "client", "runbook", "outcome", "reason")
        show_table(columns, [[str(row[name]) for name in names] for row in rows])


def opened_archive(options: Options) -> Archive:
    """Return the archive.

    Raises:
        UsageError: its folder is not there: "no runs" would be an answer that nobody has.
    """
    from o365lib.evidence.archive import Archive

    root = options.archive_root()
    if not root.is_dir():
        raise UsageError(
            f"There is no archive at {root}.",
            remedy="The first run makes it; another one is named by --evidence, which stands before"
            " the command: o365 --evidence FOLDER evidence ...",
        )
    return Archive(root)


def _places(options: Options) -> Places | None:
    """Return where the project's parts are; an archive can be read without any project."""
    try:
        return options.places()
    except UsageError:
        return None


def _check_client(client: str, archive: Archive, places: Places | None) -> None:
    """Raise a UsageError for a client who has neither runs nor a file."""
    known = places.client_names() if places else set()
    if client not in known:
        known |= {run.client for run in archive.runs()}
        _check_name(client, known, kind="client", where=str(archive.root))


def _check_runbook(runbook: str, seen: set[str], places: Places | None) -> None:
    """Raise a UsageError for a runbook that has neither runs nor a notebook."""
    from o365lib.places import notebook_folders

    folders = notebook_folders(places.project if places else None)
    names = {name for name in seen if name}
    names |= {file.stem for folder in folders for file in folder.glob("*.ipynb")}
    words = {name.split("_")[0] for name in names}
    _check_name(runbook, names | words, kind="runbook", where="these runs")


def _check_name(name: str, known: set[str], *, kind: str, where: str) -> None:
    if name in known:
        return
    near = get_close_matches(name, known, n=3)
    some = ", ".join(near or sorted(known)[:_MOST_NAMES])
    more = ", ..." if not near and len(known) > _MOST_NAMES else ""
    raise UsageError(
        f"No {kind} {name!r} is known: there is neither a file of that name nor a run in {where}.",
        remedy=f"{'Near it' if near else 'Known'}: {some or 'none'}{more}.",
    )


def _rows(run: RunFolder) -> Iterator[dict[str, Any]]:
    common = {"run_id": run.run_id, "client": run.client, "folder": str(run.path)}
    try:
        record = run.read_record()
    except EvidenceError as error:
        unknown = {"runbook": "", "started": None, "dry_run": None}
        yield {**common, **unknown, "outcome": UNREADABLE, "reason": error.message}
        return
    yield {
        **common,
        "runbook": record.runbook,
        "started": record.started,
        "dry_run": record.dry_run,
        "outcome": record.outcome.value,
        "reason": record.reason,
    }


def _is_wanted(
    row: dict[str, Any],
    *,
    client: str | None,  # noqa: ARG001 -- the archive has chosen by it already
    runbook: str | None,
    outcome: str | None,
    since: datetime | None,
) -> bool:
    """Whether a run passes the filters; an unreadable one does unless an outcome is asked for."""
    if row["outcome"] == UNREADABLE:
        return outcome in {None, UNREADABLE}
    return (
        (runbook is None or runbook in {row["runbook"], row["runbook"].split("_")[0]})
        and (outcome is None or outcome == row["outcome"])
        and (since is None or row["started"] >= since)
    )


@click.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print the record for machines.")
@click.pass_context
def show_run(context: click.Context, *, run: str, as_json: bool) -> None:
    """Show a run's record. RUN is its id, or the id's beginning or end if there is only one."""
    options: Options = context.obj
    folder = opened_archive(options).find(run)
    record = folder.read_record()
    if as_json:
        click.echo(record.to_json(), nl=False)
    else:
        _show(folder, record)


def _show(folder: RunFolder, record: Record) -> None:
    from o365lib.cli.output import show_table, show_text
    from o365lib.cli.record_tables import tables

    for title, columns, rows in tables(record):
        show_table(columns, rows, title=title)
    show_text(f"Record: {folder.record_file}")
    if folder.notebook_file.is_file():
        show_text(f"Executed notebook: {folder.notebook_file}")
