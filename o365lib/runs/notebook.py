"""One run: one notebook, executed for one client, archived with its record.

- This is the only way in which a notebook is executed; what executes it may change behind it.
- It never raises for what happens to a client: a kernel that dies, a tenant that says no, a disk
  that is full all end as a result, and the other clients' runs go on.
- The runbook keeps its own record. Where it could not close it, it is closed here: `unverified` if
  the tenant was or may have been changed, else `failed`.
- The executed notebook is archived whatever happened, with the error in the cell that failed. What
  could not be archived after the record was closed is told with the result, which is not good then.
- Every run ends in a seal. Where it cannot be sealed now, the result says so, and the next command
  seals it.
"""

import ast
import asyncio
import hashlib
import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from jupyter_core.utils import ensure_event_loop

import o365lib
from o365lib import clock
from o365lib.errors import EvidenceError, RunbookError, UsageError
from o365lib.evidence import notebook_store
from o365lib.evidence.archive import Archive, RunFolder, new_run_id
from o365lib.evidence.closing import close_unfinished
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.record import Operator, Outcome, Record
from o365lib.evidence.sealing import Elsewhere, OpenBatch
from o365lib.places import Places
from o365lib.plain_text import one_line
from o365lib.runs import engine
from o365lib.runs.failed_cell import FailedCell, find_failed_cell
from o365lib.runs.summary import RunResult, is_good, reason_of

Parameter = str | bool | int | float

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What is to be run.

    Attributes:
        runbook: the notebook.
        client: the customer.
        places: the project.
        parameters: for the notebook's parameters cell; `client` and `run_id` are added.
        timeout_seconds: after which the run is stopped; `None` is never.
    """

    runbook: Path
    client: str
    places: Places
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    timeout_seconds: float | None = None


def ignore(text: str) -> None:
    """Hear and forget: for callers that want no news of a run."""


def load_papermill() -> Any:
    """Import papermill and return it; call it in the main thread before runs start in others.

    With JupyterLab in the environment papermill's import takes four times as long, because
    jsonschema then builds the grammars of internationalised URLs (`rfc3987_syntax`), which no
    notebook needs. A module that is `None` in `sys.modules` cannot be imported, and jsonschema
    goes on without. https://github.com/python-jsonschema/jsonschema/issues/1428
    """
    sys.modules.setdefault("rfc3987_syntax", cast("Any", None))
    import papermill

    return papermill


def said(error: RunbookError) -> str:
    """Return what an error says happened and is true now; its remedy goes a way of its own."""
    return " ".join(part for part in (error.message, error.state) if part)


def known_parameters(runbook: Path) -> set[str]:
    """Return the names that a notebook's parameters cell assigns.

    Raises:
        UsageError: the notebook cannot be read, or has no such cell.
    """
    try:
        cells = json.loads(runbook.read_bytes())["cells"]
        tagged = [cell for cell in cells if "parameters" in cell["metadata"].get("tags", [])]
        tree = ast.parse("".join(tagged[0]["source"]))
    except (OSError, ValueError, KeyError, TypeError, IndexError, SyntaxError) as error:
        raise UsageError(
            f"{runbook} is not a runbook ({type(error).__name__}).",
            remedy="A runbook is a notebook with one cell tagged `parameters`.",
        ) from error
    targets = [
        target
        for statement in tree.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in (
            statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        )
    ]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def check_request(request: RunRequest) -> None:
    """Make sure that the notebook knows every parameter, where papermill would only warn.

    Raises:
        UsageError: it does not. Nothing was started.
    """
    known = known_parameters(request.runbook)
    if unknown := sorted({*request.parameters, "client", "run_id"} - known):
        raise UsageError(
            f"{request.runbook.name} has no parameter {', '.join(unknown)}.",
            remedy=f"Those that it has: {', '.join(sorted(known))}.",
        )


def run_notebook(
    request: RunRequest,
    *,
    archive: Archive,
    batch: OpenBatch | None = None,
    on_step: Callable[[str], None] = ignore,
    on_prompt: Callable[[str], None] = ignore,
    stop: threading.Event | None = None,
) -> RunResult:
    """Execute a runbook for one client and return what came of it.

    Args:
        request: what to run.
        archive: where record and executed notebook go.
        batch: which it is a part of and whose digest will cover it; by itself it is a batch of one.
        on_step: hears the name of each step that begins, in the calling thread.
        on_prompt: hears what the person must do to sign in; not to be kept or logged.
        stop: when another thread sets it, the run is interrupted and its record closed.

    Raises:
        UsageError: the notebook does not know a parameter. Nothing was started.
    """
    check_request(request)
    begun = clock.monotonic()
    try:
        own = batch or OpenBatch.begin(archive, KeyStore(request.places.keys))
    except EvidenceError as error:
        return _not_begun(request, begun, error)
    stop = stop or threading.Event()
    result = _run(request, begun, batch=own, on_step=on_step, on_prompt=on_prompt, stop=stop)
    if batch is None:
        try:
            own.close()
        except EvidenceError as error:
            return _with_problem(result, _Problem(message=said(error), remedy=error.remedy))
    return result


def _run(
    request: RunRequest,
    begun: float,
    *,
    batch: OpenBatch,
    on_step: Callable[[str], None],
    on_prompt: Callable[[str], None],
    stop: threading.Event,
) -> RunResult:
    started = clock.now()
    run_id = new_run_id(request.runbook.stem)
    try:
        run = batch.begin_run(request.client, run_id, request.runbook.stem)
    except EvidenceError as error:
        return _not_begun(request, begun, error)
    papermill = load_papermill()
    from o365lib.runs.kernel import Control

    control = Control(
        environment=request.places.kernel_environment(driven=True),
        folder=request.runbook.parent.absolute(),
        on_step=on_step,
        on_prompt=on_prompt,
        stop=stop,
        deadline=begun + request.timeout_seconds if request.timeout_seconds else None,
        run_folder=run.path,
    )
    problem = _execute(papermill, request, run, control)
    try:
        record = _closed_record(request, run, started, problem.message, why=control.why)
    except EvidenceError as error:
        reason = f"{said(error)} {problem.message}"
        return _result(
            request,
            begun,
            run=run,
            outcome=Outcome.FAILED,
            reason=reason,
            remedy=error.remedy,
        )
    try:
        sealed = batch.seal(run, elsewhere=Elsewhere(control.own_secrets))
    except EvidenceError as error:
        unsealed = _Problem(message=f"not sealed: {said(error)}", remedy=error.remedy)
        result = _recorded_result(request, begun, run=run, record=record, problem=problem)
        return _with_problem(result, unsealed)
    result = _recorded_result(
        request, begun, run=run, record=sealed.record or record, problem=problem
    )
    return replace(result, seal_file=sealed.seal.link.path)


def _not_begun(request: RunRequest, begun: float, error: EvidenceError) -> RunResult:
    return _result(request, begun, outcome=Outcome.FAILED, reason=said(error), remedy=error.remedy)


def _with_problem(result: RunResult, untold: "_Problem") -> RunResult:
    """Return a result with one more thing that went wrong beside the outcome."""
    problem = "; ".join(each for each in (result.problem, untold.message) if each)
    return replace(
        result,
        problem=problem,
        reason=reason_of(f"{result.reason} But: {untold.message}".strip()),
        remedy=result.remedy or one_line(untold.remedy),
    )


def _recorded_result(
    request: RunRequest, begun: float, *, run: RunFolder, record: Record, problem: "_Problem"
) -> RunResult:
    # A record that the driver closed says it; of a cell's error, one that did not end well does.
    is_told = record.closed_by == "driver" or (problem.is_of_a_cell and not is_good(record.outcome))
    untold = _Problem() if is_told else problem
    return _result(
        request,
        begun,
        run=run,
        outcome=record.outcome,
        reason=f"{record.reason} But: {untold.message}" if untold.message else record.reason,
        remedy=(record.error.remedy if record.error else "") or untold.remedy,
        guard=record.error.guard if record.error else "",
        problem=untold.message,
    )


@dataclass(frozen=True, kw_only=True)
class _Problem:
    """What stopped the execution, in one line; empty if nothing did."""

    message: str = ""
    remedy: str = ""
    is_of_a_cell: bool = False


def _execute(papermill: Any, request: RunRequest, run: RunFolder, control: Any) -> _Problem:
    """Execute the notebook and return what stopped it."""
    parameters = {**request.parameters, "client": request.client, "run_id": run.run_id}
    try:
        papermill.execute_notebook(
            # papermill takes braces in a path for placeholders of its own.
            str(request.runbook.absolute()).replace("{", "{{").replace("}", "}}"),
            notebook_store.address(run),
            parameters=parameters,
            engine_name=engine.NAME,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            control=control,
        )
    except papermill.PapermillExecutionError as error:
        return _Problem(message=reason_of(f"{error.ename}: {error.evalue}"), is_of_a_cell=True)
    except RunbookError as error:  # the archive's own, on its way through papermill
        return _Problem(message=reason_of(said(error)), remedy=error.remedy)
    except Exception as error:  # whatever happens to one client, the others go on
        _logger.debug("papermill stopped", exc_info=True)
        return _Problem(message=reason_of(f"{type(error).__name__}: {error}"))
    finally:
        _close_event_loop()
    return _Problem()


def _close_event_loop() -> None:
    """End the event loop that nbclient made for this thread, and its files with it."""
    ensure_event_loop().close()
    asyncio.set_event_loop(None)


def _closed_record(
    request: RunRequest, run: RunFolder, started: datetime, problem: str, *, why: str
) -> Record:
    """Return the run's record, closed here if the runbook did not close it.

    Args:
        request: what was run.
        run: where.
        started: when.
        problem: what papermill said, in one line.
        why: by what the run was stopped, if it was.

    Raises:
        EvidenceError: the record cannot be read or written.
    """
    is_there = run.record_file.exists()
    record = run.read_record() if is_there else _new_record(request, run, started)
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


def _new_record(request: RunRequest, run: RunFolder, started: datetime) -> Record:
    parameters = request.parameters
    return Record(
        run_id=run.run_id,
        client=request.client,
        runbook=request.runbook.stem,
        runbook_digest=hashlib.sha256(request.runbook.read_bytes()).hexdigest(),
        package_version=o365lib.__version__,
        parameters={**parameters, "client": request.client, "run_id": run.run_id},
        operator=Operator.here(),
        ticket=str(parameters.get("ticket", "")),
        dry_run=bool(parameters.get("dry_run", False)),
        started=started,
    )


def _result(
    request: RunRequest,
    begun: float,
    *,
    run: RunFolder | None = None,
    outcome: str,
    reason: str,
    remedy: str = "",
    guard: str = "",
    problem: str = "",
) -> RunResult:
    return RunResult(
        client=request.client,
        runbook=request.runbook.stem,
        run_id=run.run_id if run else "",
        outcome=str(outcome),
        reason=reason_of(reason),
        remedy=one_line(remedy),
        guard=guard,
        problem=problem,
        record_file=run.record_file if run and run.record_file.exists() else None,
        notebook_file=run.notebook_file if run and run.notebook_file.exists() else None,
        seconds=clock.monotonic() - begun,
    )
