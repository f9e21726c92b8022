"""Making the account in the sandbox: also where answers are lost, late, refused or lies."""

import pytest

from o365lib import clock
from o365lib.errors import (
    AnswerLost,
    BadRequest,
    ChangeFailed,
    Conflict,
    Forbidden,
    Throttled,
)
from o365lib.evidence.accounts import pending_credentials
from tests.service_account.example import EXCHANGE, GLOBAL
from tests.service_account.job import ASSIGNMENTS, PATIENCE_SECONDS, failed

# ---- what is made ------------------------------------------------------------------------------


def test_the_account_is_made_as_the_article_says(job):
    created, checks = job.create()
    user = job.user
    assert failed(checks) == []
    assert user["id"] == created.user_id
    assert (user["givenName"], user["surname"]) == ("Practice", "Protect")
    assert (user["displayName"], user["mailNickname"]) == ("Practice Protect", "practiceprotect")
    assert (user["accountEnabled"], user["usageLocation"]) == (True, "AU")
    assert user.get("assignedLicenses", []) == []
    assert user["passwordProfile"]["forceChangePasswordNextSignIn"] is True
    job.assert_one_account(created, EXCHANGE)
    assert created.password.reveal() == job.password
    assert job.statuses == [
        ("create-user", "accepted"),
        ("hand-over", "accepted"),
        ("assign-role", "accepted"),
    ]


def test_the_account_for_federation_is_a_global_administrator(make_job):
    job = make_job(client={"purpose": "federation"})
    created, checks = job.create()
    assert failed(checks) == []
    job.assert_one_account(created, GLOBAL)


def test_a_create_run_takes_seven_requests_with_its_sign_in(job):
    job.create()
    paths = [entry.path.partition("?")[0] for entry in job.ledger.records()]
    assert len(paths) == 7
    assert paths[2:] == [
        "/v1.0/$batch",
        "/v1.0/users",
        f"/v1.0/users/admin@{job.tenant.initial_domain}/sendMail",
        f"/v1.0{ASSIGNMENTS}",
        "/v1.0/$batch",
    ]


def test_the_record_tells_the_object_id_and_the_services_request_id(job):
    created, _ = job.create()
    change = job.record.changes[0]
    request = next(entry for entry in job.ledger.records() if entry.path == "/v1.0/users")
    assert change.target == created.user_id
    assert change.request_id == request.request_id != ""


def test_running_again_changes_nothing(job):
    created, _ = job.create()
    written, password = list(job.written), job.password
    again, checks = job.begin().create()
    assert (again.user_id, again.password) == (created.user_id, None)
    assert (job.written, job.password, failed(checks)) == (written, password, [])
    assert job.record.changes == []


@pytest.mark.parametrize(
    ("held", "purpose", "wanted"),
    [
        ([], "mail-redirection", EXCHANGE),
        (["Exchange Administrator"], "federation", GLOBAL),
        (["Global Administrator"], "mail-redirection", EXCHANGE),
        (["Exchange Administrator", "Global Administrator"], "mail-redirection", EXCHANGE),
    ],
)
def test_an_account_that_is_there_is_put_right(make_job, held, purpose, wanted):
    job = make_job(client={"purpose": purpose})
    user = job.add_account(*held)
    password = job.password
    created, checks = job.create()
    assert failed(checks) == []
    assert (created.user_id, created.password) == (user["id"], None)
    job.assert_one_account(created, wanted)
    assert job.password == password


def test_the_new_role_is_there_before_the_old_one_is_taken_away(make_job):
    job = make_job(client={"purpose": "federation"})
    job.add_account("Exchange Administrator")
    job.create()
    assert [entry.split()[0] for entry in job.written] == ["POST", "DELETE"]


def test_a_role_that_somebody_took_away_in_the_meantime_is_as_good(make_job):
    job = make_job(client={"purpose": "federation"})
    user = job.add_account("Exchange Administrator")
    _, plan = job.plan_creation()
    job.tenant.role_assignments = {
        key: each
        for key, each in job.tenant.role_assignments.items()
        if each["principalId"] != user["id"]
    }
    job.assign_roles(plan, user["id"])
    assert failed(job.verify_creation(plan, user["id"])) == []


def test_a_role_that_somebody_gave_in_the_meantime_is_as_good(job):
    facts, plan = job.plan_creation()
    created = job.create_user(facts, plan)
    job.tenant.assign_role(created.user_id, "Exchange Administrator")
    job.assign_roles(plan, created.user_id)
    job.assert_one_account(created, EXCHANGE)
    assert job.count("POST", ASSIGNMENTS) == 1


# ---- lies -----------------------------------------------------------------------------------


def test_a_creation_that_is_answered_and_dropped_ends_in_failure(job):
    job.fault("drop", "POST", "/users")
    facts, plan = job.plan_creation()
    created = job.create_user(facts, plan)
    with pytest.raises(ChangeFailed, match="still does not know the new user"):
        job.assign_roles(plan, created.user_id)
    assert job.accounts == []
    assert failed(job.verify_creation(plan, created.user_id)) == ["account"]


def test_an_assignment_that_is_answered_and_dropped_fails_the_verification(job):
    job.fault("drop", "POST", ASSIGNMENTS)
    _, checks = job.create()
    assert "roles" in failed(checks)


def test_a_role_that_was_not_really_taken_away_fails_the_verification(make_job):
    job = make_job(client={"purpose": "federation"})
    job.add_account("Exchange Administrator")
    job.fault("drop", "DELETE", f"{ASSIGNMENTS}/*")
    _, checks = job.create()
    assert failed(checks) == ["roles"]


def test_a_password_that_was_not_really_set_fails_the_verification(job):
    job.fault("403", "POST", "*sendMail")
    with pytest.raises(Exception, match="could not be sent"):
        job.create()
    job.begin().fault("drop", "PATCH", "/users/*")
    created, checks = job.create(hand_over=False)
    assert created.password.reveal() != job.password
    assert failed(checks) == ["password"]


# ---- patience ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/users", ASSIGNMENTS])
@pytest.mark.parametrize("retry_after", ["2", "2.128", None])
def test_throttled_writes_are_waited_out(job, path, retry_after):
    fault = job.fault("429", "POST", path, retry_after=retry_after, times=3)
    created, checks = job.create()
    assert (fault.struck, failed(checks)) == (3, [])
    job.assert_one_account(created, EXCHANGE)
    if retry_after:
        assert job.time.sleeps.count(float(retry_after)) == 3


def test_a_service_that_goes_on_throttling_is_reported_and_nothing_was_made(job):
    job.fault("429", "POST", "/users", times=None)
    with pytest.raises(Throttled):
        job.create()
    assert job.accounts == []
    assert job.statuses == [("create-user", "failed")]


@pytest.mark.parametrize("lag_seconds", [1, 5, 20])
def test_a_new_user_that_the_directory_does_not_know_yet_is_waited_for(job, lag_seconds):
    job.sandbox.replication_lag_seconds = lag_seconds
    created, checks = job.create()
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)
    assert sum(job.time.sleeps) >= lag_seconds - 1
    # Polled by id, never by assigning again and again.
    assert job.count("POST", ASSIGNMENTS) == 2


def test_waiting_for_a_new_user_has_an_end_and_the_next_run_finishes(job):
    job.sandbox.replication_lag_seconds = 10 * PATIENCE_SECONDS
    with pytest.raises(ChangeFailed, match="still does not know the new user") as caught:
        job.create()
    assert caught.value.state == "The account exists without the role."
    assert job.statuses[-1] == ("assign-role", "failed")
    assert sum(job.time.sleeps) <= PATIENCE_SECONDS + 1
    job.sandbox.clock.advance(seconds=10 * PATIENCE_SECONDS)
    again, checks = job.begin().create()
    assert failed(checks) == []
    job.assert_one_account(again, EXCHANGE)


# ---- somebody else --------------------------------------------------------------------------


def test_an_account_that_somebody_else_made_meanwhile_is_left_alone(job):
    facts, plan = job.plan_creation()
    job.add_account()
    password = job.password
    with pytest.raises(ChangeFailed, match="created by somebody else") as caught:
        job.create_user(facts, plan)
    assert isinstance(caught.value.__cause__, Conflict)
    assert caught.value.state == "This run created nothing."
    assert job.password == password
    assert job.statuses == [("create-user", "failed")]
    assert job.written == ["POST /v1.0/users"]


def test_another_persons_account_is_not_taken_for_ours_after_a_lost_answer(job):
    facts, plan = job.plan_creation()
    job.fault("reset-before", "POST", "/users")
    job.add_account(display_name="Pat Smith", given_name="Pat", surname="Smith")
    password = job.password
    with pytest.raises(ChangeFailed, match="created by somebody else"):
        job.create_user(facts, plan)
    assert job.password == password
    assert job.count("PATCH", f"/users/{job.user['id']}") == 0
    assert job.statuses == [("create-user", "failed")]


def test_another_persons_account_that_shows_late_is_not_taken_for_ours(job):
    facts, plan = job.plan_creation()
    user = job.add_account(display_name="Pat Smith", given_name="Pat", surname="Smith")
    shows = job.time.now().timestamp() + 8
    job.tenant.replication.hide(
        "users", user["id"], job.time.now().fromtimestamp(shows, tz=job.time.now().tzinfo)
    )
    password = job.password
    job.fault("reset-before", "POST", "/users")
    with pytest.raises(ChangeFailed, match="created by somebody else"):
        job.create_user(facts, plan)
    assert job.password == password


# ---- something else has the address ---------------------------------------------------------


@pytest.mark.parametrize("is_user", [True, False])
def test_an_address_that_something_else_has_is_a_failure_that_running_again_does_not_clear(
    job, is_user
):
    _take_address(job, is_user=is_user)
    for _ in range(2):
        facts, plan = job.begin().plan_creation()
        with pytest.raises(ChangeFailed, match="another object of the tenant has this") as caught:
            job.create_user(facts, plan)
        assert isinstance(caught.value.__cause__, Conflict)
        assert ("Front Desk" if is_user else "Group_") in caught.value.message
        assert caught.value.state == "This run created nothing."
        assert caught.value.remedy.startswith("Have the client's administrator free the address")
        assert job.accounts == []
        (change,) = job.record.changes
        assert (change.action, change.status) == ("create-user", "failed")
        assert "property proxyAddresses already exists" in change.note
        refused = next(entry for entry in job.ledger.records() if entry.path == "/v1.0/users")
        assert change.request_id == refused.request_id != ""


def test_once_the_address_is_free_running_again_makes_the_account(job):
    holder = _take_address(job)
    with pytest.raises(ChangeFailed):
        job.create()
    holder["proxyAddresses"].clear()
    created, checks = job.begin().create()
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)


def test_an_address_that_something_else_has_settles_what_became_of_a_lost_creation(job):
    _take_address(job)
    facts, plan = job.plan_creation()
    job.fault("reset-before", "POST", "/users")
    with pytest.raises(ChangeFailed, match="another object of the tenant has this address"):
        job.create_user(facts, plan)
    assert job.statuses == [("create-user", "failed")]


def test_a_second_try_in_the_same_run_says_as_well_what_has_the_address(job):
    facts, plan = job.plan_creation()
    fault = job.fault("reset-before", "POST", "/users", times=None)
    with pytest.raises(AnswerLost):
        job.create_user(facts, plan)
    fault.times = 0
    _take_address(job)
    with pytest.raises(ChangeFailed, match="another object of the tenant has this address"):
        job.create_user(facts, plan)
    assert job.statuses == [("create-user", "unknown"), ("create-user", "failed")]


def test_a_name_that_an_earlier_try_of_this_run_may_have_taken_is_nobody_elses(job):
    job.sandbox.replication_lag_seconds = 1000
    job.fault("reset-after", "POST", "/users")
    facts, plan = job.plan_creation()
    with pytest.raises(AnswerLost):
        job.create_user(facts, plan)
    with pytest.raises(Conflict):
        job.create_user(facts, plan)
    assert job.statuses == [("create-user", "unknown"), ("create-user", "unknown")]


def test_an_account_that_shows_after_all_is_ours_though_its_address_is_said_to_be_taken(
    job, monkeypatch
):
    facts, plan = job.plan_creation()
    _take_address(job)
    job.fault("reset-before", "POST", "/users")

    def show_after_the_second_try(seconds):
        job.time.sleep(seconds)
        if job.count("POST", "/users") == 2 and not job.accounts:
            job.add_account()

    monkeypatch.setattr(clock, "sleep", show_after_the_second_try)
    created = job.create_user(facts, plan)
    assert created.user_id == job.user["id"]
    assert created.password.reveal() == job.password
    assert job.statuses[0] == ("create-user", "accepted")


def _take_address(job, *, is_user=True):
    address = f"smtp:{job.upn}"
    if is_user:
        return job.tenant.add_user(
            user_principal_name=f"desk@{job.domain}",
            display_name="Front Desk",
            proxy_addresses=[address],
        )
    group = "Group_0a1b2c3d-0000-4000-8000-1234567890ab"
    job.tenant.other_recipients[group] = [address]
    return None


# ---- refusals -------------------------------------------------------------------------------


def test_a_refused_creation_has_failed_and_nothing_is_pending(job):
    facts, plan = job.plan_creation()
    job.fault("403", "POST", "/users")
    with pytest.raises(Forbidden):
        job.create_user(facts, plan)
    assert job.statuses == [("create-user", "failed")]
    assert job.accounts == []
    pending = pending_credentials(
        [job.record], user_id="any", user_principal_name=job.upn, created=job.time.now()
    )
    assert pending == ""


def test_a_password_that_the_tenants_own_list_bans_is_refused_and_nothing_is_made(job):
    facts, plan = job.plan_creation()
    job.fault("400", "POST", "/users")
    with pytest.raises(BadRequest):
        job.create_user(facts, plan)
    assert job.accounts == []


def test_a_refused_assignment_leaves_the_account_and_the_next_run_finishes(job):
    job.fault("403", "POST", ASSIGNMENTS)
    with pytest.raises(Forbidden):
        job.create()
    assert job.statuses[-1] == ("assign-role", "failed")
    password = job.password
    created, checks = job.begin().create()
    assert failed(checks) == []
    job.assert_one_account(created, EXCHANGE)
    assert (created.password, job.password) == (None, password)
