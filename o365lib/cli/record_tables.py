"""A record as tables for people: who, what, when, with what result."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from o365lib import clock
from o365lib.evidence.public_keys import fingerprint_of
from o365lib.reserved import is_reserved

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from o365lib.evidence.record import Record

Table = tuple[str, "Sequence[str]", "Sequence[Sequence[str]]"]


def tables(record: Record) -> Iterator[Table]:
    """Yield title, columns and rows of each part of a record that is not empty."""
    parts: list[Table] = [
        (f"Run {record.run_id}", ("What", "Value"), list(_head(record))),
        ("Steps", ("Step", "Status", "Started", "Seconds", "Note"), list(_steps(record))),
        ("Plan", ("Part", "What", "Detail"), list(_plan(record.plan or {}))),
        ("Changes", ("Change", "Target", "Status", "Request id", "Detail"), list(_changes(record))),
        ("Checks", ("Check", "Wanted", "Found", "Passed"), list(_checks(record))),
        (
            "Requests",
            ("Method", "Path", "Status", "Attempt", "Milliseconds", "Request id"),
            list(_requests(record.requests)),
        ),
    ]
    return (part for part in parts if part[2])


def _instant(instant: datetime | None) -> str:
    return clock.iso(instant) if instant else ""


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _head(record: Record) -> Iterator[tuple[str, str]]:
    operator, approval, error = record.operator, record.approval, record.error
    hand_over = record.hand_over
    pairs = [
        (
            "Archived as" if is_reserved(record.client) else "Client",
            f"{record.client} {record.client_display_name}",
        ),
        ("Tenant", f"{record.tenant_id} {record.cloud}"),
        ("Runbook", f"{record.runbook} {record.package_version} {record.runbook_digest[:12]}"),
        ("Operator", f"{operator.user_name} at {operator.host_name}"),
        ("Signed in as", operator.signed_in_as),
        ("Ticket", record.ticket),
        ("Dry run", "yes" if record.dry_run else ""),
        ("Approved by", f"{approval.approved_by} ({approval.how})" if approval else ""),
        ("Approved plan", approval.plan_digest if approval else ""),
        ("Approval", approval.approval_id if approval else ""),
        ("Approver's key", fingerprint_of(approval.key_id) if approval and approval.key_id else ""),
        ("Started", _instant(record.started)),
        ("Ended", _instant(record.ended)),
        ("Outcome", record.outcome.value),
        ("Reason", record.reason),
        ("Guard", error.guard if error else ""),
        ("In the tenant", error.state if error else ""),
        ("What to do", error.remedy if error else ""),
        ("Hand-over", f"{hand_over.method} to {hand_over.recipient}" if hand_over else ""),
        ("Handed over", hand_over.status if hand_over else ""),
        ("Undo", _undo(record.undo or {})),
        ("Closed by", record.closed_by),
    ]
    return ((name, value.strip()) for name, value in pairs if value.strip())


def _undo(undo: dict[str, Any]) -> str:
    """The short facts of what restoring needs; the record has the rest."""
    return "; ".join(f"{name}: {value}" for name, value in undo.items() if isinstance(value, str))


def _steps(record: Record) -> Iterator[tuple[str, ...]]:
    for step in record.steps:
        seconds = f"{(step.ended - step.started).total_seconds():.1f}" if step.ended else ""
        yield step.name, step.status, _instant(step.started), seconds, step.note


def _plan(plan: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for change in _dicts(plan.get("changes")):
        detail = f"{change.get('before') or 'nothing'} → {change.get('after') or 'nothing'}"
        yield "change", _text(change.get("title") or change.get("action", "")), detail
    for kind in ("refusals", "notices"):
        for each in _dicts(plan.get(kind)):
            yield kind[:-1], _text(each.get("code", "")), _text(each.get("message", ""))
    for each in plan.get("already") or ():
        yield "already", _text(each), ""
    if digest := plan.get("digest"):
        yield "digest", _text(digest), ""


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return [each for each in value or () if isinstance(each, dict)]


def _changes(record: Record) -> Iterator[tuple[str, ...]]:
    for change in record.changes:
        detail = " ".join(part for part in (change.detail, change.note) if part)
        yield change.action, change.target, change.status, change.request_id, detail


def _checks(record: Record) -> Iterator[tuple[str, ...]]:
    for check in record.verification:
        yield check.name, check.wanted, check.found, "yes" if check.passed else "NO"


def _requests(requests: Sequence[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    names = ("method", "path", "status", "attempt", "milliseconds", "request_id")
    for request in requests:
        yield _request(request, names)
        for item in _dicts(request.get("items")):  # of a $batch
            yield _request({**item, "method": f"· {item.get('method', '')}"}, names)


def _request(request: dict[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    """One row; the query is left out, which the record has."""
    shown = {**request, "path": _text(request.get("path", "")).partition("?")[0]}
    return tuple(_text(shown.get(name, "")) for name in names)
