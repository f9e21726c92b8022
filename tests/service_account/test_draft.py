"""Drafting: which changes lead from the tenant as it is to what the client file wants."""

from datetime import UTC, datetime

import pytest

from tests.service_account.example import (
    DEFAULTS,
    EXCHANGE,
    GLOBAL,
    NAME,
    USER_ID,
    actions,
    deleted_namesake,
    make_account,
    make_application,
    make_client,
    make_facts,
    make_plan,
    make_user,
)

FRESH = ["create-user", "hand-over", "assign-role"]

# there already, purpose, credentials pending: what is done, in this order
CREATIONS = [
    (None, "mail-redirection", "", FRESH),
    (None, "federation", "", FRESH),
    ([], "mail-redirection", "", ["assign-role"]),
    ([EXCHANGE], "mail-redirection", "", []),
    ([GLOBAL], "federation", "", []),
    ([EXCHANGE], "federation", "", ["assign-role", "remove-role"]),
    ([GLOBAL], "mail-redirection", "", ["assign-role", "remove-role"]),
    ([EXCHANGE, GLOBAL], "mail-redirection", "", ["remove-role"]),
    ([EXCHANGE, GLOBAL], "federation", "", ["remove-role"]),
    ([], "mail-redirection", "run-1", ["set-password", "hand-over", "assign-role"]),
    ([EXCHANGE], "mail-redirection", "run-1", ["set-password", "hand-over"]),
    (
        [EXCHANGE],
        "federation",
        "run-1",
        ["set-password", "hand-over", "assign-role", "remove-role"],
    ),
]


@pytest.mark.parametrize(("held", "purpose", "pending", "done"), CREATIONS)
def test_creation_does_what_is_left_and_no_more(held, purpose, pending, done):
    account = None if held is None else make_account(*held)
    # Global Administrator also by role, so that setting an administrator's password is allowed.
    identity = make_application(directory_roles=(GLOBAL,))
    facts = make_facts(account, pending_credentials=pending, identity=identity)
    plan = make_plan("create", facts, make_client(purpose=purpose))
    assert (plan.refusals, actions(plan)) == ((), done)


REMOVALS = [
    (None, []),
    ([], ["revoke-sign-in-sessions", "delete-user"]),
    ([EXCHANGE], ["remove-role", "revoke-sign-in-sessions", "delete-user"]),
    (
        [EXCHANGE, GLOBAL],
        ["remove-role", "remove-role", "revoke-sign-in-sessions", "delete-user"],
    ),
]


@pytest.mark.parametrize(("held", "done"), REMOVALS)
def test_removal_takes_roles_first_and_deletes_last(held, done):
    account = None if held is None else make_account(*held)
    plan = make_plan("remove", make_facts(account))
    assert (plan.refusals, actions(plan)) == ((), done)


@pytest.mark.parametrize(
    ("created", "told"),
    [
        (datetime(2026, 1, 5, 8, tzinfo=UTC), "created 2026-01-05T08:00:00.000Z"),
        (None, "created at a time not told"),
    ],
)
def test_a_removal_tells_since_when_the_account_stands(created, told):
    plan = make_plan("remove", make_facts(make_account(created_date_time=created)))
    (deletion,) = plan.of("delete-user")
    assert deletion.before == f"{NAME}, {told}"


def test_everything_done_to_an_account_that_is_there_names_its_object_id():
    account = make_account(EXCHANGE, GLOBAL)
    for plan in (
        make_plan("remove", make_facts(account)),
        make_plan("create", make_facts(account), make_client(purpose="federation")),
    ):
        assert plan.user_id == USER_ID
        assert {change.target for change in plan.changes} == {USER_ID}


def test_a_new_account_is_named_on_the_initial_domain_until_it_has_an_id():
    plan = make_plan("create")
    assert (plan.user_id, plan.user_principal_name) == ("", NAME)
    assert {change.target for change in plan.changes} == {NAME}


def test_a_role_is_assigned_before_another_is_taken_away():
    plan = make_plan(
        "create", make_facts(make_account(EXCHANGE)), make_client(purpose="federation")
    )
    assign, remove = plan.changes
    assert (assign.argument, assign.after) == (GLOBAL, "Global Administrator")
    assert remove.argument == "assignment-of-Exchange Administrator"
    assert assign.before == remove.before == "Exchange Administrator"


def test_the_usage_location_is_the_clients_own_or_else_the_defaults():
    (default,) = make_plan("create").of("create-user")
    (own,) = make_plan("create", None, make_client(usage_location="NZ")).of("create-user")
    assert (default.argument, own.argument) == (DEFAULTS.usage_location, "NZ")
    assert "usage location NZ" in own.after


def test_a_replaced_password_names_the_run_that_lost_the_last_one():
    facts = make_facts(make_account(), pending_credentials="20260820T101112000Z-create-abcdef")
    (change,) = make_plan("create", facts).of("set-password")
    assert "20260820T101112000Z-create-abcdef" in change.before
    assert change.target == USER_ID


@pytest.mark.parametrize(
    ("hand_over", "said"),
    [
        ({"method": "screen"}, "on the screen, once"),
        ({"method": "file", "public_key": "keys/kim.pem"}, "encrypted to the key SHA256:"),
        (
            {
                "method": "mail",
                "recipient": "onboarding@practiceprotect.com",
                "sender": "admin@contoso.com",
            },
            "by mail to onboarding@practiceprotect.com",
        ),
    ],
)
def test_the_plan_says_how_the_credentials_are_handed_over(hand_over, said):
    (change,) = make_plan("create", None, make_client(hand_over=hand_over)).of("hand-over")
    assert said in change.after


def test_what_is_right_already_is_said():
    plan = make_plan("create", make_facts(make_account(EXCHANGE)))
    assert plan.already == (
        f"{NAME} exists as Practice Protect",
        "it has no licence",
        "it holds Exchange Administrator",
    )
    assert make_plan("create").already == ()
    assert make_plan("remove").already == (f"{NAME} does not exist",)


def _notices(runbook, facts=None, client=None, **options):
    plan = make_plan(runbook, facts, client, **options)
    # What every creation says has a test of its own.
    return [notice.code for notice in plan.notices if notice.code != "multi-factor"]


def test_a_creation_tells_that_the_first_sign_in_registers_a_second_factor():
    assert "multi-factor" in [notice.code for notice in make_plan("create").notices]
    for runbook, facts in (("create", make_facts(make_account())), ("remove", make_facts())):
        assert "multi-factor" not in [notice.code for notice in make_plan(runbook, facts).notices]


@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_records_that_cannot_be_read_are_told_where_they_could_hide_a_renamed_account(runbook):
    plan = make_plan(runbook, make_facts(unreadable_records=("run-1", "run-2")))
    (notice,) = [each for each in plan.notices if each.code == "unreadable-records"]
    assert "run-1, run-2" in notice.message
    assert plan.refusals == ()
    there = make_facts(make_account(EXCHANGE), unreadable_records=("run-1",))
    for facts in (there, make_facts()):
        assert "unreadable-records" not in _notices(runbook, facts)


def test_who_has_the_password_in_spite_of_lost_records_was_answered_for_in_writing():
    override = {"run_ids": ["run-1"], "reason": "The vendor signed in with it on 2 May."}
    client = make_client(records_override=override)
    facts = make_facts(make_account(EXCHANGE), unreadable_records=("run-1",))
    plan = make_plan("create", facts, client)
    (notice,) = [each for each in plan.notices if each.code == "records-override"]
    assert "run-1" in notice.message
    assert "signed in with it on 2 May" in notice.message
    assert "records-override" not in _notices("create", facts)


def test_a_role_that_is_more_than_the_purpose_needs_is_reported():
    wide = DEFAULTS.purposes["mail-redirection"].model_copy(update={"role": "Global Administrator"})
    defaults = DEFAULTS.model_copy(
        update={"purposes": {**DEFAULTS.purposes, "mail-redirection": wide}}
    )
    assert _notices("create", defaults=defaults) == ["more-than-needed"]
    assert _notices("create") == []


def test_an_account_that_was_there_keeps_its_password_and_that_is_said():
    assert _notices("create", make_facts(make_account())) == ["credentials-left-alone"]
    pending = make_facts(make_account(), pending_credentials="run-1")
    assert "credentials-left-alone" not in _notices("create", pending)


@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_security_defaults_and_namesakes_are_told_and_stop_nothing(runbook):
    facts = make_facts(
        security_defaults=True,
        namesakes=(make_user(id="b", user_principal_name="practiceprotect@contoso.com"),),
    )
    plan = make_plan(runbook, facts)
    told = {notice.code: notice.message for notice in plan.notices}
    assert set(told) - {"multi-factor"} == {"namesake", "security-defaults"}
    assert "practiceprotect@contoso.com" in told["namesake"]
    assert plan.refusals == ()


@pytest.mark.parametrize("unknown", [None, False])
def test_security_defaults_that_are_off_or_unknown_are_not_claimed(unknown):
    assert _notices("create", make_facts(security_defaults=unknown)) == []


def test_an_earlier_account_in_the_recycle_bin_is_told():
    assert _notices("create", make_facts(deleted=(deleted_namesake(),))) == ["deleted-namesake"]


def test_a_federation_without_its_account_is_told():
    assert _notices("remove", make_facts(federation="vendor")) == ["missing-while-federated"]
    assert _notices("remove", make_facts(federation="other")) == []
