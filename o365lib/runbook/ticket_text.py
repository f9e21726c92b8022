"""What an engineer pastes into her ticket when a run has ended. Pure.

It is made of the record, and says nothing that the record does not.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from o365lib import clock
from o365lib.evidence.record import Change, Record
from o365lib.plain_text import one_line

# What means something in Markdown in the middle of a line; no text of ours begins one.
_MARKS = re.compile(r"([\\`*_\[\]|<>~])")
_STATUS = {
    "started": "not known whether it took place",
    "accepted": "done",
    "failed": "refused by the service",
    "unknown": "not known whether it took place",
}


@dataclass(frozen=True)
class TicketText:
    """One text in two forms."""

    markdown: str
    plain: str


def ticket_text(record: Record, *, seal: str) -> TicketText:
    """Return what a ticket should say of a run.

    Args:
        record: closed.
        seal: by whose key the run is sealed, in words; empty where it is not.
    """
    title = f"{_title(record)}: {record.outcome}"
    rows = [(label, one_line(text)) for label, text in _rows(record, seal) if text]
    markdown = [f"**{_escaped(title)}**", ""]
    markdown += [f"- **{label}:** {_escaped(text)}" for label, text in rows]
    plain = [one_line(title), *(f"{label}: {text}" for label, text in rows)]
    for number, change in enumerate(record.changes, start=1):
        what, how = one_line(_change(change)), _STATUS[change.status]
        markdown.append(f"  {number}. {_escaped(what)}: {how}")
        plain.append(f"  {number}. {what}: {how}")
    return TicketText(markdown="\n".join(markdown), plain="\n".join(plain))


def _title(record: Record) -> str:
    whose = record.client_display_name or record.client
    dry = " (dry run)" if record.dry_run else ""
    return f"{record.runbook.replace('_', ' ').capitalize()} for {whose} ({record.client}){dry}"


def _rows(record: Record, seal: str) -> Iterator[tuple[str, str]]:
    yield "In short", record.reason
    yield "What to do", record.error.remedy if record.error else ""
    yield "Tenant", f"{record.tenant_id} ({record.cloud})" if record.tenant_id else ""
    yield "Account", _account(record)
    yield "Ticket", record.ticket
    yield "Carried out by", _operator(record)
    yield "Approved by", record.approval.approved_by if record.approval else ""
    ended = f" to {clock.iso(record.ended)}" if record.ended else ""
    yield "When", f"{clock.iso(record.started)}{ended}"
    passed = sum(check.passed for check in record.verification)
    if record.verification:
        yield "Read back", f"{passed} of {len(record.verification)} checks passed"
    yield "Can be restored until", str((record.undo or {}).get("until") or "")
    yield "Run", record.run_id
    yield "Evidence", seal
    if record.changes:
        yield "Changes", f"{len(record.changes)}"


def _account(record: Record) -> str:
    plan = record.plan or {}
    name, user_id = str(plan.get("user_principal_name") or ""), str(plan.get("user_id") or "")
    made = [change.target for change in record.changes if change.action == "create-user"]
    user_id = user_id or next((each for each in made if "@" not in each), "")
    return f"{name}, object id {user_id}" if name and user_id else name


def _operator(record: Record) -> str:
    operator = record.operator
    who = operator.user_name or "an account without a name"
    signed_in = f", signed in as {operator.signed_in_as}" if operator.signed_in_as else ""
    return f"{who} on {operator.host_name}{signed_in}"


def _change(change: Change) -> str:
    return f"{change.detail or change.action}, {clock.iso(change.started)}"


def _escaped(text: str) -> str:
    return _MARKS.sub(r"\\\1", one_line(text))
