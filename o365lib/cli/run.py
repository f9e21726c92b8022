"""`o365 run`: a runbook for one client, some, or all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from o365lib.cli.passphrase import passphrase_file_option
from o365lib.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager

    from o365lib.cli.open_evidence import OpenEvidence
    from o365lib.cli.options import Options
    from o365lib.parameters import Client

DEFAULT_JOBS = 2
MOST_JOBS = 64


@click.command()
@click.argument("runbook")
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@click.option(
    "--all", "every", is_flag=True, help="All clients; remove: all whose onboarding is over."
)
@click.option("--dry-run", is_flag=True, help="Read and plan; change nothing.")
@click.option(
    "--approved-by",
    default="",
    metavar="NAME",
    help="Who approved the changes; not needed for what must be signed: see `o365 approve`.",
)
@click.option("--approved-plan", default="", metavar="DIGEST", help="The one plan approved.")
@click.option(
    "--unused-password",
    type=click.Choice(("replace", "disable")),
    help="Create: what to do about a password that was handed over and that nobody has used.",
)
@click.option("--ticket", default="", help="Number of the ticket, for the record.")
@click.option(
    "--jobs",
    type=click.IntRange(1, MOST_JOBS),
    default=DEFAULT_JOBS,
    show_default=True,
    help="How many clients at once.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="Interrupt a client's run after this time.",
)
@passphrase_file_option
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def run(context: click.Context, /, *, runbook: str, clients: tuple[str, ...], **given: Any) -> None:
    """Run the runbook "create" or "remove" for clients, and archive what was done.

    Ctrl-C lets the runs under way finish; a second Ctrl-C interrupts them.
    """
    options: Options = context.obj
    approved_by = given["approved_by"].strip()
    if bool(clients) == given["every"]:
        raise UsageError("For which clients?", remedy="Name some, or say --all, not both.")
    from o365lib import parameters
    from o365lib.cli.open_evidence import open_evidence
    from o365lib.runs.request import RunRequest

    places = options.places()
    notebook = places.runbook(runbook)
    if given["unused_password"] and not notebook.stem.startswith("create"):
        raise UsageError(
            "--unused-password is for the create runbook.",
            remedy="Leave it out: whoever removes an account needs no password for it.",
        )
    found = parameters.load(places.parameters, clients or None)
    # Where the defaults require signed approvals, the runs find them, and say what is missing.
    if not (given["dry_run"] or approved_by or found.defaults.approval.required != "never"):
        raise UsageError(
            "Nobody has approved the changes.",
            remedy="Say who did with --approved-by NAME, or see what would change with --dry-run.",
        )
    chosen = list(dict.fromkeys(clients)) or list(found.clients)
    left_out: list[str] = []
    if given["every"] and notebook.stem.startswith("remove"):
        left_out = [name for name in chosen if not is_over(found.clients[name])]
        chosen = [name for name in chosen if is_over(found.clients[name])]
    requests = [
        RunRequest(
            runbook=notebook,
            client=name,
            places=places,
            parameters={
                "dry_run": given["dry_run"],
                "approved_by": approved_by,
                "approved_plan": given["approved_plan"].strip(),
                "ticket": given["ticket"].strip(),
                **({"if_unused": given["unused_password"]} if given["unused_password"] else {}),
            },
            timeout_seconds=given["timeout"],
        )
        for name in chosen
    ]
    evidence = open_evidence(
        options, places, found.defaults, clients=chosen, passphrase_file=given["passphrase_file"]
    )
    _execute_and_show(
        context, requests, left_out, evidence, jobs=given["jobs"], as_json=given["as_json"]
    )


def is_over(client: Client) -> bool:
    """Whether a client's onboarding is over, so that its account may go."""
    return client.onboarding == "completed"


def _execute_and_show(
    context: click.Context,
    requests: Sequence[Any],
    left_out: Sequence[str],
    evidence: AbstractContextManager[OpenEvidence],
    *,
    jobs: int,
    as_json: bool,
) -> None:
    from o365lib.cli.output import show_json, show_table, show_text
    from o365lib.cli.progress import execute
    from o365lib.cli.what_to_do import show_what_to_do
    from o365lib.runs import summary
    from o365lib.runs.batch import Stop

    options: Options = context.obj
    with evidence as opened:
        results = execute(requests, evidence=opened.batch, jobs=jobs, stop=Stop())
    status = summary.exit_status(results) or opened.exit_status
    if as_json:
        told = {**summary.to_json(results), "left_out": list(left_out), "exit_status": status}
        show_json({**told, "evidence": str(opened.batch.archive.root), "seal": opened.to_json()})
    else:
        if results:
            show_table(summary.COLUMNS, summary.rows(results))
        show_what_to_do(results, options)
        show_text(f"{summary.counted(results)} Records are in {opened.batch.archive.root}.")
        show_text(opened.sentence())
        if left_out:
            show_text(f"Left out, since their onboarding is not over: {', '.join(left_out)}.")
    context.exit(status)
