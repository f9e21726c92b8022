import copy
from datetime import UTC, datetime

import pytest

from o365lib.errors import (
    NOTHING_CHANGED,
    AnswerLost,
    ChangeFailed,
    EvidenceError,
    Forbidden,
    HandOverFailed,
    NotVerified,
    Refused,
    RunError,
    SignInError,
    StepTooLate,
)
from o365lib.evidence.record import Approval, Change, Operator, Outcome, Record
from o365lib.runbook import standing

NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)


def record(*statuses, **changes):
    content = {
        "run_id": "r1",
        "client": "contoso",
        "runbook": "create_service_account",
        "package_version": "0",
        "operator": Operator(user_name="kim", host_name="desk"),
        "started": NOW,
        "changes": [
            Change(action="create-user", target="p@x", started=NOW, status=status)
            for status in statuses
        ],
    }
    return Record(**(content | changes))


def require(kept, *, prepares=True, is_closed=False):
    standing.require_alterable(
        kept, "look", prepares=prepares, is_closed=is_closed, outstanding="hand over"
    )


@pytest.mark.parametrize("status", ["started", "accepted", "failed", "unknown"])
def test_the_first_change_freezes_a_run_whatever_became_of_it(status):
    assert standing.is_frozen(record(status))
    with pytest.raises(StepTooLate):
        require(record(status))


def test_before_the_first_change_everything_may_be_repeated():
    assert not standing.is_frozen(record())
    require(record())


def test_changes_may_be_executed_again_while_the_run_is_open():
    require(record("accepted"), prepares=False)


def test_a_frozen_run_says_who_approved_what_stands_and_how_to_go_on():
    approval = Approval(approved_by="Kim", how="form", plan_digest="d", date_time=NOW)
    with pytest.raises(StepTooLate) as caught:
        require(record("accepted", approval=approval))
    assert "which Kim has approved" in caught.value.message
    assert "'look' is not executed again" in caught.value.message
    assert caught.value.state == standing.SO_FAR
    assert caught.value.remedy.startswith("To go on with this run, execute the cell 'hand over'.")
    assert caught.value.remedy.endswith(standing.NEW_RUN)


@pytest.mark.parametrize("prepares", [True, False])
def test_a_closed_run_says_how_it_ended_and_that_a_new_one_is_the_way(prepares):
    kept = record("accepted", outcome=Outcome.DONE, reason="created")
    with pytest.raises(StepTooLate, match=r"closed, .*: done, created\.") as caught:
        require(kept, prepares=prepares, is_closed=True)
    assert caught.value.remedy == standing.NEW_RUN


@pytest.mark.parametrize("is_closed", [True, False])
def test_where_nothing_took_place_nothing_is_said_to_have_been_changed(is_closed):
    with pytest.raises(StepTooLate) as caught:
        require(record("failed"), is_closed=is_closed)
    assert caught.value.state == ""


def test_the_way_back_is_the_plan_until_something_was_changed_and_then_a_new_run():
    assert standing.way_back(record()).startswith("Execute 'look' and 'plan' again")
    assert standing.way_back(record("failed")) == standing.NEW_RUN


OF_THEMSELVES = [
    SignInError("No."),
    Refused("some-guard", "No."),
    Forbidden("No."),
    Forbidden("No.", state="This request changed nothing."),
    AnswerLost("Lost."),
]


@pytest.mark.parametrize("error", OF_THEMSELVES, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("status", ["started", "accepted", "unknown"])
def test_an_error_that_knows_only_of_itself_tells_of_what_the_run_has_changed(error, status):
    error = copy.copy(error)
    own = error.state
    for _ in range(2):
        standing.tell_all(record("failed", status), error)
    assert error.state.endswith(standing.SO_FAR)
    assert error.state.count(standing.SO_FAR) == 1
    assert NOTHING_CHANGED not in error.state
    if own != NOTHING_CHANGED:
        assert own in error.state


@pytest.mark.parametrize(
    "kind", [ChangeFailed, EvidenceError, HandOverFailed, NotVerified, RunError]
)
def test_an_error_that_knows_what_became_of_the_account_says_only_that(kind):
    error = kind("No.", state="The account exists without the role.")
    standing.tell_all(record("accepted"), error)
    assert error.state == "The account exists without the role."
    silent = kind("No.")
    standing.tell_all(record("accepted"), silent)
    assert silent.state == standing.SO_FAR


@pytest.mark.parametrize("statuses", [[], ["failed"]])
def test_where_nothing_was_changed_an_error_may_say_so(statuses):
    error = Refused("some-guard", "No.")
    standing.tell_all(record(*statuses), error)
    assert error.state == NOTHING_CHANGED


ASK_FOR_MORE = [SignInError, Forbidden, lambda *texts, **more: Refused("guard", *texts, **more)]


@pytest.mark.parametrize("make", ASK_FOR_MORE, ids=["sign-in", "403", "guard"])
def test_what_takes_a_new_sign_in_or_look_sends_to_a_new_run_in_mid_run_only(make):
    early, late = (make("No.", remedy="Ask for it.") for _ in range(2))
    standing.tell_all(record(), early)
    assert early.remedy == "Ask for it."
    for _ in range(2):
        standing.tell_all(record("failed"), late)
    assert late.remedy == f"Ask for it. {standing.NEW_RUN}"
