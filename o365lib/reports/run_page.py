"""The page of one run, for people: what it came to first, the requests last. Pure.

Everything on it is in the run's record, but for the digests of the files and the seal's state.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from o365lib.evidence.instants import instant_of
from o365lib.evidence.public_keys import fingerprint_of
from o365lib.evidence.record import Record
from o365lib.reports import seal_status, wording
from o365lib.reports.parts import (
    Cell,
    Facts,
    Items,
    Page,
    Part,
    Section,
    Sentence,
    Table,
    Words,
    filled,
)
from o365lib.reports.reading import ArchivedRun
from o365lib.reserved import is_reserved

_LONGEST_TITLE = 120


def page(
    run: ArchivedRun, *, address_of: Callable[[Path], str], ways: Iterable[Words] = ()
) -> Page:
    """Return the page of a run.

    Args:
        run: what is archived.
        address_of: how the page leads to a file.
        ways: links to other pages.
    """
    record = run.record
    common = (seal_section(run), files_section(run, address_of))
    if record is None:
        return Page(
            title=run.folder.run_id,
            over_title=f"Run of {run.folder.client}",
            verdicts=(wording.outcome(wording.UNREADABLE), seal_status.verdict(run.seal)),
            lead=(wording.OUTCOME_SENTENCES[wording.UNREADABLE], run.problem),
            sections=common,
            ways=tuple(ways),
        )
    name = (record.client_display_name or record.client)[:_LONGEST_TITLE]
    outcome = record.outcome.value
    return Page(
        title=f"{wording.runbook(record.runbook)}: {name}",
        over_title="Record of one run",
        verdicts=(wording.outcome(outcome), seal_status.verdict(run.seal)),
        lead=(record.reason, wording.outcome_sentence(outcome, client=record.client)),
        sections=filled(
            Section("The run", [Facts(list(_head(record)))]),
            Section("What went wrong", _error(record)),
            Section("Files in quarantine", _quarantine(record)),
            Section("Plan", _plan(record)),
            Section("Approval", _approval(record)),
            Section("Changes in the tenant", _changes(record)),
            Section("Hand-over of the credentials", _hand_over(record)),
            Section("Verification", _verification(record)),
            Section("Undo", _undo(record)),
            Section("Steps", _steps(record)),
            *common,
            Section("Requests to Microsoft", _requests(record), is_folded=True),
        ),
        ways=tuple(ways),
    )


def _code(text: str) -> Cell:
    return Words(text, "code") if text else ""


def _head(record: Record) -> Iterator[tuple[str, Cell]]:
    operator = record.operator
    at = f"{operator.user_name} at {operator.host_name}"
    length = _seconds(record.started, record.ended)
    pairs: list[tuple[str, Cell]] = [
        ("Client", _client(record)),
        ("Tenant", _code(record.tenant_id)),
        ("Cloud", record.cloud),
        ("Purpose of the account", record.purpose),
        ("Began", wording.moment(record.started)),
        ("Ended", wording.moment(record.ended) + (f" ({length} s)" if length else "")),
        ("Run by", at.removeprefix(" ")),
        ("Signed in to the tenant as", operator.signed_in_as),
        ("Its object id", _code(operator.object_id)),
        ("Ticket", record.ticket),
        ("Dry run", "yes: nothing may be changed" if record.dry_run else "no"),
        ("Runbook", f"{record.runbook}, version {record.package_version}"),
        ("Notebook's SHA-256", _code(record.runbook_digest)),
        ("Parameters' SHA-256", _code(record.parameters_digest)),
        ("Run id", _code(record.run_id)),
        ("Closed by", "" if record.closed_by == "runbook" else record.closed_by),
    ]
    return ((name, value) for name, value in pairs if value)


def _client(record: Record) -> str:
    if is_reserved(record.client):
        return "none: a batch is of many"
    return f"{record.client_display_name} ({record.client})".removeprefix(" ")


def _error(record: Record) -> list[Part]:
    error = record.error
    if error is None:
        return []
    pairs = [
        ("What happened", error.message),
        ("In the tenant", error.state),
        ("What to do", error.remedy),
        ("Step", error.step),
        ("Guard", error.guard),
        ("Service's answer", f"{error.status or ''} {error.code}".strip()),
        ("Request id", _code(error.request_id)),
    ]
    return [Facts([(name, value) for name, value in pairs if value])]


def _quarantine(record: Record) -> list[Part]:
    if not record.quarantined:
        return []
    text = (
        "✗ A secret was found in the run's files when they were searched before sealing. They were "
        "taken out of the archive; what is sealed is the record that says so."
    )
    rows = [
        (file.name, ", ".join(file.kinds) or "none in this file", _code(file.sha256))
        for file in record.quarantined
    ]
    return [Sentence(Words(text, "bad")), Table(("File", "Secrets found", "SHA-256"), rows)]


def _plan(record: Record) -> list[Part]:
    plan = record.plan
    if plan is None:
        return []
    rows = [
        (
            _text(each.get("title") or each.get("action")),
            _text(each.get("before")),
            _text(each.get("after")),
            wording.WHY.get(_text(each.get("action")), ""),
        )
        for each in _dicts(plan.get("changes"))
    ]
    parts: list[Part] = []
    if rows:
        parts.append(Table(("What", "Now", "Then", "Why"), rows, caption="What was to be changed"))
    for refusal in _dicts(plan.get("refusals")):
        text = f"■ Refused ({_text(refusal.get('code'))}): {_text(refusal.get('message'))}"
        parts += [
            Sentence(Words(text, "doubt")),
            Sentence(f"The way out: {_text(refusal.get('remedy'))}"),
        ]
    if not parts:
        parts.append(Sentence("There was nothing to change."))
    already = [f"Right already: {_text(each)}" for each in _list(plan.get("already"))]
    notices = [f"Note: {_text(each.get('message'))}" for each in _dicts(plan.get("notices"))]
    if already or notices:
        parts.append(Items([*already, *notices]))
    if digest := _text(plan.get("digest")):
        parts.append(Facts([("Plan's SHA-256", _code(digest))]))
    return parts


def _approval(record: Record) -> list[Part]:
    approval, planned = record.approval, _text((record.plan or {}).get("digest"))
    if approval is None:
        if not record.is_changed:
            return []
        return [Sentence(Words("✗ The record names nobody who approved the changes.", "bad"))]
    is_same = approval.plan_digest == planned
    which = (
        Words("✓ the plan above", "good") if is_same else Words("✗ ANOTHER PLAN than above", "bad")
    )
    pairs: list[tuple[str, Cell]] = [
        ("Approved by", approval.approved_by),
        ("How", wording.HOW_APPROVED.get(approval.how, approval.how)),
        ("When", wording.moment(approval.date_time)),
        ("What", which),
        ("Approved plan's SHA-256", _code(approval.plan_digest)),
    ]
    if approval.key_id:
        pairs.append(("Approver's key", _code(fingerprint_of(approval.key_id))))
    pairs.append(("Signed approval", _code(approval.approval_id)))
    return [Facts([(name, value) for name, value in pairs if value])]


def _changes(record: Record) -> list[Part]:
    if not record.changes:
        return []
    targets = {change.target for change in record.changes}
    rows = [
        (
            change.detail or change.action,
            _text(change.before),
            _text(change.after),
            wording.status(change.status),
            wording.time_of_day(change.started),
            _code(change.target) if len(targets) > 1 else "",
            _code(change.request_id),
            change.note,
        )
        for change in record.changes
    ]
    columns = ("Change", "Before", "After", "Microsoft", "Sent (UTC)", "Account", "Request id")
    account: list[Part] = [Facts([("Account", _code(*targets))])] if len(targets) == 1 else []
    return [*account, _without_empty_columns(Table((*columns, "Note"), rows))]


def _hand_over(record: Record) -> list[Part]:
    hand_over = record.hand_over
    if hand_over is None:
        return []
    pairs: list[tuple[str, Cell]] = [
        ("How", wording.METHODS.get(hand_over.method, hand_over.method)),
        ("To whom", hand_over.recipient),
        ("When", wording.moment(hand_over.date_time)),
        ("Microsoft" if hand_over.method == "mail" else "State", wording.status(hand_over.status)),
        ("Request id", _code(hand_over.request_id)),
        ("For the account", _code(hand_over.user_id)),
        ("Note", hand_over.note),
    ]
    return [
        Facts([(name, value) for name, value in pairs if value]),
        Sentence("No record, notebook or report holds the credentials."),
    ]


def _verification(record: Record) -> list[Part]:
    rows = [
        (check.name, check.wanted, check.found, wording.passed(value=check.passed))
        for check in record.verification
    ]
    if rows:
        caption = "What was read back from the tenant after the changes"
        return [Table(("Check", "Wanted", "Found", "Verdict"), rows, caption=caption)]
    if record.is_changed:
        return [Sentence(Words("✗ Nothing was read back after the changes.", "bad"))]
    return []


def _undo(record: Record) -> list[Part]:
    undo = record.undo
    if not undo:
        return []
    roles = [_text(each.get("display_name")) for each in _dicts(undo.get("role_assignments"))]
    pairs: list[tuple[str, Cell]] = [
        ("Can be restored until", wording.moment(instant_of(undo.get("until")))),
        ("How", _text(undo.get("how"))),
        ("Account", _code(_text(undo.get("id")))),
        ("Roles that it had", ", ".join(roles)),
    ]
    return [Facts([(name, value) for name, value in pairs if value])]


def _steps(record: Record) -> list[Part]:
    rows = [
        (
            step.name,
            wording.status(step.status),
            wording.time_of_day(step.started),
            _seconds(step.started, step.ended),
            step.note,
        )
        for step in record.steps
    ]
    columns = ("Step", "Status", "Began (UTC)", "Seconds", "Note")
    return [_without_empty_columns(Table(columns, rows))] if rows else []


def seal_section(run: ArchivedRun) -> Section:
    """Return what is known of the run's seal; what is wrong with it is never left out."""
    seal = run.seal
    pairs: list[tuple[str, Cell]] = [
        ("State", seal_status.verdict(seal)),
        ("Number", str(seal.number) if seal.number is not None else ""),
        ("Signed by", seal.signer_name),
        ("Key's fingerprint", _code(seal.fingerprint)),
        ("Key id", _code(seal.key_id)),
    ]
    parts: list[Part] = [
        Sentence(seal_status.sentence(seal)),
        Facts([(name, value) for name, value in pairs if value]),
    ]
    if seal.problems:
        parts.append(Items([Words(f"✗ {problem}", "bad") for problem in seal.problems]))
    check = f"o365 evidence verify --client {run.folder.client}"
    parts.append(Facts([("How to check", Words(check, "code"))]))
    return Section("Seal", parts)


def files_section(run: ArchivedRun, address_of: Callable[[Path], str]) -> Section:
    """Return the run's files, with links and the digests of what is there now."""
    rows = [
        (
            Words(file.name, address=address_of(file.path), is_file=True),
            f"{file.size:,}",
            _code(file.sha256) or Words("✗ cannot be read", "bad"),
        )
        for file in run.files
    ]
    if not rows:
        return Section("Files", [Sentence(Words("✗ The run's folder has no files.", "bad"))])
    return Section("Files", [Table(("File", "Bytes", "SHA-256"), rows)])


def _requests(record: Record) -> list[Part]:
    rows = []
    for request in record.requests:
        number = _text(request.get("sequence"))
        rows.append(_request(number, request))
        rows += [
            _request(f"{number}.{place}", item)
            for place, item in enumerate(_dicts(request.get("items")), start=1)
        ]
    if not rows:
        return []
    columns = ("No.", "Request", "Answer", "Began (UTC)", "ms", "Attempt", "Service's request id")
    return [_without_empty_columns(Table(columns, rows))]


def _request(number: str, request: dict[str, Any]) -> tuple[Cell, ...]:
    """One row; the query is left out, which the record has."""
    path = _text(request.get("path")).partition("?")[0]
    answer = f"{_text(request.get('status'))} {_text(request.get('error'))}".strip()
    attempt = _text(request.get("attempt"))
    return (
        number,
        _code(f"{_text(request.get('method'))} {path}"),
        answer,
        wording.time_of_day(instant_of(request.get("started"))),
        _text(request.get("milliseconds")),
        attempt if attempt != "1" else "",
        _code(_text(request.get("request_id"))),
    )


def _without_empty_columns(table: Table) -> Table:
    kept = [place for place in range(len(table.columns)) if any(row[place] for row in table.rows)]
    return Table(
        [table.columns[place] for place in kept],
        [[row[place] for place in kept] for row in table.rows],
        caption=table.caption,
    )


def _seconds(started: datetime, ended: datetime | None) -> str:
    return f"{(ended - started).total_seconds():,.1f}" if ended else ""


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [each for each in _list(value) if isinstance(each, dict)]
