"""`o365 due`: which accounts are overdue, or due soon, to be removed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.errors import EvidenceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from o365lib.cli.options import Options
    from o365lib.service_account.due import DueAccount

_COLUMNS = ("Client", "Account", "Since", "Roles", "Remove by", "How it stands", "Run")
_NEEDS_A_LOOK = {"overdue", "unknown", "soon"}


@click.command()
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@click.option(
    "--within",
    type=click.IntRange(0, 3650),
    default=14,
    show_default=True,
    metavar="DAYS",
    help="How near a day must be to be due soon.",
)
@click.option("--all", "every", is_flag=True, help="Show accounts that are not due, too.")
@click.option("--fail", "fails", is_flag=True, help="End with status 1 where one is overdue.")
@click.option(
    "--ics",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE",
    help="Write a calendar of all days to this file; - is standard output.",
)
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def due(
    context: click.Context,
    /,
    *,
    clients: tuple[str, ...],
    within: int,
    every: bool,
    fails: bool,
    ics: Path | None,
    as_json: bool,
) -> None:
    """Show which accounts stand longer than they should, or soon will.

    By the records of the archive and the client files: no tenant is asked. An account for which
    nobody can say how long it may stand is shown too.
    """
    if as_json and ics is not None and str(ics) == "-":
        raise UsageError("Both would be printed.", remedy="Name a file for --ics.")
    options: Options = context.obj
    found = _read(options, clients, within)
    wanted = [each for each in found if every or each.state in _NEEDS_A_LOOK]
    if ics is not None:
        _write_calendar(found, ics)
    if as_json:
        from o365lib.cli.output import show_json

        show_json({"within_days": within, "accounts": [_as_json(each) for each in wanted]})
    elif ics is None or str(ics) != "-":
        _show(wanted, len(found))
    if fails and any(each.state == "overdue" for each in found):
        context.exit(1)


def _read(options: Options, clients: Sequence[str], within: int) -> list[DueAccount]:
    from o365lib import parameters
    from o365lib.cli.evidence.listing import opened_archive
    from o365lib.evidence.standing_reading import read_standing
    from o365lib.service_account.due import due_accounts

    places = options.places()
    files = parameters.load_what_is_right(places.parameters, project=places.project)
    standing = read_standing(opened_archive(options))
    known = {*files.clients, *files.problems, *standing}
    if unknown := sorted(set(clients) - known):
        raise UsageError(
            f"There is no client {', '.join(map(repr, unknown))}, neither with a file nor with a"
            " run in the archive.",
            remedy="Name clients as their files are called, or none for all.",
        )
    accounts = [
        account
        for name, client in standing.items()
        if not clients or name in clients
        for account in client.accounts
    ]
    return due_accounts(
        accounts,
        files.clients,
        files.defaults,
        today=clock.now().date(),
        within_days=within,
    )


def _show(wanted: Sequence[DueAccount], known: int) -> None:
    from o365lib.cli.output import counted, show_rows, show_text

    if not wanted:
        show_text(f"Nothing is due: {counted(known, 'account')} by the records.")
        return
    show_rows(_COLUMNS, [_row(each) for each in wanted])
    overdue = sorted({each.account.client for each in wanted if each.state == "overdue"})
    ready = [each.account.client for each in wanted if _is_ready(each)]
    if overdue:
        show_text(f"{counted(len(overdue), 'client')} with an overdue account.")
    if ready:
        show_text("Onboarding is over, and the account may be removed:")
        for name in dict.fromkeys(ready):
            show_text(f"o365 run remove {name} --approved-by NAME", indent="  ")


def _is_ready(each: DueAccount) -> bool:
    return each.state in {"overdue", "soon"} and each.onboarding == "completed"


def _row(each: DueAccount) -> tuple[str, ...]:
    account = each.account
    return (
        account.client,
        account.user_principal_name,
        f"{account.since.date()}" if account.since else "not known",
        ", ".join(account.roles) or "none",
        f"{each.remove_by}" if each.remove_by else "-",
        _how(each),
        account.run_id,
    )


def _how(each: DueAccount) -> str:
    days = abs(each.days) if each.days is not None else 0
    number = "1 day" if days == 1 else f"{days} days"
    match each.state:
        case "overdue":
            return f"overdue by {number}"
        case "soon" | "later":
            return f"due in {number}" if days else "due today"
        case "unknown":
            return each.why
        case _:
            return "stays"


def _as_json(each: DueAccount) -> dict[str, Any]:
    account = each.account
    return {
        "client": account.client,
        "display_name": each.display_name,
        "purpose": account.purpose,
        "onboarding": each.onboarding,
        "user_principal_name": account.user_principal_name,
        "user_id": account.user_id,
        "roles": list(account.roles),
        "since": clock.iso(account.since) if account.since else None,
        "remove_by": str(each.remove_by) if each.remove_by else None,
        "source": each.source,
        "state": each.state,
        "days": each.days,
        "why": each.why,
        "run_id": account.run_id,
        "is_certain": account.is_certain,
    }


def _write_calendar(found: Sequence[DueAccount], file: Path) -> None:
    from o365lib.evidence.files import write_atomically
    from o365lib.reports.calendar import calendar

    content = calendar(found, now=clock.now())
    if str(file) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        write_atomically(file, content.decode())
    except OSError as error:
        raise EvidenceError(
            f"The calendar cannot be written to {file} ({error.strerror or error}).",
            remedy="Name a file in a folder in which you may write.",
        ) from error
