"""Which workers a batch has on this machine."""

import tempfile
from pathlib import Path

from o365lib.evidence.batches.working_copy import sweep
from o365lib.runs.batch import NewWorkers
from o365lib.runs.events import Tell
from o365lib.runs.execution import load_papermill
from o365lib.runs.local.thread_workers import ThreadWorkers
from o365lib.runs.local.workers import LocalWorkers
from o365lib.runs.machine import jobs_here
from o365lib.runs.task import FOLDER_PREFIX, execute_task
from o365lib.runs.workers import Workers

# To start a process takes as long as a run; a few runs are sooner done in this one.
FEW = 3

# The copy of a run that is older is of one that has ended, or was killed.
_LEFT_SECONDS = 24 * 3600.0


def on_this_machine(runs: int, *, jobs: int | None = None) -> NewWorkers:
    """Return what starts the workers for so many runs.

    Args:
        runs: how many there will be.
        jobs: how many at once; None for as many as the machine bears.
    """
    at_once = max(1, min(jobs or jobs_here(), runs))

    def start(hear: Tell) -> Workers:
        sweep(Path(tempfile.gettempdir()), FOLDER_PREFIX, older_than_seconds=_LEFT_SECONDS)
        if runs <= FEW:
            load_papermill()  # in the main thread
            return ThreadWorkers(at_once, hear=hear, function=execute_task)
        return LocalWorkers(at_once, function=execute_task, hear=hear, prepare=load_papermill)

    return start
