"""The summary of a batch: its notebook, executed when the batch has ended, and archived like a run.

A batch is what it is with or without its summary: whatever goes wrong here is told in the result,
and changes nothing of the batch's own.
"""

import threading
from pathlib import Path

from o365lib.errors import UsageError
from o365lib.evidence.record import Outcome
from o365lib.evidence.sealing import OpenBatch
from o365lib.places import SUMMARY_NOTEBOOK, Places
from o365lib.plain_text import one_line
from o365lib.reserved import BATCHES
from o365lib.runs.notebook import run_notebook
from o365lib.runs.request import RunRequest
from o365lib.runs.summary import RunResult, reason_of

# Ten thousand records take seconds. A summary that takes longer must not hold up the digest.
TIMEOUT_SECONDS = 600.0

_RUNBOOK = SUMMARY_NOTEBOOK.removesuffix(".ipynb")


def summarize(
    batch_id: str,
    places: Places,
    evidence: OpenBatch,
    *,
    stop: threading.Event | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> RunResult:
    """Execute the notebook that sums up a batch, seal it, and return what came of it.

    It never raises for what is wrong with a summary.

    Args:
        batch_id: the batch; its `batch.json` is written.
        places: the project.
        evidence: where the summary goes; its digest, signed afterwards, will cover it.
        stop: when another thread sets it, the summary is interrupted and its record closed.
        timeout_seconds: after which it is interrupted.
    """
    try:
        return run_notebook(
            RunRequest(
                runbook=places.summary_notebook(),
                client=BATCHES,
                places=places,
                parameters={"batch_id": batch_id},
                timeout_seconds=timeout_seconds,
            ),
            archive=evidence.archive,
            batch=evidence,
            stop=stop,
        )
    except UsageError as error:
        return RunResult(
            client=BATCHES,
            runbook=_RUNBOOK,
            outcome=Outcome.FAILED.value,
            reason=reason_of(error.message),
            remedy=one_line(error.remedy),
        )


def require_runbook_of_clients(runbook: Path) -> None:
    """Make sure that a notebook is one that is run for clients.

    Raises:
        UsageError: it is the one that sums up a batch.
    """
    if runbook.name == SUMMARY_NOTEBOOK:
        raise UsageError(
            f"{runbook.stem} is run for no client: `o365 run` makes it when a batch has ended.",
            remedy="To look at a batch, open the notebook in JupyterLab: `o365 lab`.",
        )
