"""What came of a run, from its execution, its record and its seal."""

from dataclasses import replace

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.record import Outcome, Record
from o365lib.evidence.sealing import Elsewhere, OpenBatch
from o365lib.plain_text import one_line
from o365lib.runs.execution import Execution, Problem, said
from o365lib.runs.request import RunRequest
from o365lib.runs.summary import RunResult, is_good, reason_of


def sealed_result(
    request: RunRequest, run: RunFolder, execution: Execution, *, evidence: OpenBatch
) -> RunResult:
    """Seal a run that was executed, and return what came of it.

    A record that could not be closed is not sealed, and what cannot be sealed now says so in the
    result, which is not good then; the next command does what is left.
    """
    trouble = execution.record_problem
    if trouble.message:
        return failed(
            request,
            reason=f"{trouble.message} {execution.problem.message}",
            remedy=trouble.remedy,
            run=run,
            seconds=execution.seconds,
        )
    try:
        sealed = evidence.seal(run, elsewhere=Elsewhere(execution.own_secrets))
    except EvidenceError as error:
        unsealed = Problem(message=f"not sealed: {said(error)}", remedy=error.remedy)
        return with_problem(_recorded(request, run, execution), unsealed)
    result = _recorded(request, run, execution, record=sealed.record)
    return replace(result, seal_file=sealed.seal.link.path)


def failed(
    request: RunRequest,
    *,
    reason: str,
    remedy: str,
    run: RunFolder | None = None,
    seconds: float = 0.0,
) -> RunResult:
    """Return the result of a run that failed around its notebook: it has no closed record."""
    return _result(
        request, run=run, outcome=Outcome.FAILED, reason=reason, remedy=remedy, seconds=seconds
    )


def with_problem(result: RunResult, untold: Problem) -> RunResult:
    """Return a result with one more thing that went wrong beside the outcome."""
    problem = "; ".join(each for each in (result.problem, untold.message) if each)
    return replace(
        result,
        problem=problem,
        reason=reason_of(f"{result.reason} But: {untold.message}".strip()),
        remedy=result.remedy or one_line(untold.remedy),
    )


def _recorded(
    request: RunRequest, run: RunFolder, execution: Execution, *, record: Record | None = None
) -> RunResult:
    try:
        record = record or run.read_record()
    except EvidenceError as error:
        return failed(
            request,
            reason=said(error),
            remedy=error.remedy,
            run=run,
            seconds=execution.seconds,
        )
    problem = execution.problem
    # A record that the driver closed says it; of a cell's error, one that did not end well does.
    is_told = record.closed_by == "driver" or (problem.is_of_a_cell and not is_good(record.outcome))
    untold = Problem() if is_told else problem
    return _result(
        request,
        run=run,
        outcome=record.outcome,
        reason=f"{record.reason} But: {untold.message}" if untold.message else record.reason,
        remedy=(record.error.remedy if record.error else "") or untold.remedy,
        record=record,
        problem=untold.message,
        seconds=execution.seconds,
    )


def _result(
    request: RunRequest,
    *,
    run: RunFolder | None,
    outcome: str,
    reason: str,
    remedy: str = "",
    record: Record | None = None,
    problem: str = "",
    seconds: float,
) -> RunResult:
    error = record.error if record else None
    return RunResult(
        client=request.client,
        runbook=request.runbook.stem,
        run_id=run.run_id if run else "",
        outcome=str(outcome),
        reason=reason_of(reason),
        remedy=one_line(remedy),
        guard=error.guard if error else "",
        error_type=error.type if error else "",
        step=error.step if error else "",
        problem=problem,
        record_file=run.record_file if run and run.record_file.exists() else None,
        notebook_file=run.notebook_file if run and run.notebook_file.exists() else None,
        seconds=seconds,
    )
