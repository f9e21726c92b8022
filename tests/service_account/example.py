"""A tenant, a client and a plan that are right, to be spoilt in one place by a test."""

from datetime import UTC, datetime
from pathlib import Path

from o365lib.graph.models import AssignedLicense, DeletedUser, User
from o365lib.parameters import Client, load_defaults
from o365lib.service_account.draft import draft
from o365lib.service_account.facts import (
    Account,
    Facts,
    FederatedDomain,
    Identity,
    RenamedAccount,
    RoleHeld,
)

TENANT_ID = "5a4f0e0c-90a9-4a5b-8b1c-1c1e59f0a001"
USER_ID = "7c0d9b7e-3a52-4d0c-9e11-f0f2a6f1b002"
APPLICATION_ID = "0a1b2c3d-0000-4000-8000-1234567890ab"
NAME = "practiceprotect@contoso.onmicrosoft.com"

GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
EXCHANGE = "29232cdf-9323-42fd-ade2-1d097af3e4de"
SHAREPOINT = "f28a1f50-f6e7-4571-818b-6a12f2af6b6c"
ROLE_NAMES = {
    GLOBAL: "Global Administrator",
    EXCHANGE: "Exchange Administrator",
    SHAREPOINT: "SharePoint Administrator",
}

ALL_PERMISSIONS = (
    "Mail.Send",
    "RoleManagement.ReadWrite.Directory",
    "User.DeleteRestore.All",
    "User.ReadWrite.All",
    "User-PasswordProfile.ReadWrite.All",
    "User.RevokeSessions.All",
)

DEFAULTS = load_defaults(Path(__file__).parents[2] / "parameters")


def make_client(*, around=None, **changes):
    """The client file of a tenant whose mail is redirected.

    Nothing is read from disk, unless the file's surroundings are given.
    """
    content = {
        "client": "contoso",
        "tenant": "contoso.onmicrosoft.com",
        "purpose": "mail-redirection",
        "onboarding": "completed",
        "sign_in": {
            "method": "client-secret",
            "application_id": APPLICATION_ID,
            "secret": {"environment": "CONTOSO_SECRET"},
        },
        "hand_over": {
            "method": "mail",
            "recipient": "onboarding@practiceprotect.com",
            "sender": "admin@contoso.onmicrosoft.com",
        },
    }
    return Client.model_validate(content | changes, context=around)


def make_user(**changes):
    """The service account as Graph shows it."""
    content = {
        "id": USER_ID,
        "user_principal_name": NAME,
        "display_name": "Practice Protect",
        "given_name": "Practice",
        "surname": "Protect",
        "mail_nickname": "practiceprotect",
        "account_enabled": True,
        "user_type": "Member",
        "usage_location": "AU",
        "created_date_time": datetime(2026, 3, 1, tzinfo=UTC),
        "last_password_change_date_time": datetime(2026, 3, 1, tzinfo=UTC),
    }
    return User.model_validate(content | changes)


def make_role(role_id, assignment_id=None, scope="/"):
    return RoleHeld(
        role_definition_id=role_id,
        display_name=ROLE_NAMES[role_id],
        assignment_id=assignment_id or f"assignment-of-{ROLE_NAMES[role_id]}",
        directory_scope_id=scope,
    )


def make_account(*role_ids, **changes):
    return Account(user=make_user(**changes), roles=tuple(make_role(one) for one in role_ids))


def make_application(permissions=ALL_PERMISSIONS, **changes):
    content = {
        "tenant_id": TENANT_ID,
        "kind": "application",
        "object_id": "c1d2e3f4-0000-4000-8000-000000000001",
        "application_id": APPLICATION_ID,
        "permissions": permissions,
    }
    return Identity.model_validate(content | changes)


def make_person(*roles, permissions=ALL_PERMISSIONS, **changes):
    content = {
        "tenant_id": TENANT_ID,
        "kind": "user",
        "object_id": "c1d2e3f4-0000-4000-8000-000000000002",
        "user_principal_name": "admin@contoso.onmicrosoft.com",
        "application_id": "14d82eec-204b-4c2f-b7e8-296a70dab67e",
        "permissions": permissions,
        "directory_roles": roles,
    }
    return Identity.model_validate(content | changes)


def make_domain(federated_with, name="contoso.com", *, unread=""):
    hosts = {"vendor": "contoso.practiceprotect.app", "other": "sts.contoso.com", "unknown": ""}
    host = hosts[federated_with]
    return FederatedDomain(
        name=name,
        federated_with=federated_with,
        unread=unread,
        hosts=(host,) if host else (),
        evidence=f"signs in at {host}" if host else "its federation names no sign-in page",
    )


def make_facts(account=None, *, federation=None, **changes):
    """A tenant without the account, unless it is given; every sign-in is allowed everything."""
    content = {
        "read": datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC),
        "tenant_id": TENANT_ID,
        "display_name": "Contoso",
        "country_letter_code": "AU",
        "initial_domain": "contoso.onmicrosoft.com",
        "domains": ("contoso.com", "contoso.onmicrosoft.com"),
        "federated_domains": (make_domain(federation),) if federation else (),
        "user_principal_name": NAME,
        "account": account,
        "other_global_administrators": 2,
        "security_defaults": False,
        "identity": make_application(),
    }
    return Facts(**(content | changes))


def make_plan(runbook, facts=None, client=None, *, parameters_digest="0" * 64, defaults=DEFAULTS):
    return draft(
        runbook,
        make_facts() if facts is None else facts,
        make_client() if client is None else client,
        defaults,
        parameters_digest=parameters_digest,
    )


def codes(plan):
    return [refusal.code for refusal in plan.refusals]


def actions(plan):
    return [change.action for change in plan.changes]


def make_renamed(user_principal_name="old-pp@contoso.com"):
    return RenamedAccount(
        user_id="bbbbbbbb-0000-4000-8000-000000000001",
        user_principal_name=user_principal_name,
        run_id="20260820T101112000Z-create-abcdef",
    )


def deleted_namesake(user_id="aaaaaaaa-0000-4000-8000-000000000001"):
    return DeletedUser(
        id=user_id,
        user_principal_name=f"{user_id.replace('-', '')}{NAME}",
        display_name="Practice Protect",
        deleted_date_time=datetime(2026, 8, 1, tzinfo=UTC),
    )


def licence():
    return AssignedLicense(sku_id="c42b9cae-ea4f-4ab7-9717-81576235ccac")
