"""Which plans need somebody else's signature."""

import pytest

from o365lib.parameters import ApprovalRules
from o365lib.service_account.privilege import concerns_global_administrator, needs_signature
from tests.service_account.example import (
    EXCHANGE,
    GLOBAL,
    make_account,
    make_client,
    make_facts,
    make_plan,
)

APPROVERS = {"Ana": "0" * 64}


def rules(required):
    return ApprovalRules(required=required, approvers=APPROVERS)


def case(runbook, *roles, purpose="mail-redirection"):
    facts = make_facts(make_account(*roles)) if roles else make_facts()
    return make_plan(runbook, facts, make_client(purpose=purpose)), facts


@pytest.mark.parametrize(
    ("plan", "facts", "expected"),
    [
        (*case("create"), False),
        (*case("create", purpose="federation"), True),
        (*case("create", EXCHANGE, purpose="federation"), True),
        (*case("create", GLOBAL, purpose="federation"), True),
        (*case("create", GLOBAL), True),
        (*case("remove", EXCHANGE), False),
        (*case("remove", GLOBAL), True),
        (*case("remove", EXCHANGE, GLOBAL), True),
    ],
    ids=[
        "given the lesser role",
        "given Global Administrator",
        "raised to it",
        "kept",
        "lowered from it",
        "removed with the lesser role",
        "removed with it",
        "removed with both",
    ],
)
def test_a_plan_concerns_global_administrator_if_the_account_gets_keeps_or_loses_it(
    plan, facts, expected
):
    assert concerns_global_administrator(plan, facts) is expected


def test_what_is_required_follows_from_the_defaults():
    lesser, greater = case("create"), case("create", purpose="federation")
    assert [needs_signature(*each, rules("never")) for each in (lesser, greater)] == [False, False]
    wanted = rules("global-administrator")
    assert [needs_signature(*each, wanted) for each in (lesser, greater)] == [False, True]
    assert [needs_signature(*each, rules("always")) for each in (lesser, greater)] == [True, True]


def test_nothing_to_change_needs_nobodys_approval():
    plan, facts = case("create", EXCHANGE)
    assert plan.changes == ()
    assert not needs_signature(plan, facts, rules("always"))
