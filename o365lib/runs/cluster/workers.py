"""A batch's runs on the machines of a Dask cluster, by way of its scheduler.

- A task is given to one worker and to no other. Dask would execute a task again when the machine is
  lost that executes it, or still holds its result; here its future raises `WorkerLost` then, and
  the run's record tells how far it came. (The claim that each run begins with holds even so.)
- A worker executes as many runs as it has threads. Workers that join while a batch is under way are
  looked at, as all were before it, and used; the runs of one that leaves are lost.
- Where the scheduler is lost, all that is under way is, and workers end their runs by themselves.
- A cluster without any worker is waited for, and that is told: `patience`.

https://distributed.dask.org/en/stable/resilience.html
"""

import logging
import secrets
import threading
from collections import deque
from concurrent.futures import CancelledError, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from o365lib import clock
from o365lib.runs.cluster.connection import TlsFiles, connect
from o365lib.runs.cluster.news import News
from o365lib.runs.cluster.patience import Patience
from o365lib.runs.cluster.preflight import Preflight
from o365lib.runs.events import Event, Tell
from o365lib.runs.workers import Function, WorkerLost

_CONNECT_SECONDS = 20.0
# For runs under way to close their records after an interruption.
_CLOSE_SECONDS = 30.0
# Dask's name for what it tells of all workers.
_OF_ALL = "all"

_logger = logging.getLogger(__name__)
_LOOK = "Its record tells how far it came; `o365 run --resume` takes the batch up again."


@dataclass
class _Job:
    """A task, from when it is submitted to its future's end."""

    task: Any
    key: str
    future: Future[Any] = field(default_factory=Future)
    address: str = ""
    remote: Any = None


@dataclass
class _Machine:
    """A worker, and how many runs it can begin now."""

    name: str
    threads: int
    free: int


class ClusterWorkers:
    """The workers of a Dask cluster.

    Args:
        address: the scheduler's: `tls://host:8786`, or `tcp://` on this machine.
        security: the certificates; None takes those that Dask's own configuration names.
        hear: hears of what happens to tasks, in one thread that is none of the caller's.
        function: what is done with a task; a module's, which workers import.
        archive: the archive's folder, which all workers must see; None where it is a store.
        store_url: the store's URL, which all workers must be able to read.
        insecure: whether to speak without certificates to another machine.
        patience_seconds: after so long without any worker the cluster is given up; None is never.

    Raises:
        UsageError: there is no such scheduler, it must not be spoken to, or a worker is unfit, each
            named with the reason. Nothing was started.
        EvidenceError: the archive's folder cannot be written to.
    """

    def __init__(
        self,
        address: str,
        *,
        security: TlsFiles | None = None,
        hear: Tell,
        function: Function,
        archive: Path | None = None,
        store_url: str = "",
        insecure: bool = False,
        patience_seconds: float | None = None,
    ) -> None:
        self._patience = Patience(patience_seconds)
        self._address, self._function = address, function
        self._session = f"o365-{secrets.token_hex(8)}"
        self._lock = threading.RLock()
        self._machines: dict[str, _Machine] = {}
        self._waiting: deque[_Job] = deque()
        self._under_way: dict[str, _Job] = {}
        self._news = News(hear, idle=self._look_for_workers)
        self._is_closed = False
        self.lost = ""
        self._preflight = Preflight(archive, store_url)
        self._client = connect(
            address, security=security, insecure=insecure, timeout_seconds=_CONNECT_SECONDS
        )
        try:
            self._begin()
        except BaseException:
            self._preflight.end()
            self._client.close()
            raise

    def _begin(self) -> None:
        from o365lib.runs.cluster import worker

        self._preflight.begin()
        self._client.subscribe_topic(_OF_ALL, self._heard_of_workers)
        # In Dask's own thread, which must not wait.
        self._client.subscribe_topic(
            self._session, lambda event: self._news.put(lambda: self._tell_of(event[1]))
        )
        found = _workers_of(self._client)
        self._preflight.check_all(self._client, {each: name for each, (name, _) in found.items()})
        self._client.register_plugin(worker.RunsPlugin())
        for address, (name, threads) in found.items():
            self._machines[address] = _Machine(name, threads, threads)
        self._news.thread.start()

    @property
    def slots(self) -> int:
        """How many tasks are executed at once, at most: all workers' threads, now."""
        with self._lock:
            return sum(each.threads for each in self._machines.values())

    def submit(self, task: Any) -> Future[Any]:
        """Have a task executed, once, and return its future; it may wait for a worker.

        The future raises `WorkerLost` where the worker, or the scheduler, is lost.
        """
        name = getattr(task, "run_id", "") or secrets.token_hex(8)
        job = _Job(task, f"run-{name}-{secrets.token_hex(4)}")
        with self._lock:
            if self.lost or self._is_closed:
                job.future.set_exception(WorkerLost(self.lost or "The cluster was let go of."))
                return job.future
            self._waiting.append(job)
            self._place()
        return job.future

    def interrupt(self) -> None:
        """Tell all tasks that are under way to stop, and begin none of those that wait."""
        with self._lock:
            waiting, self._waiting = list(self._waiting), deque()
        for job in waiting:
            job.future.cancel()
        # A machine that does not answer must not hold up who interrupts.
        threading.Thread(
            target=_interrupt, args=(self._client, self._session), name="interrupt", daemon=True
        ).start()

    def close(self) -> None:
        """Interrupt what is under way, give it a while to end, and let go of the cluster."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            jobs = list(self._under_way.values())
            waiting, self._waiting = list(self._waiting), deque()
        for job in waiting:
            job.future.cancel()
        if jobs:
            _interrupt(self._client, self._session)
            wait([job.future for job in jobs], timeout=_CLOSE_SECONDS)
        self._news.end()
        self._lose(list(self._under_way.values()), "The cluster was let go of.")
        self._preflight.end()
        with suppress(Exception):  # nothing is lost by a scheduler that is gone already
            self._client.close(timeout=5)

    def _place(self) -> None:
        """Give waiting tasks to workers that are free; the lock is held."""
        while self._waiting:
            address = max(self._machines, key=lambda each: self._machines[each].free, default="")
            if not address or self._machines[address].free < 1:
                return
            job = self._waiting.popleft()
            if not job.future.set_running_or_notify_cancel():
                continue
            self._machines[address].free -= 1
            job.address = address
            self._under_way[job.key] = job
            try:
                job.remote = _sent(self._client, self._function, job, self._session)
                job.remote.add_done_callback(
                    lambda each, job=job: self._answer(job, *_answer_of(each))
                )
            except Exception as error:
                _logger.exception("The task %s could not be given to the cluster.", job.key)
                self._answer(job, None, CancelledError(str(error)))

    def _answer(self, job: _Job, result: Any, error: Exception | None) -> None:
        is_connected = self._client.status == "running"
        self._news.put(lambda: self._ended(job, result, error, is_connected=is_connected))

    def _ended(
        self, job: _Job, result: Any, error: Exception | None, *, is_connected: bool
    ) -> None:
        is_lost = _is_lost(error)
        if is_lost and not is_connected:
            self._lose_all(f"The scheduler at {self._address} cannot be reached any more.")
        if not self._let_go(job):
            return  # lost before
        if error is None:
            job.future.set_result(result)
        elif is_lost:
            job.future.set_exception(WorkerLost("The cluster has given up the run.", remedy=_LOOK))
        else:
            job.future.set_exception(error)

    def _let_go(self, job: _Job) -> bool:
        """Forget a task, and give its place to the next; return False where that was done."""
        with self._lock:
            if self._under_way.pop(job.key, None) is None:
                return False
            if machine := self._machines.get(job.address):
                machine.free += 1
            # Nothing that is done is kept on the cluster, where it would be done again one day.
            _release(job)
            self._place()
        return True

    def _lose(self, jobs: list[_Job], why: str) -> None:
        for job in jobs:
            if self._let_go(job):
                job.future.set_exception(WorkerLost(why, remedy=_LOOK))

    def _lose_all(self, why: str) -> None:
        """Lose whatever waits or is under way, and take nothing more."""
        with self._lock:
            if self.lost:
                return
            self.lost = why
            self._machines.clear()
            waiting, self._waiting = list(self._waiting), deque()
            jobs = list(self._under_way.values())
        for job in waiting:
            job.future.set_exception(WorkerLost(self.lost, remedy=_LOOK))
        self._lose(jobs, self.lost)
        self._news.tell(Event(kind="told", text=self.lost))

    def _tell_of(self, message: dict[str, Any]) -> None:
        """Tell what a worker told."""
        from o365lib.runs.cluster import worker

        found = worker.event_in(message)
        if isinstance(found, Event):
            self._news.tell(found)
            return
        job = self._under_way.get(message["key"])
        if job is None:
            return
        with suppress(Exception):  # the run itself fails where nobody signs in
            told = self._client.run(worker.take_prompt, found, workers=[job.address])
            self._news.tell(Event(kind="prompt", client=message["client"], text=told[job.address]))

    def _heard_of_workers(self, event: tuple[float, Any]) -> None:
        _, message = event
        if not isinstance(message, dict):
            return
        address = str(message.get("worker", ""))
        if message.get("action") == "remove-worker":
            self._news.put(lambda: self._left(address))
        elif message.get("action") == "add-worker":
            # Asking it takes a while, in which news of others come.
            threading.Thread(target=self._joined, args=(address,), daemon=True).start()

    def _left(self, address: str) -> None:
        with self._lock:
            machine = self._machines.pop(address, None)
            jobs = [job for job in self._under_way.values() if job.address == address]
            are_left = bool(self._machines)
        if machine is None or self._is_closed:
            return
        self._lose(jobs, f"The worker {machine.name} that executed it is lost.")
        more = "" if are_left else " None is left: the batch waits for one to join."
        self._news.tell(Event(kind="told", text=f"The worker {machine.name} has left.{more}"))

    def _joined(self, address: str) -> None:
        with suppress(Exception):  # gone again
            name, threads = _workers_of(self._client)[address]
            problems = self._preflight.problems(self._client, {address: name})
            self._news.put(lambda: self._use(address, name, threads, problems.get(address, "")))

    def _use(self, address: str, name: str, threads: int, problem: str) -> None:
        with self._lock:
            if self._is_closed or self.lost or address in self._machines:
                return
            if not problem:
                self._machines[address] = _Machine(name, threads, threads)
                self._place()
        text = f"{problem} It is not used." if problem else f"The worker {name} has joined."
        self._news.tell(Event(kind="told", text=text))

    def _look_for_workers(self) -> None:
        """Tell when there has been no worker for a while, and give up when the patience ends."""
        is_alone = not (self._machines or self.lost or self._is_closed)
        if told := self._patience.look(clock.monotonic(), is_alone=is_alone):
            self._news.tell(Event(kind="told", text=told))
        if is_alone and self._patience.lost:
            self._lose_all(self._patience.lost)


def _answer_of(remote: Any) -> tuple[Any, Exception | None]:
    """Take a worker's answer, in Dask's thread for this, to let go of it there."""
    try:
        return remote.result(), None
    except Exception as error:  # noqa: BLE001 -- the task's own, or Dask's
        return None, error


def _release(job: _Job) -> None:
    """Let Dask forget a task, where it has been told of it."""
    if job.remote is not None:
        with suppress(Exception):  # a client that is closed has let go of it
            job.remote.release()


def _workers_of(client: Any) -> dict[str, tuple[str, int]]:
    """Return names and threads of the workers that the scheduler knows, by address."""
    found = client.scheduler_info(n_workers=-1)["workers"]
    return {
        str(address): (str(each.get("name", address)), int(each["nthreads"]))
        for address, each in found.items()
    }


def _sent(client: Any, function: Function, job: _Job, session: str) -> Any:
    """Send a task to its worker, and to no other, and return Dask's future."""
    from o365lib.runs.cluster.worker import execute_here

    return client.submit(
        execute_here,
        function,
        job.task,
        session=session,
        task_key=job.key,  # Dask's own parameter has the name `key`
        key=job.key,
        workers=[job.address],
        allow_other_workers=False,
        retries=0,
        pure=False,
    )


def _interrupt(client: Any, session: str) -> None:
    from o365lib.runs.cluster import worker

    with suppress(Exception):  # workers that cannot be reached end their runs by themselves
        client.run(worker.interrupt, session, on_error="ignore")


def _is_lost(error: Exception | None) -> bool:
    """Whether it is Dask that has given a task up, and not the task that failed."""
    from distributed.scheduler import KilledWorker, NoWorkerError

    return isinstance(error, CancelledError | KilledWorker | NoWorkerError)
