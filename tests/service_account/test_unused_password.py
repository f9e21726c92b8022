"""What is planned and done about a password that was handed over and that nobody has used."""

from datetime import UTC, datetime

import pytest

from o365lib.evidence.custody import PasswordCustody
from o365lib.service_account.draft import plan_creation
from o365lib.service_account.verify import verify_absent, verify_blocked
from tests.service_account.example import (
    DEFAULTS,
    EXCHANGE,
    GLOBAL,
    NAME,
    USER_ID,
    actions,
    codes,
    make_account,
    make_application,
    make_client,
    make_facts,
    make_person,
)
from tests.service_account.job import LOST, PATIENCE_SECONDS, failed

SET = datetime(2026, 3, 1, tzinfo=UTC)
HIGHER = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"  # Privileged Authentication Administrator


def custody(*, is_changed=False, status="accepted"):
    return PasswordCustody(
        run_id="run-1",
        date_time=SET,
        method="mail",
        recipient="onboarding@practiceprotect.com",
        status=status,
        handed_over=SET,
        last_change=SET,
        is_changed=is_changed,
    )


def facts_of(*roles, known=None, **changes):
    content = {"custody": custody() if known is None else known}
    content["identity"] = make_application(directory_roles=(HIGHER,))
    enabled = changes.pop("account_enabled", True)
    account = make_account(*(roles or (EXCHANGE,)), account_enabled=enabled)
    return make_facts(account, **(content | changes))


def plan(facts, if_unused, client=None):
    return plan_creation(
        facts, client or make_client(), DEFAULTS, parameters_digest="0" * 64, if_unused=if_unused
    )


def test_nobody_asked_so_that_an_unused_password_is_left_alone():
    assert actions(plan(facts_of(), "")) == []


def test_an_unused_password_is_replaced_and_handed_over_though_the_account_is_right():
    made = plan(facts_of(), "replace")
    assert actions(made) == ["set-password", "hand-over"]
    first, hand_over = made.changes
    assert first.target == USER_ID
    assert first.before == (
        "set by run run-1, handed over by mail to onboarding@practiceprotect.com on 2026-03-01, "
        "not used"
    )
    assert hand_over.after == "by mail to onboarding@practiceprotect.com"
    assert "credentials-left-alone" not in {notice.code for notice in made.notices}


def test_what_else_is_not_as_wanted_is_put_right_when_the_password_is_replaced():
    account = make_account()
    made = plan(facts_of().model_copy(update={"account": account}), "replace")
    assert actions(made) == ["set-password", "hand-over", "assign-role"]


def test_an_unused_password_makes_the_sign_in_blocked_and_nothing_else():
    made = plan(facts_of().model_copy(update={"account": make_account()}), "disable")
    assert actions(made) == ["disable-user"]
    assert made.changes[0].target == USER_ID


@pytest.mark.parametrize("if_unused", ["replace", "disable"])
def test_a_password_that_was_changed_is_left_alone_and_it_is_said(if_unused):
    made = plan(facts_of(known=custody(is_changed=True)), if_unused)
    assert (made.changes, made.refusals) == ((), ())
    assert any(
        "its password was changed on 2026-03-01T00:00:00.000Z" in one for one in made.already
    )


@pytest.mark.parametrize("if_unused", ["replace", "disable"])
def test_without_an_account_nothing_is_done_and_none_is_made(if_unused):
    made = plan(make_facts(), if_unused)
    assert (made.changes, made.refusals) == ((), ())
    assert made.already == (f"{NAME} does not exist: there is no password to {if_unused}",)


@pytest.mark.parametrize("if_unused", ["replace", "disable"])
@pytest.mark.parametrize("known", [False, custody(is_changed=None)])
def test_a_password_of_which_nothing_is_known_is_refused(if_unused, known):
    facts = facts_of(known=known or custody()).model_copy(update={"custody": known or None})
    made = plan(facts, if_unused)
    assert codes(made) == ["custody-unknown"]
    assert made.changes == ()


def test_a_password_that_nobody_was_given_is_replaced_as_ever():
    facts = facts_of(known=custody(status="failed"), pending_credentials="run-1")
    for if_unused in ("", "replace"):
        made = plan(facts, if_unused)
        assert actions(made) == ["set-password", "hand-over"]
        assert made.changes[0].before == "set by run run-1, not handed over"
    assert actions(plan(facts, "disable")) == ["disable-user"]


def test_a_sign_in_that_a_run_has_blocked_is_allowed_again_with_the_new_password():
    facts = facts_of(account_enabled=False, blocked_by="run-2")
    made = plan(facts, "replace")
    assert actions(made) == ["set-password", "enable-user", "hand-over"]
    assert made.changes[1].before == "blocked by run run-2"


def test_a_sign_in_that_a_run_has_blocked_is_told_with_the_way_out():
    made = plan(facts_of(account_enabled=False, blocked_by="run-2"), "")
    assert codes(made) == ["account-disabled"]
    assert "run-2" in made.refusals[0].message
    assert "--unused-password replace" in made.refusals[0].remedy


def test_a_sign_in_that_somebody_else_has_blocked_stays_so():
    made = plan(facts_of(account_enabled=False), "replace")
    assert codes(made) == ["account-disabled"]
    assert "somebody has blocked" in made.refusals[0].message


def test_a_password_that_was_changed_before_the_block_is_not_replaced():
    facts = facts_of(known=custody(is_changed=True), account_enabled=False, blocked_by="run-2")
    assert codes(plan(facts, "replace")) == ["account-disabled"]


def test_what_is_blocked_already_needs_no_blocking():
    made = plan(facts_of(account_enabled=False, blocked_by="run-2"), "disable")
    assert (made.changes, made.refusals) == ((), ())
    assert "its sign-in is blocked" in made.already


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"other_global_administrators": 0}, "last-global-administrator"),
        (
            {"identity": make_person(GLOBAL, object_id=USER_ID)},
            "signed-in-as-the-account",
        ),
        ({"identity": make_application()}, "missing-permission"),
        ({"federation": "vendor"}, "federated-with-vendor"),
        ({"unreadable_records": ("run-9",)}, "records-unreadable"),
    ],
)
def test_the_guards_hold_for_blocking_too(changes, code):
    made = plan(facts_of(GLOBAL, **changes), "disable", make_client(purpose="federation"))
    assert code in codes(made)


def test_blocking_an_administrators_sign_in_takes_a_person_what_its_password_takes():
    everything = (*make_person().permissions, "Directory.AccessAsUser.All")
    for permissions, roles, expected in (
        (make_person().permissions, (GLOBAL,), ["missing-permission"]),
        (everything, ("fe930be7-5e62-47db-91af-98c3a49a38b1",), ["missing-permission"]),
        (everything, (GLOBAL,), []),
    ):
        facts = facts_of(identity=make_person(*roles, permissions=permissions))
        assert codes(plan(facts, "disable")) == expected
        for refusal in plan(facts, "disable").refusals:
            assert "to block the sign-in of an account that holds a role" in refusal.message


def test_what_was_asked_for_is_part_of_what_is_approved():
    digests = {plan(facts_of(), if_unused).digest for if_unused in ("", "replace", "disable")}
    assert len(digests) == 3


# ---- in the sandbox ------------------------------------------------------------------------------


@pytest.fixture
def standing(make_job):
    """An account that was made and handed over, and an application that may do all to it."""
    job = make_job(begin=False)
    application = job.tenant.application
    job.tenant.assign_role(application.object_id, "Privileged Authentication Administrator")
    job.begin().create()
    return job.begin()


def planned(job, if_unused, **changes):
    known = custody()
    facts = job.look().model_copy(update={"custody": known, **changes})
    made = plan_creation(
        facts, job.client, DEFAULTS, parameters_digest="0" * 64, if_unused=if_unused
    )
    assert made.refusals == ()
    return facts, made


def verified(job, made):
    return verify_blocked(job.session, made, patience_seconds=PATIENCE_SECONDS)


@pytest.mark.parametrize("effect", ["", *LOST])
def test_the_sign_in_is_blocked_and_read_back_though_an_answer_was_lost(standing, effect):
    if effect:
        standing.fault(effect, "PATCH", "/users/*")
    facts, made = planned(standing, "disable")
    created = standing.create_user(facts, made)
    assert created.password is None
    assert standing.user["accountEnabled"] is False
    assert standing.statuses == [("disable-user", "accepted")]
    assert failed(verified(standing, made)) == []


def test_a_block_that_is_dropped_is_not_believed(standing):
    standing.fault("drop", "PATCH", "/users/*")
    facts, made = planned(standing, "disable")
    standing.create_user(facts, made)
    assert failed(verified(standing, made)) == ["sign-in"]


def test_a_block_that_is_refused_says_what_it_takes(standing):
    from o365lib.errors import Forbidden

    standing.fault("403", "PATCH", "/users/*")
    with pytest.raises(Forbidden) as refused:
        standing.create_user(*planned(standing, "disable"))
    assert "To allow or block the sign-in takes the permission User.EnableDisable" in (
        refused.value.remedy
    )
    assert standing.statuses == [("disable-user", "failed")]


def test_a_blocked_account_gets_a_new_password_before_its_sign_in_is_allowed(standing):
    standing.create_user(*planned(standing, "disable"))
    before = standing.password
    standing.begin()
    facts, made = planned(standing, "replace", blocked_by="run-1")
    created = standing.create_user(facts, made)
    standing.hand_over(facts, made, created)
    assert created.password.reveal() == standing.password != before
    assert standing.user["accountEnabled"] is True
    assert [action for action, _ in standing.statuses] == [
        "set-password",
        "enable-user",
        "hand-over",
    ]
    assert failed(standing.verify_creation(made, made.user_id)) == []


def test_an_account_that_is_gone_is_not_taken_for_a_blocked_one(standing):
    _, made = planned(standing, "disable")
    standing.tenant.remove_user(standing.user["id"], standing.time.now())
    assert failed(verified(standing, made)) == ["account"]
    assert failed(verify_absent(standing.session, made, patience_seconds=1)) == []
