"""A batch under the eyes of a person: its progress, Ctrl-C, and its summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from o365lib.cli.progress import Mode
    from o365lib.evidence.sealing import OpenBatch
    from o365lib.runs.batch import Batch, BatchResult, NewWorkers
    from o365lib.runs.events import Event
    from o365lib.runs.stop import Stop
    from o365lib.runs.summary import RunResult
    from o365lib.runs.task import Delivery


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How a batch is driven.

    Attributes:
        jobs: how many runs at once; None for as many as the machine bears.
        stop_after: so many failures of one kind in a row stop the line; 0 is never.
        progress: how it is shown.
        new_workers: starts a cluster's workers; None for this machine's.
        delivery: how runs come from the workers to the archive; None for a shared folder.
        scheduler: the cluster's address.
    """

    jobs: int | None = None
    stop_after: int = 5
    progress: Mode = "auto"
    new_workers: NewWorkers | None = None
    delivery: Delivery | None = None
    scheduler: str = ""


def drive(batch: Batch, *, evidence: OpenBatch, manner: Manner, stop: Stop) -> BatchResult:
    """Drive a batch, showing its progress and heeding Ctrl-C; return what came of it.

    Args:
        batch: is let go of in the end.
        evidence: where records and executed notebooks go; the caller has its digest signed.
        manner: how.
        stop: is pressed by Ctrl-C; what was pressed in an earlier batch still holds.
    """
    from o365lib.cli.progress import displayed
    from o365lib.runs.batch import run_batch
    from o365lib.runs.local.engine import on_this_machine
    from o365lib.runs.stop import stopped_by_signals
    from o365lib.runs.task import SHARED_FOLDER

    runs = len(batch.left)
    with displayed(runs, manner.progress) as display, stopped_by_signals(stop):

        def tell(event: Event) -> None:
            if stop.stage:
                display.stopping(stop.stage)
            display.show(event)

        return run_batch(
            batch,
            evidence=evidence,
            new_workers=manner.new_workers or on_this_machine(runs, jobs=manner.jobs),
            delivery=manner.delivery or SHARED_FOLDER,
            scheduler=manner.scheduler,
            stop=stop,
            stop_after=manner.stop_after,
            tell=tell,
        )


def summarized(
    batch: Batch, done: BatchResult, *, evidence: OpenBatch, stop: Stop
) -> RunResult | None:
    """Have a batch of several clients summarized in a notebook of its own.

    Not where the drive was stopped before its end: the one that finishes the batch does it.

    Returns:
        What came of that run; None where there is no summary.
    """
    if done.batch_file.drives[-1].interrupted or stop.stage or len(done.batch_file.clients) == 1:
        return None
    from o365lib.runs.batch_summary_run import summarize

    return summarize(batch.batch_id, batch.places, evidence, stop=stop.now)
