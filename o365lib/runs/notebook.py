"""One run by itself: one notebook, executed for one client in this process, archived and sealed.

- It never raises for what happens to a client: all ends as a result.
- Every run ends in a seal. Where it cannot be sealed now, the result says so, and the next command
  seals it.
"""

import threading

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive, new_run_id
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.runs.execution import Listener, Problem, execute, said
from o365lib.runs.request import RunRequest, check_request
from o365lib.runs.result import failed, sealed_result, with_problem
from o365lib.runs.summary import RunResult


def run_notebook(
    request: RunRequest,
    *,
    archive: Archive,
    batch: OpenBatch | None = None,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> RunResult:
    """Execute a runbook for one client and return what came of it.

    Args:
        request: what to run.
        archive: where record and executed notebook go.
        batch: which it is a part of and whose digest will cover it; by itself it is a batch of one.
        listener: hears of the progress, in the calling thread.
        stop: when another thread sets it, the run is interrupted and its record closed.

    Raises:
        UsageError: the notebook does not know a parameter. Nothing was started.
    """
    check_request(request)
    try:
        own = batch or OpenBatch.begin(archive, KeyStore(request.places.keys))
    except EvidenceError as error:
        return failed(request, reason=said(error), remedy=error.remedy)
    try:
        run = own.begin_run(request.client, new_run_id(request.runbook.stem), request.runbook.stem)
    except EvidenceError as error:
        result = failed(request, reason=said(error), remedy=error.remedy)
    else:
        execution = execute(request, run, listener=listener, stop=stop)
        result = sealed_result(request, run, execution, evidence=own)
    if batch is None:
        try:
            own.close()
        except EvidenceError as error:
            return with_problem(result, Problem(message=said(error), remedy=error.remedy))
    return result
