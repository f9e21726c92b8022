"""Removing the account in the sandbox: roles first and seen gone, then by object id, undoably."""

from datetime import datetime, timedelta

import pytest

from o365lib.errors import AnswerLost, BadRequest, Forbidden, NotVerified
from o365lib.graph.models import User
from o365lib.graph.role_management import create_role_assignment
from o365lib.service_account.remove import delete_user, revoke_sessions, undo
from tests.service_account.example import EXCHANGE, GLOBAL, make_facts
from tests.service_account.job import ASSIGNMENTS, LOST, PATIENCE_SECONDS, failed


@pytest.fixture
def two_roles(job):
    """A job in a tenant whose account holds both of the vendor's roles."""
    job.add_account("Exchange Administrator", "Global Administrator")
    return job


def _planned(job):
    plan = job.plan("remove", job.look())
    assert plan.refusals == ()
    return plan


def _assert_gone(job, user_id, checks):
    assert failed(checks) == []
    assert user_id not in job.tenant.users
    assert user_id in job.tenant.deleted_users
    assert job.tenant.roles_of(user_id) == set()


# ---- the way it goes ---------------------------------------------------------------------------


def test_roles_are_taken_and_seen_gone_before_the_user_is_deleted_by_its_id(two_roles):
    job, user_id = two_roles, two_roles.user["id"]
    taken = {f"DELETE /v1.0{ASSIGNMENTS}/{key}" for key in _assignments(job, user_id)}
    before = len(job.asked)
    checks = job.remove()
    _assert_gone(job, user_id, checks)
    alone = [seen for seen in job.asked[before:] if not seen.in_batch]
    steps = [f"{seen.method} {seen.path}" for seen in alone]
    assert set(steps[:2]) == taken
    assert steps[2:] == [
        f"GET /v1.0{ASSIGNMENTS}",
        f"POST /v1.0/users/{user_id}/revokeSignInSessions",
        f"DELETE /v1.0/users/{user_id}",
    ]
    assert user_id in alone[2].query


def _assignments(job, user_id):
    return [
        key for key, each in job.tenant.role_assignments.items() if each["principalId"] == user_id
    ]


def test_the_name_of_the_account_is_never_used_to_change_anything(two_roles):
    two_roles.remove()
    assert not [entry for entry in two_roles.written if "practiceprotect" in entry.lower()]


def test_the_sessions_of_the_account_are_ended_before_it_is_deleted(two_roles):
    job, user_id = two_roles, two_roles.user["id"]
    before = job.tenant.sign_in[user_id].valid_from
    job.remove()
    assert job.tenant.sign_in[user_id].valid_from > before


def test_an_account_without_roles_is_deleted_too(job):
    user_id = job.add_account()["id"]
    _assert_gone(job, user_id, job.remove())
    assert [status for status, _ in job.statuses] == ["revoke-sign-in-sessions", "delete-user"]


def test_a_blocked_account_is_deleted_too(job):
    user_id = job.add_account("Exchange Administrator", accountEnabled=False)["id"]
    _assert_gone(job, user_id, job.remove())


def test_where_there_is_no_account_nothing_is_sent(job):
    checks = job.remove()
    assert failed(checks) == []
    assert job.written == []
    assert job.record.changes == []


def test_running_again_changes_nothing(two_roles):
    two_roles.remove()
    written = list(two_roles.written)
    checks = two_roles.begin().remove()
    assert (failed(checks), two_roles.written) == ([], written)


def test_a_person_with_the_lesser_roles_may_remove_it(make_job):
    job = make_job(begin=False)
    user_id = job.add_account("Exchange Administrator")["id"]
    job.begin(as_person=f"engineer@{job.tenant.initial_domain}", runbook="remove")
    assert job.identity.kind == "user"
    _assert_gone(job, user_id, job.remove())


def test_namesakes_are_left_alone(job):
    namesake = job.tenant.add_user(
        user_principal_name=f"practiceprotect@{job.domain}",
        display_name="Practice Protect",
        roles=["Exchange Administrator"],
    )
    user_id = job.add_account("Exchange Administrator")["id"]
    _assert_gone(job, user_id, job.remove())
    assert namesake["id"] in job.tenant.users
    assert job.tenant.roles_of(namesake["id"]) == {EXCHANGE}


# ---- undoing ------------------------------------------------------------------------------------


def test_what_is_kept_is_enough_to_bring_the_account_back_as_it_was(two_roles):
    job = two_roles
    user = dict(job.user)
    roles = job.tenant.roles_of(user["id"])
    job.sandbox.restore_brings_roles_back = False
    kept = undo(job.look())
    _assert_gone(job, user["id"], job.remove())

    answer = job.session.post(f"/directory/deletedItems/{kept['id']}/restore", {})
    restored = User.from_graph(answer)
    for role in kept["role_assignments"]:
        create_role_assignment(
            job.session,
            principal_id=restored.id,
            role_definition_id=role["role_definition_id"],
        )

    after = job.tenant.users[user["id"]]
    volatile = {"signInSessionsValidFromDateTime"}
    assert {k: v for k, v in after.items() if k not in volatile} == {
        k: v for k, v in user.items() if k not in volatile
    }
    assert job.tenant.roles_of(user["id"]) == roles == {EXCHANGE, GLOBAL}


def test_what_is_kept_says_how_and_until_when(two_roles):
    job = two_roles
    kept = undo(job.look())
    assert kept["id"] == job.user["id"]
    assert kept["user"]["userPrincipalName"] == job.upn
    assert {role["display_name"] for role in kept["role_assignments"]} == {
        "Exchange Administrator",
        "Global Administrator",
    }
    assert {role["directory_scope_id"] for role in kept["role_assignments"]} == {"/"}
    until = datetime.fromisoformat(kept["until"])
    assert abs(until - job.time.now() - timedelta(days=30)) < timedelta(minutes=1)
    assert "restore" in kept["how"]


def test_where_there_is_no_account_there_is_nothing_to_undo():
    assert undo(make_facts()) == {}


# ---- lost answers -------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", LOST)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", f"{ASSIGNMENTS}/*"),
        ("POST", "/users/*/revokeSignInSessions"),
        ("DELETE", "/users/*"),
    ],
    ids=["role", "sessions", "user"],
)
def test_a_lost_answer_ends_in_the_same_state(two_roles, effect, method, path):
    job, user_id = two_roles, two_roles.user["id"]
    fault = job.fault(effect, method, path)
    checks = job.remove()
    assert fault.struck == 1
    _assert_gone(job, user_id, checks)
    assert {status for _, status in job.statuses} == {"accepted"}


@pytest.mark.parametrize("effect", ["503", "reset-before"])
@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("DELETE", f"{ASSIGNMENTS}/*", "remove-role"),
        ("POST", "/users/*/revokeSignInSessions", "revoke-sign-in-sessions"),
        ("DELETE", "/users/*", "delete-user"),
    ],
    ids=["role", "sessions", "user"],
)
def test_a_change_that_is_lost_again_and_again_is_unknown_and_the_next_run_ends_it(
    two_roles, effect, method, path, action
):
    job, user_id = two_roles, two_roles.user["id"]
    fault = job.fault(effect, method, path, times=None)
    with pytest.raises(AnswerLost):
        job.remove()
    assert job.statuses[-1] == (action, "unknown")
    assert user_id in job.tenant.users
    fault.times = 0
    _assert_gone(job, user_id, job.begin().remove())


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("DELETE", f"{ASSIGNMENTS}/*", "remove-role"),
        ("POST", "/users/*/revokeSignInSessions", "revoke-sign-in-sessions"),
        ("DELETE", "/users/*", "delete-user"),
    ],
    ids=["role", "sessions", "user"],
)
def test_a_refusal_after_a_lost_answer_stays_unknown(two_roles, method, path, action):
    job = two_roles
    job.fault("reset-before", method, path)
    job.fault("403", method, path)
    with pytest.raises(Forbidden):
        job.remove()
    assert job.statuses[-1] == (action, "unknown")


def test_a_deletion_that_cannot_be_read_back_stays_unknown(two_roles):
    job = two_roles
    plan = _planned(job)
    job.remove_roles(plan)
    job.fault("reset-after", "DELETE", "/users/*")
    job.fault("403", "GET", "/users/*")
    with pytest.raises(Forbidden):
        delete_user(job.session, plan, change_log=job.change_log)
    assert job.statuses[-1] == ("delete-user", "unknown")


def test_a_deleted_user_that_still_shows_after_a_lost_answer_is_not_missed(two_roles):
    job, user_id = two_roles, two_roles.user["id"]
    job.sandbox.deletion_lag_seconds = 4
    job.fault("reset-after", "DELETE", "/users/*")
    _assert_gone(job, user_id, job.remove())


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", f"{ASSIGNMENTS}/*"),
        ("POST", "/users/*/revokeSignInSessions"),
        ("DELETE", "/users/*"),
    ],
    ids=["role", "sessions", "user"],
)
def test_throttled_changes_are_waited_out(two_roles, method, path):
    job, user_id = two_roles, two_roles.user["id"]
    fault = job.fault("429", method, path, retry_after="2", times=3)
    _assert_gone(job, user_id, job.remove())
    assert fault.struck == 3


# ---- lies and lags -----------------------------------------------------------------------------


def test_a_role_that_is_answered_gone_and_stays_keeps_the_account(two_roles):
    job = two_roles
    job.fault("drop", "DELETE", f"{ASSIGNMENTS}/*", times=None)
    with pytest.raises(NotVerified, match="still show") as caught:
        job.remove()
    assert caught.value.state == "The account stands; it was not deleted."
    assert job.user is not None
    assert job.count("DELETE", f"/users/{job.user['id']}") == 0
    assert sum(job.time.sleeps) <= PATIENCE_SECONDS


def test_a_role_that_somebody_gives_in_the_meantime_keeps_the_account(job):
    user_id = job.add_account("Exchange Administrator")["id"]
    plan = _planned(job)
    job.tenant.assign_role(user_id, "SharePoint Administrator")
    with pytest.raises(NotVerified):
        job.remove_roles(plan)
    assert user_id in job.tenant.users


def test_a_role_that_still_shows_for_some_seconds_is_waited_for(two_roles):
    job, user_id = two_roles, two_roles.user["id"]
    job.sandbox.role_assignments_lag_seconds = 8
    _assert_gone(job, user_id, job.remove())
    assert sum(job.time.sleeps) >= 7


def test_a_deletion_that_is_answered_and_dropped_fails_the_verification(two_roles):
    job = two_roles
    job.fault("drop", "DELETE", "/users/*")
    assert failed(job.remove()) == ["account", "recycle bin"]
    assert job.user is not None


def test_a_deletion_that_shows_late_is_waited_for(two_roles):
    job, user_id = two_roles, two_roles.user["id"]
    job.sandbox.deletion_lag_seconds = 6
    job.sandbox.deleted_items_lag_seconds = 10
    _assert_gone(job, user_id, job.remove())
    assert sum(job.time.sleeps) >= 9


# ---- somebody else -----------------------------------------------------------------------------


def test_roles_and_user_that_somebody_took_away_meanwhile_are_as_good(two_roles):
    job, user_id = two_roles, two_roles.user["id"]
    plan = _planned(job)
    job.tenant.remove_user(user_id, job.time.now())
    job.remove_roles(plan)
    delete_user(job.session, plan, change_log=job.change_log)
    assert job.record.changes[-1].note == "it was gone already"
    assert failed(job.verify_removal(plan)) == []


def test_another_account_that_took_the_name_meanwhile_is_left_alone(job):
    user_id = job.add_account("Exchange Administrator")["id"]
    plan = _planned(job)
    job.tenant.remove_user(user_id, job.time.now())
    other = job.add_account("Exchange Administrator", display_name="Pat Smith")
    assert other["id"] != user_id
    job.remove_roles(plan)
    delete_user(job.session, plan, change_log=job.change_log)
    assert other["id"] in job.tenant.users
    assert job.tenant.roles_of(other["id"]) == {EXCHANGE}


def test_the_service_itself_keeps_the_last_administrator_where_the_facts_are_old(job):
    user_id = job.add_account("Global Administrator")["id"]
    plan = _planned(job)
    for user in job.tenant.global_administrators():
        user["accountEnabled"] = user["id"] == user_id
    with pytest.raises(BadRequest, match="last Global Administrator"):
        job.remove_roles(plan)
    assert job.statuses == [("remove-role", "failed")]
    assert job.tenant.roles_of(user_id) == {GLOBAL}


def test_a_refused_deletion_leaves_the_account_without_roles_and_has_failed(two_roles):
    job = two_roles
    job.fault("403", "DELETE", "/users/*")
    with pytest.raises(Forbidden):
        job.remove()
    assert job.statuses[-1] == ("delete-user", "failed")
    assert job.tenant.roles_of(job.user["id"]) == set()


def test_sessions_are_ended_only_as_planned(job):
    revoke_sessions(job.session, _planned(job), change_log=job.change_log)
    assert job.written == []
