"""The guards of signed approvals: whether one confirms this plan in this run, now. Pure.

Each returns a refusal with its code, the reason and the way out, or None. Names, ids and instants
stand in the reason: a way out is the same sentence for all clients, so that a batch says it once.

The order is that of what can be known: who signed is asked before what is said is believed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from o365lib import clock
from o365lib.errors import Refused
from o365lib.evidence.approval import Document
from o365lib.evidence.envelope import PAYLOAD_TYPE, verified_by
from o365lib.evidence.public_keys import PublicKey, fingerprint_of
from o365lib.parameters import ApprovalRules

# Clocks of machines that work together may differ by so much, and by no more.
TOLERANCE = timedelta(minutes=5)

ANEW = (
    "Look at the plan in a dry run (`o365 run ... --dry-run`), have somebody else approve that "
    "(`o365 approve RUN`), then run again."
)
_ANOTHER_APPROVER = (
    "Have the plan approved by somebody who is listed under `approval: approvers:` in "
    "defaults.yaml: `o365 approve RUN` with that person's own key."
)
_NOT_ONESELF = "Have the plan approved by somebody else, or let somebody else run it."
_CLOCKS = "Put the clocks of both machines right, then have the plan approved again."
_RESTORE = "Compare it with a backup; `o365 evidence verify` tells what else is wrong. " + ANEW
_UPDATE = "Update o365-runbooks on this machine to the approver's version."


@dataclass(frozen=True, kw_only=True)
class Case:
    """The plan that is to be carried out: by whom, when, and by which rules.

    Attributes:
        client: whose tenant it changes.
        runbook: the notebook's name without its ending.
        plan_digest: of the plan in force.
        user_name: the account that runs it.
        host_name: on which machine.
        signed_in_as: who is signed in to the tenant.
        key_id: of the operator's own signing key; empty where there is none.
        own_key_ids: of all keys that are known to be the operator's: those before, and those that
            endorsements join with them.
        instant: when it is judged.
        rules: from the defaults.
        keys: public keys by their ids, each the key that its id says.
        used_by: approvals that other runs of the client have changed something by, with those runs.
    """

    client: str
    runbook: str
    plan_digest: str
    user_name: str
    host_name: str
    signed_in_as: str
    key_id: str
    own_key_ids: Collection[str]
    instant: datetime
    rules: ApprovalRules
    keys: Mapping[str, PublicKey]
    used_by: Mapping[str, str]


def judge(document: Document, case: Case) -> Refused | None:
    """Return why an approval does not confirm the plan; None where it does."""
    for guard in (
        unreadable,
        approver_unknown,
        edited,
        for_another,
        plan_changed,
        by_operator,
        from_the_future,
        too_old,
        used,
    ):
        if refusal := guard(document, case):
            return refusal
    return None


def unreadable(document: Document, _case: Case) -> Refused | None:
    """Nobody has signed it, or its content is not understood."""
    if document.is_newer:
        return Refused(
            "approval-newer",
            f"The approval {document.approval_id} was written by a later version of o365-runbooks "
            f"(schema {document.schema_version}).",
            remedy=_UPDATE,
        )
    if document.envelope is None or document.envelope.payload_type != PAYLOAD_TYPE:
        return Refused(
            "approval-unsigned",
            f"The approval {document.approval_id} is not signed. {document.fault}".strip(),
            remedy=_RESTORE,
        )
    if document.approval is None:
        return Refused(
            "approval-edited",
            f"The approval {document.approval_id} cannot be understood. {document.fault}".strip(),
            remedy=_RESTORE,
        )
    return None


def approver_unknown(document: Document, case: Case) -> Refused | None:
    """The key that it is signed with is no approver's."""
    key_ids = _key_ids(document)
    listed = [key_id for key_id in key_ids if case.rules.approver_with(key_id)]
    if not listed:
        shown = ", ".join(map(fingerprint_of, key_ids))
        return Refused(
            "approver-unknown",
            f"The approval {document.approval_id} by {_who(document)} is signed with the key "
            f"{shown}, which is not one of an approver in defaults.yaml.",
            remedy=_ANOTHER_APPROVER,
        )
    if not any(key_id in case.keys for key_id in listed):
        return Refused(
            "approver-unknown",
            f"The approval {document.approval_id} is signed with the key "
            f"{fingerprint_of(listed[0])}, and its public half is not in the archive.",
            remedy="Restore the file `_keys/<key id>.pem` of the archive from a backup, or have "
            "the approver approve again, which puts it there.",
        )
    return None


def edited(document: Document, case: Case) -> Refused | None:
    """It is not what its approver has signed, or not the one whose name its file has."""
    envelope, approval = document.envelope, document.approval
    listed = {key_id: key for key_id, key in case.keys.items() if case.rules.approver_with(key_id)}
    key = verified_by(envelope, listed) if envelope else None
    if (
        key is not None
        and approval is not None
        and (approval.key_id, approval.approval_id) == (key.key_id, document.approval_id)
    ):
        return None
    return Refused(
        "approval-edited",
        f"The approval {document.approval_id} is not what its approver has signed: its signature, "
        "its name and its content do not belong together.",
        remedy=_RESTORE,
    )


def for_another(document: Document, case: Case) -> Refused | None:
    """It covers no plan of this runbook for this client."""
    plans = document.plans_of(case.client)
    if any(each.runbook == case.runbook for each in plans):
        return None
    others = sorted({each.runbook for each in plans}) or ["another client's plans"]
    return Refused(
        "approval-for-another",
        f"The approval {document.approval_id} by {_who(document)} is of {', '.join(others)}, not "
        f"of {case.runbook} for {case.client}.",
        remedy=ANEW,
    )


def plan_changed(document: Document, case: Case) -> Refused | None:
    """What was approved is another plan than the one in force."""
    plans = [each for each in document.plans_of(case.client) if each.runbook == case.runbook]
    if any(each.plan_digest == case.plan_digest for each in plans):
        return None
    approved = ", ".join(f"{each.plan_digest[:12]} (of run {each.run_id})" for each in plans)
    return Refused(
        "plan-changed",
        f"{_who(document)} has approved the plan {approved}, but the plan is now "
        f"{case.plan_digest[:12]}: the tenant, the client's file or the defaults have changed.",
        remedy=ANEW,
    )


def by_operator(document: Document, case: Case) -> Refused | None:
    """Who approved is who runs it: by the keys, account and machine, or signed-in identity."""
    approval = document.approval
    if approval is None:
        return None
    who, name = approval.approver, _name(document, case)
    same: list[str] = []
    if case.key_id and case.key_id in _key_ids(document):
        same.append("it is signed with the operator's own key")
    elif others := [
        fingerprint_of(each) for each in _key_ids(document) if each in case.own_key_ids
    ]:
        same.append(f"the key {', '.join(others)} is another one of the operator's")
    if (who.user_name, who.host_name) == (case.user_name, case.host_name):
        same.append(f"it was given from the operator's account {who.user_name} on {who.host_name}")
    signed_in_as = case.signed_in_as.casefold()
    if signed_in_as and signed_in_as in {name.casefold(), who.name.casefold()}:
        same.append(f"{case.signed_in_as} is signed in to the tenant")
    if not same:
        return None
    return Refused(
        "approval-by-operator",
        f"The approval {document.approval_id} by {name} is the operator's own: {'; '.join(same)}.",
        remedy=_NOT_ONESELF,
    )


def from_the_future(document: Document, case: Case) -> Refused | None:
    """It was given later than now: one of the clocks is wrong, or was put back."""
    approval = document.approval
    if approval is None or approval.approved <= case.instant + TOLERANCE:
        return None
    return Refused(
        "approval-from-the-future",
        f"The approval {document.approval_id} was given at {clock.iso(approval.approved)}, and "
        f"this machine's clock says {clock.iso(case.instant)}.",
        remedy=_CLOCKS,
    )


def too_old(document: Document, case: Case) -> Refused | None:
    """It is older than the defaults allow."""
    approval = document.approval
    if approval is None or case.instant <= holds_until(approval.approved, case.rules):
        return None
    return Refused(
        "approval-too-old",
        f"The approval {document.approval_id} by {_name(document, case)} was given at "
        f"{clock.iso(approval.approved)} and held for {case.rules.within_hours} hours.",
        remedy=ANEW,
    )


def used(document: Document, case: Case) -> Refused | None:
    """Another run of the client has changed something by it, or may have."""
    other = case.used_by.get(document.approval_id)
    if other is None:
        return None
    return Refused(
        "approval-used",
        f"The approval {document.approval_id} by {_name(document, case)} was used before for "
        f"{case.client}, by the run {other}.",
        remedy=ANEW,
    )


def holds_until(approved: datetime, rules: ApprovalRules) -> datetime:
    """Return the last instant at which an approval given then can confirm a plan."""
    return approved + timedelta(hours=rules.within_hours)


def _key_ids(document: Document) -> list[str]:
    return [each.key_id for each in document.envelope.signatures] if document.envelope else []


def _name(document: Document, case: Case) -> str:
    """The approver's name as the defaults have it: by the key, not by what was written."""
    named = (case.rules.approver_with(key_id) for key_id in _key_ids(document))
    return next((name for name in named if name), _who(document))


def _who(document: Document) -> str:
    return document.approval.approver.name if document.approval else "somebody"
