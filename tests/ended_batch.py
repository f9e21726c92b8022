"""A batch that has ended, made without running anything: inputs, claims, records, `batch.json`."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from o365lib.evidence.archive import Archive, new_run_id
from o365lib.evidence.batches.batch_file import Attempt, BatchFile, ClientResult, Drive
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.batches.inputs import Inputs, Runbook
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Outcome, Record
from o365lib.evidence.sealing import OpenBatch
from o365lib.places import Places

BEGUN = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
RUNBOOK = "create_service_account"
GOOD = {Outcome.DONE.value, Outcome.NOTHING_TO_DO.value, Outcome.PLANNED.value}


@dataclass(frozen=True)
class Ran:
    """One run that was made up.

    Attributes:
        outcome: how it ended.
        seconds: how long it took.
        begun: how many seconds after the batch.
        told_to_wait: how many of its requests were answered so.
        remedy: what its record advises.
        requests: how many it made.
        has_record: whether it has one.
    """

    outcome: str = "done"
    seconds: float = 2.0
    begun: float = 0.0
    told_to_wait: int = 0
    remedy: str = ""
    requests: int = 5
    has_record: bool = True
    steps: Mapping[str, float] = field(
        default_factory=lambda: {"sign-in": 0.5, "look": 0.25, "plan": 0.01, "create-user": 1.0}
    )


def record_of(client: str, run_id: str, ran: Ran) -> dict[str, object]:
    """The record of a run as JSON has it."""
    started = BEGUN + timedelta(seconds=ran.begun)
    ended = started + timedelta(seconds=ran.seconds)
    steps, at = [], started
    for name, seconds in ran.steps.items():
        until = at + timedelta(seconds=seconds)
        steps.append(
            {"name": name, "started": at, "ended": until, "status": "completed", "note": ""}
        )
        at = until
    error = None
    if ran.outcome not in GOOD:
        error = {"type": "Refused", "message": f"It is {ran.outcome}.", "remedy": ran.remedy}
    requests = [
        {
            "sequence": number,
            "started": f"{started:%Y-%m-%dT%H:%M:%S}Z",
            "status": 429 if number <= ran.told_to_wait else 200,
            "retry_after_seconds": 4.5 if number <= ran.told_to_wait else None,
        }
        for number in range(1, ran.requests + 1)
    ]
    record = Record.model_validate(
        {
            "run_id": run_id,
            "client": client,
            "runbook": RUNBOOK,
            "package_version": "1",
            "operator": {"user_name": "kim", "host_name": "desk"},
            "started": started,
            "ended": ended,
            "steps": steps,
            "outcome": ran.outcome,
            "reason": f"It is {ran.outcome}.",
            "error": error,
            "closed_by": "runbook",
            "requests": requests,
        }
    )
    return json.loads(record.to_json())


def end_batch(
    places: Places,
    clients: Mapping[str, Sequence[Ran]],
    *,
    changed_files: Sequence[str] = (),
    evidence: OpenBatch | None = None,
) -> BatchFolder:
    """Make a batch in a project's archive, and return its folder.

    Args:
        places: the project.
        clients: by client the runs that were made, in order; none for one that was not started.
        changed_files: as `batch.json` tells them.
        evidence: the batch of the archive that signs it; its own where there is none.
    """
    archive = Archive(places.evidence)
    signing = evidence or OpenBatch.begin(archive, KeyStore(places.keys))
    inputs = Inputs.of(
        runbook=Runbook.of(RUNBOOK, "{}"),
        defaults="",
        clients=dict.fromkeys(clients, ""),
        parameters={"dry_run": False, "approved_by": "Kim", "ticket": ""},
    )
    folder = BatchFolder.begin(signing, inputs)
    results = [_ran(archive, folder, client, runs) for client, runs in clients.items()]
    drive = Drive(
        started=BEGUN,
        ended=BEGUN + timedelta(seconds=200),
        user_name="kim",
        host_name="desk",
        jobs=8,
    )
    made = [run for runs in clients.values() for run in runs]
    batch = BatchFile.of(
        inputs,
        drives=[drive],
        clients=results,
        changed_files=changed_files,
        throttled=sum(run.told_to_wait for run in made),
        requests=sum(run.requests for run in made),
    )
    folder.write_batch(batch)
    if evidence is None:
        signing.close()
    return folder


def _ran(archive: Archive, folder: BatchFolder, client: str, runs: Sequence[Ran]) -> ClientResult:
    attempts = []
    for number, ran in enumerate(runs, start=1):
        run = archive.run(client, new_run_id(RUNBOOK))
        assert folder.claim(client, number, run.run_id)
        if ran.has_record:
            run.path.mkdir(parents=True)
            text = json.dumps(record_of(client, run.run_id, ran), indent=2)
            run.record_file.write_text(text + "\n")
        attempts.append(
            Attempt(attempt=number, run_id=run.run_id, outcome=ran.outcome, seconds=ran.seconds)
        )
    last = attempts[-1] if attempts else None
    return ClientResult(
        client=client,
        outcome=last.outcome if last else "not started",
        reason=f"It is {last.outcome}." if last else "The batch was stopped.",
        run_id=last.run_id if last else "",
        attempts=tuple(attempts),
    )
