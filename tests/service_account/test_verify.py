"""Reading back: each thing that is not as planned is seen, in one batch a look."""

import pytest

from o365lib.errors import NotVerified
from tests.service_account.job import PATIENCE_SECONDS, failed


@pytest.fixture
def right(job):
    """A job whose account is just as the plan wants it, with the plan."""
    job.add_account("Exchange Administrator")
    return job, job.plan("create", job.look())


def _verified(right):
    job, plan = right
    return job.verify_creation(plan, plan.user_id)


def test_an_account_that_is_as_planned_passes_every_check(right):
    checks = _verified(right)
    assert failed(checks) == []
    assert [check.name for check in checks] == [
        "user principal name",
        "given name",
        "surname",
        "display name",
        "sign-in",
        "licences",
        "roles",
        "scope of the role",
    ]


def test_a_creation_is_verified_in_one_batch_and_nothing_else(right):
    job, plan = right
    before = len(job.ledger.records())
    job.verify_creation(plan, plan.user_id)
    (entry,) = job.ledger.records()[before:]
    assert entry.path == "/v1.0/$batch"
    assert len(entry.items) == 2


# what somebody has done to the account: which check sees it
SPOILT = [
    ({"givenName": "Pat"}, "given name"),
    ({"surname": "Smith"}, "surname"),
    ({"displayName": "Reception"}, "display name"),
    ({"accountEnabled": False}, "sign-in"),
    ({"assignedLicenses": [{"skuId": "c42b9cae-ea4f-4ab7-9717-81576235ccac"}]}, "licences"),
    ({"userPrincipalName": "pp@contoso.example"}, "user principal name"),
]


@pytest.mark.parametrize(("properties", "check"), SPOILT)
def test_an_account_that_is_not_as_planned_fails_just_that_check(right, properties, check):
    job, plan = right
    job.user.update(properties)
    assert failed(job.verify_creation(plan, plan.user_id)) == [check]


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ("Global Administrator", "Exchange Administrator, Global Administrator"),
        (
            "SharePoint Administrator",
            "Exchange Administrator, f28a1f50-f6e7-4571-818b-6a12f2af6b6c",
        ),
    ],
)
def test_a_role_too_many_is_seen_and_named(right, more, found):
    job, plan = right
    job.tenant.assign_role(plan.user_id, more)
    checks = _verified(right)
    assert failed(checks) == ["roles"]
    assert next(check for check in checks if check.name == "roles").found == found


def test_a_role_too_few_is_seen(right):
    job, _ = right
    job.tenant.role_assignments.clear()
    checks = _verified(right)
    assert failed(checks) == ["roles", "scope of the role"]
    assert [check.found for check in checks[-2:]] == ["none", "none"]


def test_a_role_that_is_limited_is_seen(right):
    job, plan = right
    for each in job.tenant.role_assignments.values():
        if each["principalId"] == plan.user_id:
            each["directoryScopeId"] = "/administrativeUnits/1"
    assert failed(_verified(right)) == ["scope of the role"]


def test_an_account_that_is_not_there_is_the_one_thing_said(right):
    job, plan = right
    job.tenant.remove_user(plan.user_id, job.time.now())
    (check,) = _verified(right)
    assert (check.name, check.wanted, check.found) == ("account", "exists", "does not exist")
    assert check.passed is False


def test_another_account_of_the_name_does_not_count(right):
    job, plan = right
    job.tenant.remove_user(plan.user_id, job.time.now())
    job.add_account("Exchange Administrator")
    assert failed(job.verify_creation(plan, plan.user_id)) == ["account"]


def test_what_shows_late_is_looked_for_again(right):
    job, plan = right
    assignment = next(
        key
        for key, each in job.tenant.role_assignments.items()
        if each["principalId"] == plan.user_id
    )
    job.sandbox.role_assignments_lag_seconds = 8
    until = job.time.now().replace(microsecond=0)
    job.tenant.replication.hide(
        "role_assignments", assignment, until.fromtimestamp(until.timestamp() + 8, tz=until.tzinfo)
    )
    assert failed(_verified(right)) == []
    assert sum(job.time.sleeps) >= 6


def test_looking_has_an_end(right):
    job, _ = right
    job.user["accountEnabled"] = False
    slept = sum(job.time.sleeps)
    assert failed(_verified(right)) == ["sign-in"]
    assert sum(job.time.sleeps) - slept == PATIENCE_SECONDS


def test_what_is_right_at_once_is_not_waited_for(right):
    job, _ = right
    slept = list(job.time.sleeps)
    _verified(right)
    assert job.time.sleeps == slept


@pytest.mark.parametrize("effect", ["403", "503"])
@pytest.mark.parametrize("path", ["/users/*", "/roleManagement/*", "/$batch"])
def test_a_tenant_that_cannot_be_read_back_is_unverified_and_not_failed(right, effect, path):
    job, _ = right
    job.fault(effect, path=path, times=None)
    with pytest.raises(NotVerified, match="could not be read back") as caught:
        _verified(right)
    assert caught.value.kind == "unverified"
    assert caught.value.__cause__.status == int(effect)


def test_a_look_that_was_hindered_for_a_moment_is_repeated(right):
    job, _ = right
    job.fault("503", path="/users/*", times=2)
    job.fault("reset-after", path="/$batch")
    assert failed(_verified(right)) == []


# ---- removal -----------------------------------------------------------------------------------


@pytest.fixture
def to_go(job):
    """A job whose account is planned to go, with the plan."""
    job.add_account()
    return job, job.plan("remove", job.look())


def test_gone_means_not_found_by_id_and_found_in_the_recycle_bin(to_go):
    job, plan = to_go
    job.tenant.remove_user(plan.user_id, job.time.now())
    before = len(job.ledger.records())
    checks = job.verify_removal(plan)
    assert failed(checks) == []
    assert checks[1].found.startswith("there, deleted 20")
    (entry,) = job.ledger.records()[before:]
    assert (entry.path, len(entry.items)) == ("/v1.0/$batch", 2)


def test_an_account_that_is_still_there_is_seen(to_go):
    job, plan = to_go
    assert failed(job.verify_removal(plan)) == ["account", "recycle bin"]


def test_an_account_that_was_deleted_for_good_is_seen(to_go):
    job, plan = to_go
    job.tenant.remove_user(plan.user_id, job.time.now())
    job.tenant.purge_user(plan.user_id)
    checks = job.verify_removal(plan)
    assert failed(checks) == ["recycle bin"]
    assert checks[1].found == "not there"


def test_another_account_of_the_name_does_not_hide_that_this_one_is_gone(to_go):
    job, plan = to_go
    job.tenant.remove_user(plan.user_id, job.time.now())
    job.add_account()
    assert failed(job.verify_removal(plan)) == []


def test_where_there_was_no_account_its_name_is_looked_for(job):
    plan = job.plan("remove", job.look())
    assert failed(job.verify_removal(plan)) == []
    job.add_account()
    assert failed(job.verify_removal(plan)) == ["account"]


@pytest.mark.parametrize("path", ["/users/*", "/directory/*", "/$batch"])
def test_a_removal_that_cannot_be_read_back_is_unverified(to_go, path):
    job, plan = to_go
    job.fault("403", path=path, times=None)
    with pytest.raises(NotVerified, match="could not be read back"):
        job.verify_removal(plan)
