"""`o365 run`: a runbook for one client, some, or all; or what a batch has left to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from o365lib.cli import cluster_options
from o365lib.cli.passphrase import passphrase_file_option
from o365lib.errors import UsageError
from o365lib.reserved import BATCHES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from o365lib.cli.options import Options
    from o365lib.evidence.sealing import OpenBatch
    from o365lib.parameters import Client, Defaults
    from o365lib.places import Places
    from o365lib.runs.batch import Batch

MOST_JOBS = 1024
DEFAULT_TIMEOUT_SECONDS = 1800.0
DEFAULT_STOP_AFTER = 5


@click.command()
@click.argument("runbook", required=False, default="")
@click.argument("clients", nargs=-1, metavar="[CLIENT]...")
@click.option(
    "--all", "every", is_flag=True, help="All clients; remove: all whose onboarding is over."
)
@click.option(
    "--resume",
    default="",
    metavar="BATCH",
    help="Do what a batch has left to do; `last` for the newest. It has its own clients, parameters"
    " and approver.",
)
@click.option(
    "--signed-by",
    default="",
    metavar="FINGERPRINT",
    help="With --resume: take up a batch that this key signed, which is not yours.",
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
    help="How many clients at once; without it as many as cores and memory bear.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=DEFAULT_TIMEOUT_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Interrupt a client's run after this time; give a cluster up that has had no worker for"
    " as long.",
)
@click.option(
    "--stop-after",
    type=click.IntRange(min=0),
    default=DEFAULT_STOP_AFTER,
    show_default=True,
    metavar="K",
    help="Start no further run after K failures of one kind in a row; 0: never.",
)
@click.option(
    "--progress",
    type=click.Choice(("auto", "table", "lines", "json", "none")),
    default="auto",
    show_default=True,
    help="How progress is shown on standard error.",
)
@cluster_options.cluster_options
@passphrase_file_option
@click.option("--json", "as_json", is_flag=True, help="Print the results for machines.")
@click.pass_context
def run(context: click.Context, /, *, runbook: str, clients: tuple[str, ...], **given: Any) -> None:
    """Run the runbook "create" or "remove" for clients, and archive what was done.

    Ctrl-C lets the runs under way finish; a second Ctrl-C interrupts them. What is left then, or
    when the command was killed, is done by `o365 run --resume BATCH`.
    """
    if given["resume"]:
        _refuse_beside_resume(context)
        _resume(context, given)
        return
    if given["signed_by"]:
        raise UsageError(
            "--signed-by is for a batch that is resumed.", remedy="Say which with --resume BATCH."
        )
    if not runbook:
        raise UsageError("Which runbook?", remedy="Say create or remove, and for which clients.")
    _begin(context, runbook, clients, given)


def _begin(
    context: click.Context, runbook: str, clients: tuple[str, ...], given: dict[str, Any]
) -> None:
    options: Options = context.obj
    approved_by = given["approved_by"].strip()
    if bool(clients) == given["every"]:
        raise UsageError("For which clients?", remedy="Name some, or say --all, not both.")
    from o365lib.cli.batch_output import show_nothing_to_run
    from o365lib.runs import batch
    from o365lib.runs.batch_summary_run import require_runbook_of_clients

    places = options.places()
    notebook = places.runbook(runbook)
    require_runbook_of_clients(notebook)
    if given["unused_password"] and not notebook.stem.startswith("create"):
        raise UsageError(
            "--unused-password is for the create runbook.",
            remedy="Leave it out: whoever removes an account needs no password for it.",
        )
    is_removal_of_all = given["every"] and notebook.stem.startswith("remove")
    defaults, chosen, left_out = _checked(places, clients, only_over=is_removal_of_all)
    _require_approver(approved_by, defaults, dry_run=given["dry_run"])
    if not chosen:
        show_nothing_to_run(context, left_out, as_json=given["as_json"])

    def begin(evidence: OpenBatch) -> Batch:
        return batch.begin(
            notebook,
            chosen,
            places=places,
            evidence=evidence,
            parameters={
                "dry_run": given["dry_run"],
                "approved_by": approved_by,
                "approved_plan": given["approved_plan"].strip(),
                "ticket": given["ticket"].strip(),
                **({"if_unused": given["unused_password"]} if given["unused_password"] else {}),
            },
            timeout_seconds=given["timeout"],
        )

    _drive_and_show(
        context,
        begin,
        given=given,
        places=places,
        defaults=defaults,
        clients=chosen,
        left_out=left_out,
    )


def _checked(
    places: Places, clients: Sequence[str], *, only_over: bool
) -> tuple[Defaults, list[str], list[str]]:
    """Return the defaults, the clients to run, and those left out; all their files are right.

    What the files say is let go of: of thousands it would be held through a night.
    """
    from o365lib import parameters

    found = parameters.load(places.parameters, clients or None)
    chosen = list(dict.fromkeys(clients)) or list(found.clients)
    left_out = [name for name in chosen if only_over and not is_over(found.clients[name])]
    if left_out:
        chosen = [name for name in chosen if is_over(found.clients[name])]
    return found.defaults, chosen, left_out


def _require_approver(approved_by: str, defaults: Defaults, *, dry_run: bool) -> None:
    # Where the defaults require signed approvals, the runs find them, and say what is missing.
    if not (dry_run or approved_by or defaults.approval.required != "never"):
        raise UsageError(
            "Nobody has approved the changes.",
            remedy="Say who did with --approved-by NAME, or see what would change with --dry-run.",
        )


def _resume(context: click.Context, given: dict[str, Any]) -> None:
    from o365lib import parameters
    from o365lib.evidence.batches.folder import BatchFolder, newest_unfinished
    from o365lib.evidence.batches.signing import believed_keys
    from o365lib.evidence.key_store import KeyStore
    from o365lib.runs import batch
    from o365lib.runs.delivery import StoreDelivery
    from o365lib.runs.task import SHARED_FOLDER

    options: Options = context.obj
    places = options.places()
    wanted, signed_by = given["resume"], given["signed_by"]
    keys = believed_keys(places.evidence, KeyStore(places.keys), signed_by=signed_by)
    if wanted == "last":
        wanted = newest_unfinished(places.evidence, keys)
        if wanted is None:
            raise UsageError(
                f"No batch of yours in {places.evidence} has anything left to do.",
                remedy="`o365 run create --all` begins a new one.",
            )

    def take_up(evidence: OpenBatch) -> Batch:
        # Workers of an earlier drive may have left claims in the store alone.
        delivery = StoreDelivery(options.archive_url) if options.archive_url else SHARED_FOLDER
        return batch.take_up(
            wanted, places=places, evidence=evidence, delivery=delivery, signed_by=signed_by
        )

    # Of the project's own parameters only where to publish and who stamps the time.
    defaults = parameters.load_defaults(places.parameters)
    folder = BatchFolder.open(places.evidence, wanted)
    _drive_and_show(
        context,
        take_up,
        given=given,
        places=places,
        defaults=defaults,
        clients=list(folder.believe(keys).clients),
    )


_BESIDE_RESUME = {
    "resume",
    "signed_by",
    "jobs",
    "stop_after",
    "progress",
    "passphrase_file",
    "as_json",
    *cluster_options.NAMES,
}


def _refuse_beside_resume(context: click.Context) -> None:
    """Raise UsageError for what the batch has decided already."""
    given = [
        parameter
        for parameter in context.command.params
        if parameter.name not in _BESIDE_RESUME
        and context.get_parameter_source(parameter.name or "")
        is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        names = ", ".join(
            each.opts[0] if isinstance(each, click.Option) else str(each.name) for each in given
        )
        raise UsageError(
            f"A batch that is resumed has its own: {names}.",
            state="Nothing was started.",
            remedy="Leave that out, or begin a new batch without --resume.",
        )


def is_over(client: Client) -> bool:
    """Whether a client's onboarding is over, so that its account may go."""
    return client.onboarding == "completed"


def _drive_and_show(
    context: click.Context,
    begin: Callable[[OpenBatch], Batch],
    *,
    given: dict[str, Any],
    places: Places,
    defaults: Defaults,
    clients: Sequence[str],
    left_out: Sequence[str] = (),
) -> None:
    from o365lib.cli.batch_output import show_batch
    from o365lib.cli.driving import drive, summarized
    from o365lib.cli.open_evidence import open_evidence
    from o365lib.runs.stop import Stop, stopped_by_signals

    options: Options = context.obj
    manner = cluster_options.manner_of(given, places, options)
    evidence = open_evidence(
        options,
        places,
        defaults,
        # The batch's summary is sealed too, in a chain of its own.
        clients=[*clients, BATCHES],
        passphrase_file=given["passphrase_file"],
    )
    stop = Stop()
    # From here to the digest: whenever it is stopped, all is brought to its end.
    with stopped_by_signals(stop), evidence as opened:
        batch = begin(opened.batch)
        done = drive(batch, evidence=opened.batch, manner=manner, stop=stop)
        summary_run = summarized(batch, done, evidence=opened.batch, stop=stop)
        opened.problems += done.problems
    show_batch(
        context,
        batch,
        done,
        opened,
        summary_run=summary_run,
        left_out=left_out,
        as_json=given["as_json"],
    )
