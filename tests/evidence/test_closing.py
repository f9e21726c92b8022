"""Closing what nobody closed: nothing that was under way is said to have failed."""

from datetime import UTC, datetime

import pytest

from o365lib.evidence.closing import close_unfinished
from o365lib.evidence.record import (
    LONGEST_REASON,
    Change,
    ErrorRecord,
    HandOverRecord,
    Operator,
    Outcome,
    Record,
    Step,
)
from o365lib.secret import MASK, Secret

THEN = datetime(2026, 11, 23, tzinfo=UTC)


def make_record(**fields):
    return Record(
        run_id="r1",
        client="alpine-books",
        runbook="create_service_account",
        package_version="0",
        operator=Operator(user_name="kim", host_name="desk"),
        started=THEN,
        **fields,
    )


def closed(message="The kernel died.", *, by="driver", **fields):
    record = make_record(**{name: fields[name] for name in fields if name not in {"step", "type"}})
    close_unfinished(
        record,
        closed_by=by,
        message=message,
        step=fields.get("step", ""),
        error_type=fields.get("type", "RunError"),
    )
    return Record.from_json(record.to_json())


def change(status):
    return Change(action="create-user", target="1", started=THEN, status=status)


@pytest.mark.parametrize("by", ["driver", "runbook"])
def test_a_run_that_changed_nothing_has_failed(by):
    record = closed(by=by)
    assert (record.outcome, record.closed_by) == (Outcome.FAILED, by)
    assert (record.reason, record.error.message) == ("The kernel died.", "The kernel died.")
    assert record.error.state == ""
    assert "reads the tenant first" in record.error.remedy
    assert record.ended > THEN


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        ("started", "unknown", Outcome.UNVERIFIED),
        ("accepted", "accepted", Outcome.UNVERIFIED),
        ("unknown", "unknown", Outcome.UNVERIFIED),
        ("failed", "failed", Outcome.FAILED),
    ],
)
def test_a_change_that_was_under_way_is_of_unknown_end(before, after, outcome):
    record = closed(changes=[change(before)])
    assert [each.status for each in record.changes] == [after]
    # Nobody knows when it ended, if it did; a later run must not take it for a new change.
    assert record.changes[0].ended is None
    assert record.outcome == outcome
    assert bool(record.error.state) == (outcome == Outcome.UNVERIFIED)


def test_steps_that_were_running_have_failed_and_the_others_stay():
    steps = [
        Step(name=name, started=THEN, status=name) for name in ("completed", "running", "not done")
    ]
    record = closed(steps=steps)
    assert [step.status for step in record.steps] == ["completed", "failed", "not done"]
    assert [step.ended is not None for step in record.steps] == [False, True, False]


@pytest.mark.parametrize(
    ("before", "after"), [("started", "unknown"), ("accepted", "accepted"), ("failed", "failed")]
)
def test_credentials_that_were_on_their_way_may_have_arrived(before, after):
    entry = HandOverRecord(
        method="mail", recipient="a@example.com", user_id="1", date_time=THEN, status=before
    )
    assert closed(hand_over=entry).hand_over.status == after


def test_the_reason_is_one_line_that_names_the_step_and_no_secret():
    Secret("canary-5522-ee")
    record = closed("It ended\nwith canary-5522-ee. " + "x" * 4000, step="look", type="Odd")
    assert "\n" not in record.reason
    assert MASK in record.reason
    assert len(record.reason) == LONGEST_REASON == 2000
    assert (record.error.type, record.error.step) == ("Odd", "look")
    assert closed("", type="Odd", step="look").reason == "Odd (step look)"
    # What an error says, with an id and a way out, is never cut.
    assert closed("y" * 1500, step="look").reason == f"{'y' * 1500} (step look)"


def test_an_error_that_is_in_the_record_already_stays():
    known = ErrorRecord(type="Forbidden", message="No.")
    assert closed(error=known).error == known
