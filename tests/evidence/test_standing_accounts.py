from datetime import timedelta

import pytest

from o365lib.evidence.standing_accounts import slim, standing
from tests.reports.examples import (
    NAME,
    NOW,
    ROLE,
    USER,
    change,
    creation,
    found,
    plan,
    record,
    refusal,
    removal,
)

LOST = change("create-user", target=NAME, status="unknown")


def test_an_account_that_was_made_stands_with_its_role_since_then():
    (account,) = standing([creation()])
    assert (account.user_id, account.user_principal_name) == (USER, NAME)
    assert (account.roles, account.since, account.purpose) == ((ROLE,), NOW, "mail-redirection")
    assert (account.client, account.run_id) == ("alpine-books", creation().run_id)
    assert account.is_certain


@pytest.mark.parametrize(
    "records",
    [
        [],
        [record(facts={"account": None, "read": NOW.isoformat()})],
        [creation(), removal()],
        [creation(), record(9, facts={"account": None, "read": found(9)["read"], "renamed": []})],
        [record(changes=[change("create-user", target=NAME, status="failed")])],
    ],
    ids=["no runs", "never there", "removed", "seen gone", "never made"],
)
def test_no_account_stands_that_no_record_says_is_there(records):
    assert standing(records) == []


def test_an_account_that_was_there_before_any_run_stands_too():
    (account,) = standing([refusal()])
    assert (account.user_id, account.roles) == (USER, ("Global Administrator",))
    assert account.since == NOW


def test_a_deletion_that_the_service_refused_leaves_the_account_standing():
    changes = [change("delete-user", 10, status="failed")]
    assert len(standing([creation(), removal(changes=changes)])) == 1


def test_an_account_that_was_restored_and_seen_again_stands():
    (account,) = standing([creation(), removal(), record(30, facts=found(30, ROLE))])
    assert (account.user_id, account.roles) == (USER, (ROLE,))


def test_roles_are_those_read_with_what_was_given_and_taken_since():
    swapped = record(
        5,
        facts=found(5, "Global Administrator"),
        plan=plan(role_name=ROLE),
        changes=[
            change("assign-role", 5, after=ROLE),
            change("remove-role", 5, before="Global Administrator"),
        ],
    )
    assert standing([swapped])[0].roles == (ROLE,)


@pytest.mark.parametrize("status", ["unknown", "started"])
def test_a_role_counts_as_held_where_nobody_knows(status):
    changes = [
        change("assign-role", 5, after=ROLE, status=status),
        change("remove-role", 5, before="Global Administrator", status=status),
    ]
    (account,) = standing([record(5, facts=found(5, "Global Administrator"), changes=changes)])
    assert account.roles == (ROLE, "Global Administrator")


def test_an_account_of_which_only_the_sending_is_known_may_stand():
    (account,) = standing([record(plan=plan("create-user"), changes=[LOST])])
    assert (account.user_id, account.user_principal_name) == ("", NAME)
    assert not account.is_certain


def test_once_it_was_looked_for_it_stands_for_certain_or_not_at_all():
    lost = record(plan=plan("create-user"), changes=[LOST])
    (account,) = standing([lost, record(5, facts=found(5))])
    assert account.is_certain
    nothing = {"account": None, "read": (NOW + timedelta(minutes=5)).isoformat(), "renamed": []}
    assert standing([lost, record(5, facts=nothing)]) == []


def test_accounts_stand_in_the_order_in_which_they_were_made():
    younger = record(8, changes=[change("create-user", 8, target="another")], plan=plan())
    assert [each.user_id for each in standing([younger, creation(9)])] == ["another", USER]


def test_a_slim_record_tells_the_same_and_holds_little():
    for records in ([creation(), removal()], [refusal()], [creation()], [creation(), refusal()]):
        assert standing([slim(each) for each in records]) == standing(records)
    small = slim(creation())
    assert (small.requests, small.steps, small.parameters) == ([], [], {})
    assert len(small.to_json()) < len(creation().to_json())


def test_a_record_of_odd_facts_breaks_nothing():
    for facts in ({"account": []}, {"account": {"user": 7, "roles": "x"}}, {"account": {}}, {}):
        assert standing([record(facts=facts)]) == []
    odd = record(
        facts={"account": {"user": {"id": "1"}, "roles": [7, {"role_definition_id": "r"}]}}
    )
    assert standing([odd])[0].roles == ("r",)
