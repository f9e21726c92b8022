"""`o365 evidence`: find runs in the archive, and read one."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.errors import EvidenceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from o365lib.cli.options import Options
    from o365lib.evidence.archive import RunFolder
    from o365lib.evidence.record import Record

UNREADABLE = "unreadable"

_SPANS = {"d": "days", "h": "hours", "m": "minutes"}


def instant(_context: click.Context, _parameter: click.Parameter, value: Any) -> datetime | None:
    """Return an aware instant: a date, a date with time, or so many days, hours or minutes ago.

    Raises:
        click.BadParameter: the text is none of these.
    """
    if not value:
        return None
    if span := re.fullmatch(r"(\d{1,6})([dhm])", value):
        return clock.now() - timedelta(**{_SPANS[span[2]]: int(span[1])})
    try:
        found = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter("write a date such as 2026-11-23, or a span such as 7d") from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@click.group()
def evidence() -> None:
    """What was done: runs, their records and executed notebooks."""


@evidence.command("list")
@click.option("--client", help="Only this client's runs.")
@click.option("--runbook", help="Only runs of this runbook: create, remove, or its whole name.")
@click.option("--outcome", help="Only runs that ended so: done, refused, failed, ...")
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
    from o365lib.cli.output import show_json, show_table
    from o365lib.evidence.archive import Archive

    options: Options = context.obj
    archive = Archive(options.archive_root())
    rows = [
        row
        for run in archive.runs(wanted["client"])
        for row in _rows(run)
        if _is_wanted(row, **wanted)
    ]
    if as_json:
        shown = [{**row, "started": row["started"] and clock.iso(row["started"])} for row in rows]
        show_json({"evidence": str(archive.root), "runs": shown})
    elif not rows:
        click.echo(f"No such runs in {archive.root}.")
    else:
        columns = ("Run", "Client", "Runbook", "Outcome", "Reason")
        names = ("run_id", "client", "runbook", "outcome", "reason")
        show_table(columns, [[str(row[name]) for name in names] for row in rows])


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


@evidence.command("show")
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print the record for machines.")
@click.pass_context
def show_run(context: click.Context, *, run: str, as_json: bool) -> None:
    """Show a run's record. RUN is its id, or the id's beginning or end if there is only one."""
    from o365lib.evidence.archive import Archive

    options: Options = context.obj
    folder = Archive(options.archive_root()).find(run)
    record = folder.read_record()
    if as_json:
        click.echo(record.to_json(), nl=False)
    else:
        _show(folder, record)


def _show(folder: RunFolder, record: Record) -> None:
    from o365lib.cli.output import show_table
    from o365lib.cli.record_tables import tables

    for title, columns, rows in tables(record):
        show_table(columns, rows, title=title)
    click.echo(f"Record: {folder.record_file}")
    if folder.notebook_file.is_file():
        click.echo(f"Executed notebook: {folder.notebook_file}")
