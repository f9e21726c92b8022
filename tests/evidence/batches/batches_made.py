"""Batches as a driver makes them, and results of them."""

from o365lib import clock
from o365lib.evidence.batches.batch_file import Attempt, BatchFile, ClientResult, Drive
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.batches.inputs import Inputs, Runbook
from tests.evidence import sealed_archive

CLIENTS = ("cedar", "alpine", "bayside")


def inputs(*clients):
    texts = {each: f"tenant: {each}.example\n" for each in clients or CLIENTS}
    runbook = Runbook.of("create_service_account", '{"cells": []}')
    return Inputs.of(
        runbook=runbook, defaults="purposes: {}\n", clients=texts, parameters={"ticket": "T-1"}
    )


def begun(folder, *clients):
    """An open batch of evidence, and the folder of a batch that was begun in it."""
    evidence = sealed_archive.open_batch(folder)
    return evidence, BatchFolder.begin(evidence, inputs(*clients))


def ran(evidence, folder, client, run_id, outcome, *, attempt=1):
    """A run of the batch: claimed, executed and sealed."""
    assert folder.claim(client, attempt, run_id)
    run, _ = sealed_archive.make_run(evidence, client, run_id, outcome=outcome)
    evidence.seal(run)


def drive(**fields):
    now = clock.now()
    known = {"started": now, "ended": now, "user_name": "kim", "host_name": "desk", "jobs": 2}
    return Drive(**{**known, **fields})


def result(client, *outcomes):
    """What came of a client whose attempts ended so; their runs are `<client>-<attempt>`."""
    attempts = tuple(
        Attempt(attempt=number, run_id=f"{client}-{number}", outcome=outcome, seconds=1.5)
        for number, outcome in enumerate(outcomes, start=1)
    )
    last = attempts[-1] if attempts else None
    return ClientResult(
        client=client,
        outcome=last.outcome if last else "not started",
        run_id=last.run_id if last else "",
        attempts=attempts,
    )


def batch_file(given, *results):
    return BatchFile.of(given, drives=[drive()], clients=results)
