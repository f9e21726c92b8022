"""A run's place in the archive: its folder, its record, and its notebook where no driver keeps it.

- The record is written when the run is opened, before and after each change, and when a step ends,
  with all requests until then; what was requested since is lost with the process.
- A kernel that ends before the run was closed says so in the record, rather than leave it open for
  ever.
- From its first change until it is closed, a run is the only one that changes its client's tenant.
- A run that has changed something is closed when its kernel opens another: nobody will go on.
- Where no driver does it, a run is sealed here: when its last cell has been executed, or when it is
  left. What cannot be sealed now is sealed by the next command.
"""

import atexit
import contextlib
import hashlib
from datetime import datetime

from o365lib import __version__, clock, clouds, parameters
from o365lib.errors import EvidenceError, RunbookError
from o365lib.evidence import quarantine, time_stamp
from o365lib.evidence.archive import Archive, RunFolder, new_run_id
from o365lib.evidence.closing import close_unfinished
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import ErrorRecord, Operator, Outcome, Record
from o365lib.evidence.run_lock import RunLock
from o365lib.evidence.sealing import OpenBatch, Sealed
from o365lib.ledger import Ledger
from o365lib.places import Places
from o365lib.runbook import standing
from o365lib.runbook.client_hold import ClientHold
from o365lib.runbook.frontend import Frontend
from o365lib.runbook.notebook_copy import NotebookCopy
from o365lib.runbook.progress import Progress
from o365lib.runbook.results import StepResult
from o365lib.runbook.steps import SteppedRun
from o365lib.service_account.changes import ChangeLog
from o365lib.service_account.plan import Runbook

# The runs of this process that were not left yet: an engineer may open another in her kernel.
_opened: list["RecordedRun"] = []

_ANOTHER = "The run was left for another one in the same kernel."


class RecordedRun(SteppedRun):
    """A run that keeps its record; what its steps do is its subclass's.

    Args:
        name: the runbook's name, which is its notebook's.
        kind: which plan it makes.
        places: where parameters and archive are.
        frontend: who sits in front of the kernel.
        client: the client file.
        defaults: the vendor's names, roles and hosts.
        request: the notebook's parameters.
    """

    def __init__(
        self,
        *,
        name: str,
        kind: Runbook,
        places: Places,
        frontend: Frontend,
        client: parameters.Client,
        defaults: parameters.Defaults,
        request: dict[str, str | bool],
    ) -> None:
        super().__init__()
        self.kind: Runbook = kind
        self.places = places
        self.frontend = frontend
        self.client = client
        self.defaults = defaults
        self.request = request
        self.parameters_digest = parameters.digest(client, defaults)
        self.ledger = Ledger(self._tell_throttled)
        self.cloud = clouds.find_cloud(client.cloud, sandbox_file=places.sandbox_file)
        self.progress = Progress(frontend)
        self._evidence: OpenBatch | None = None
        self.sealed: Sealed | None = None
        self._sealing_key_id = ""
        self.folder = self._open_folder(name)
        archive = Archive(places.evidence)
        self.hold = ClientHold(self.folder, archive, is_at_desk=frontend.is_interactive)
        self.at_work = self.hold.come(self._other_holds())
        self.record = self._new_record(name)
        self.change_log = ChangeLog(self.record, self.save, self.ledger, self.progress)
        self._copy = None if frontend.driven else NotebookCopy(places.runbook(name), self.folder)
        self._is_left, self._is_saved = False, False
        self.save()
        atexit.register(self._abandon)
        for earlier in [each for each in _opened if standing.is_frozen(each.record)]:
            earlier.leave(_ANOTHER)
        _opened.append(self)

    def __repr__(self) -> str:
        dry = ", dry run" if self.is_dry_run else ""
        return f"{self.record.runbook} for {self.client.client}{dry} (run {self.record.run_id})"

    @property
    def is_dry_run(self) -> bool:
        """Whether this run ends after the plan."""
        asked = bool(self.request["dry_run"]) or self.client.dry_run_only
        return asked or bool(self.at_work)

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be executed in this run: it was closed, or left."""
        return self._is_left or super().is_closed

    def save(self) -> None:
        """Write the record, with all requests so far.

        Raises:
            EvidenceError: it could not be written.
        """
        self._is_saved = False
        self.record.requests = [each.model_dump(mode="json") for each in self.ledger.records()]
        self.folder.write_record(self.record)
        self._is_saved = True

    def announce(self, name: str) -> None:
        """Tell the driver which step begins, and what was requested until then."""
        self.progress.begin(name)
        requests, throttled = self.ledger.traffic()
        self.frontend.announce(name, requests=requests, throttled=throttled)

    def tell(self, error: RunbookError) -> None:
        """Let the engineer see an error as a box."""
        self.frontend.show_error(error)

    def show(self, name: str, result: StepResult | RunbookError) -> None:
        """Keep the step's output in the archived notebook, where no driver does.

        A driver hears, when the run has ended, how much was requested.

        Raises:
            EvidenceError: it could not be written, or the run, which is closed, not be sealed.
            SecretFound: the run was sealed, and has failed, because a secret stood in its files.
        """
        if self.record.outcome is not Outcome.UNFINISHED:
            # Else the next step tells it, as it begins: messages cost time.
            self.frontend.tell_traffic(*self.ledger.traffic())
        if self._copy is not None:
            self._copy.add(name, self.frontend.cell()[1], result)
        if self.is_closed:
            self._seal()
            self._show_the_end()

    def _show_the_end(self) -> None:
        if not self.frontend.is_interactive:
            return
        # Late: a batch shows none.
        from o365lib.runbook.closing import summary

        self.frontend.show(
            summary(self.record, self.folder, self.sealed, key_id=self._sealing_key_id)
        )

    def finish(self, outcome: Outcome, reason: str, error: ErrorRecord | None = None) -> None:
        """Close the record, and let other runs of the client go on."""
        self.record.outcome, self.record.reason, self.record.error = outcome, reason, error
        self.record.ended, self.record.closed_by = clock.now(), "runbook"
        try:
            self.save()
        finally:
            self.hold.release()

    def lock(self, *, read: datetime) -> None:
        """Keep other runs from changing the client's tenant until this one is closed.

        A run of the same kernel that was left in mid-way is closed: nobody can be executing it.

        Args:
            read: when this run last read the tenant.

        Raises:
            Refused: another run is changing the tenant, or has changed it since it was read. This
                step has changed nothing.
            EvidenceError: the archive cannot be locked. This step has changed nothing.
        """
        for earlier in [each for each in _opened if each is not self and each.locks(self.folder)]:
            earlier.leave(_ANOTHER)
        self.hold.take(self._other_holds(), read=read, way_back=standing.way_back(self.record))

    def locks(self, folder: RunFolder) -> bool:
        """Whether this run keeps the run of a folder from changing its client's tenant."""
        return self.hold.is_locked and self.hold.is_of(folder)

    def leave(self, why: str) -> None:
        """Close the record if it is still open, and let other runs of the client go on.

        Nothing more is executed in this run.
        """
        if self.record.outcome is Outcome.UNFINISHED and not self.frontend.driven:
            close_unfinished(self.record, closed_by="runbook", message=why)
            self._is_saved = False
        if not (self._is_saved or self.frontend.driven):
            # The archive may be gone by now, and nobody is left to be told.
            with contextlib.suppress(EvidenceError):
                self.save()
        # As above; and an interpreter that is ending may not load what sealing needs any more.
        with contextlib.suppress(EvidenceError, ImportError, RuntimeError):
            self._seal()
        self._is_left = True
        if self in _opened:
            _opened.remove(self)
        self.hold.release()

    def _open_folder(self, name: str) -> RunFolder:
        archive = Archive(self.places.evidence)
        run_id = str(self.request["run_id"])
        if run_id and self.frontend.driven:
            run = archive.run(self.client.client, run_id)
            # Held until the process ends: nobody seals what it may still write.
            self._run_lock = RunLock(run)
            if not self._run_lock.take() or run.record_file.exists():
                raise EvidenceError(
                    f"Run {run_id} of {self.client.client} is in the archive already.",
                    state="Nothing was started.",
                    remedy="A run is written once: start a new one.",
                )
            return run
        self._evidence = OpenBatch.begin(archive, KeyStore(self.places.keys))
        try:
            return self._evidence.begin_run(self.client.client, run_id or new_run_id(name), name)
        except EvidenceError:
            self._evidence.close()
            raise

    def _seal(self) -> None:
        """Seal a run whose record is closed, where no driver does."""
        evidence = self._evidence
        if evidence is None or self.record.outcome is Outcome.UNFINISHED:
            return
        self._evidence, self._sealing_key_id = None, evidence.signer.key.key_id
        try:
            sealed = self.sealed = evidence.seal(self.folder)
        finally:
            digest = evidence.close()
        if digest is not None:
            # What cannot be stamped now is stamped by `o365 evidence stamp`.
            time_stamp.stamp_as_told(digest.path, self.defaults.time_stamp)
        if sealed.record is not None and (found := quarantine.error_of(sealed.record)):
            self.record = sealed.record
            raise found

    def _new_record(self, name: str) -> Record:
        notebook = self.places.runbook(name)
        return Record(
            run_id=self.folder.run_id,
            client=self.client.client,
            client_display_name=self.client.display_name,
            cloud=self.client.cloud,
            runbook=name,
            runbook_digest=hashlib.sha256(notebook.read_bytes()).hexdigest(),
            package_version=__version__,
            purpose=self.client.purpose,
            parameters=dict(self.request),
            parameters_digest=self.parameters_digest,
            operator=Operator.here(),
            ticket=str(self.request["ticket"]),
            dry_run=self.is_dry_run,
            started=clock.now(),
        )

    def _tell_throttled(self, wait_seconds: float | None) -> None:
        self.frontend.tell_traffic(*self.ledger.traffic(), wait_seconds=wait_seconds or 0.0)
        if wait_seconds:
            self.progress.told_to_wait(wait_seconds)

    def _abandon(self) -> None:
        self.leave("The kernel was stopped before the run was closed.")

    def _other_holds(self) -> list[ClientHold]:
        return [each.hold for each in _opened if each is not self]
