import pytest

from o365lib.service_account.reasons import why
from tests.service_account.example import EXCHANGE, GLOBAL, make_account, make_facts, make_plan


@pytest.mark.parametrize(
    ("runbook", "facts"),
    [
        ("create", make_facts()),
        ("create", make_facts(make_account(GLOBAL))),
        ("create", make_facts(make_account(), pending_credentials="r1")),
        ("remove", make_facts(make_account(EXCHANGE, GLOBAL))),
    ],
)
def test_every_change_of_a_plan_has_its_reason(runbook, facts):
    plan = make_plan(runbook, facts)
    assert plan.changes
    assert all(why(change, plan, "mail-redirection") for change in plan.changes)


def test_a_role_is_given_for_the_purpose_and_taken_for_it():
    plan = make_plan("create", make_facts(make_account(GLOBAL)))
    reasons = [why(change, plan, "mail-redirection") for change in plan.changes]
    assert reasons == [
        "mail-redirection takes this role",
        "mail-redirection takes Exchange Administrator and nothing else",
    ]


def test_a_removed_role_has_another_reason_when_the_account_goes():
    plan = make_plan("remove", make_facts(make_account(EXCHANGE)))
    assert "restored account" in why(plan.changes[0], plan, "mail-redirection")
