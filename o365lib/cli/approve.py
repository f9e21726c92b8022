"""`o365 approve`: the second pair of eyes signs the plans of dry runs."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from o365lib import clock
from o365lib.cli.evidence.listing import instant
from o365lib.cli.output import say
from o365lib.cli.passphrase import asker, passphrase_file_option
from o365lib.errors import EvidenceError, ParametersError, Refused, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from o365lib.cli.options import Options
    from o365lib.evidence.approval import PlanApproval
    from o365lib.evidence.archive import Archive
    from o365lib.evidence.key_store import KeyDescription, KeyStore
    from o365lib.evidence.record import Record
    from o365lib.parameters import ApprovalRules, Defaults
    from o365lib.places import Places
    from o365lib.service_account.facts import Facts
    from o365lib.service_account.plan import Plan, PlannedChange

COLUMNS = ("Client", "Tenant", "Account", "Role", "Changes", "Plan", "Planned", "Run")

_FAILED = 1


@dataclass(frozen=True)
class Shown:
    """A plan that is shown to the approver."""

    record: Record
    plan: Plan
    facts: Facts

    def row(self) -> tuple[str, ...]:
        """Return its row under `COLUMNS`; all but the run is covered by the plan's digest."""
        plan = self.plan
        changes = "\n".join(map(_told, plan.changes))
        planned = clock.iso(self.record.started)
        return (
            plan.client,
            plan.tenant_id,
            plan.user_principal_name,
            self.role(),
            changes,
            plan.digest[:12],
            planned,
            self.record.run_id,
        )

    def role(self) -> str:
        """Return the role that the account gets, or those that it has and loses."""
        if self.plan.role_name:
            return self.plan.role_name
        held = self.facts.account.roles if self.facts.account else ()
        return ", ".join(each.display_name for each in held)

    def to_json(self) -> dict[str, Any]:
        """Return it as what JSON can say."""
        return {
            "client": self.plan.client,
            "run_id": self.record.run_id,
            "runbook": self.record.runbook,
            "plan_digest": self.plan.digest,
            "tenant_id": self.plan.tenant_id,
            "user_principal_name": self.plan.user_principal_name,
            "role": self.role(),
            "changes": [each.title for each in self.plan.changes],
        }


def _told(change: PlannedChange) -> str:
    # A role is gone once it is taken away: there is nothing more to tell.
    return change.title if change.action == "remove-role" else f"{change.title} ({change.after})"


@click.command()
@click.argument("plans", nargs=-1, metavar="[PLAN]...")
@click.option("--all-planned", is_flag=True, help="All plans that nothing has overtaken since.")
@click.option(
    "--since",
    metavar="DATE",
    default="24h",
    show_default=True,
    callback=instant,
    help="With --all-planned: only plans from then on: 2026-11-23, or 7d, 12h, 30m.",
)
@click.option("--batch", is_flag=True, help="Each PLAN with all that were made in one command.")
@click.option("--as", "name", default="", metavar="NAME", help="Refuse to sign as anybody else.")
@click.option("--ticket", default="", help="Number of the ticket or a reason, for the evidence.")
@click.option("--yes", is_flag=True, help="Do not ask: what is shown was read elsewhere.")
@passphrase_file_option
@click.option("--json", "as_json", is_flag=True, help="Print for machines.")
@click.pass_context
def approve(context: click.Context, /, *, plans: tuple[str, ...], **given: Any) -> None:
    """Approve the plans of dry runs, for somebody else to carry out.

    PLAN is the id of a dry run, or the id's beginning or end if there is only one. What is covered
    is shown first; the approval is signed with your own key and put into the archive, where the
    runs find it.
    """
    from o365lib import parameters
    from o365lib.cli.evidence.listing import opened_archive
    from o365lib.cli.remote_archive import remote_of
    from o365lib.evidence.archive import Archive
    from o365lib.evidence.key_store import KeyStore

    options: Options = context.obj
    if bool(plans) == given["all_planned"]:
        raise UsageError("Which plans?", remedy="Name some, or say --all-planned, not both.")
    if given["as_json"] and not given["yes"]:
        raise UsageError(
            "With --json nobody is shown what is approved.",
            remedy="Say --yes too, once you have read the plans.",
        )
    if not given["yes"] and not sys.stdin.isatty():
        raise UsageError(
            "Nobody can be asked here: standard input is no terminal.",
            remedy="Read the plans (`o365 evidence show RUN`), then say --yes.",
        )
    places = options.places()
    defaults = parameters.load_defaults(places.parameters)
    rules, keys = defaults.approval, KeyStore(places.keys)
    approver = _approver(keys.describe(), rules, given["name"].strip())
    signer = partial(keys.signer, asker(given["passphrase_file"]))
    remote = remote_of(options, defaults, Archive(places.evidence), signer)
    if remote:
        remote.fetch(None)
    archive = opened_archive(options)
    chosen = _of_these_parameters(_chosen(archive, plans, given), places, defaults, given)
    shown = _shown(chosen)
    if not shown:
        raise UsageError(
            f"No plan since {clock.iso(given['since'])} waits for an approval.",
            remedy="`o365 run ... --dry-run` makes plans; --since looks further back.",
        )
    _show(shown, rules, as_json=given["as_json"])
    if not given["yes"]:
        count = f"this plan of {shown[0].plan.client}" if len(shown) == 1 else f"{len(shown)} plans"
        click.confirm(f"Approve {count} as {approver}?", abort=True, err=True)
    _sign(context, archive, keys, shown, {**given, "approver": approver, "rules": rules})
    if remote:
        remote.publish()


def _approver(described: KeyDescription | None, rules: ApprovalRules, wanted: str) -> str:
    """Return the name under which the defaults list the key that is there.

    Raises:
        UsageError: there are no approvers.
        Refused: it is nobody's who may approve, or somebody else's than wanted.
    """
    if not rules.approvers:
        raise UsageError(
            "The defaults name no approvers, so that no approval would count.",
            remedy="Write them into defaults.yaml under `approval: approvers:`, each with the key "
            "that `o365 key show` tells the approver.",
        )
    if described is None:
        raise Refused(
            "approver-unknown",
            "You have no signing key yet.",
            remedy="Make one with `o365 key new`, and have its fingerprint written into "
            "defaults.yaml under `approval: approvers:`.",
        )
    name = rules.approver_with(described.key.key_id)
    if not name:
        raise Refused(
            "approver-unknown",
            f"Your key {described.key.fingerprint} is not one of an approver in defaults.yaml.",
            remedy="Have it written there under `approval: approvers:`, or let an approver sign.",
        )
    if wanted and wanted.casefold() != name.casefold():
        raise Refused(
            "approver-unknown",
            f"You would sign as {name}, whose key this is, and not as {wanted}.",
            remedy="Let the other person sign with the own key, or leave --as out.",
        )
    return name


def _chosen(archive: Archive, plans: Sequence[str], given: dict[str, Any]) -> list[Record]:
    from o365lib.evidence import planned_runs

    if given["all_planned"]:
        return list(planned_runs.waiting(archive, since=given["since"]))
    runs = [archive.find(text) for text in plans]
    if given["batch"]:
        found = [each for run in runs for each in planned_runs.of_the_same_batch(archive, run)]
    else:
        found = [planned_runs.planned(run) for run in runs]
    return list({(each.client, each.run_id): each for each in found}.values())


def _of_these_parameters(
    records: list[Record], places: Places, defaults: Defaults, given: dict[str, Any]
) -> list[Record]:
    """Return the records whose plans were made from the parameters as they are now.

    No run would carry out another: it draws its plan from the client's file and the defaults.

    Raises:
        Refused: others were named.
    """
    from o365lib import parameters

    def holds(record: Record) -> bool:
        try:
            client = parameters.load_client(places.parameters, record.client)
        except ParametersError:
            return False
        return parameters.digest(client, defaults) == record.parameters_digest

    kept = [each for each in records if holds(each)]
    if len(kept) == len(records):
        return kept
    holding = {each.run_id for each in kept}
    left = ", ".join(
        f"{each.client} ({each.run_id})" for each in records if each.run_id not in holding
    )
    why = "since the plan was made, the client's file or the defaults have changed"
    if not given["all_planned"]:
        raise Refused(
            "plan-changed",
            f"No run would carry out the plan of {left}: {why}.",
            remedy="Make the plan again: `o365 run ... --dry-run`. Where this machine's parameters "
            "are older than the plan, fetch them first; `o365 check` tells whether they are right.",
        )
    say(f"Left out: {left}: {why}.")
    return kept


def _shown(records: Sequence[Record]) -> list[Shown]:
    from o365lib.service_account.shown_plan import plan_shown

    return [Shown(record, *plan_shown(record)) for record in records]


def _show(shown: Sequence[Shown], rules: ApprovalRules, *, as_json: bool) -> None:
    from o365lib.cli.output import show_table
    from o365lib.evidence.record import Operator

    if not as_json:
        for runbook in dict.fromkeys(each.record.runbook for each in shown):
            rows = [each.row() for each in shown if each.record.runbook == runbook]
            show_table(COLUMNS, rows, title=runbook)
    here = Operator.here()
    own = [
        each
        for each in shown
        if (each.record.operator.user_name, each.record.operator.host_name)
        == (here.user_name, here.host_name)
    ]
    if own:
        click.echo(
            f"You made {len(own)} of these plans from this account yourself: somebody else has to "
            "carry them out.",
            err=True,
        )
    if rules.required == "never":
        click.echo(
            "The defaults require no approval (`required: never`): runs will not ask for this one.",
            err=True,
        )


def _sign(
    context: click.Context,
    archive: Archive,
    keys: KeyStore,
    shown: Sequence[Shown],
    given: dict[str, Any],
) -> None:
    from o365lib.evidence import approvals
    from o365lib.evidence.approval import ApprovedPlan
    from o365lib.evidence.sealing import OpenBatch

    plans = [
        ApprovedPlan(each.plan.client, each.record.run_id, each.record.runbook, each.plan.digest)
        for each in shown
    ]
    batch = OpenBatch.begin(archive, keys, asker(given["passphrase_file"]))
    problem = ""
    try:
        approval = approvals.approve(
            batch, plans, name=given["approver"], ticket=given["ticket"].strip()
        )
    finally:
        try:
            batch.close()
        except EvidenceError as error:
            problem = f"No digest covers the approval yet. {error}"
    _tell(approval, shown, given)
    if problem:
        say(f"o365: {problem}")
        context.exit(_FAILED)


def _tell(approval: PlanApproval, shown: Sequence[Shown], given: dict[str, Any]) -> None:
    from o365lib.cli.output import show_json, show_text
    from o365lib.evidence.approval_guards import holds_until
    from o365lib.evidence.public_keys import fingerprint_of

    until = clock.iso(holds_until(approval.approved, given["rules"]))
    if given["as_json"]:
        show_json(
            {
                "approval_id": approval.approval_id,
                "approver": approval.approver.name,
                "key_id": approval.key_id,
                "approved": clock.iso(approval.approved),
                "holds_until": until,
                "ticket": approval.ticket,
                "plans": [each.to_json() for each in shown],
            }
        )
        return
    count = "1 plan" if len(shown) == 1 else f"{len(shown)} plans"
    show_text(
        f"Approval {approval.approval_id} of {count} by {approval.approver.name} "
        f"({fingerprint_of(approval.key_id)})."
    )
    show_text(f"It holds until {until}, once for each client.")
