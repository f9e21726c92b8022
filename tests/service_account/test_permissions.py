"""What each read and change needs, and what a person is asked to consent to."""

import re
from contextlib import closing
from pathlib import Path

import pytest

from o365lib.sandbox import Sandbox
from o365lib.service_account.draft import draft
from o365lib.service_account.permissions import (
    AS_THE_USER,
    GLOBAL_READER,
    MAY_CHANGE,
    NEEDS,
    PRIVILEGED_ROLE_ADMINISTRATOR,
    PRIVILEGED_TARGET_ROLES,
    READ_SCOPES,
    READS,
    ROLE_NAMES,
    SECURITY_READER,
    USER_ADMINISTRATOR,
    delegated_scopes,
    how_to_be_allowed,
    how_to_change_sensitively,
)
from tests.service_account.example import (
    DEFAULTS,
    EXCHANGE,
    actions,
    make_account,
    make_application,
    make_facts,
    make_person,
)
from tests.service_account.example import make_client as client_of
from tests.service_account.example import make_plan as plan_of

EVERY_PLAN = [
    plan_of("create"),
    plan_of("create", make_facts(make_account(), pending_credentials="run-1")),
    plan_of("remove", make_facts(make_account(EXCHANGE))),
]
# What is planned only where somebody asks what is to be done about an unused password.
IF_UNUSED = [
    draft(
        "create",
        make_facts(
            make_account(account_enabled=if_unused == "disable"),
            pending_credentials="run-1",
            blocked_by="run-2",
        ),
        client_of(),
        DEFAULTS,
        parameters_digest="0" * 64,
        if_unused=if_unused,
    )
    for if_unused in ("replace", "disable")
]


def test_every_change_that_a_plan_can_hold_has_its_needs():
    planned = {action for plan in EVERY_PLAN + IF_UNUSED for action in actions(plan)}
    assert planned == set(NEEDS)


def test_every_directory_role_has_a_name_to_ask_for():
    needs = (*NEEDS.values(), *READS.values())
    asked_for = {role for need in needs for role in need.directory_roles}
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
    ("runbook", "plans"), [("create", EVERY_PLAN[:2] + IF_UNUSED), ("remove", EVERY_PLAN[2:])]
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


def test_only_a_password_that_is_to_be_replaced_makes_a_person_consent_to_act_as_the_user():
    for runbook in ("create", "remove"):
        for dry_run in (True, False):
            for pending in (True, False):
                scopes = delegated_scopes(
                    runbook, dry_run=dry_run, by_mail=True, password_pending=pending
                )
                is_asked = runbook == "create" and pending and not dry_run
                assert (AS_THE_USER in scopes) is is_asked


def test_what_a_run_may_change_is_what_its_plans_can_hold():
    for runbook, plans in (("create", EVERY_PLAN[:2]), ("remove", EVERY_PLAN[2:])):
        planned = {action for plan in plans for action in actions(plan)}
        assert set(MAY_CHANGE[runbook]) == planned


def test_every_read_has_its_least_permission_among_those_of_a_dry_run():
    assert {need.permissions[0] for need in READS.values()} == set(READ_SCOPES)
    assert len(READ_SCOPES) == len(set(READ_SCOPES)) == 5


README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_the_roles_that_the_readme_asks_for_are_enough_and_are_those_of_the_sandboxs_engineer():
    (sentence,) = re.findall(
        r"also needs directory roles: (.*?), or \*\*Global Admin", README, re.DOTALL
    )
    bold = re.findall(r"\*\*(.*?)\*\*", " ".join(sentence.split()))
    assert bold == ["User Administrator", "Privileged Role Administrator", "Global Reader"]
    ids = {role for role, name in ROLE_NAMES.items() if name in bold}
    for doing, need in (NEEDS | READS).items():
        assert not need.directory_roles or ids & set(need.directory_roles), doing
    with closing(Sandbox(seed="readme")) as sandbox:
        tenant = sandbox.add_tenant("contoso")
        engineer = tenant.find_user(f"engineer@{tenant.initial_domain}")
        assert tenant.roles_of(engineer["id"]) == ids


def test_the_readme_names_every_permission_that_is_asked_for():
    for runbook in ("create", "remove"):
        scopes = delegated_scopes(runbook, dry_run=False, by_mail=True, password_pending=True)
        assert [scope for scope in (*READ_SCOPES, *scopes) if f"`{scope}`" not in README] == []


FEDERATION = "Domain-InternalFederation.Read.All"
OLD_ROLES = (USER_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR)

# who was refused to read a federation: whether the permission and the role are asked for
REFUSED = [
    (make_application(()), True, False),
    (make_application((FEDERATION,)), True, False),
    (make_application((), claims_known=False), True, False),
    (make_person(*OLD_ROLES, permissions=(FEDERATION,)), False, True),
    (make_person(*OLD_ROLES, permissions=()), True, True),
    (make_person(GLOBAL_READER, permissions=()), True, False),
    (make_person(SECURITY_READER, permissions=("Domain.Read.All",)), True, False),
    (make_person(GLOBAL_READER, permissions=(FEDERATION,)), True, True),
    (make_person(permissions=(), claims_known=False), True, True),
]


@pytest.mark.parametrize(("identity", "permission", "role"), REFUSED)
def test_who_may_not_read_is_told_what_is_missing_and_only_that(identity, permission, role):
    told = how_to_be_allowed("read-federation", identity=identity)
    assert ((FEDERATION in told), ("Global Reader or Security Reader" in told)) == (
        permission,
        role,
    )
    assert ("for the user who signs in" in told) is role
    assert told.startswith("To read federation, ask the client's administrator for")
    assert told.endswith("sign in and run again.")


def test_who_has_what_it_takes_and_is_refused_all_the_same_is_told_to_wait():
    whole = make_person(GLOBAL_READER, permissions=(FEDERATION,))
    assert "if it is there already, wait some minutes" in how_to_be_allowed(
        "read-federation", identity=whole
    )
    for lacking in (
        make_person(GLOBAL_READER, permissions=()),
        make_application((), claims_known=False),
    ):
        assert "wait some minutes" not in how_to_be_allowed("read-federation", identity=lacking)


def test_a_read_that_every_user_may_do_asks_nobody_for_a_role():
    told = how_to_be_allowed("read-domains", identity=make_person(permissions=()))
    assert "Domain.Read.All" in told
    assert "role" not in told


def test_several_reads_are_asked_for_in_one_sentence():
    reads = ("read-domains", "read-users", "read-roles")
    told = how_to_be_allowed(*reads, identity=make_person(permissions=("User.Read.All",)))
    # Users may be read, by the token, and the service refused: it is asked for all the same.
    assert told == (
        "To read domains, users and roles, ask the client's administrator for the permissions "
        "Domain.Read.All, User.Read.All and RoleManagement.Read.Directory (that you consent to, "
        "with admin consent) and the directory role Directory Readers or Global Reader for "
        "the user who signs in; if it is there already, wait some minutes. "
        "Then sign in and run again."
    )
    told = how_to_be_allowed(*reads[:2], identity=make_application(()))
    assert told == (
        "To read domains and users, ask the client's administrator for the permissions "
        "Domain.Read.All and User.Read.All (for this application, with admin consent). "
        "Then sign in and run again."
    )


def test_a_password_that_was_refused_asks_a_person_for_more_than_an_application():
    person, application = (
        how_to_change_sensitively("set-password", each)
        for each in (make_person(), make_application(()))
    )
    for told in (person, application):
        assert "User-PasswordProfile.ReadWrite.All" in told
        assert "Privileged Authentication Administrator or Global Administrator" in told
    assert "Directory.AccessAsUser.All" in person
    assert "the directory role User Administrator" in person
    assert "Directory.AccessAsUser.All" not in application
    assert "User Administrator" not in application
