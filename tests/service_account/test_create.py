"""Making the account in the sandbox: also where answers are lost, late, refused or lies."""

import secrets

import pytest

from o365lib.errors import (
    AnswerLost,
    BadRequest,
    ChangeFailed,
    Conflict,
    Forbidden,
    GraphError,
    Throttled,
)
from o365lib.evidence.record import pending_credentials
from o365lib.service_account.create import new_password, pauses, replace_password
from o365lib.service_account.plan import PlannedChange
from tests.service_account.example import DEFAULTS, EXCHANGE, GLOBAL, make_facts
from tests.service_account.job import PATIENCE_SECONDS, failed

ASSIGNMENTS = "/roleManagement/directory/roleAssignments"

# Refused before any work, lost on the way there, or done and then lost on the way back.
LOST_BEFORE = ["500", "502", "503", "504", "reset-before"]
LOST_AFTER = ["500-after", "503-after", "504-after", "reset-after", "non-json", "wrong-body"]
LOST = LOST_BEFORE + LOST_AFTER


@pytest.fixture
def allowed_everything(make_job):
    """A job whose application may also set an administrator's password."""
    job = make_job(begin=False)
    application = job.tenant.application
    job.tenant.assign_role(application.object_id, "Privileged Authentication Administrator")
    return job.begin()


def _planned(job):
    facts = job.look()
    plan = job.plan("create", facts)
    assert plan.refusals == ()
    return facts, plan


def _assert_one_account_with(job, created, *roles):
    assert len(job.accounts) == 1
    assert job.user["id"] == created.user_id
    held = [
        each["roleDefinitionId"]
        for each in job.tenant.role_assignments.values()
        if each["principalId"] == created.user_id
    ]
    assert sorted(held) == sorted(roles)


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
    _assert_one_account_with(job, created, EXCHANGE)
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
    _assert_one_account_with(job, created, GLOBAL)


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
    _assert_one_account_with(job, created, wanted)
    assert job.password == password


def test_the_new_role_is_there_before_the_old_one_is_taken_away(make_job):
    job = make_job(client={"purpose": "federation"})
    job.add_account("Exchange Administrator")
    job.create()
    assert [entry.split()[0] for entry in job.written] == ["POST", "DELETE"]


def test_a_role_that_somebody_took_away_in_the_meantime_is_as_good(make_job):
    job = make_job(client={"purpose": "federation"})
    user = job.add_account("Exchange Administrator")
    _, plan = _planned(job)
    job.tenant.role_assignments = {
        key: each
        for key, each in job.tenant.role_assignments.items()
        if each["principalId"] != user["id"]
    }
    job.assign_roles(plan, user["id"])
    assert failed(job.verify_creation(plan, user["id"])) == []


def test_a_role_that_somebody_gave_in_the_meantime_is_as_good(job):
    facts, plan = _planned(job)
    created = job.create_user(facts, plan)
    job.tenant.assign_role(created.user_id, "Exchange Administrator")
    job.assign_roles(plan, created.user_id)
    _assert_one_account_with(job, created, EXCHANGE)
    assert job.count("POST", ASSIGNMENTS) == 1


# ---- lost answers --------------------------------------------------------------------------


@pytest.mark.parametrize("effect", LOST)
def test_a_lost_answer_to_the_creation_leaves_one_account_and_a_password_in_force(job, effect):
    fault = job.fault(effect, "POST", "/users")
    created, checks = job.create()
    assert fault.struck == 1
    assert failed(checks) == []
    _assert_one_account_with(job, created, EXCHANGE)
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
    _assert_one_account_with(job, created, EXCHANGE)
    assert created.password.reveal() == job.password


@pytest.mark.parametrize("effect", LOST_BEFORE)
def test_a_creation_that_is_lost_again_and_again_is_reported_as_unknown(job, effect):
    job.fault(effect, "POST", "/users", times=None)
    facts, plan = _planned(job)
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
    _assert_one_account_with(job, created, EXCHANGE)
    assert created.password.reveal() == job.password


def test_an_account_whose_creator_never_learnt_of_it_gets_a_new_password_next_time(job):
    """Created, the answer lost, and then nothing could be read any more."""
    job.fault("reset-after", "POST", "/users")
    blind = job.fault("403", "GET", "/users/*", times=None)
    with pytest.raises(Forbidden):
        job.create()
    assert job.statuses == [("create-user", "unknown")]
    assert len(job.accounts) == 1
    first, blind.times = job.password, 0
    created, checks = job.begin().create()
    assert failed(checks) == []
    _assert_one_account_with(job, created, EXCHANGE)
    assert created.password.reveal() == job.password != first


def test_a_password_that_could_not_be_made_certain_is_replaced_next_time(job):
    job.fault("reset-after", "POST", "/users")
    job.fault("403", "PATCH", "/users/*")
    with pytest.raises(Forbidden):
        job.create()
    assert job.statuses == [("create-user", "unknown")]
    created, checks = job.begin().create()
    assert failed(checks) == []
    assert created.password.reveal() == job.password


@pytest.mark.parametrize("effect", LOST)
def test_a_lost_answer_to_the_assignment_leaves_exactly_one(job, effect):
    fault = job.fault(effect, "POST", ASSIGNMENTS)
    created, checks = job.create()
    assert fault.struck == 1
    assert failed(checks) == []
    _assert_one_account_with(job, created, EXCHANGE)
    assert job.statuses[-1] == ("assign-role", "accepted")
    # Read back before it is asked for again.
    assert job.count("POST", ASSIGNMENTS) == (1 if effect in LOST_AFTER else 2)


@pytest.mark.parametrize("effect", LOST_AFTER)
def test_an_assignment_that_shows_late_after_a_lost_answer_is_not_made_twice(job, effect):
    job.sandbox.role_assignments_lag_seconds = 8
    job.fault(effect, "POST", ASSIGNMENTS)
    created, checks = job.create()
    assert failed(checks) == []
    _assert_one_account_with(job, created, EXCHANGE)


def test_an_assignment_that_is_lost_again_and_again_is_unknown_and_the_next_run_makes_it(job):
    fault = job.fault("reset-before", "POST", ASSIGNMENTS, times=None)
    with pytest.raises(AnswerLost):
        job.create()
    assert job.statuses[-1] == ("assign-role", "unknown")
    assert sum(job.time.sleeps) == PATIENCE_SECONDS
    fault.times = 0
    created, checks = job.begin().create()
    assert failed(checks) == []
    _assert_one_account_with(job, created, EXCHANGE)


def test_an_assignment_that_cannot_be_read_after_a_lost_answer_stays_unknown(job):
    job.fault("reset-after", "POST", ASSIGNMENTS)
    facts, plan = _planned(job)
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
    _assert_one_account_with(job, created, GLOBAL)


def test_taking_a_role_away_that_is_refused_after_a_lost_answer_stays_unknown(make_job):
    job = make_job(client={"purpose": "federation"})
    job.add_account("Exchange Administrator")
    job.fault("reset-before", "DELETE", f"{ASSIGNMENTS}/*")
    job.fault("403", "DELETE", f"{ASSIGNMENTS}/*")
    with pytest.raises(Forbidden):
        job.create()
    assert job.statuses[-1] == ("remove-role", "unknown")


# ---- lies -----------------------------------------------------------------------------------


def test_a_creation_that_is_answered_and_dropped_ends_in_failure(job):
    job.fault("drop", "POST", "/users")
    facts, plan = _planned(job)
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
    _assert_one_account_with(job, created, EXCHANGE)
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
    _assert_one_account_with(job, created, EXCHANGE)
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
    _assert_one_account_with(job, again, EXCHANGE)


def test_pauses_grow_and_add_up_to_the_patience():
    assert list(pauses(25)) == [1, 2, 3, 5, 8, 6]
    assert list(pauses(1)) == [1]
    assert list(pauses(0)) == []
    assert sum(pauses(60)) == 60


# ---- somebody else --------------------------------------------------------------------------


def test_an_account_that_somebody_else_made_meanwhile_is_left_alone(job):
    facts, plan = _planned(job)
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
    facts, plan = _planned(job)
    job.fault("reset-before", "POST", "/users")
    job.add_account(display_name="Pat Smith", given_name="Pat", surname="Smith")
    password = job.password
    with pytest.raises(ChangeFailed, match="created by somebody else"):
        job.create_user(facts, plan)
    assert job.password == password
    assert job.count("PATCH", f"/users/{job.user['id']}") == 0
    assert job.statuses == [("create-user", "failed")]


def test_another_persons_account_that_shows_late_is_not_taken_for_ours(job):
    facts, plan = _planned(job)
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


# ---- refusals -------------------------------------------------------------------------------


def test_a_refused_creation_has_failed_and_nothing_is_pending(job):
    facts, plan = _planned(job)
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
    facts, plan = _planned(job)
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
    _assert_one_account_with(job, created, EXCHANGE)
    assert (created.password, job.password) == (None, password)


# ---- passwords ------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", LOST)
def test_a_replaced_password_is_the_one_in_force_though_an_answer_was_lost(job, effect):
    job.create(hand_over=False)
    before = job.password
    job.begin().fault(effect, "PATCH", "/users/*")
    planned = PlannedChange(action="set-password", target=job.user["id"], title="Replace it")
    job.sandbox.clock.advance(seconds=2)
    # The account holds a role by now: only a higher one may set its password.
    held = dict(job.tenant.role_assignments)
    job.tenant.role_assignments.clear()
    password = replace_password(
        job.session, planned, facts=make_facts(), defaults=DEFAULTS, change_log=job.change_log
    )
    job.tenant.role_assignments.update(held)
    assert password.reveal() == job.password != before
    assert job.statuses == [("set-password", "accepted")]


def test_a_password_that_is_refused_after_a_lost_answer_is_unknown(job):
    user = job.add_account()
    job.fault("reset-after", "PATCH", "/users/*")
    job.fault("403", "PATCH", "/users/*")
    planned = PlannedChange(action="set-password", target=user["id"], title="Replace it")
    with pytest.raises(Forbidden):
        replace_password(
            job.session, planned, facts=make_facts(), defaults=DEFAULTS, change_log=job.change_log
        )
    assert job.statuses == [("set-password", "unknown")]


def test_an_administrators_password_takes_a_higher_role(job, allowed_everything):
    for each, may in ((job, False), (allowed_everything, True)):
        user = each.add_account("Exchange Administrator")
        planned = PlannedChange(action="set-password", target=user["id"], title="Replace it")
        options = {"facts": make_facts(), "defaults": DEFAULTS, "change_log": each.change_log}
        if may:
            password = replace_password(each.session, planned, **options)
            assert password.reveal() == each.password
        else:
            with pytest.raises(GraphError):
                replace_password(each.session, planned, **options)


BANNED = ["practice", "Protect", "PR0TECT", "alpine", "b00ks", "@lpenglow", "winter", "abcd"]


@pytest.mark.parametrize("word", BANNED)
def test_a_password_contains_no_name_of_account_vendor_or_tenant(word, monkeypatch):
    spoilt, good = f"Aa3#{word}".ljust(24, "x"), "Zx7#" * 5 + "Zx7Z"
    chosen = iter(spoilt + good)
    monkeypatch.setattr(secrets, "choice", lambda _: next(chosen))
    facts = make_facts(display_name="Alpine Books Pty", initial_domain="alpenglow.onmicrosoft.com")
    defaults = DEFAULTS.model_copy(update={"banned_words": ("winter", "abcd")})
    assert new_password(facts, defaults).reveal() == good


def test_a_password_is_as_long_as_the_defaults_say():
    for length in (12, 24, 256):
        defaults = DEFAULTS.model_copy(update={"password_length": length})
        assert len(new_password(make_facts(), defaults).reveal()) == length


def test_no_password_is_in_the_record_or_the_ledger(job):
    created, _ = job.create()
    password = created.password.reveal()
    for file in job.folder.path.rglob("*"):
        assert password not in file.read_text("utf-8")
    assert password not in repr(job.ledger.records())
    assert password not in repr(created)
