"""Processes on this machine that execute tasks, many at once: a few threads in each.

- As many processes as there are cores; Python's lock lets one process use one core only. They are
  started when there are tasks for them, all at once, and the first tasks flow while others start.
- A task goes to the process with the fewest; each process has an equal share at most.
- A process that dies takes its tasks with it: their futures say so, nothing is executed again, and
  another process is started for those that follow. Tasks that were on their way to a process that
  never got ready were not begun, and go to another.
- The driver may die as well: its processes notice, and end at once.
"""

import itertools
import logging
import math
import pickle
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Self

from o365lib import clock
from o365lib.errors import RunbookError
from o365lib.runs import machine
from o365lib.runs.events import Tell, ignore
from o365lib.runs.local.frames import Frame, Kind
from o365lib.runs.local.spawned_worker import SpawnedWorker, levels
from o365lib.runs.local.worker_process import LINGER_SECONDS, Begin, Failure
from o365lib.runs.workers import Function, WorkerLost

# After so many that never got ready, one after the other, no more are started: the next would not
# either.
_FAILED_STARTS = 3
_MARGIN_SECONDS = 5.0

_logger = logging.getLogger(__name__)


@dataclass(eq=False)
class _Job:
    task: Any
    future: Future[Any] = field(default_factory=Future)


@dataclass(eq=False)
class _Member:
    """A process of the pool and its tasks, by number: sent, or kept until it is ready."""

    worker: SpawnedWorker
    jobs: dict[int, _Job] = field(default_factory=dict)
    listener: threading.Thread | None = None


# What is left to do when the lock is let go of: futures call back whoever waits for them.
_Afterwards = list[Callable[[], object]]


class LocalWorkers:
    """Executes tasks in processes of this machine. See `o365lib.runs.workers.Workers`."""

    lost = ""  # processes that are lost are replaced

    def __init__(
        self,
        jobs: int,
        *,
        function: Function,
        hear: Tell = ignore,
        processes: int | None = None,
        prepare: Callable[[], object] | None = None,
    ) -> None:
        """Make the pool; processes are started when there are tasks.

        Args:
            jobs: how many tasks at once, at least 1.
            function: what is done with a task; of a module that can be imported.
            hear: told what the tasks tell, one call at a time, each task's news in their order and
                before its future is done; from threads of ours, which it must not hold up.
            processes: at most; None is one for each core.
            prepare: called once in each process before its tasks; for imports that take long.
        """
        self._jobs = max(1, jobs)
        self._processes = min(self._jobs, max(1, processes or machine.cores()))
        self._share = math.ceil(self._jobs / self._processes)
        self._begin = Begin(function, prepare, levels())
        self._hear = hear
        self._hearing = threading.Lock()
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._waiting: deque[_Job] = deque()
        self._members: list[_Member] = []
        self._failed_starts = 0
        self._is_closed = False
        machine.raise_file_limit()

    @property
    def slots(self) -> int:
        """How many tasks are executed at once, at most."""
        return self._jobs

    @property
    def process_ids(self) -> list[int]:
        """The processes that are alive now, as far as is known."""
        with self._lock:
            return [member.worker.process_id for member in self._members]

    def submit(self, task: Any) -> Future[Any]:
        """Have a task executed, once, and return its future; callbacks of it must not block.

        The future raises `WorkerLost` where the process ended before it could answer; what the
        function raised, where it raised; `RunbookError` where that, or the result, is too large or
        cannot be sent; and is cancelled where the pool was interrupted or closed before its turn.

        Raises:
            RuntimeError: the pool is closed.
        """
        job = _Job(task)
        with self._lock:
            if self._is_closed:
                raise RuntimeError("The workers are closed.")
            self._waiting.append(job)
        self._advance()
        return job.future

    def interrupt(self) -> None:
        """Tell all tasks that are under way to stop; those that were not begun are cancelled."""
        with self._lock:
            not_begun = self._take_back()
            for member in self._members:
                member.worker.send(Frame(Kind.INTERRUPT))
        _cancel(not_begun)

    def close(self) -> None:
        """End the processes. Tasks under way are interrupted, and have some seconds to end.

        Idempotent. What does not end in time is killed; its futures raise `WorkerLost`.
        """
        with self._lock:
            self._is_closed = True
            not_begun = self._take_back()
            members = list(self._members)
        _cancel(not_begun)
        for member in members:
            member.worker.hang_up()
        end = clock.monotonic() + LINGER_SECONDS + _MARGIN_SECONDS
        for member in members:
            if not member.worker.wait(max(0.0, end - clock.monotonic())):
                member.worker.kill()
            if member.listener and member.listener is not threading.current_thread():
                member.listener.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_back(self) -> list[_Job]:
        """Return the tasks that nobody has begun, and forget them. With the lock."""
        taken = [*self._waiting]
        self._waiting.clear()
        for member in self._members:
            if not member.worker.is_ready:
                taken += member.jobs.values()
                member.jobs.clear()
        return taken

    def _advance(self) -> None:
        """Start the processes that are wanted, and give them what is waiting."""
        afterwards: _Afterwards = []
        with self._lock:
            if not self._is_closed:
                self._staff(afterwards)
                self._hand_out(afterwards)
        for each in afterwards:
            each()

    def _staff(self, afterwards: _Afterwards) -> None:
        wanted = min(self._processes, len(self._waiting) + self._under_way())
        while len(self._members) < wanted:
            member = None
            try:
                member = _Member(SpawnedWorker(self._begin))
                member.listener = threading.Thread(
                    target=self._listen, args=(member,), name="from-worker", daemon=True
                )
                member.listener.start()
            except Exception as error:  # noqa: BLE001 -- the machine is full, or the function unsendable
                if member:
                    member.worker.end()
                told = machine.too_many_files(error) or RunbookError(
                    f"No worker process can be started: {type(error).__name__}: {error}"
                )
                if self._members:  # with fewer it goes on
                    _logger.warning("%s", told)
                else:
                    self._give_up(told, afterwards)
                return
            self._members.append(member)

    def _under_way(self) -> int:
        return sum(len(member.jobs) for member in self._members)

    def _hand_out(self, afterwards: _Afterwards) -> None:
        while self._waiting and self._members and self._under_way() < self._jobs:
            member = min(self._members, key=lambda each: len(each.jobs))
            if len(member.jobs) >= self._share:
                return
            number = next(self._numbers)
            member.jobs[number] = self._waiting.popleft()
            if member.worker.is_ready:
                self._send(member, number, afterwards)

    def _send(self, member: _Member, number: int, afterwards: _Afterwards) -> None:
        job = member.jobs[number]
        if not job.future.set_running_or_notify_cancel():
            del member.jobs[number]
            return
        try:
            content = pickle.dumps(job.task)
        except Exception as error:  # noqa: BLE001 -- whatever stops it is the task's own fault
            del member.jobs[number]
            told = RunbookError(f"The task cannot be sent: {type(error).__name__}: {error}")
            afterwards.append(lambda: job.future.set_exception(told))
            return
        job.task = None  # what has been sent need not be kept
        member.worker.send(Frame(Kind.TASK, number, content))

    def _give_up(self, error: RunbookError, afterwards: _Afterwards) -> None:
        """Have the tasks fail for which there will be no process. With the lock."""
        for job in self._waiting:
            afterwards.append(lambda job=job: _fail(job, error))  # type: ignore[misc]
        self._waiting.clear()
        self._failed_starts = 0

    def _listen(self, member: _Member) -> None:
        """Do what a process says until it has gone. In a thread of its own."""
        try:
            for frame in member.worker.frames():
                match frame.kind:
                    case Kind.READY:
                        self._get_going(member)
                    case Kind.EVENT:
                        self._pass_on(frame.content)
                    case Kind.LOG:
                        _log(frame.content)
                    case Kind.RESULT | Kind.FAILED:
                        self._answer(member, frame)
        finally:
            self._replace(member)

    def _get_going(self, member: _Member) -> None:
        afterwards: _Afterwards = []
        with self._lock:
            self._failed_starts = 0
            member.worker.is_ready = True
            for number in list(member.jobs):
                self._send(member, number, afterwards)
        for each in afterwards:
            each()
        self._advance()

    def _pass_on(self, content: bytes) -> None:
        try:
            event = pickle.loads(content)  # noqa: S301 -- our own process's bytes
            with self._hearing:
                self._hear(event)
        except Exception:  # a torn terminal must not end a run
            _logger.warning("what a worker told could not be passed on", exc_info=True)

    def _answer(self, member: _Member, frame: Frame) -> None:
        with self._lock:
            job = member.jobs.pop(frame.number, None)
        self._advance()
        if job is None:
            return
        try:
            answer = pickle.loads(frame.content)  # noqa: S301 -- our own process's bytes
        except Exception as error:  # noqa: BLE001 -- a class of the task's may raise anything here
            answer = Failure(f"The result cannot be read: {type(error).__name__}: {error}")
            frame = frame._replace(kind=Kind.FAILED)
        if frame.kind == Kind.RESULT:
            job.future.set_result(answer)
        else:
            job.future.set_exception(_error_of(answer))

    def _replace(self, member: _Member) -> None:
        """Settle what a process that has gone was given."""
        how = member.worker.end()
        afterwards: _Afterwards = []
        with self._lock:
            self._members.remove(member)
            if member.worker.is_ready or self._is_closed:
                lost = list(member.jobs.values())
            else:
                lost = []
                self._waiting.extendleft(reversed(member.jobs.values()))
                self._failed_starts += 1
                if self._failed_starts >= _FAILED_STARTS:
                    reason = f"Worker processes do not start; the last one {how}."
                    self._give_up(WorkerLost(reason), afterwards)
        error = f"The process that executed this run (process id {member.worker.process_id}) {how}."
        for job in lost:
            _fail(job, WorkerLost(error, state=_STATE, remedy=_REMEDY))
        for each in afterwards:
            each()
        self._advance()


_STATE = "The tenant may have been changed or not."
_REMEDY = "Run it again: it reads the tenant first and does only what is left."


def _cancel(jobs: list[_Job]) -> None:
    for job in jobs:
        job.future.cancel()
        job.future.set_running_or_notify_cancel()  # tells those who wait


def _fail(job: _Job, error: RunbookError) -> None:
    if job.future.running() or job.future.set_running_or_notify_cancel():
        job.future.set_exception(error)


def _error_of(failure: Failure) -> BaseException:
    if failure.error:
        try:
            error = pickle.loads(failure.error)  # noqa: S301 -- our own process's bytes
        except Exception:  # an error whose constructor wants more, say
            _logger.debug("a worker's error cannot be read", exc_info=True)
        else:
            if isinstance(error, BaseException):
                return error
    return RunbookError(failure.text)


def _log(content: bytes) -> None:
    name, level, line, created = pickle.loads(content)  # noqa: S301 -- our own process's bytes
    logger = logging.getLogger(name)
    if logger.isEnabledFor(level):
        told = {"name": name, "levelno": level, "msg": line, "created": created}
        told["levelname"] = logging.getLevelName(level)
        logger.handle(logging.makeLogRecord(told))
