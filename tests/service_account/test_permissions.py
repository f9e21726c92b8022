"""What each change needs, and what a person is asked to consent to."""

import pytest

from o365lib.service_account.permissions import (
    NEEDS,
    PRIVILEGED_TARGET_ROLES,
    READ_SCOPES,
    ROLE_NAMES,
    delegated_scopes,
)
from tests.service_account.example import EXCHANGE, actions, make_account, make_facts
from tests.service_account.example import make_client as client_of
from tests.service_account.example import make_plan as plan_of

EVERY_PLAN = [
    plan_of("create"),
    plan_of("create", make_facts(make_account(), pending_credentials="run-1")),
    plan_of("remove", make_facts(make_account(EXCHANGE))),
]


def test_every_change_that_a_plan_can_hold_has_its_needs():
    planned = {action for plan in EVERY_PLAN for action in actions(plan)}
    assert planned == set(NEEDS)


def test_every_directory_role_has_a_name_to_ask_for():
    asked_for = {role for need in NEEDS.values() for role in need.directory_roles}
    assert asked_for | set(PRIVILEGED_TARGET_ROLES) <= set(ROLE_NAMES)


def test_a_dry_run_asks_for_reading_only():
    for runbook in ("create", "remove"):
        scopes = delegated_scopes(runbook, dry_run=True, by_mail=True)
        assert scopes == READ_SCOPES
        assert not [scope for scope in scopes if "Write" in scope or "Send" in scope]


@pytest.mark.parametrize("by_mail", [True, False])
def test_a_mailbox_is_asked_for_only_where_credentials_go_by_mail(by_mail):
    assert ("Mail.Send" in delegated_scopes("create", dry_run=False, by_mail=by_mail)) is by_mail


def test_a_removal_never_asks_to_create_users_or_to_send_mail():
    scopes = delegated_scopes("remove", dry_run=False, by_mail=True)
    assert "User.ReadWrite.All" not in scopes
    assert "Mail.Send" not in scopes


@pytest.mark.parametrize(
    ("runbook", "plans"), [("create", EVERY_PLAN[:2]), ("remove", EVERY_PLAN[2:])]
)
def test_the_scopes_that_a_person_is_asked_for_are_enough_for_every_plan(runbook, plans):
    scopes = set(delegated_scopes(runbook, dry_run=False, by_mail=True))
    for plan in plans:
        for action in actions(plan):
            assert scopes & set(NEEDS[action].permissions), action


def test_without_mail_the_scopes_are_enough_too():
    client = client_of(hand_over={"method": "screen"})
    scopes = set(delegated_scopes("create", dry_run=False, by_mail=False))
    for action in actions(plan_of("create", client=client)):
        if action != "hand-over":
            assert scopes & set(NEEDS[action].permissions), action


@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_nobody_is_asked_to_allow_reading_what_may_be_written_already(runbook):
    scopes = delegated_scopes(runbook, dry_run=False, by_mail=True)
    assert len(scopes) == len(set(scopes))
    for scope in scopes:
        if ".Read." in scope:
            assert scope.replace(".Read.", ".ReadWrite.") not in scopes


@pytest.mark.parametrize("runbook", ["create", "remove"])
def test_users_roles_and_domains_can_be_read_in_every_run(runbook):
    scopes = set(delegated_scopes(runbook, dry_run=False, by_mail=True))
    assert scopes & {"User.Read.All", "User.ReadWrite.All"}
    assert "RoleManagement.ReadWrite.Directory" in scopes
    assert scopes >= {
        "Organization.Read.All",
        "Domain.Read.All",
        "Domain-InternalFederation.Read.All",
    }
