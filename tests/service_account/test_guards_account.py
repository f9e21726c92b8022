"""The guards about which account it is: the one that is signed in, or one under another name."""

import pytest

from tests.service_account.example import (
    EXCHANGE,
    GLOBAL,
    USER_ID,
    codes,
    make_account,
    make_client,
    make_facts,
    make_person,
    make_plan,
    make_renamed,
)
from tests.service_account.job import failed

SELF = "signed-in-as-the-account"
AS_ITSELF = make_person(GLOBAL, object_id=USER_ID)

# runbook, roles of the account, a password to replace, purpose: is it against oneself
AGAINST_ONESELF = [
    ("remove", [], "", "mail-redirection", True),
    ("remove", [GLOBAL], "", "federation", True),
    ("create", [GLOBAL], "", "mail-redirection", True),
    ("create", [EXCHANGE], "", "federation", True),
    ("create", [EXCHANGE], "run-1", "mail-redirection", True),
    ("create", [EXCHANGE], "", "mail-redirection", False),
    ("create", [], "", "mail-redirection", False),
]


@pytest.mark.parametrize(("runbook", "roles", "pending", "purpose", "refused"), AGAINST_ONESELF)
def test_nobody_takes_away_what_the_own_sign_in_works_with(
    runbook, roles, pending, purpose, refused
):
    facts = make_facts(make_account(*roles), pending_credentials=pending, identity=AS_ITSELF)
    client = make_client(purpose=purpose, hand_over={"method": "screen"})
    assert (SELF in codes(make_plan(runbook, facts, client))) is refused
    another = facts.model_copy(update={"identity": make_person(GLOBAL)})
    assert SELF not in codes(make_plan(runbook, another, client))


@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_where_there_is_no_account_nobody_is_signed_in_as_it(runbook):
    nameless = make_person(GLOBAL, object_id="")
    for identity in (AS_ITSELF, nameless):
        assert SELF not in codes(make_plan(runbook, make_facts(identity=identity)))


def test_an_account_that_is_signed_in_is_told_before_anything_is_changed(make_job):
    job = make_job(client={"onboarding": "completed"})
    user = job.add_account("Global Administrator")
    job.begin(as_person=job.upn, runbook="remove")
    assert job.identity.object_id == user["id"]
    plan = job.plan("remove", job.look())
    assert SELF in codes(plan)
    assert plan.changes == ()
    assert failed(job.begin(runbook="remove").remove()) == []


WAYS_OUT = [
    (None, ["give it back the name", "delete it in the admin centre"]),
    # Two accounts cannot have one name.
    (make_account(EXCHANGE), ["delete the renamed account in the admin centre, its roles first"]),
]


@pytest.mark.parametrize(("account", "ways"), WAYS_OUT)
def test_a_renamed_account_gets_its_name_back_only_where_it_is_free(account, ways):
    plan = make_plan("remove", make_facts(account, renamed=(make_renamed(),)))
    (refusal,) = plan.refusals
    for way in ways:
        assert way in refusal.remedy
    assert ("give it back" in refusal.remedy) is (account is None)
    assert ("Another account has its name" in refusal.message) is (account is not None)


@pytest.mark.parametrize("account", [None, make_account(EXCHANGE)])
@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_an_account_under_another_name_stops_both_runbooks(runbook, account):
    renamed = make_renamed("old-pp@contoso.com")
    plan = make_plan(runbook, make_facts(account, renamed=(renamed,)))
    assert (codes(plan), plan.changes) == (["account-renamed"], ())
    (refusal,) = plan.refusals
    for said in (renamed.user_id, renamed.user_principal_name, renamed.run_id):
        assert said in refusal.message
    assert "as practiceprotect@contoso.onmicrosoft.com stands under" in refusal.message
    # Two accounts cannot have one name.
    way_out = "give it back the name" if account is None else "delete the renamed account"
    assert way_out in refusal.remedy
    assert codes(make_plan(runbook, make_facts(account))) == []
