"""The loop that drives a batch: begins runs, hears of them, seals what has ended, decides.

- A run is begun when a worker is free, the service lets so many be under way, and nothing has
  stopped the line. Its folder and its note are made here, its claim by the worker.
- Everything that happens, a run's end among it, comes through one inbox and is dealt with by one
  thread: the driver's. It alone seals.
- Where the process that executed a run is lost, its record is closed here as soon as its kernel has
  ended too; the run is not begun again.
"""

import logging
import queue
from collections import deque
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from datetime import datetime

from o365lib import clock
from o365lib.errors import EvidenceError, RunbookError
from o365lib.evidence.archive import RunFolder, new_run_id
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.record import Outcome
from o365lib.evidence.run_lock import RunLock
from o365lib.evidence.sealing import OpenBatch
from o365lib.runs.admission import Admission
from o365lib.runs.events import Event, Tell
from o365lib.runs.execution import Execution, Problem, close_record, said
from o365lib.runs.result import failed, sealed_result
from o365lib.runs.stop import Stop
from o365lib.runs.stop_line import StopLine
from o365lib.runs.summary import NOT_STARTED, RunResult
from o365lib.runs.task import RunTask
from o365lib.runs.workers import WorkerLost, Workers

# Waiting in short pieces lets signals be handled on Windows, where a lock cannot be interrupted.
_WAIT_SECONDS = 0.2
# A kernel ends within seconds when whoever started it is gone.
_KERNEL_ENDS_SECONDS = 30.0
# How often that is looked for.
_ASK_SECONDS = 0.5

_STOPPED = "The batch was stopped before this client's turn."
_RUN_ALONE = "Run it again for this client alone: it reads the tenant first, does what is left."
_STILL_THERE = "The process that executed it is lost, and its kernel has not ended."

_MEANING = {
    1: "No further run starts; those under way finish. Ctrl-C again interrupts them.",
    2: "Interrupting the runs under way; their records are being closed.",
}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Ended:
    """A worker has answered for a run, or is lost."""

    index: int
    future: Future[Execution]


Inbox = queue.SimpleQueue[Event | _Ended]


@dataclass
class _UnderWay:
    task: RunTask
    run: RunFolder
    started: datetime
    begun: float = field(default_factory=clock.monotonic)
    lost: RunbookError | None = None
    ask_at: float = 0.0
    give_up_at: float = 0.0

    def lose(self, error: RunbookError, *, patience: float = _KERNEL_ENDS_SECONDS) -> None:
        self.lost, self.ask_at = error, clock.monotonic()
        self.give_up_at = self.ask_at + patience


class Drive:
    """One driver's way through a batch.

    Args:
        tasks: in the order in which they are begun.
        workers: execute them; they tell what happens by `hear`.
        evidence: where records and executed notebooks go.
        admission: how many runs the service bears.
        stop_line: when to begin no more, because runs fail for one reason.
        tell: hears of the progress, in the calling thread.
    """

    def __init__(
        self,
        tasks: Sequence[RunTask],
        *,
        workers: Workers,
        inbox: Inbox,
        evidence: OpenBatch,
        stop: Stop,
        admission: Admission,
        stop_line: StopLine,
        tell: Tell,
    ) -> None:
        self._waiting = deque(enumerate(tasks))
        self._results: list[RunResult | None] = [None] * len(tasks)
        self._under_way: dict[int, _UnderWay] = {}
        self._workers, self._inbox, self._evidence = workers, inbox, evidence
        self._stop, self._admission, self._stop_line = stop, admission, stop_line
        self._tell_further = tell
        self._told_stage = 0
        self._is_interrupted = False
        self._line_stopped = ""
        self.requests = 0
        self.throttled = 0
        self.jobs = max(1, workers.slots)

    @property
    def why_stopped(self) -> str:
        """Why not all was run, in a sentence; empty where nothing stopped it."""
        if self._line_stopped:
            return self._line_stopped
        is_cut_short = any(each and each.outcome == NOT_STARTED for each in self._results)
        if self._is_interrupted or is_cut_short:
            return "It was stopped by its operator."
        return ""

    def run(self) -> list[RunResult]:
        """Carry the batch out and return what came of each task, in their order."""
        while self._waiting or self._under_way:
            self._heed_stop()
            self._begin_runs()
            self._hear()
            self._close_lost()
        return [each for each in self._results if each is not None]

    def _begin_runs(self) -> None:
        if self._stop.no_more.is_set():
            while self._waiting:
                index, task = self._waiting.popleft()
                self._results[index] = _not_started(task, self._line_stopped or _STOPPED)
            return
        while self._waiting:
            now = clock.monotonic()
            slots = max(1, self._workers.slots)
            if slots != self._admission.slots:  # a cluster's workers come and go
                self._admission.slots = slots
                self.jobs = max(self.jobs, slots)
            allowed = min(slots, self._admission.allowance(now))
            if sentence := self._admission.sentence():
                self._tell(Event(kind="told", text=sentence))
            if len(self._under_way) >= allowed:
                return
            index, task = self._waiting.popleft()
            self._begin(index, task)

    def _begin(self, index: int, task: RunTask) -> None:
        request = task.request
        # A run's id tells when it was begun, which may be hours after its batch.
        task = replace(task, run_id=new_run_id(request.runbook.stem))
        try:
            run = self._evidence.begin_run(request.client, task.run_id, request.runbook.stem)
        except EvidenceError as error:
            self._end(index, task, failed(request, reason=said(error), remedy=error.remedy))
            return
        self._admission.began(request.client, clock.monotonic())
        self._under_way[index] = _UnderWay(task, run, clock.now())
        self._tell(Event(kind="started", client=request.client))
        try:
            future = self._workers.submit(task)
        except Exception as error:
            _logger.exception("the run of %s could not be handed out", request.client)
            future = Future()
            future.set_exception(WorkerLost(f"It could not be handed out: {error}"))
        future.add_done_callback(lambda ended: self._inbox.put(_Ended(index, ended)))

    def _hear(self) -> None:
        try:
            news = self._inbox.get(timeout=_WAIT_SECONDS)
        except queue.Empty:
            return
        while True:
            if isinstance(news, _Ended):
                self._heard_end(news)
            else:
                self._heard(news)
            try:
                news = self._inbox.get_nowait()
            except queue.Empty:
                return

    def _heard(self, event: Event) -> None:
        if event.kind == "traffic":
            now = clock.monotonic()
            self._admission.heard(event.client, event.requests, event.throttled, now)
        self._tell(event)

    def _heard_end(self, ended: _Ended) -> None:
        under_way = self._under_way[ended.index]
        request = under_way.task.request
        try:
            execution = ended.future.result()
        except WorkerLost as error:
            under_way.lose(error)
            return
        except CancelledError:
            never = WorkerLost("The run was stopped before its turn: it was interrupted.")
            under_way.lose(never, patience=0)
            return
        except RunbookError as error:
            remedy = error.remedy or _RUN_ALONE
            result = failed(request, reason=said(error), remedy=remedy, run=under_way.run)
        except Exception as error:
            _logger.exception("the run of %s broke off", request.client)
            reason = f"{type(error).__name__}: {error}"
            result = failed(request, reason=reason, remedy=_RUN_ALONE, run=under_way.run)
        else:
            execution = _received(under_way, execution)
            if execution.is_repeated and not _is_closed(under_way.run):
                other = self._claimed_for(under_way.task)
                what = "The process that executed it is lost."
                if other and other != under_way.task.run_id:
                    what = f"Another process has claimed this attempt, for the run {other}."
                under_way.lose(WorkerLost(what))
                return
            trouble = execution.record_problem
            if trouble.message and not under_way.run.record_file.exists():
                never = WorkerLost(trouble.message, remedy=trouble.remedy)
                under_way.lose(never, patience=0)  # its record is written, and sealed, here
                return
            self.requests += execution.requests
            self.throttled += execution.throttled
            result = sealed_result(request, under_way.run, execution, evidence=self._evidence)
        self._end(ended.index, under_way.task, result)

    def _close_lost(self) -> None:
        """Close what lost its worker, once its kernel has ended; give up after a while."""
        now = clock.monotonic()
        for index, each in [(i, u) for i, u in self._under_way.items() if u.lost]:
            request, lost = each.task.request, each.lost
            assert lost is not None
            is_last = now >= each.give_up_at
            if not is_last and now < each.ask_at:
                continue
            each.ask_at = now + _ASK_SECONDS
            try:
                # A worker that has lost its driver ends its run, and may still hand it over.
                is_here = each.task.delivery.receive(each.task, each.run, is_lost=is_last)
                if not (is_here or is_last):
                    continue
                is_free = RunLock(each.run).take()
                if is_free:
                    # Sealing removes the lock.
                    close_record(
                        request,
                        each.run,
                        each.started,
                        said(lost),
                        notebook=each.task.copy.notebook,
                    )
            except EvidenceError as error:
                trouble = Problem(message=said(error), remedy=error.remedy)
                execution = Execution(record_problem=trouble)
            else:
                if not (is_free or is_last):
                    continue
                trouble = Problem(message=_STILL_THERE, remedy="`o365 evidence seal` closes it.")
                execution = Execution(
                    record_problem=Problem() if is_free else trouble, seconds=now - each.begun
                )
            result = sealed_result(request, each.run, execution, evidence=self._evidence)
            if self._claimed_for(each.task) is None:
                # No kernel was started; the line may be stopped by it all the same.
                told = replace(result, outcome=NOT_STARTED, remedy=_resume(each.task))
                self._end(index, each.task, told, counted=result)
            else:
                self._end(index, each.task, result)

    def _claimed_for(self, task: RunTask) -> str | None:
        """Return the run for which a task's attempt was claimed; None where nobody has."""
        batch = BatchFolder(self._evidence.archive.root, task.batch_id)
        claim = batch.claim_of(task.request.client, task.attempt)
        return claim.run_id if claim else None

    def _end(
        self, index: int, task: RunTask, result: RunResult, *, counted: RunResult | None = None
    ) -> None:
        self._under_way.pop(index, None)
        self._results[index] = result
        client = task.request.client
        self._admission.ended(client, clock.monotonic())
        self._tell(Event(kind="ended", client=client, result=result))
        sentence = self._stop_line.ended(counted or result)
        if sentence and self._waiting and not self._stop.no_more.is_set():
            self._line_stopped = sentence
            self._stop.no_more.set()
            self._told_stage = max(self._told_stage, 1)
            self._tell(Event(kind="told", text=sentence))

    def _heed_stop(self) -> None:
        if self._workers.lost and not self._line_stopped:
            self._line_stopped = self._workers.lost
            self._told_stage = max(self._told_stage, 1)
            self._stop.no_more.set()
        stage = self._stop.stage
        if stage > self._told_stage:
            self._told_stage = stage
            self._tell(Event(kind="told", text=_MEANING[stage]))
        if self._stop.now.is_set() and not self._is_interrupted:
            self._is_interrupted = True
            self._workers.interrupt()

    def _tell(self, event: Event) -> None:
        try:
            self._tell_further(event)
        except Exception:  # a torn terminal must not end a run
            _logger.warning("progress could not be shown", exc_info=True)


def _received(under_way: _UnderWay, execution: Execution) -> Execution:
    """Bring what the worker handed over; return the execution with the trouble there was."""
    try:
        under_way.task.delivery.receive(under_way.task, under_way.run, is_lost=False)
    except EvidenceError as error:
        trouble = Problem(message=said(error), remedy=error.remedy)
        return replace(execution, record_problem=trouble)
    return execution


def _is_closed(run: RunFolder) -> bool:
    try:
        return run.read_record().outcome is not Outcome.UNFINISHED
    except EvidenceError:
        return False


def _not_started(task: RunTask, why: str) -> RunResult:
    return RunResult(
        client=task.request.client,
        runbook=task.request.runbook.stem,
        outcome=NOT_STARTED,
        reason=why,
        remedy=_resume(task),
    )


def _resume(task: RunTask) -> str:
    return f"`o365 run --resume {task.batch_id}` runs those that were not started."
