"""A batch: what it begins with, who drives it, what came of it.

- One client's failure never stops the others, and results come in the order of the clients.
- What a batch begins with is kept in the archive, signed, before the first run: a later drive takes
  up what an earlier one left, with the same notebook, parameters and client files.
- One process drives a batch at a time. What became of it stands in `batch.json`, which is written
  at the beginning and at the end of each drive.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import cast

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.archive import new_run_id
from o365lib.evidence.batches.batch_file import BatchFile
from o365lib.evidence.batches.batch_file import Drive as DriveEntry
from o365lib.evidence.batches.driver_lock import driven_by
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.batches.inputs import Inputs, Who, changed_since
from o365lib.evidence.batches.signing import believed_keys
from o365lib.evidence.batches.standing import FINISHED, ClientStanding
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.places import Places
from o365lib.runs import tally
from o365lib.runs.admission import Admission
from o365lib.runs.driving import Drive, Inbox
from o365lib.runs.events import Tell, ignore
from o365lib.runs.request import Parameter, RunRequest, check_request
from o365lib.runs.stop import Stop
from o365lib.runs.stop_line import DEFAULT_AFTER, StopLine
from o365lib.runs.summary import RunResult
from o365lib.runs.task import SHARED_FOLDER, Copy, Delivery, RunTask
from o365lib.runs.workers import Workers

NewWorkers = Callable[[Tell], Workers]
"""Starts what executes the runs, given who hears of them."""


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch that this process drives; made by `begin` or `take_up`.

    Attributes:
        folder: in the archive; its driver's lock is held.
        inputs: what it began with.
        places: the project.
        standings: how each client stands before this drive, in their order.
    """

    folder: BatchFolder
    inputs: Inputs
    places: Places
    standings: Sequence[ClientStanding]

    @property
    def batch_id(self) -> str:
        """The batch's id."""
        return self.inputs.batch_id

    @property
    def left(self) -> list[ClientStanding]:
        """The clients that this drive runs, in their order."""
        return [each for each in self.standings if each.is_left]

    def tasks(self, delivery: Delivery = SHARED_FOLDER) -> list[RunTask]:
        """Return the runs that are left, each with a new id."""
        runbook = self.inputs.runbook
        return [
            RunTask(
                batch_id=self.batch_id,
                attempt=each.next_attempt,
                run_id=new_run_id(runbook.name),
                request=self.request(each.client),
                copy=Copy(
                    notebook=runbook.notebook,
                    defaults=self.inputs.defaults,
                    client=self.inputs.clients[each.client],
                ),
                delivery=delivery,
            )
            for each in self.left
        ]

    def request(self, client: str) -> RunRequest:
        """Return what is to be run for a client."""
        return RunRequest(
            runbook=self.places.notebooks / f"{self.inputs.runbook.name}.ipynb",
            client=client,
            places=self.places,
            parameters=cast("dict[str, Parameter]", dict(self.inputs.parameters)),
            timeout_seconds=self.inputs.timeout_seconds,
        )


@dataclass
class BatchResult:
    """What came of one drive.

    Attributes:
        results: of the clients that this drive ran or was to run, in their order.
        batch_file: what came of the whole batch.
        problems: what could not be written or signed, each as a sentence.
    """

    results: list[RunResult]
    batch_file: BatchFile
    problems: list[str] = field(default_factory=list)

    @property
    def left(self) -> int:
        """How many clients a later drive would run."""
        return sum(each.outcome not in FINISHED for each in self.batch_file.clients)


def begin(
    runbook: Path,
    clients: Sequence[str],
    *,
    places: Places,
    evidence: OpenBatch,
    parameters: Mapping[str, Parameter],
    timeout_seconds: float | None = None,
) -> Batch:
    """Begin a batch: keep what it starts with in the archive, signed, and drive it.

    Args:
        runbook: the notebook.
        clients: in the order in which they are to begin; their files were found to be right.
        places: the project.
        evidence: where; its digest will cover what is signed.
        parameters: of the notebook, the same for all; `client` and `run_id` are added.
        timeout_seconds: after which a client's run is stopped; None is never.

    Raises:
        UsageError: the notebook does not know a parameter, or a file cannot be read. Nothing was
            begun.
        EvidenceError: the archive cannot be written. Nothing was begun.
    """
    for client in clients[:1]:
        check_request(
            RunRequest(runbook=runbook, client=client, places=places, parameters=parameters)
        )
    inputs = Inputs.read(
        parameters_folder=places.parameters,
        clients=clients,
        notebook=runbook,
        parameters=dict(parameters),
        timeout_seconds=timeout_seconds,
    )
    folder = BatchFolder.begin(evidence, inputs)
    _require_driver(folder)
    standings = [ClientStanding(client=each, standing="not begun") for each in clients]
    return Batch(folder=folder, inputs=inputs, places=places, standings=standings)


def take_up(
    text: str,
    *,
    places: Places,
    evidence: OpenBatch,
    delivery: Delivery = SHARED_FOLDER,
    signed_by: str = "",
) -> Batch:
    """Take up a batch that an earlier process has left, and drive it.

    Args:
        text: its id, or enough of its beginning or end.
        places: the project; its parameters are not read: the batch has its own.
        evidence: the archive.
        delivery: how claims get from the workers of earlier drives to the archive.
        signed_by: the fingerprint of a key that may have signed it beside the operator's own.

    Raises:
        UsageError: there is no such batch, or no such key, or another process is driving it.
        EvidenceError: what it began with was edited, or cannot be read, or somebody else signed it,
            or it cannot be found out what was attempted.
    """
    folder = BatchFolder.open(evidence.archive.root, text)
    _require_driver(folder)
    try:
        folder.believe(believed_keys(folder.root, KeyStore(places.keys), signed_by=signed_by))
        delivery.bring_claims(folder.root, folder.batch_id)
        return Batch(
            folder=folder, inputs=folder.inputs(), places=places, standings=folder.standings()
        )
    except BaseException:
        folder.release_driver_lock()
        raise


def run_batch(
    batch: Batch,
    *,
    evidence: OpenBatch,
    new_workers: NewWorkers,
    delivery: Delivery = SHARED_FOLDER,
    scheduler: str = "",
    stop: Stop | None = None,
    stop_after: int = DEFAULT_AFTER,
    tell: Tell = ignore,
) -> BatchResult:
    """Drive a batch to its end, or until it is stopped, and return what came of it.

    Args:
        batch: is let go of in the end.
        evidence: where records and executed notebooks go; its digest, which the caller has signed
            afterwards, will cover the runs.
        new_workers: starts what executes the runs.
        delivery: how runs get from the workers to the archive.
        scheduler: the cluster's address, for the batch's file.
        stop: ends the batch early, in two stages.
        stop_after: after so many failures of one kind in a row no run is begun; 0 is never.
        tell: hears of the progress, in the calling thread.
    """
    inbox: Inbox = SimpleQueue()
    with contextlib.ExitStack() as stack:
        stack.callback(batch.folder.release_driver_lock)
        workers = new_workers(inbox.put)
        stack.callback(workers.close)
        before, problems = tally.before(batch.folder)
        entry = _entry(workers, scheduler)
        batch_file = tally.opening(batch.inputs, batch.standings, before, entry)
        _write(batch, batch_file, problems)
        drive = Drive(
            batch.tasks(delivery),
            workers=workers,
            inbox=inbox,
            evidence=evidence,
            stop=stop or Stop(),
            admission=Admission(max(1, workers.slots)),
            stop_line=StopLine(stop_after),
            tell=tell,
        )
        results = drive.run()
        _bring_claims(batch, delivery, problems)
        try:
            batch_file = tally.closing(
                batch.folder,
                batch.inputs,
                before=before,
                entry=_ended(entry, drive),
                results=results,
                changed_files=changed_since(batch.inputs, batch.places.parameters),
                traffic=(drive.requests, drive.throttled),
            )
            batch.folder.write_batch(batch_file)
            batch.folder.sign_batch(evidence, batch_file)
        except (EvidenceError, OSError) as error:
            problems.append(f"What came of the batch could not be put on file whole: {error}")
        return BatchResult(results, batch_file, problems)


def _entry(workers: Workers, scheduler: str) -> DriveEntry:
    who = Who.here()
    return DriveEntry(
        started=clock.now(),
        user_name=who.user_name,
        host_name=who.host_name,
        jobs=max(1, workers.slots),
        scheduler=scheduler,
    )


def _ended(entry: DriveEntry, drive: Drive) -> DriveEntry:
    ended = {"ended": clock.now(), "interrupted": drive.why_stopped, "jobs": drive.jobs}
    return entry.model_copy(update=ended)


def _bring_claims(batch: Batch, delivery: Delivery, problems: list[str]) -> None:
    """Bring the claims of those runs too whose workers gave no answer."""
    try:
        delivery.bring_claims(batch.folder.root, batch.batch_id)
    except EvidenceError as error:
        problems.append(f"What was attempted may not be told whole: {error}")


def _write(batch: Batch, batch_file: BatchFile, problems: list[str]) -> None:
    try:
        batch.folder.write_batch(batch_file)
    except EvidenceError as error:
        problems.append(str(error))


def _require_driver(folder: BatchFolder) -> None:
    if not folder.take_driver_lock():
        raise driven_by(folder.batch_id, folder.driver())
