"""The guards of permissions and directory roles: who may do what a run needs, by name."""

import pytest

from o365lib.service_account.authorization import missing_to_read
from o365lib.service_account.permissions import (
    AS_THE_USER,
    PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR,
    READ_SCOPES,
    USER_ADMINISTRATOR,
)
from tests.service_account.example import (
    ALL_PERMISSIONS,
    EXCHANGE,
    GLOBAL,
    SHAREPOINT,
    codes,
    make_account,
    make_application,
    make_client,
    make_facts,
    make_person,
    make_plan,
)

# runbook, what there is, the permission that is missing: what is said
PERMISSIONS = [
    ("create", None, "User.ReadWrite.All", "to create user"),
    ("create", None, "Mail.Send", "to hand over"),
    ("create", None, "RoleManagement.ReadWrite.Directory", "to assign role"),
    ("remove", EXCHANGE, "RoleManagement.ReadWrite.Directory", "to remove role"),
]


@pytest.mark.parametrize(("runbook", "role", "missing", "said"), PERMISSIONS)
def test_a_missing_permission_is_said_by_name_before_anything_changes(runbook, role, missing, said):
    kept = tuple(each for each in ALL_PERMISSIONS if each != missing)
    account = make_account(role) if role else None
    facts = make_facts(account, identity=make_application(kept))
    plan = make_plan(runbook, facts)
    assert codes(plan) == ["missing-permission"]
    assert missing in plan.refusals[0].message
    assert said in plan.refusals[0].message
    assert plan.changes == ()


@pytest.mark.parametrize(
    ("kept", "refused"),
    [
        (("User.DeleteRestore.All",), True),
        (("User.RevokeSessions.All",), True),
        (("User.DeleteRestore.All", "User.RevokeSessions.All"), False),
        (("User.ReadWrite.All",), False),
    ],
)
def test_a_removal_needs_to_end_sessions_and_to_delete(kept, refused):
    facts = make_facts(make_account(), identity=make_application(kept))
    assert bool(codes(make_plan("remove", facts))) is refused


def test_without_mail_no_mailbox_permission_is_needed():
    kept = tuple(each for each in ALL_PERMISSIONS if each != "Mail.Send")
    facts = make_facts(identity=make_application(kept))
    assert codes(make_plan("create", facts, make_client(hand_over={"method": "screen"}))) == []


def test_nobody_is_asked_for_permissions_that_the_plan_does_not_need():
    facts = make_facts(make_account(EXCHANGE), identity=make_application(()))
    plan = make_plan("create", facts)
    assert (codes(plan), plan.changes) == ([], ())


def test_an_unreadable_token_is_told_and_stops_nothing():
    identity = make_application((), claims_known=False)
    plan = make_plan("create", make_facts(identity=identity))
    assert codes(plan) == []
    assert "permissions-unknown" in [notice.code for notice in plan.notices]


# the person's roles: whether the account can be created with its role
PERSONS = [
    ((), False),
    ((USER_ADMINISTRATOR,), False),
    ((PRIVILEGED_ROLE_ADMINISTRATOR,), False),
    ((USER_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR), True),
    ((GLOBAL,), True),
    ((EXCHANGE, SHAREPOINT), False),
]


@pytest.mark.parametrize(("roles", "allowed"), PERSONS)
def test_a_person_needs_directory_roles_besides_permissions(roles, allowed):
    plan = make_plan("create", make_facts(identity=make_person(*roles)))
    assert codes(plan) == ([] if allowed else ["missing-permission"])


@pytest.mark.parametrize(("roles", "refused"), [((GLOBAL,), []), ((), ["missing-permission"])])
def test_who_was_asked_to_read_only_is_judged_by_roles_alone(roles, refused):
    person = make_person(*roles, permissions=("User.Read.All",), asked_to_read=True)
    dry = make_plan("create", make_facts(identity=person))
    assert codes(dry) == refused
    # A plan that was approved after a dry run is the one that is carried out.
    if not refused:
        assert dry.digest == make_plan("create", make_facts(identity=make_person(GLOBAL))).digest


def test_the_role_to_ask_for_is_named():
    plan = make_plan("create", make_facts(identity=make_person(USER_ADMINISTRATOR)))
    assert "Privileged Role Administrator or Global Administrator" in plan.refusals[0].message
    assert "(to assign role)" in plan.refusals[0].message
    assert "admin@contoso.onmicrosoft.com lacks" in plan.refusals[0].message


APPLICATION = make_application(tuple(each for each in ALL_PERMISSIONS if each != "Mail.Send"))
MAY_RESET = "the directory role Privileged Authentication Administrator or Global Administrator"

# who, whether the account holds a role: the way out
WAYS_OUT = [
    (
        APPLICATION,
        False,
        (
            "Ask the client's administrator to grant the application these permissions with admin "
            "consent, and run again."
        ),
    ),
    (
        make_application(),
        True,
        f"Ask the client's administrator to assign {MAY_RESET} to the application, and run again.",
    ),
    (
        APPLICATION,
        True,
        (
            "Ask the client's administrator to grant the application these permissions with admin "
            f"consent and to assign {MAY_RESET} to the application, and run again."
        ),
    ),
    (
        make_person(USER_ADMINISTRATOR),
        False,
        (
            "Sign in as somebody who holds the directory role Privileged Role Administrator or "
            "Global Administrator, or ask the client's administrator to assign it to you; then "
            "run again from the sign-in on."
        ),
    ),
    (
        make_person(),
        False,
        (
            "Sign in as somebody who holds the directory roles User Administrator or Global "
            "Administrator, and Privileged Role Administrator or Global Administrator, and User "
            "Administrator or Privileged Authentication Administrator or Global Administrator, or "
            "ask the client's administrator to assign them to you; then run again from the sign-in "
            "on."
        ),
    ),
    (
        make_person(GLOBAL),
        True,
        (
            "Ask the client's administrator to consent to these permissions; then run again from "
            "the sign-in on, which asks for them."
        ),
    ),
]


@pytest.mark.parametrize(("identity", "privileged", "way_out"), WAYS_OUT)
def test_a_role_is_to_be_assigned_and_a_permission_to_be_consented_to(
    identity, privileged, way_out
):
    account = make_account(EXCHANGE) if privileged else None
    facts = make_facts(
        account, identity=identity, pending_credentials="run-1" if privileged else ""
    )
    (refusal,) = make_plan("create", facts).refusals
    assert refusal.remedy == way_out


AS_HERSELF = (*ALL_PERMISSIONS, AS_THE_USER)

# who, which role the account holds: whether its password may be set
PASSWORDS = [
    (make_person(USER_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR), None, True),
    (make_person(USER_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR), EXCHANGE, False),
    (make_person(USER_ADMINISTRATOR, permissions=AS_HERSELF), EXCHANGE, False),
    (make_person(PRIVILEGED_AUTHENTICATION_ADMINISTRATOR), EXCHANGE, False),
    (make_person(GLOBAL), EXCHANGE, False),
    (make_person(GLOBAL), None, True),
    (
        make_person(PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, permissions=AS_HERSELF),
        EXCHANGE,
        True,
    ),
    (make_person(GLOBAL, permissions=AS_HERSELF), EXCHANGE, True),
    (make_person(GLOBAL, permissions=(), asked_to_read=True), EXCHANGE, True),
    (make_application(), None, True),
    (make_application(), EXCHANGE, False),
    (make_application(directory_roles=(PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,)), EXCHANGE, True),
]


@pytest.mark.parametrize(("identity", "role", "allowed"), PASSWORDS)
def test_an_administrators_password_is_set_by_higher_roles_only(identity, role, allowed):
    account = make_account(*([role] if role else []))
    facts = make_facts(account, identity=identity, pending_credentials="run-1")
    plan = make_plan("create", facts)
    assert codes(plan) == ([] if allowed else ["missing-permission"])


def test_what_a_person_lacks_to_set_an_administrators_password_is_said_by_name():
    person = make_person(USER_ADMINISTRATOR)
    facts = make_facts(make_account(EXCHANGE), identity=person, pending_credentials="run-1")
    (refusal,) = make_plan("create", facts).refusals
    assert "permission Directory.AccessAsUser.All" in refusal.message
    assert (
        "directory role Privileged Authentication Administrator or Global Administrator"
        in refusal.message
    )
    assert "run again from the sign-in on" in refusal.remedy


@pytest.mark.parametrize(
    ("sender", "refused"),
    [
        ("admin@contoso.onmicrosoft.com", False),
        ("ADMIN@contoso.onmicrosoft.com", False),
        ("helpdesk@contoso.onmicrosoft.com", True),
        (None, False),
    ],
)
def test_a_person_sends_from_the_own_mailbox_only(sender, refused):
    hand_over = {"method": "mail", "recipient": "onboarding@practiceprotect.com", "sender": sender}
    client = make_client(
        sign_in={"method": "device-code"}, hand_over={k: v for k, v in hand_over.items() if v}
    )
    facts = make_facts(identity=make_person(GLOBAL))
    expected = ["sender-is-somebody-else"] if refused else []
    assert codes(make_plan("create", facts, client)) == expected
    there = make_facts(make_account(EXCHANGE), identity=make_person(GLOBAL))
    assert codes(make_plan("create", there, client)) == []


@pytest.mark.parametrize("missing", ["User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All"])
def test_a_creation_also_needs_to_set_the_password_should_an_answer_be_lost(missing):
    kept = tuple(each for each in ALL_PERMISSIONS if each != missing)
    plan = make_plan("create", make_facts(identity=make_application(kept)))
    assert codes(plan) == ["missing-permission"]
    assert missing in plan.refusals[0].message


# what the token permits: which reads are missing
READING = [
    (READ_SCOPES, []),
    (("Directory.Read.All",), []),
    (("Directory.ReadWrite.All",), []),
    (
        (
            "Organization.ReadWrite.All",
            "Domain.ReadWrite.All",
            "User.ReadWrite.All",
            "RoleManagement.ReadWrite.Directory",
        ),
        [],
    ),
    (
        ("Organization.Read.All",),
        ["Domain.Read.All", "User.Read.All", "RoleManagement.Read.Directory"],
    ),
    (
        ("User.ReadWrite.All", "RoleManagement.Read.All", "Domain.Read.All"),
        ["Organization.Read.All"],
    ),
    (
        (),
        [
            "Organization.Read.All",
            "Domain.Read.All",
            "User.Read.All",
            "RoleManagement.Read.Directory",
        ],
    ),
]


@pytest.mark.parametrize("who", [make_application, make_person])
@pytest.mark.parametrize("runbook", ["create", "remove"])
@pytest.mark.parametrize(("permissions", "missing"), READING)
def test_every_permission_to_read_that_is_missing_is_told_at_once(
    who, runbook, permissions, missing
):
    identity = who(permissions=permissions)
    refusal = missing_to_read(identity, make_client(), runbook, dry_run=True)
    if not missing:
        assert refusal is None
        return
    assert refusal.code == "missing-permission"
    told = refusal.message.partition(" the tenant: ")[2].rstrip(".").split("; ")
    assert [each.partition(" (to read ")[0] for each in told] == missing
    assert "run again" in refusal.remedy


def test_where_reading_is_missing_what_changing_takes_is_told_too():
    identity = make_application(("Organization.Read.All", "User.ReadWrite.All"))

    def told(runbook, *, dry_run=False, **client):
        message = missing_to_read(identity, make_client(**client), runbook, dry_run=dry_run).message
        return [name for name in ALL_PERMISSIONS if name in message.partition("To change")[2]]

    passwords, roles = "User-PasswordProfile.ReadWrite.All", "RoleManagement.ReadWrite.Directory"
    assert told("create") == ["Mail.Send", roles, passwords]
    assert told("create", hand_over={"method": "screen"}) == [roles, passwords]
    assert told("remove") == [roles]
    assert told("create", dry_run=True) == []


def test_who_may_read_is_not_stopped_by_what_a_change_might_take():
    reader = make_application(READ_SCOPES)
    assert missing_to_read(reader, make_client(), "create", dry_run=False) is None
    # Which of a person's directory roles may read, the service alone knows.
    person = make_person(permissions=READ_SCOPES)
    assert missing_to_read(person, make_client(), "create", dry_run=False) is None


def test_a_token_that_does_not_show_what_it_permits_is_left_to_the_service():
    identity = make_application((), claims_known=False)
    assert missing_to_read(identity, make_client(), "create", dry_run=False) is None
