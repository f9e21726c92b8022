"""An archive in which all has happened that is evidence, made by the product's own sealing."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from o365lib.evidence import approvals
from o365lib.evidence.approval import ApprovedPlan
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.batches.batch_file import BatchFile, ClientResult, Drive
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.batches.inputs import Inputs, Runbook
from o365lib.evidence.envelope import Signer, sign
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.layout import numbered
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.record import Change, Check, Operator, Outcome, Record, Step
from o365lib.evidence.seal import Seal
from o365lib.evidence.sealing import OpenBatch
from o365lib.evidence.statement import (
    RECONCILIATION,
    SCHEMA_VERSION,
    Statement,
    Subject,
    signer_of,
)
from o365lib.evidence.time_stamp import stamp
from tests.time_stamp_authority import TimeStampAuthority

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOTEBOOK = '{"cells": [], "metadata": {"runs": %d}, "nbformat": 4, "nbformat_minor": 5}\n'


class EventfulArchive:
    """An archive in the folder `evidence`, and the key that signs in it in `keys` beside.

    Attributes:
        root: the archive's folder; made with the first batch.
        batch: the open batch.
        first_signer: whose key signed first.
    """

    def __init__(self, folder: Path, *, name: str = "Kim") -> None:
        self.root = folder / "evidence"
        self._keys = KeyStore(folder / "keys")
        self.first_signer = self._keys.new(name=name)
        self._runs = 0
        self.batch = self._begin()

    def _begin(self) -> OpenBatch:
        return OpenBatch.begin(Archive(self.root), self._keys)

    @property
    def first_key(self) -> PublicKey:
        """What a stranger has to be given to verify all of it."""
        return self.first_signer.key

    @property
    def signer(self) -> Signer:
        """Whose key signs now."""
        return self.batch.signer

    def run(self, client: str, **files: str) -> RunFolder:
        """A run without a seal; `files` are more files of it, by their names without ending."""
        self._runs += 1
        run_id = f"20261123T{self._runs:06}000Z-create-{self._runs:06x}"
        run = self.batch.begin_run(client, run_id, "create_service_account")
        run.write_record(self._record(run))
        run.write_notebook(NOTEBOOK % self._runs)
        for stem, text in files.items():
            (run.path / f"{stem}.json").write_text(text)
        return run

    def _record(self, run: RunFolder) -> Record:
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
        return self.batch.seal(run).seal

    def sealed_run(self, client: str, **files: str) -> RunFolder:
        run = self.run(client, **files)
        self.seal(run)
        return run

    def digest(self) -> Path:
        """Sign the digest of the batch, open the next one, and return the digest's file."""
        link = self.batch.close()
        self.batch = self._begin()
        return self.root / "_digests" / numbered(link.number)

    def close(self) -> None:
        """End the last batch: nobody writes to the archive any more."""
        self.batch.close()

    def approve(self, run: RunFolder) -> Path:
        """Approve a run's plan; return the approval's file."""
        plan = ApprovedPlan(run.client, run.run_id, "create_service_account", "ef" * 32)
        approval = approvals.approve(self.batch, [plan], name="Lee", ticket="T-1")
        return self.root / "_approvals" / f"{approval.approval_id}.json"

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
        said = Statement((Subject(seal.name, seal.link.sha256),), RECONCILIATION, predicate)
        name = f"{client}/_reconciliations/{item}.json"
        self.batch.add_file(name)
        file = self.root / name
        file.parent.mkdir(mode=0o700)
        file.write_bytes(sign(said.to_bytes(), self.signer).to_json())
        return file

    def begin_batch(self, *clients: str) -> BatchFolder:
        """Keep what a batch of these clients began with, and what it ended with."""
        texts = dict.fromkeys(clients, "tenant: example.com\n")
        runbook = Runbook.of("create_service_account", NOTEBOOK % 0)
        inputs = Inputs.of(runbook=runbook, defaults="purposes: {}\n", clients=texts)
        folder = BatchFolder.begin(self.batch, inputs)
        results = [ClientResult(client=each, outcome="not started") for each in clients]
        drive = Drive(started=NOW, ended=NOW, user_name="kim", host_name="desk", jobs=1)
        result = BatchFile.of(inputs, drives=[drive], clients=results)
        folder.sign_batch(self.batch, result)
        return folder

    def rotate(self) -> None:
        """Sign with a new key from the next batch on, for which the one before vouches."""
        self.batch.close()
        self._keys.new(name="Kim", endorser=self.signer)
        self.batch = self._begin()


def small(folder: Path, *, authority: TimeStampAuthority | None = None) -> EventfulArchive:
    """Three clients, five runs, an approval, a reconciliation, a batch and a rotated key.

    The last two digests are stamped, if there is an authority.
    """
    made = EventfulArchive(folder)
    first = made.run("alpine-books")
    approval = made.approve(first)
    made.seal(first)
    made.digest()
    made.sealed_run("bayside-legal", approval=approval.read_text())
    made.begin_batch("alpine-books", "bayside-legal")
    made.rotate()
    made.sealed_run("alpine-books", credentials='{"for": "nobody"}')
    last = made.seal(made.run("bayside-legal"))
    digests = [made.digest()]
    made.sealed_run("cedar-dental")
    made.reconcile(last)
    digests.append(made.digest())
    made.close()
    for file in digests if authority else ():
        stamp(file, url=authority.url, roots=[authority.root_pem])
    return made
