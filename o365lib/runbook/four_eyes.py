"""Four eyes: where the defaults require it, only somebody else's signature confirms a plan.

- The approval is found in the archive by the plan that is in force; nobody has to name it.
- It is judged when the plan is confirmed and once more before the first change: by then it may have
  grown too old, or another run of the client may have used it. From the first change on it stands.
- A dry run needs none, nor does a plan without changes: neither reaches this.
"""

from typing import TYPE_CHECKING

from o365lib import clock
from o365lib.errors import Refused
from o365lib.evidence import approval_guards, approvals
from o365lib.evidence.approval import Document
from o365lib.evidence.approval_guards import ANEW, Case
from o365lib.evidence.archive import Archive
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Approval
from o365lib.parameters import ApprovalRules
from o365lib.service_account.plan import Plan
from o365lib.service_account.privilege import needs_signature

if TYPE_CHECKING:
    from o365lib.runbook.planned_run import PlannedRun


def find(run: "PlannedRun", plan: Plan) -> Document | None:
    """Return the signed approval that confirms a plan; None where the defaults require none.

    Raises:
        Refused: one is required, and there is none that holds.
        EvidenceError: the archive or the operator's own key cannot be read.
    """
    if not needs_signature(plan, run.current_facts, run.defaults.approval):
        return None
    return approvals.find(run.places.evidence, _case(run, plan))


def require_still(run: "PlannedRun", plan: Plan) -> None:
    """Make sure that the approval by which the plan was confirmed holds now.

    Raises:
        Refused: it does not, or the plan was confirmed without one although one is required.
        EvidenceError: as in `find`.
    """
    if not needs_signature(plan, run.current_facts, run.defaults.approval):
        return
    approval, document = run.record.approval, run.signed
    if approval is None or document is None or approval.approval_id != document.approval_id:
        raise Refused(
            "approval-missing",
            "The defaults require a signed approval, and this plan was confirmed without one.",
            remedy=ANEW,
        )
    if refusal := approval_guards.judge(document, _case(run, plan)):
        raise refusal


def as_recorded(document: Document, plan: Plan, rules: ApprovalRules) -> Approval:
    """Return what the record says of a signed approval that was found for a plan.

    Raises:
        Refused: the document cannot be understood; `find` returns no such one.
    """
    signed = document.approval
    if signed is None:
        raise Refused("approval-missing", "There is no signed approval.", remedy=ANEW)
    return Approval(
        # By the key, as the defaults have it; what was written is the approver's own word.
        approved_by=rules.approver_with(signed.key_id) or signed.approver.name,
        how="signed",
        plan_digest=plan.digest,
        date_time=signed.approved,
        approval_id=document.approval_id,
        key_id=signed.key_id,
    )


def _case(run: "PlannedRun", plan: Plan) -> Case:
    record, places = run.record, run.places
    keys, archive = KeyStore(places.keys), Archive(places.evidence)
    own = keys.public_key()
    return Case(
        client=plan.client,
        runbook=record.runbook,
        plan_digest=plan.digest,
        user_name=record.operator.user_name,
        host_name=record.operator.host_name,
        signed_in_as=record.operator.signed_in_as,
        key_id=own.key_id if own else "",
        own_key_ids=keys.persons_key_ids(archive.root),
        instant=clock.now(),
        rules=run.defaults.approval,
        keys=approvals.approvers_keys(archive.root),
        used_by=approvals.used_by_others(archive, plan.client, record.run_id),
    )
