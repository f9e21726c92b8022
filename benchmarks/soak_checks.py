"""What must be true after a batch that was killed and resumed; each fault is a sentence."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.soak_project import SoakProject, password_in
from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.evidence.batches.batch_file import BatchFile
from o365lib.evidence.batches.folder import BatchFolder, batch_ids
from o365lib.evidence.envelope import Envelope
from o365lib.evidence.statement import Statement

# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
EXCHANGE_ADMINISTRATOR = "29232cdf-9323-42fd-ade2-1d097af3e4de"
_NAME = "practiceprotect@"


def faults_of_tenant(project: SoakProject, name: str) -> Iterator[str]:
    """Tell what is wrong in one client's tenant."""
    tenant = project.tenant(name)
    accounts = [
        user for user in tenant["users"].values() if user["userPrincipalName"].startswith(_NAME)
    ]
    if len(accounts) != 1:
        yield f"{name}: {len(accounts)} accounts"
        return
    if any(_NAME in user["userPrincipalName"] for user in tenant["deleted_users"].values()):
        yield f"{name}: an account was deleted"
    (account,) = accounts
    roles = [
        (each["roleDefinitionId"], each["directoryScopeId"])
        for each in tenant["role_assignments"]
        if each["principalId"] == account["id"]
    ]
    if roles != [(EXCHANGE_ADMINISTRATOR, "/")]:
        yield f"{name}: the roles are {roles}"
    if not account["accountEnabled"] or account.get("assignedLicenses"):
        yield f"{name}: the account is disabled or has licences"
    yield from _faults_of_password(project, name, tenant, account)


def _faults_of_password(
    project: SoakProject, name: str, tenant: dict[str, Any], account: dict[str, Any]
) -> Iterator[str]:
    """Try the password of the last mail: whoever received it must be able to sign in."""
    passwords = [password for mail in tenant["outbox"] if (password := password_in(mail))]
    if not passwords:
        yield f"{name}: no credentials were handed over"
    elif not project.signs_in(tenant, account["userPrincipalName"], passwords[-1]):
        yield f"{name}: the password that was handed over last is not the account's"


def faults_of_batch(project: SoakProject) -> Iterator[str]:
    """Tell what does not add up in the archive's only batch."""
    ids = batch_ids(project.evidence)
    if len(ids) != 1:
        yield f"There are {len(ids)} batches."
        return
    folder, archive = BatchFolder(project.evidence, ids[0]), Archive(project.evidence)
    batch = folder.read_batch()
    if batch is None:
        yield "There is no batch.json."
        return

    def has_record(client: str, run_id: str) -> bool:
        try:
            return archive.run(client, run_id).read_record().run_id == run_id
        except EvidenceError:
            return False

    claims = folder.claims()
    yield from batch.adds_up(inputs=folder.inputs(), claims=claims, has_record=has_record)
    yield from _unlike_records(batch, archive)
    sealed = _sealed(project.evidence)
    for client, each in claims.items():
        for claim in each:
            if f"{client}/{claim.run_id}/record.json" not in sealed:
                yield f"{client}: the run {claim.run_id} is not sealed"


def _sealed(root: Path) -> set[str]:
    envelopes = [Envelope.from_json(file.read_bytes()) for file in root.glob("*/_seals/*.json")]
    return {
        subject.name
        for envelope in envelopes
        for subject in Statement.from_bytes(envelope.payload).subjects
    }


def _unlike_records(batch: BatchFile, archive: Archive) -> Iterator[str]:
    for client in batch.clients:
        for attempt in client.attempts:
            try:
                outcome = archive.run(client.client, attempt.run_id).read_record().outcome
            except EvidenceError:
                continue  # told already
            if outcome != attempt.outcome:
                yield f"{client.client}: {attempt.outcome} in the batch, {outcome} in the record"


def faults_of_evidence(project: SoakProject) -> Iterator[str]:
    """Tell what `o365 evidence verify` finds."""
    done = subprocess.run(
        project.command("evidence", "verify", "--json"),
        capture_output=True, check=False, text=True, env=project.environment,
    )  # fmt: skip
    if done.returncode:
        yield f"o365 evidence verify ended with {done.returncode}: {_findings(done)}"


def _findings(done: "subprocess.CompletedProcess[str]") -> str:
    try:
        return "; ".join(each["sentence"] for each in json.loads(done.stdout)["problems"])[:2000]
    except (ValueError, KeyError, TypeError):
        return (done.stdout + done.stderr)[:2000]


def all_faults(project: SoakProject) -> list[str]:
    """Return everything that is wrong; empty where nothing is."""
    return [
        *(fault for name in project.clients for fault in faults_of_tenant(project, name)),
        *faults_of_batch(project),
        *faults_of_evidence(project),
    ]
