"""Approvals in the archive: giving one, and finding the one that confirms a plan.

- An approval's file is made once, as a whole, and never written again; the approver's public key is
  put beside it, so that whoever has the archive can verify it.
- What is found is judged by `approval_guards`; where nothing confirms the plan, the refusal is
  about the approval that came nearest.
- An approval is used by the first run of a client that changes something by it. Beside the records
  this is known from a run's own copy of the approval and from its seal, so that a record that was
  damaged or taken away does not make it new.
"""

import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from o365lib import clock
from o365lib.errors import EvidenceError, Refused
from o365lib.evidence import approval_guards, chain, trust
from o365lib.evidence.approval import ApprovedPlan, Approver, Document, PlanApproval
from o365lib.evidence.approval_guards import ANEW, Case
from o365lib.evidence.archive import APPROVAL_FILE, Archive, RunFolder, new_run_id, opening_of
from o365lib.evidence.files import create_atomically, make_folder
from o365lib.evidence.layout import APPROVALS, SEALS
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.record import Operator, Outcome
from o365lib.evidence.seal import read_seal

if TYPE_CHECKING:
    from o365lib.evidence.sealing import OpenBatch

_SUFFIX = ".json"

# Twice as long as any approval can hold. What is older is only left unread, to spare time: it would
# be refused.
_FORGOTTEN = timedelta(days=60)

_CHANGED_NOTHING = {Outcome.PLANNED, Outcome.REFUSED, Outcome.NOTHING_TO_DO}


def approve(
    batch: "OpenBatch", plans: Sequence[ApprovedPlan], *, name: str, ticket: str = ""
) -> PlanApproval:
    """Approve plans: sign them with the approver's key and put that into the archive.

    Args:
        batch: opened with the approver's own key, which it has published; its digest will cover the
            approval.
        plans: at least one; the approver has seen them all.
        name: the approver's.
        ticket: the ticket's number or a reason.

    Raises:
        EvidenceError: it cannot be signed or written; nothing is approved.
    """
    here, signer, now = Operator.here(), batch.signer, clock.now()
    approval = PlanApproval(
        approval_id=new_run_id("approve"),
        approver=Approver(name, here.user_name, here.host_name),
        approved=now.replace(microsecond=now.microsecond // 1000 * 1000),  # as it is written
        plans=tuple(plans),
        ticket=ticket,
        key_id=signer.key.key_id,
    )
    content = approval.signed(signer)
    file = f"{approval.approval_id}{_SUFFIX}"
    path = batch.archive.root / APPROVALS / file
    batch.add_file(f"{APPROVALS}/{file}")
    try:
        make_folder(path.parent)
        create_atomically(path, content)
    except OSError as error:
        raise EvidenceError(
            f"The approval cannot be written to {path} ({error.strerror}).",
            state="Nothing is approved.",
            remedy="Make room or give yourself the right to write there, then approve again.",
        ) from error
    return approval


def find(root: Path, case: Case) -> Document:
    """Return the newest approval that confirms a plan.

    Raises:
        Refused: there is none; it says why the one that came nearest does not.
        EvidenceError: the archive's approvals cannot be listed.
    """
    refusals: list[tuple[int, Refused]] = []
    for approval_id, path in _files(root):
        opened = opening_of(approval_id)
        age = case.instant - opened[0] if opened else timedelta(0)
        if age > _FORGOTTEN:
            continue
        try:
            document = Document.of(approval_id, chain.read(path))
        except EvidenceError as error:
            document = Document(approval_id=approval_id, raw=b"", fault=error.message)
        is_young = age <= timedelta(hours=case.rules.within_hours)
        nearness = _nearness(document, case, is_young=is_young)
        if not nearness:
            continue
        refusal = approval_guards.judge(document, case)
        if refusal is None:
            return document
        refusals.append((nearness, refusal))
    if refusals:
        # Of those that came equally near the newest, which was found first.
        raise max(refusals, key=lambda each: each[0])[1]
    raise Refused(
        "approval-missing",
        f"Nobody has approved this plan of {case.runbook} for {case.client} "
        f"({case.plan_digest[:12]}), and the defaults require a signed approval.",
        remedy=ANEW,
    )


def approvers_keys(root: Path) -> Mapping[str, PublicKey]:
    """Return the public keys in the archive by their ids, each of them what its id says.

    Raises:
        EvidenceError: they cannot be read.
    """
    return trust.trusted_keys(root)


def used_by_others(archive: Archive, client: str, run_id: str) -> dict[str, str]:
    """Return the approvals by which runs of a client changed something, or may have, with the run.

    Args:
        archive: where the client's runs are.
        client: whose.
        run_id: of the run that asks; its own use does not count.

    Raises:
        EvidenceError: the archive cannot be listed.
    """
    records, unreadable = archive.read(client)
    used = {
        record.approval.approval_id: record.run_id
        for record in records
        if record.approval and record.approval.approval_id and record.is_changed
    }
    for run in unreadable:
        if document := _copy_in(run):
            used.setdefault(document.approval_id, run.run_id)
    known = {record.run_id for record in records}
    for sealed_run, approval_id in _sealed(archive.root / client / SEALS):
        if sealed_run not in known:
            used.setdefault(approval_id, sealed_run)
    return {approval_id: run for approval_id, run in used.items() if run != run_id}


def _files(root: Path) -> list[tuple[str, Path]]:
    """The ids and files of all approvals, the newest first."""
    folder = root / APPROVALS
    try:
        with os.scandir(folder) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.name.endswith(_SUFFIX)
                and not entry.name.startswith(".")
                and entry.is_file(follow_symlinks=False)
            ]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EvidenceError(
            f"The approvals in {folder} cannot be listed ({error.strerror}).",
            remedy="Give yourself the right to read there.",
        ) from error
    return [(name.removesuffix(_SUFFIX), folder / name) for name in sorted(names, reverse=True)]


def _nearness(document: Document, case: Case, *, is_young: bool) -> int:
    """How near a document comes to being the one that is sought; 0: it is none of this case's."""
    if document.has_digest(case.plan_digest):
        return 3
    if not is_young:
        return 0
    if document.approval is None:
        return 1
    # An approval of another runbook, or another client's, was never meant for this plan.
    is_of_this_runbook = any(
        each.runbook == case.runbook for each in document.plans_of(case.client)
    )
    return 2 if is_of_this_runbook else 0


def _copy_in(run: RunFolder) -> Document | None:
    try:
        raw = chain.read(run.path / APPROVAL_FILE)
    except EvidenceError:
        return None
    document = Document.of("", raw)
    if document.approval is None:
        return None
    return Document.of(document.approval.approval_id, raw)


def _sealed(folder: Path) -> list[tuple[str, str]]:
    """Runs that may have changed something by an approval, as a client's seals tell it."""
    found = []
    for number in chain.numbers(folder):
        try:
            said = read_seal(chain.path_of(folder, number)).predicate
        except EvidenceError:  # for `o365 evidence verify` to tell
            continue
        approval, run_id = said.get("approval"), said.get("run_id")
        approval_id = approval.get("approval_id") if isinstance(approval, dict) else None
        is_harmless = said.get("outcome") in _CHANGED_NOTHING
        if isinstance(approval_id, str) and approval_id and not is_harmless:
            found.append((str(run_id), approval_id))
    return found
