"""Many runs, several at a time, each on its own.

- One client's failure never stops the others.
- Results come in the order of the requests, whatever order the runs ended in.
- Stopping has two stages. After the first (`no_more`) no run starts, and those under way finish;
  after the second (`now`) those under way are interrupted and their records closed. A client whose
  run was not started is a result too.
"""

import contextlib
import logging
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any, Literal

from o365lib.errors import RunbookError
from o365lib.evidence.record import Outcome
from o365lib.evidence.sealing import OpenBatch
from o365lib.plain_text import one_line
from o365lib.runs.notebook import RunRequest, check_request, load_papermill, run_notebook, said
from o365lib.runs.summary import NOT_STARTED, RunResult, reason_of

# Waiting in short pieces lets signals be handled on Windows, where a lock cannot be interrupted.
_WAIT_SECONDS = 0.2

_logger = logging.getLogger(__name__)


@dataclass
class Stop:
    """The two stages of stopping a batch; set from a signal handler or another thread."""

    no_more: threading.Event = field(default_factory=threading.Event)
    now: threading.Event = field(default_factory=threading.Event)

    @property
    def stage(self) -> int:
        """How far it has gone: 0, 1 or 2."""
        return 2 if self.now.is_set() else int(self.no_more.is_set())

    def press(self) -> None:
        """Go one stage further."""
        if self.no_more.is_set():
            self.now.set()
        self.no_more.set()


@dataclass(frozen=True)
class Event:
    """News of a run, for whoever shows progress.

    Attributes:
        kind: a run `started`, its `step` began, a person has to do something (`prompt`; the text is
            not to be kept), or it `ended`.
        client: the customer.
        text: the step's name or the prompt.
        result: where it ended.
    """

    kind: Literal["started", "step", "prompt", "ended"]
    client: str
    text: str = ""
    result: RunResult | None = None


_NOT_STARTED_REMEDY = "Run the same command again for those that were not started."
_RUN_ALONE = "Run it again for this client alone: it reads the tenant first, does what is left."

_MEANING = {
    1: "No further run starts; those under way finish. Ctrl-C again interrupts them.",
    2: "Interrupting the runs under way; their records are being closed.",
}


def ignore(event: Event) -> None:
    """Hear and forget: for callers that want no progress."""


def ignore_text(text: str) -> None:
    """Hear and forget: for callers to whom nobody listens."""


def run_batch(
    requests: Sequence[RunRequest],
    *,
    evidence: OpenBatch,
    jobs: int = 1,
    stop: Stop | None = None,
    on_event: Callable[[Event], None] = ignore,
    say: Callable[[str], None] = ignore_text,
) -> list[RunResult]:
    """Execute the runs and return what came of each, in the order of the requests.

    Args:
        requests: what to run.
        evidence: where records and executed notebooks go; its digest, which the caller has signed
            afterwards, will cover the runs.
        jobs: how many run at once, at least 1.
        stop: ends the batch early, in two stages.
        on_event: hears of the progress; called from several threads, one call at a time.
        say: tells the person what a stop means, as soon as it is pressed.

    Raises:
        UsageError: a notebook does not know a parameter. Nothing was started.
    """
    for request in {(each.runbook, *each.parameters): each for each in requests}.values():
        check_request(request)
    load_papermill()
    batch = _Batch(evidence=evidence, stop=stop or Stop(), on_event=on_event)
    with ThreadPoolExecutor(max_workers=max(1, jobs), thread_name_prefix="run") as pool:
        futures = [pool.submit(batch.run, request) for request in requests]
        pending: set[Future[RunResult]] = set(futures)
        told = 0
        while pending:
            pending = wait(pending, timeout=_WAIT_SECONDS, return_when=FIRST_COMPLETED).not_done
            if batch.stop.stage > told:
                told = batch.stop.stage
                batch.say(say, _MEANING[told])
    return [future.result() for future in futures]


@dataclass
class _Batch:
    evidence: OpenBatch
    stop: Stop
    on_event: Callable[[Event], None]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, event: Event) -> None:
        with self.lock:
            try:
                self.on_event(event)
            except Exception:  # a torn terminal must not end a run
                _logger.warning("progress could not be shown", exc_info=True)

    def say(self, say: Callable[[str], None], text: str) -> None:
        with self.lock:
            try:
                say(text)
            except Exception:  # as above
                _logger.warning("a stop could not be told", exc_info=True)

    def run(self, request: RunRequest) -> RunResult:
        client = request.client
        if self.stop.no_more.is_set():
            return RunResult(
                client=client,
                runbook=request.runbook.stem,
                outcome=NOT_STARTED,
                reason="The batch was stopped before this client's turn.",
                remedy=_NOT_STARTED_REMEDY,
            )
        self.tell(Event("started", client))
        try:
            result = run_notebook(
                request,
                archive=self.evidence.archive,
                batch=self.evidence,
                on_step=lambda step: self.tell(Event("step", client, step)),
                on_prompt=lambda text: self.tell(Event("prompt", client, text)),
                stop=self.stop.now,
            )
        except Exception as error:
            _logger.exception("the run of %s broke off", client)
            reason, remedy = f"{type(error).__name__}: {error}", _RUN_ALONE
            if isinstance(error, RunbookError):
                reason, remedy = said(error), error.remedy or _RUN_ALONE
            result = RunResult(
                client=client,
                runbook=request.runbook.stem,
                outcome=Outcome.FAILED.value,
                reason=reason_of(reason),
                remedy=one_line(remedy),
            )
        self.tell(Event("ended", client, result=result))
        return result


@contextlib.contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """Let Ctrl-C go one stage further, and a termination both, for the length of a `with` block.

    Works in the main thread only, as Python's signal handlers do. They press and say nothing: a
    signal may come while the main thread is printing, and a stream cannot be entered twice.
    """

    def interrupted(_number: int, _frame: Any) -> None:
        stop.press()

    def terminated(_number: int, _frame: Any) -> None:
        stop.no_more.set()
        stop.now.set()

    handlers = {signal.SIGINT: interrupted, signal.SIGTERM: terminated}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
