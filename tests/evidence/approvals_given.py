"""Approvals for tests: given by signers that live in a test only."""

from dataclasses import replace
from datetime import UTC, datetime

from o365lib.evidence.approval import ApprovedPlan, Approver, Document, PlanApproval
from o365lib.evidence.approval_guards import Case
from o365lib.parameters import ApprovalRules
from tests.evidence.signers import ed25519

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CLIENT, RUNBOOK, DIGEST = "alpine-books", "create_service_account", "3b" * 32
ID = "20261123T110000000Z-approve-00aa11"
PLAN = ApprovedPlan(CLIENT, "20261123T100000000Z-create-00aa11", RUNBOOK, DIGEST)

ANA = ed25519("Ana")


def approval(signer=ANA, **fields) -> PlanApproval:
    """An approval by Ana, of one plan, an hour ago."""
    given = PlanApproval(
        approval_id=ID,
        approver=Approver("Ana", "ana", "ana-laptop"),
        approved=datetime(2026, 11, 23, 11, tzinfo=UTC),
        plans=(PLAN,),
        ticket="T-1",
        key_id=signer.key.key_id,
    )
    return replace(given, **fields)


def document(signer=ANA, **fields) -> Document:
    given = approval(signer, **fields)
    return Document.of(given.approval_id, given.signed(signer))


def case(*, signers=(ANA,), hours=24, **fields) -> Case:
    """Kim wants to carry out the plan; the signers are the approvers."""
    rules = ApprovalRules(
        required="always",
        within_hours=hours,
        approvers={each.name: each.key.key_id for each in signers},
    )
    wanted = Case(
        client=CLIENT,
        runbook=RUNBOOK,
        plan_digest=DIGEST,
        user_name="kim",
        host_name="kim-desk",
        signed_in_as="admin@alpinebooks.onmicrosoft.com",
        key_id="",
        own_key_ids=(),
        instant=NOW,
        rules=rules,
        keys={each.key.key_id: each.key for each in signers},
        used_by={},
    )
    return replace(wanted, **fields)
