"""What a run shows when it is opened: whose tenant, which cloud, and how the run before it ended.

Pure.
"""

from collections.abc import Sequence

from o365lib import clock, clouds
from o365lib.evidence.record import Change, Outcome, Record
from o365lib.parameters import Client
from o365lib.runbook.results import StepResult

_DID = {
    "accepted": "done",
    "started": "not known whether it took place",
    "unknown": "not known whether it took place",
    "failed": "refused by the service",
}
_LOOK = (
    "You can look: this run ends after the plan and changes nothing. When that run is closed, or "
    "its kernel shut down, open this one again from its first cell."
)
_ENDED_WELL = {Outcome.DONE, Outcome.NOTHING_TO_DO, Outcome.PLANNED}


def opening(
    record: Record, client: Client, earlier: Sequence[Record], *, at_work: str
) -> StepResult:
    """Show what a run is about, and what the one before it has left.

    Args:
        record: of this run.
        client: the client's file.
        earlier: the client's other readable records, oldest first.
        at_work: who is at work on the client already, in words; empty where nobody is.
    """
    is_sandbox = client.cloud == clouds.SANDBOX
    rows = [
        ("Client", f"{client.display_name or client.client} ({client.client})"),
        ("Tenant", client.tenant),
        ("Cloud", "sandbox: embedded, nothing here is real" if is_sandbox else client.cloud),
        ("Purpose", f"{client.purpose}, onboarding {client.onboarding}"),
        ("Signs in by", client.sign_in.method),
        ("Ticket", record.ticket or "none"),
        ("Run", f"{record.run_id}{', a dry run' if record.dry_run else ''}"),
    ]
    notes = [f"{at_work}. {_LOOK}"] if at_work else []
    last = earlier[-1] if earlier else None
    if last is not None:
        rows.append(("The run before", _ended(last)))
        notes += _left(last)
    return StepResult(
        title=f"{record.runbook.replace('_', ' ').capitalize()}",
        columns=("What", "Value"),
        rows=rows,
        notes=notes,
    )


def _ended(last: Record) -> str:
    who = last.operator.user_name or "an account without a name"
    words = last.runbook.replace("_", " ")
    return f"{words}, {clock.iso(last.started)}, by {who}: {last.outcome}, {last.reason or 'open'}"


def _left(last: Record) -> list[str]:
    """Return what the run before has done and left, where it did not end well."""
    if last.outcome in _ENDED_WELL:
        return []
    done = "; ".join(_sentence(change) for change in last.changes) or "it changed nothing"
    made = {change.action for change in last.changes if change.status == "accepted"}
    planned = (last.plan or {}).get("changes")
    left = [
        str(each.get("title") or each.get("action"))
        for each in (planned if isinstance(planned, list) else ())
        if isinstance(each, dict) and each.get("action") not in made
    ]
    is_left = f" Of its plan was left: {'; '.join(left)}." if left else ""
    told = f"The run before ({last.run_id}) did not come to its end: {done}.{is_left}"
    return [f"{told} This run reads the tenant first and does only what is left."]


def _sentence(change: Change) -> str:
    return f"{change.detail or change.action}: {_DID[change.status]}"
