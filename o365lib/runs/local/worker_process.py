"""A worker process: executes tasks for its driver, each in a thread of its own.

- It reads tasks from what was its standard input and answers on what was its standard output; both
  are nobody's afterwards, its standard error too. So nothing that is printed here, by a library or
  a kernel, comes between what the driver shows. What is logged is sent to the driver, masked.
- Ctrl-C and a termination are the driver's to hear, which then says what is to happen.
- When the driver says that it is over, all tasks are told to stop, and after `LINGER_SECONDS` the
  process ends whether they did or not.
- When the driver dies, the process ends at once, and its kernels with it. Another driver may take
  up the batch in the next moment, close the records and seal the runs: by then nobody must write
  to their files any more.
- Whatever a task raises or returns, the other tasks go on.

Started by `spawned_worker`.
"""

import contextlib
import logging
import os
import pickle
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import IO, NamedTuple

from o365lib import secret
from o365lib.errors import RunbookError
from o365lib.masked_log import MaskingFormatter
from o365lib.runs.local import frames
from o365lib.runs.local.frames import Frame, Kind
from o365lib.runs.machine import too_many_files
from o365lib.runs.workers import Function

# A run that is told to stop needs a moment to close its record; a kernel that does not heed an
# interrupt is given 10 seconds.
LINGER_SECONDS = 15.0

# Results and events are small; what is not would fill the driver's memory.
MOST_BYTES = 1_000_000

_logger = logging.getLogger(__name__)


class Begin(NamedTuple):
    """What a driver tells its worker first.

    Attributes:
        function: what to do with a task.
        prepare: called once, in the main thread, before there are tasks; for slow imports.
        levels: of the driver's loggers, by name; the root's is empty.
    """

    function: Function
    prepare: Callable[[], object] | None
    levels: Mapping[str, int]


@dataclass(frozen=True)
class Failure:
    """Why a task has no result.

    Attributes:
        text: the error, in words, masked.
        error: the error itself, pickled; empty where it cannot be.
    """

    text: str
    error: bytes = b""


class _Told(logging.Handler):
    """Sends log records to the driver as finished, masked lines."""

    def __init__(self, worker: "_Worker") -> None:
        super().__init__()
        self._worker = worker
        self.setFormatter(MaskingFormatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # noqa: BLE001 -- as `logging` has it: a wrong record harms nobody
            return
        # In characters, so that the frame is well below the limit.
        told = (record.name, record.levelno, line[: MOST_BYTES // 10], record.created)
        self._worker.send(Frame(Kind.LOG, 0, pickle.dumps(told)))


@dataclass
class _Worker:
    answers: IO[bytes]
    function: Function = lambda task, _tell, _stop: task
    stops: dict[int, threading.Event] = field(default_factory=dict)
    threads: dict[int, threading.Thread] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, frame: Frame) -> None:
        # Where the driver has gone, the closed pipe of tasks says it too, and ends this process.
        with self.lock, contextlib.suppress(OSError, ValueError):
            frames.write(self.answers, frame)

    def begin(self, frame: Frame) -> None:
        stop = threading.Event()
        # A daemon: a task that does not end must not keep the process from ending.
        thread = threading.Thread(
            target=self._execute, args=(frame, stop), name=f"run-{frame.number}", daemon=True
        )
        self.stops[frame.number], self.threads[frame.number] = stop, thread
        thread.start()

    def interrupt(self) -> None:
        for stop in list(self.stops.values()):
            stop.set()

    def wait(self) -> None:
        for thread in list(self.threads.values()):
            thread.join()

    def _execute(self, frame: Frame, stop: threading.Event) -> None:
        kind, content = Kind.RESULT, b""
        try:
            task = pickle.loads(frame.content)  # noqa: S301 -- the driver's own bytes
            result = self.function(task, lambda event: self._tell(frame.number, event), stop)
            content = _pickled("A run's result", result)
        except BaseException as error:  # what would end a process ends its task only
            _logger.debug("a task failed", exc_info=True)
            kind, content = Kind.FAILED, pickle.dumps(_failure(error))
        del self.stops[frame.number], self.threads[frame.number]
        self.send(Frame(kind, frame.number, content))

    def _tell(self, number: int, event: object) -> None:
        try:
            content = _pickled("An event", event)
        except Exception:  # news that cannot be told must not end a run
            _logger.warning("an event could not be sent to the driver", exc_info=True)
            return
        self.send(Frame(Kind.EVENT, number, content))


def _pickled(what: str, content: object) -> bytes:
    pickled = pickle.dumps(content)
    if len(pickled) > MOST_BYTES:
        raise RunbookError(
            f"{what} of {len(pickled):,} bytes is too large; {MOST_BYTES:,} are the most."
        )
    return pickled


def _failure(error: BaseException) -> Failure:
    error = too_many_files(error) or error
    text = secret.mask(f"{type(error).__name__}: {error}"[: MOST_BYTES // 10])
    try:
        content = pickle.dumps(error)
    except Exception:  # noqa: BLE001 -- whatever stops its pickling, the text tells it
        content = b""
    return Failure(text=text, error=content if len(content) <= MOST_BYTES else b"")


def main() -> None:
    """Execute what the driver sends until it says that it is over, or is no more."""
    tasks, answers = _take_the_pipes()
    for number in (signal.SIGINT, signal.SIGTERM):
        # A handler that does nothing: unlike "ignore" it is not inherited by the kernels, which
        # are interrupted in this way.
        signal.signal(number, lambda _number, _frame: None)
    worker = _Worker(answers)
    first = frames.read(tasks)
    if first is None:
        return
    begin: Begin = pickle.loads(first.content)  # noqa: S301 -- the driver's own bytes
    _send_logs(worker, begin.levels)
    if begin.prepare:
        begin.prepare()
    worker.function = begin.function
    _point_to_nowhere(2)
    worker.send(Frame(Kind.READY))
    while frame := frames.read(tasks):
        if frame.kind == Kind.TASK:
            worker.begin(frame)
        elif frame.kind == Kind.INTERRUPT:
            worker.interrupt()
        elif frame.kind == Kind.END:
            _end(worker)
            return
    os._exit(1)


def _take_the_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """Return the driver's pipes, which no process started from here inherits."""
    tasks = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    _point_to_nowhere(0)
    _point_to_nowhere(1)
    return tasks, answers


def _point_to_nowhere(descriptor: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


def _send_logs(worker: _Worker, levels: Mapping[str, int]) -> None:
    logging.captureWarnings(capture=True)
    logging.getLogger().addHandler(_Told(worker))
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _end(worker: _Worker) -> None:
    """End the process: in order if the tasks end in time, else without them."""
    at_last = threading.Timer(LINGER_SECONDS, os._exit, args=(1,))
    at_last.daemon = True
    at_last.start()
    worker.interrupt()
    worker.wait()
    sys.stdout.flush()
