"""One execution: a notebook, in a kernel of its own, until its record is closed.

- It needs no signing key, and makes no seal: that is for who began the run.
- It never raises for what happens to a client: a kernel that dies, a tenant that says no, a disk
  that is full all end as an `Execution`, which is small and can be sent to another process.
- The runbook keeps its own record. Where it could not close it, it is closed here: `unverified` if
  the tenant was or may have been changed, else `failed`.
- The executed notebook is archived whatever happened, with the error in the cell that failed.
"""

import asyncio
import hashlib
import logging
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from jupyter_core.utils import ensure_event_loop

import o365lib
from o365lib import clock
from o365lib.errors import EvidenceError, RunbookError
from o365lib.evidence import notebook_store
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.closing import close_unfinished
from o365lib.evidence.record import Operator, Outcome, Record
from o365lib.runs import engine
from o365lib.runs.failed_cell import FailedCell, find_failed_cell
from o365lib.runs.machine import too_many_files
from o365lib.runs.request import RunRequest
from o365lib.runs.summary import reason_of

_NOT_NEEDED = (
    "rfc3987_syntax",
    "isoduration",
    "papermill.s3",
    "papermill.adl",
    "papermill.abs",
    "gcsfs",
    "pyarrow.fs",
    "github",
)

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What went wrong around a run, in one line each; empty if nothing did.

    Attributes:
        message: what, and what is true now.
        remedy: what to do.
        is_of_a_cell: a cell of the notebook failed.
    """

    message: str = ""
    remedy: str = ""
    is_of_a_cell: bool = False


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What an execution leaves behind, beside the run's files.

    Attributes:
        problem: what stopped the execution.
        record_problem: why the record cannot be read, or could not be closed; empty where it is
            closed.
        own_secrets: for each file of the run the lines in which a secret stands that the kernel
            alone knew; None where it could not be asked.
        seconds: from its beginning to the closed record.
        requests: how many the kernel has told of.
        throttled: how many of them were told to wait.
        is_repeated: nothing was executed: the run had been executed before, and this is what its
            record says.
    """

    problem: Problem = field(default_factory=Problem)
    record_problem: Problem = field(default_factory=Problem)
    own_secrets: Mapping[str, Sequence[int]] | None = None
    seconds: float = 0.0
    requests: int = 0
    throttled: int = 0
    is_repeated: bool = False


def ignore(text: str) -> None:
    """Hear and forget: for callers that want no news of a run."""


def ignore_traffic(requests: int, throttled: int) -> None:
    """Hear and forget."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Who hears of a run while it is executed, in the thread that executes it.

    Attributes:
        on_step: hears the name of each step that begins.
        on_prompt: hears what the person must do to sign in; not to be kept or logged.
        on_traffic: hears how many requests the run has made and how many were told to wait.
    """

    on_step: Callable[[str], None] = ignore
    on_prompt: Callable[[str], None] = ignore
    on_traffic: Callable[[int, int], None] = ignore_traffic


def load_papermill() -> Any:
    """Import papermill and return it; call it in the main thread before runs start in others.

    What is beside it in an environment makes its import several times as long: for JupyterLab's
    sake jsonschema builds the grammars of internationalised URLs and durations, which no notebook
    needs, and papermill imports the clients of whatever cloud stores are installed, from which no
    runbook is read. Both go on without a module that cannot be imported.
    https://github.com/python-jsonschema/jsonschema/issues/1428
    """
    with _hidden(*_NOT_NEEDED):
        import papermill

    return papermill


@contextmanager
def _hidden(*modules: str) -> Iterator[None]:
    """Have modules not be found that nobody has imported yet: they are `None` in `sys.modules`."""
    hidden = [name for name in modules if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden, cast("Any", None)))
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def said(error: RunbookError) -> str:
    """Return what an error says happened and is true now; its remedy goes a way of its own."""
    return " ".join(part for part in (error.message, error.state) if part)


def execute(
    request: RunRequest,
    run: RunFolder,
    *,
    listener: Listener | None = None,
    stop: threading.Event | None = None,
) -> Execution:
    """Execute a run whose folder is there, close its record, and return what is left to be told.

    Args:
        request: what to run.
        run: the run's folder; its process takes the run's lock.
        listener: hears of the progress.
        stop: when another thread sets it, the run is interrupted and its record closed.
    """
    begun, started = clock.monotonic(), clock.now()
    listener = listener or Listener()
    papermill = load_papermill()
    from o365lib.runs.kernel.runbook_client import Control

    traffic = _Traffic(listener.on_traffic)
    control = Control(
        environment=request.places.kernel_environment(driven=True),
        folder=(request.folder or request.runbook.parent).absolute(),
        on_step=listener.on_step,
        on_prompt=listener.on_prompt,
        on_traffic=traffic.hear,
        stop=stop or threading.Event(),
        deadline=begun + request.timeout_seconds if request.timeout_seconds else None,
        run_folder=run.path,
    )
    problem = _execute(papermill, request, run, control)
    record_problem = Problem()
    try:
        close_record(request, run, started, problem.message, why=control.why)
    except EvidenceError as error:
        record_problem = Problem(message=said(error), remedy=error.remedy)
    return Execution(
        problem=problem,
        record_problem=record_problem,
        own_secrets=control.own_secrets,
        seconds=clock.monotonic() - begun,
        requests=traffic.requests,
        throttled=traffic.throttled,
    )


@dataclass
class _Traffic:
    """Remembers the latest figures, and passes them on."""

    tell: Callable[[int, int], None]
    requests: int = 0
    throttled: int = 0

    def hear(self, requests: int, throttled: int) -> None:
        self.requests, self.throttled = requests, throttled
        self.tell(requests, throttled)


def _execute(papermill: Any, request: RunRequest, run: RunFolder, control: Any) -> Problem:
    """Execute the notebook and return what stopped it."""
    parameters = {**request.parameters, "client": request.client, "run_id": run.run_id}
    try:
        papermill.execute_notebook(
            # papermill takes braces in a path for placeholders of its own.
            str(request.runbook.absolute()).replace("{", "{{").replace("}", "}}"),
            None,  # stored by our engine, which takes a fifth of papermill's time for it
            parameters=parameters,
            engine_name=engine.NAME,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            control=control,
            store_at=notebook_store.address(run),
        )
    except papermill.PapermillExecutionError as error:
        return Problem(message=reason_of(f"{error.ename}: {error.evalue}"), is_of_a_cell=True)
    except RunbookError as error:  # the archive's own, on its way through papermill
        return Problem(message=reason_of(said(error)), remedy=error.remedy)
    except Exception as error:  # whatever happens to one client, the others go on
        _logger.debug("papermill stopped", exc_info=True)
        if known := too_many_files(error):
            return Problem(message=reason_of(said(known)), remedy=known.remedy)
        return Problem(message=reason_of(f"{type(error).__name__}: {error}"))
    finally:
        _close_event_loop()
    return Problem()


def _close_event_loop() -> None:
    """End the event loop that nbclient made for this thread, and its files with it."""
    ensure_event_loop().close()
    asyncio.set_event_loop(None)


def close_record(
    request: RunRequest,
    run: RunFolder,
    started: datetime,
    problem: str,
    *,
    why: str = "",
    notebook: str | None = None,
) -> Record:
    """Return the run's record, closed here if the runbook did not close it.

    To be called when nothing executes the run any more.

    Args:
        request: what was run.
        run: where.
        started: when.
        problem: what papermill said, in one line.
        why: by what the run was stopped, if it was.
        notebook: the runbook's text; None where its file has it.

    Raises:
        EvidenceError: the record cannot be read or written.
    """
    is_there = run.record_file.exists()
    record = run.read_record() if is_there else _new_record(request, run, started, notebook)
    if record.outcome == Outcome.UNFINISHED:
        ended = find_failed_cell(run.notebook_file) or FailedCell(
            message=problem or "The notebook ended without closing its record."
        )
        if why:
            ended = FailedCell(step=ended.step, message=f"The run was stopped: {why}.")
        is_told = record.error is not None
        close_unfinished(
            record,
            closed_by="driver",
            message=ended.message,
            error_type=ended.error_type,
            step=ended.step,
        )
        if record.error and ended.remedy and not is_told:
            record.error.remedy = ended.remedy
        run.write_record(record)
    return record


def _new_record(
    request: RunRequest, run: RunFolder, started: datetime, notebook: str | None
) -> Record:
    parameters = request.parameters
    raw = request.runbook.read_bytes() if notebook is None else notebook.encode()
    return Record(
        run_id=run.run_id,
        client=request.client,
        runbook=request.runbook.stem,
        runbook_digest=hashlib.sha256(raw).hexdigest(),
        package_version=o365lib.__version__,
        parameters={**parameters, "client": request.client, "run_id": run.run_id},
        operator=Operator.here(),
        ticket=str(parameters.get("ticket", "")),
        dry_run=bool(parameters.get("dry_run", False)),
        started=started,
    )
