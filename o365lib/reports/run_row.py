"""One run in one row: what CSV and JSON hold, and what tables of runs are made of."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from o365lib.evidence.archive import NOTEBOOK_FILE, RECORD_FILE
from o365lib.evidence.record import Record
from o365lib.reports.reading import ArchivedRun
from o365lib.reports.seal_status import State
from o365lib.reports.wording import UNREADABLE


class RunRow(BaseModel):
    """One run. All but the ids is empty where the record cannot be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    client: str
    client_display_name: str = ""
    tenant_id: str = ""
    runbook: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    dry_run: bool = False
    outcome: str = Field(description="as in the record, or `unreadable`")
    reason: str = ""
    guard: str = Field(default="", description="the code of the guard that refused")
    operator: str = Field(default="", description="account on the machine that ran it")
    host: str = Field(default="", description="that machine")
    signed_in_as: str = ""
    approved_by: str = ""
    approved_how: str = ""
    ticket: str = ""
    purpose: str = ""
    account: str = Field(default="", description="user principal name in the plan")
    role: str = Field(default="", description="the role in the plan")
    changes: int = Field(default=0, description="changes that took, or may have taken, place")
    hand_over_method: str = ""
    hand_over_recipient: str = ""
    hand_over_status: str = ""
    hand_over_date_time: datetime | None = None
    hand_over_request_id: str = ""
    checks_passed: int = 0
    checks_failed: int = 0
    requests: int = Field(default=0, description="HTTP requests, a batch counted once")
    restorable_until: str = Field(default="", description="of a removed account")
    seal: State
    seal_number: int | None = None
    seal_signer: str = Field(default="", description="who signed, as the seal says")
    seal_key_id: str = ""
    seal_fingerprint: str = ""
    seal_problems: tuple[str, ...] = ()
    record_sha256: str = ""
    notebook_sha256: str = ""


def row_of(run: ArchivedRun) -> RunRow:
    """Return a run's row."""
    common = {
        "run_id": run.folder.run_id,
        "client": run.folder.client,
        "seal": run.seal.state,
        "seal_number": run.seal.number,
        "seal_signer": run.seal.signer_name,
        "seal_key_id": run.seal.key_id,
        "seal_fingerprint": run.seal.fingerprint,
        "seal_problems": run.seal.problems,
        "record_sha256": run.sha256_of(RECORD_FILE),
        "notebook_sha256": run.sha256_of(NOTEBOOK_FILE),
    }
    record = run.record
    if record is None:
        return RunRow(outcome=UNREADABLE, reason=run.problem, **common)
    return RunRow(**common, **_of_people(record), **_of_work(record))


def _of_people(record: Record) -> dict[str, str]:
    approval = record.approval
    return {
        "client_display_name": record.client_display_name,
        "operator": record.operator.user_name,
        "host": record.operator.host_name,
        "signed_in_as": record.operator.signed_in_as,
        "approved_by": approval.approved_by if approval else "",
        "approved_how": approval.how if approval else "",
        "ticket": record.ticket,
    }


def _of_work(record: Record) -> dict[str, object]:
    plan, hand_over, checks = record.plan or {}, record.hand_over, record.verification
    return {
        "tenant_id": record.tenant_id,
        "runbook": record.runbook,
        "started": record.started,
        "ended": record.ended,
        "dry_run": record.dry_run,
        "outcome": record.outcome.value,
        "reason": record.reason,
        "guard": record.error.guard if record.error else "",
        "purpose": record.purpose,
        "account": str(plan.get("user_principal_name") or ""),
        "role": str(plan.get("role_name") or ""),
        "changes": sum(change.may_have_happened for change in record.changes),
        "hand_over_method": hand_over.method if hand_over else "",
        "hand_over_recipient": hand_over.recipient if hand_over else "",
        "hand_over_status": hand_over.status if hand_over else "",
        "hand_over_date_time": hand_over.date_time if hand_over else None,
        "hand_over_request_id": hand_over.request_id if hand_over else "",
        "checks_passed": sum(check.passed for check in checks),
        "checks_failed": sum(not check.passed for check in checks),
        "requests": len(record.requests),
        "restorable_until": str((record.undo or {}).get("until") or ""),
    }


class StandingRow(BaseModel):
    """One account that stands by the records."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    client: str
    user_id: str = Field(description="object id; empty where no record learnt it")
    user_principal_name: str
    roles: tuple[str, ...]
    since: datetime | None = Field(description="when it was created, where a record tells")
    purpose: str
    run_id: str = Field(description="the last run that tells of it")
    seen: datetime = Field(description="when that run ended")
    is_certain: bool = Field(description="false where the creation's answer never came")


class Report(BaseModel):
    """What `o365 evidence report --json` prints."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = 1
    made: datetime = Field(description="when the report was made")
    evidence: str = Field(description="the archive")
    client: str = Field(description="the only client reported; empty for all")
    since: datetime | None = Field(description="runs that began before it are left out")
    runs: tuple[RunRow, ...] = Field(description="by client, oldest first")
    standing: tuple[StandingRow, ...] = Field(
        description="accounts that stand by all records, whatever `since` says"
    )
    counts: dict[str, int] = Field(description="runs by outcome")
