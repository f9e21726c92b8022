"""The document of an approval: which plans somebody else has agreed to, signed with her own key.

- It names each plan by its digest, which covers the client's parameters, the tenant's state and the
  changes: an approval is of these changes in this tenant and of nothing else.
- An in-toto statement in a DSSE envelope, at `_approvals/<approval id>.json`; its subjects are the
  plans, each named `<client>/<run id>/record.json#plan` after the run that showed it.
- What cannot be understood is told as such, with as much as can be read: whether it holds is for
  `approval_guards` to judge.

The fields are explained in docs/four-eyes.md.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.envelope import Envelope, Signer, read_json, sign
from o365lib.evidence.statement import APPROVAL, SCHEMA_VERSION, Statement, Subject, signer_of

_PLAN = "/record.json#plan"


@dataclass(frozen=True)
class ApprovedPlan:
    """One plan that was approved.

    Attributes:
        client: whose tenant it changes.
        run_id: the run that made the plan and showed it.
        runbook: the notebook's name without its ending.
        plan_digest: SHA-256, hexadecimal.
    """

    client: str
    run_id: str
    runbook: str
    plan_digest: str

    def as_subject(self) -> Subject:
        """Return what the statement is about."""
        return Subject(f"{self.client}/{self.run_id}{_PLAN}", self.plan_digest)


@dataclass(frozen=True)
class Approver:
    """Who approved: the name, and the account and machine that the signature was made with."""

    name: str
    user_name: str
    host_name: str


@dataclass(frozen=True, kw_only=True)
class PlanApproval:
    """An approval.

    Attributes:
        approval_id: sorts by time.
        approver: who gave it, by her own account.
        approved: when, by the clock of her machine.
        plans: what was approved; all of them were shown.
        ticket: the ticket's number or a reason; may be empty.
        key_id: of the key that is said to have signed it.
    """

    approval_id: str
    approver: Approver
    approved: datetime
    plans: tuple[ApprovedPlan, ...]
    ticket: str = ""
    key_id: str

    def signed(self, signer: Signer) -> bytes:
        """Return the content of the approval's file.

        Raises:
            EvidenceError: the key cannot be used now; nothing was signed.
        """
        approver = self.approver
        predicate = {
            "schema_version": SCHEMA_VERSION,
            "approval_id": self.approval_id,
            "approver": {
                "name": approver.name,
                "user_name": approver.user_name,
                "host_name": approver.host_name,
            },
            "approved": clock.iso(self.approved),
            "plans": [
                {
                    "client": each.client,
                    "run_id": each.run_id,
                    "runbook": each.runbook,
                    "plan_digest": each.plan_digest,
                }
                for each in self.plans
            ],
            "ticket": self.ticket,
            "signer": signer_of(signer),
        }
        subjects = tuple(each.as_subject() for each in self.plans)
        return sign(Statement(subjects, APPROVAL, predicate).to_bytes(), signer).to_json()


@dataclass(frozen=True, kw_only=True)
class Document:
    """An approval's file as it was found.

    Attributes:
        approval_id: as the file is named.
        raw: its exact bytes.
        envelope: None where the file is no signed envelope.
        approval: None where its content is not understood.
        schema_version: as the content says it; 0 where it says none.
        fault: why there is no envelope or no approval; empty where both are there.
    """

    approval_id: str
    raw: bytes
    envelope: Envelope | None = None
    approval: PlanApproval | None = None
    schema_version: int = 0
    fault: str = ""

    @classmethod
    def of(cls, approval_id: str, raw: bytes) -> "Document":
        """Return the document in a file; what is wrong with it is told in it."""
        envelope, fault = None, ""
        try:
            envelope = Envelope.from_json(raw)
            payload = envelope.payload
        except EvidenceError as error:
            fault, payload = error.message, _unsigned(raw)
        statement, approval, version = None, None, 0
        try:
            statement = Statement.from_bytes(payload)
            version = _whole_number(statement.predicate.get("schema_version"))
            approval = _approval(statement)
        except EvidenceError as error:
            fault = fault or error.message
        except (KeyError, TypeError, ValueError) as error:
            fault = fault or f"It is no approval as this version knows them ({error})."
        return cls(
            approval_id=approval_id,
            raw=raw,
            envelope=envelope,
            approval=approval,
            schema_version=version,
            fault=fault,
        )

    @property
    def is_newer(self) -> bool:
        """Whether a later version of this package has written it."""
        return self.schema_version > SCHEMA_VERSION

    def plans_of(self, client: str) -> tuple[ApprovedPlan, ...]:
        """Return the plans of a client that it covers."""
        plans = self.approval.plans if self.approval else ()
        return tuple(each for each in plans if each.client == client)

    def has_digest(self, plan_digest: str) -> bool:
        """Whether it covers a plan with this digest, whoever's."""
        plans = self.approval.plans if self.approval else ()
        return any(each.plan_digest == plan_digest for each in plans)


def _unsigned(raw: bytes) -> bytes:
    """The payload of an envelope that is not a right one, as far as it can be had."""
    try:
        return base64.b64decode(read_json(raw)["payload"], validate=True)
    except (ValueError, TypeError, KeyError, RecursionError):
        return b""


def _approval(statement: Statement) -> PlanApproval:
    said = statement.predicate
    if statement.predicate_type != APPROVAL or said["schema_version"] != SCHEMA_VERSION:
        raise ValueError("another kind of statement, or another version")
    plans = tuple(_plan(each) for each in said["plans"])
    if not plans or tuple(each.as_subject() for each in plans) != statement.subjects:
        raise ValueError("its subjects are not the plans that it names")
    approved = datetime.fromisoformat(_text(said, "approved"))
    if approved.utcoffset() is None:
        raise ValueError("the instant has no time zone")
    approver = said["approver"]
    return PlanApproval(
        approval_id=_text(said, "approval_id"),
        approver=Approver(
            name=_text(approver, "name"),
            user_name=_text(approver, "user_name"),
            host_name=_text(approver, "host_name"),
        ),
        approved=approved.astimezone(UTC),
        plans=plans,
        ticket=_text(said, "ticket"),
        key_id=_text(said["signer"], "key_id"),
    )


def _plan(said: Mapping[str, Any]) -> ApprovedPlan:
    names = ("client", "run_id", "runbook", "plan_digest")
    return ApprovedPlan(*(_text(said, name) for name in names))


def _text(said: Mapping[str, Any], name: str) -> str:
    if not isinstance(value := said[name], str):
        raise TypeError(f"{name} is no text")
    return value


def _whole_number(value: object) -> int:
    return value if isinstance(value, int) else 0
