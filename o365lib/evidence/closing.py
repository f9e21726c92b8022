"""Closing the record of a run that nobody closed: its kernel died, was stopped, or was left.

- What was under way is said to be of unknown end, never to have failed: it may have taken place.
- The outcome is `unverified` if the tenant was or may have been changed, else `failed`.
"""

from typing import Literal

from o365lib import clock
from o365lib.evidence.record import LONGEST_REASON, ErrorRecord, Outcome, Record
from o365lib.plain_text import one_line

_RUN_AGAIN = "Run the runbook again: it reads the tenant first and does only what is left."


def close_unfinished(
    record: Record,
    *,
    closed_by: Literal["runbook", "driver"],
    message: str,
    error_type: str = "RunError",
    step: str = "",
) -> None:
    """Close a record that is open; the caller writes it.

    Args:
        record: with the outcome `unfinished`.
        closed_by: who closes it.
        message: what ended the run.
        error_type: the name of the error that ended it.
        step: the step in which it ended, where that is known.
    """
    now = clock.now()
    for entry in record.steps:
        if entry.status == "running":
            entry.status, entry.ended = "failed", now
    for change in record.changes:
        if change.status == "started":
            # When it ended, if it did, nobody knows.
            change.status = "unknown"
    if record.hand_over and record.hand_over.status == "started":
        record.hand_over.status = "unknown"
    state = "The tenant was, or may have been, changed." if record.is_changed else ""
    record.outcome = Outcome.UNVERIFIED if record.is_changed else Outcome.FAILED
    known = message or error_type
    record.reason = one_line(f"{known} (step {step})" if step else known, longest=LONGEST_REASON)
    record.error = record.error or ErrorRecord(
        type=error_type, message=known, state=state, remedy=_RUN_AGAIN, step=step
    )
    record.ended, record.closed_by = now, closed_by
