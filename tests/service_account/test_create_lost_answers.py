"""Creation where an answer is lost: one account, one assignment, a password in force."""

import pytest

from o365lib.errors import (
    AnswerLost,
    Forbidden,
)
from tests.service_account.example import EXCHANGE, GLOBAL
from tests.service_account.job import (
    ASSIGNMENTS,
    LOST,
    LOST_AFTER,
    LOST_BEFORE,
    PATIENCE_SECONDS,
    failed,
)


@pytest.mark.parametrize("effect", LOST)
def test_a_lost_answer_to_the_creation_leaves_one_account_and_a_password_in_force(job, effect):
    fault = job.fault(effect, "POST", "/users")
    created, checks = job.create()
    assert fault.struck == 1
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)
    assert created.password.reveal() == job.password
    assert job.statuses[0] == ("create-user", "accepted")
    assert job.record.changes[0].target == created.user_id
    # Not repeated blindly: where the first try had worked, there is no second one.
    assert job.count("POST", "/users") == (1 if effect in LOST_AFTER else 2)


@pytest.mark.parametrize("effect", ["reset-after", "503-after"])
def test_an_account_that_shows_late_after_a_lost_answer_is_found_all_the_same(job, effect):
    job.sandbox.replication_lag_seconds = 8
    job.fault(effect, "POST", "/users")
    created, checks = job.create()
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)
    assert created.password.reveal() == job.password


@pytest.mark.parametrize("effect", LOST_BEFORE)
def test_a_creation_that_is_lost_again_and_again_is_reported_as_unknown(job, effect):
    job.fault(effect, "POST", "/users", times=None)
    facts, plan = job.plan_creation()
    with pytest.raises(AnswerLost):
        job.create_user(facts, plan)
    assert job.accounts == []
    assert job.statuses == [("create-user", "unknown")]


@pytest.mark.parametrize("effect", LOST_BEFORE)
def test_the_run_after_an_unknown_creation_makes_the_account(job, effect):
    fault = job.fault(effect, "POST", "/users", times=None)
    with pytest.raises(AnswerLost):
        job.create()
    fault.times = 0
    created, checks = job.begin().create()
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)
    assert created.password.reveal() == job.password


def test_an_account_whose_creator_never_learnt_of_it_gets_a_new_password_next_time(job):
    """Created, the answer lost, and then nothing could be read any more."""
    job.fault("reset-after", "POST", "/users")
    blind = job.fault("403", "GET", "/users/*", times=None, in_batch=False)
    with pytest.raises(Forbidden):
        job.create()
    assert job.statuses == [("create-user", "unknown")]
    assert len(job.accounts) == 1
    first, blind.times = job.password, 0
    created, checks = job.begin().create()
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)
    assert created.password.reveal() == job.password != first


def test_a_password_that_could_not_be_made_certain_is_replaced_next_time(job):
    job.fault("reset-after", "POST", "/users")
    job.fault("403", "PATCH", "/users/*")
    with pytest.raises(Forbidden):
        job.create()
    assert job.statuses == [("create-user", "unknown"), ("set-password", "failed")]
    created, checks = job.begin().create()
    assert failed(checks) == []
    assert created.password.reveal() == job.password


def test_a_password_that_was_to_be_made_certain_and_was_dropped_is_not_in_force(job):
    job.fault("reset-after", "POST", "/users")
    job.fault("drop", "PATCH", "/users/*")
    _, checks = job.create()
    assert failed(checks) == ["password"]


def test_an_account_that_is_found_within_the_second_of_its_creation_has_a_password_in_force(job):
    job.sandbox.clock.stop()
    job.fault("reset-after", "POST", "/users")
    created, checks = job.create()
    job.sandbox.clock.resume()
    assert failed(checks) == []
    assert "password" in [check.name for check in checks]
    assert created.password.reveal() == job.password


@pytest.mark.parametrize("effect", LOST)
def test_a_lost_answer_to_the_assignment_leaves_exactly_one(job, effect):
    fault = job.fault(effect, "POST", ASSIGNMENTS)
    created, checks = job.create()
    assert fault.struck == 1
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)
    assert job.statuses[-1] == ("assign-role", "accepted")
    # Read back before it is asked for again.
    assert job.count("POST", ASSIGNMENTS) == (1 if effect in LOST_AFTER else 2)


@pytest.mark.parametrize("effect", LOST_AFTER)
def test_an_assignment_that_shows_late_after_a_lost_answer_is_not_made_twice(job, effect):
    job.sandbox.role_assignments_lag_seconds = 8
    job.fault(effect, "POST", ASSIGNMENTS)
    created, checks = job.create()
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)


def test_an_assignment_that_is_lost_again_and_again_is_unknown_and_the_next_run_makes_it(job):
    fault = job.fault("reset-before", "POST", ASSIGNMENTS, times=None)
    with pytest.raises(AnswerLost):
        job.create()
    assert job.statuses[-1] == ("assign-role", "unknown")
    assert sum(job.time.sleeps) == PATIENCE_SECONDS
    fault.times = 0
    created, checks = job.begin().create()
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)


def test_an_assignment_that_cannot_be_read_after_a_lost_answer_stays_unknown(job):
    job.fault("reset-after", "POST", ASSIGNMENTS)
    facts, plan = job.plan_creation()
    created = job.create_user(facts, plan)
    job.fault("403", "GET", ASSIGNMENTS, times=None)
    with pytest.raises(Forbidden):
        job.assign_roles(plan, created.user_id)
    assert job.statuses[-1] == ("assign-role", "unknown")


@pytest.mark.parametrize("effect", LOST)
def test_a_lost_answer_to_taking_a_role_away_is_no_failure(make_job, effect):
    job = make_job(client={"purpose": "federation"})
    job.add_account("Exchange Administrator")
    fault = job.fault(effect, "DELETE", f"{ASSIGNMENTS}/*")
    created, checks = job.create()
    assert fault.struck == 1
    assert failed(checks) == []
    job.assert_one_account(created, GLOBAL)


def test_taking_a_role_away_that_is_refused_after_a_lost_answer_stays_unknown(make_job):
    job = make_job(client={"purpose": "federation"})
    job.add_account("Exchange Administrator")
    job.fault("reset-before", "DELETE", f"{ASSIGNMENTS}/*")
    job.fault("403", "DELETE", f"{ASSIGNMENTS}/*")
    with pytest.raises(Forbidden):
        job.create()
    assert job.statuses[-1] == ("remove-role", "unknown")


def test_a_creation_that_is_tried_again_in_its_own_run_finds_what_it_made(job):
    """The answer was lost, and the directory did not show the account for a while."""
    job.sandbox.replication_lag_seconds = 60
    job.fault("reset-after", "POST", "/users")
    facts, plan = job.plan_creation()
    with pytest.raises(AnswerLost):
        job.create_user(facts, plan)
    job.sandbox.clock.advance(seconds=61)
    created = job.create_user(facts, plan)
    assert [each["id"] for each in job.accounts] == [created.user_id]
    assert created.password.reveal() == job.password
