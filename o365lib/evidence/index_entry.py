"""What the index keeps of one run: the columns that are chosen by, and the texts that are searched.

Texts go in without control characters and without known secrets, as they are shown later. The
executed notebook is left out: it says in more words what the record says.
"""

import stat
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from o365lib.errors import EvidenceError
from o365lib.plain_text import one_line

if TYPE_CHECKING:
    from o365lib.evidence.archive import RunFolder
    from o365lib.evidence.record import Record

# The outcome of a run whose record cannot be read.
UNREADABLE = "unreadable"

# No record comes near it; a file that long would only fill the memory.
_LONGEST_RECORD_BYTES = 64_000_000
_LONGEST_TEXT = 20_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class IndexedRun:
    """One run as the index has it; texts are fit to be shown, and empty where unknown.

    Attributes:
        run_id: sorts by time.
        client: the customer, as the folder is named.
        runbook: the notebook's name without its ending.
        outcome: one of `record.Outcome`, or `UNREADABLE`.
        reason: one line.
        started: as the record tells; None where it cannot be read.
        ended: None where the run is not closed.
        dry_run: None where the record cannot be read.
        client_display_name: as the tenant calls itself.
        tenant_id: from the token.
        user_name: who ran it.
        host_name: on which machine.
        signed_in_as: with which identity.
        approved_by: who approved the plan.
        ticket: as it was given.
        guard: the code of the guard that refused.
        user_id: the account's object id, or its name where no id was learnt.
        plan_digest: of the plan.
        seal: the number of the client's seal that says it is this run's; None where there is none.
    """

    run_id: str
    client: str
    runbook: str = ""
    outcome: str = UNREADABLE
    reason: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    dry_run: bool | None = None
    client_display_name: str = ""
    tenant_id: str = ""
    user_name: str = ""
    host_name: str = ""
    signed_in_as: str = ""
    approved_by: str = ""
    ticket: str = ""
    guard: str = ""
    user_id: str = ""
    plan_digest: str = ""
    seal: int | None = None

    @property
    def is_readable(self) -> bool:
        """Whether the record could be read."""
        return self.outcome != UNREADABLE

    def to_row(self) -> tuple[Any, ...]:
        """Return the values of `COLUMNS` as SQLite keeps them: instants as microseconds."""
        values = {name: getattr(self, name) for name in COLUMNS}
        for name in ("started", "ended"):
            values[name] = microseconds(values[name])
        return tuple(values.values())

    @classmethod
    def from_row(cls, row: Iterable[Any]) -> "IndexedRun":
        """Return the run in a row of `COLUMNS`."""
        values = dict(zip(COLUMNS, row, strict=True))
        for name in ("started", "ended"):
            if values[name] is not None:
                values[name] = _EPOCH + timedelta(microseconds=values[name])
        if values["dry_run"] is not None:
            values["dry_run"] = bool(values["dry_run"])
        return cls(**values)


# What a record tells, as it is kept in the table `runs`.
COLUMNS = tuple(field.name for field in fields(IndexedRun) if field.name != "seal")

# The columns of the table `texts`, in the order in which a place is told.
TEXTS = (
    "reason",
    "error",
    "notes",
    "changes",
    "ticket",
    "operator",
    "client",
    "domains",
    "ids",
)


def microseconds(instant: datetime | None) -> int | None:
    """Return an instant as SQLite compares it; one that has no zone is taken for UTC."""
    if instant is None:
        return None
    aware = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    # In UTC it may be before the first day or after the last one that can be told.
    within = min(max(aware, _FIRST), _LAST)
    return (within - _EPOCH) // timedelta(microseconds=1)


def entry_of(run: "RunFolder") -> tuple[IndexedRun, tuple[str, ...]]:
    """Return what the index keeps of a run: its columns, and its `TEXTS`.

    A run whose record cannot be read is an entry too: its reason says why.
    """
    try:
        _check_file(run)
        record = run.read_record()
    except EvidenceError as error:
        reason = one_line(error.message, longest=_LONGEST_TEXT)
        indexed = IndexedRun(run_id=run.run_id, client=run.client, reason=reason)
        texts = {"reason": reason, "client": run.client, "ids": run.run_id}
    else:
        indexed = _indexed(run, record)
        texts = {name: _joined(parts) for name, parts in _texts(indexed, record).items()}
    return indexed, tuple(texts.get(name, "") for name in TEXTS)


def _check_file(run: "RunFolder") -> None:
    """Raise an EvidenceError for what would be waited for without an end, or fill the memory."""
    try:
        status = run.record_file.stat()
    except OSError:
        return  # reading it says what is wrong
    if not stat.S_ISREG(status.st_mode) or status.st_size > _LONGEST_RECORD_BYTES:
        raise EvidenceError(f"The record {run.record_file} is no file, or far too large for one.")


def _indexed(run: "RunFolder", record: "Record") -> IndexedRun:
    operator, approval, error = record.operator, record.approval, record.error
    return IndexedRun(
        run_id=run.run_id,
        client=run.client,
        runbook=one_line(record.runbook),
        outcome=record.outcome.value,
        reason=one_line(record.reason),
        started=record.started,
        ended=record.ended,
        dry_run=record.dry_run,
        client_display_name=one_line(record.client_display_name),
        tenant_id=one_line(record.tenant_id),
        user_name=one_line(operator.user_name),
        host_name=one_line(operator.host_name),
        signed_in_as=one_line(operator.signed_in_as),
        approved_by=one_line(approval.approved_by if approval else ""),
        ticket=one_line(record.ticket),
        guard=one_line(error.guard if error else ""),
        user_id=one_line(_user_id(record)),
        plan_digest=one_line((record.plan or {}).get("digest") or ""),
    )


def _user_id(record: "Record") -> str:
    """The account that the run changed, handed over or found; its name where no id was learnt."""
    if record.hand_over:
        return record.hand_over.user_id
    if record.changes:
        return record.changes[-1].target
    account = (record.facts or {}).get("account")
    user = account.get("user") if isinstance(account, dict) else None
    found = user.get("id") if isinstance(user, dict) else ""
    return found if isinstance(found, str) else ""


def _texts(run: IndexedRun, record: "Record") -> dict[str, list[object]]:
    error, facts, plan = record.error, record.facts or {}, record.plan or {}
    notices = [*_messages(plan.get("refusals")), *_messages(plan.get("notices"))]
    failed = [f"{check.name}: {check.found}" for check in record.verification if not check.passed]
    return {
        "reason": [record.outcome.value, record.reason],
        "error": [error.type, error.message, error.state, error.remedy, error.guard, error.code]
        if error
        else [],
        "notes": [*(step.note for step in record.steps), *notices, *failed],
        "changes": [
            part
            for each in record.changes
            for part in (each.action, each.detail, _flat(each.before), _flat(each.after), each.note)
        ],
        "ticket": [run.ticket],
        "operator": [run.user_name, run.host_name, run.signed_in_as, run.approved_by],
        "client": [run.client, run.client_display_name, facts.get("display_name") or ""],
        "domains": [
            _flat(facts.get("initial_domain")),
            _flat(facts.get("domains")),
            _flat(facts.get("user_principal_name")),
        ],
        "ids": [run.run_id, run.runbook, run.tenant_id, run.user_id, run.plan_digest],
    }


def _messages(value: Any) -> list[object]:
    parts = [each for each in value or () if isinstance(each, dict)] if _is_list(value) else []
    return [f"{each.get('code', '')} {each.get('message', '')}" for each in parts]


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _flat(value: Any) -> str:
    """The texts in a value, in their order."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        value = list(value.values())
    return " ".join(filter(None, map(_flat, value))) if _is_list(value) else ""


def _joined(parts: Iterable[object]) -> str:
    return one_line(
        " · ".join(text for part in parts if (text := str(part))), longest=_LONGEST_TEXT
    )
