"""Small sealed archives, made by the product's own sealing, for the tests of what reads them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from o365lib.evidence import trust
from o365lib.evidence.approval import ApprovedPlan, Approver, PlanApproval
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.digest import write_digest
from o365lib.evidence.envelope import Signer, sign
from o365lib.evidence.files import make_folder
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.record import Change, Check, Operator, Outcome, Record, Step
from o365lib.evidence.seal import Seal, seal_run
from o365lib.evidence.statement import (
    RECONCILIATION,
    SCHEMA_VERSION,
    Statement,
    Subject,
    signer_of,
)

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOTEBOOK = '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}\n'


@dataclass
class SealedArchive:
    """An archive and who signs in it.

    Attributes:
        root: its folder; made with the first run.
        signer: whose key signs from now on.
        first_signer: whose key signed first.
    """

    root: Path
    signer: Signer
    first_signer: Signer
    _runs: int = 0
    _undigested: list[str] = field(default_factory=list)

    @classmethod
    def at(cls, root: Path, keys: Path, *, name: str = "Kim") -> "SealedArchive":
        """An archive whose signing key lies in the folder `keys`."""
        signer = KeyStore(keys).new(name=name)
        archive = cls(root, signer, signer)
        trust.publish(root, archive.signer.key)
        return archive

    @property
    def first_key(self) -> PublicKey:
        """What a stranger has to be given to verify all of it."""
        return self.first_signer.key

    def run(self, client: str, **files: str) -> RunFolder:
        """An unsealed run; `files` are more files of it, by their names without ending."""
        self._runs += 1
        stamp = f"20261123T{self._runs:06}000Z"
        run = Archive(self.root).new_run(client, f"{stamp}-create-{self._runs:06x}")
        run.write_record(self.record(run))
        run.write_notebook(NOTEBOOK + " " * self._runs)
        for stem, text in files.items():
            (run.path / f"{stem}.json").write_text(text)
        return run

    def record(self, run: RunFolder) -> Record:
        started = NOW + timedelta(minutes=self._runs)
        return Record(
            run_id=run.run_id,
            client=run.client,
            tenant_id="11111111-2222-3333-4444-555555555555",
            cloud="global",
            runbook="create_service_account",
            runbook_digest="ab" * 32,
            package_version="1",
            parameters_digest="cd" * 32,
            operator=Operator(user_name="kim", host_name="desk", signed_in_as="kim@example.com"),
            started=started,
            ended=started + timedelta(seconds=30),
            outcome=Outcome.DONE,
            ticket=f"T-{self._runs}",
            steps=[Step(name="look", started=started, ended=started, status="completed")],
            plan={"digest": "ef" * 32, "changes": [{"title": "Create the user"}]},
            changes=[
                Change(
                    action="create-user",
                    target="practiceprotect@contoso.onmicrosoft.com",
                    status="accepted",
                    started=started,
                    ended=started,
                    request_id="r-1",
                )
            ],
            verification=[Check(name="role", wanted="A", found="A", passed=True)],
            requests=[{"method": "GET", "path": "/v1.0/users", "status": 200, "id": "r-1"}],
            closed_by="runbook",
        )

    def seal(self, run: RunFolder) -> Seal:
        sealed = seal_run(
            run,
            run.read_record(),
            self.signer,
            search={"known_secrets": "searched", "patterns": "searched", "findings": 0},
        )
        self._undigested.append(sealed.name)
        return sealed

    def sealed_run(self, client: str, **files: str) -> RunFolder:
        run = self.run(client, **files)
        self.seal(run)
        return run

    def digest(self) -> Path:
        """Sign the digest over all that has none yet; return its file."""
        link = write_digest(
            self.root,
            self._undigested,
            self.signer,
            batch_id=f"batch-{self._runs}",
            started=NOW,
        )
        self._undigested.clear()
        return link.path

    def approve(self, run: RunFolder, *, signer: Signer | None = None) -> Path:
        """Approve a run's plan."""
        approval = PlanApproval(
            approval_id=f"20261123T{self._runs:06}000Z-approve-{self._runs:06x}",
            approver=Approver("Lee", "lee", "desk"),
            approved=NOW,
            plans=(ApprovedPlan(run.client, run.run_id, "create_service_account", "ef" * 32),),
            ticket="T-1",
            key_id=(signer or self.signer).key.key_id,
        )
        file = self.root / "_approvals" / f"{approval.approval_id}.json"
        make_folder(file.parent)
        file.write_bytes(approval.signed(signer or self.signer))
        self._undigested.append(f"_approvals/{file.name}")
        return file

    def reconcile(self, seal: Seal) -> Path:
        """Say of a client that its seals were compared with the service's own log."""
        client, item = seal.predicate["client"], "20261123T130000000Z-reconcile-aaaaaa"
        predicate = {
            "schema_version": SCHEMA_VERSION,
            "reconciliation_id": item,
            "client": client,
            "matched": [],
            "signer": signer_of(self.signer),
        }
        subjects = (Subject(seal.name, seal.link.sha256),)
        said = Statement(subjects, RECONCILIATION, predicate)
        file = self.root / client / "_reconciliations" / f"{item}.json"
        file.parent.mkdir(mode=0o700)
        file.write_bytes(sign(said.to_bytes(), self.signer).to_json())
        self._undigested.append(f"{client}/_reconciliations/{item}.json")
        return file

    def rotate(self, keys: Path) -> Signer:
        """Sign with a new key from now on, for which the one before vouches."""
        before = self.signer
        self.signer = KeyStore(keys).new(name="Kim", endorser=before)
        file = trust.endorse(self.root, before, self.signer.key)
        self._undigested.append(f"_keys/{file.name}")
        return before


def small(root: Path, keys: Path) -> SealedArchive:
    """Three clients, five runs, four batches, an approval, a reconciliation and a rotated key."""
    made = SealedArchive.at(root, keys)
    first = made.run("alpine-books")
    approval = made.approve(first)
    made.digest()
    made.seal(first)
    made.sealed_run("bayside-legal", approval=approval.read_text())
    made.digest()
    made.rotate(keys)
    made.sealed_run("alpine-books", credentials='{"for": "nobody"}')
    last = made.seal(made.run("bayside-legal"))
    made.digest()
    made.sealed_run("cedar-dental")
    made.reconcile(last)
    made.digest()
    return made
