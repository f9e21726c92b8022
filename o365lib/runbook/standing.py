"""What of a run stands: one run, one plan, one approval.

- From its first change on, whatever became of that, a run keeps who signed in, what was read,
  planned and approved: the record proves the change by these.
- A run that was closed is closed; opening the runbook begins another.
- Who would alter what stands is told so before anything happens: nothing in the record or in its
  file changes, and it is not the run's failure.
- An error that knows only of itself does not say that nothing was changed where this run has
  changed something.
"""

from o365lib.errors import (
    NOTHING_CHANGED,
    ChangeFailed,
    EvidenceError,
    Forbidden,
    HandOverFailed,
    NotVerified,
    Refused,
    RunbookError,
    RunError,
    SignInError,
    StepTooLate,
)
from o365lib.evidence.record import Record

NEW_RUN = (
    "Start a new run (execute the notebook from its first cell, or `o365 run` again): it reads the "
    "tenant first and does only what is left."
)
SO_FAR = "What this run has changed so far stands in its record."

_IN_THE_RECORD = "What this run has changed stands in its record."
_LOOK_AGAIN = (
    "Execute 'look' and 'plan' again, and confirm the new plan; in a batch, run the command again."
)

# What clears these takes a new sign-in or a new look, whose steps are not executed again.
_TAKE_A_NEW_RUN = (Forbidden, Refused, SignInError)

# These are raised by whoever knows what became of the account, and say it.
_KNOW_THE_ACCOUNT = (ChangeFailed, EvidenceError, HandOverFailed, NotVerified, RunError)


def is_frozen(record: Record) -> bool:
    """Whether identity, facts, plan and approval can no longer be altered."""
    return bool(record.changes)


def require_alterable(
    record: Record, step: str, *, prepares: bool, is_closed: bool, outstanding: str
) -> None:
    """Make sure that a step alters nothing that stands.

    Args:
        record: the run's; it is only read.
        step: which is to be executed, in words.
        prepares: whether it comes before the changes.
        is_closed: whether the run is.
        outstanding: the step that is left, in words.

    Raises:
        StepTooLate: it would; the step was not begun.
    """
    if is_closed:
        raise StepTooLate(
            f"This run is closed, and its record stands: {record.outcome}, {record.reason}.",
            state=_IN_THE_RECORD if record.is_changed else "",
            remedy=NEW_RUN,
        )
    if prepares and is_frozen(record):
        whose = f", which {record.approval.approved_by} has approved" if record.approval else ""
        raise StepTooLate(
            f"This run has begun to carry out its plan{whose}: what was read, planned and approved "
            f"stands, and {step!r} is not executed again.",
            state=SO_FAR if record.is_changed else "",
            remedy=f"To go on with this run, execute the cell {outstanding!r}. {NEW_RUN}",
        )


def way_back(record: Record) -> str:
    """Return what to do where the plan no longer fits the tenant."""
    return NEW_RUN if is_frozen(record) else _LOOK_AGAIN


def tell_all(record: Record, error: RunbookError) -> None:
    """Let an error that ends a step say what is true of the whole run, and the way out."""
    takes_new_run = isinstance(error, _TAKE_A_NEW_RUN) and is_frozen(record)
    if takes_new_run and NEW_RUN not in error.remedy:
        error.remedy = f"{error.remedy} {NEW_RUN}".strip()
    if not record.is_changed or SO_FAR in error.state:
        return
    if not error.state or error.state == NOTHING_CHANGED:
        error.state = SO_FAR
    elif not isinstance(error, _KNOW_THE_ACCOUNT):
        error.state = f"{error.state} {SO_FAR}"
