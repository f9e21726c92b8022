"""What each change needs: Graph permissions by name, and directory roles of a signed-in person.

Data, from the permission tables of Graph's reference pages; the first name of each is the least.

https://learn.microsoft.com/graph/permissions-reference
"""

from dataclasses import dataclass

from o365lib.service_account.facts import GLOBAL_ADMINISTRATOR

PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
PRIVILEGED_AUTHENTICATION_ADMINISTRATOR = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"

ROLE_NAMES = {
    GLOBAL_ADMINISTRATOR: "Global Administrator",
    PRIVILEGED_ROLE_ADMINISTRATOR: "Privileged Role Administrator",
    PRIVILEGED_AUTHENTICATION_ADMINISTRATOR: "Privileged Authentication Administrator",
    USER_ADMINISTRATOR: "User Administrator",
}


@dataclass(frozen=True)
class Need:
    """One change's needs: any of the permissions, and, for a person, any of the roles."""

    permissions: tuple[str, ...]
    directory_roles: tuple[str, ...] = ()


NEEDS: dict[str, Need] = {
    # https://learn.microsoft.com/graph/api/user-post-users
    "create-user": Need(
        ("User.ReadWrite.All", "Directory.ReadWrite.All"),
        (USER_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
    ),
    # The right to write users is not enough for a password: a person would also need
    # Directory.AccessAsUser.All, an application a directory role of its own.
    # https://learn.microsoft.com/graph/api/user-update
    "set-password": Need(
        ("User-PasswordProfile.ReadWrite.All",),
        (USER_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
    ),
    # https://learn.microsoft.com/graph/api/rbacapplication-post-roleassignments
    "assign-role": Need(
        ("RoleManagement.ReadWrite.Directory",),
        (PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
    ),
    # https://learn.microsoft.com/graph/api/unifiedroleassignment-delete
    "remove-role": Need(
        ("RoleManagement.ReadWrite.Directory",),
        (PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
    ),
    # https://learn.microsoft.com/graph/api/user-sendmail
    "hand-over": Need(("Mail.Send",)),
    # https://learn.microsoft.com/graph/api/user-revokesigninsessions
    "revoke-sign-in-sessions": Need(
        ("User.RevokeSessions.All", "User.ReadWrite.All", "Directory.ReadWrite.All"),
        (USER_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
    ),
    # https://learn.microsoft.com/graph/api/user-delete
    "delete-user": Need(
        ("User.DeleteRestore.All", "User.ReadWrite.All"),
        (USER_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
    ),
}

# An account that holds an administrator's role has its password set by these only.
# https://learn.microsoft.com/graph/api/resources/users#who-can-perform-sensitive-actions
PRIVILEGED_TARGET_ROLES = (PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR)

READ_SCOPES = (
    "Organization.Read.All",
    "Domain.Read.All",
    "Domain-InternalFederation.Read.All",
    "User.Read.All",
    "RoleManagement.Read.Directory",
)

# The second is for the day on which an answer is lost and the password has to be set again.
CREATING = ("User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All")

_WRITING = {
    "User.Read.All": "User.ReadWrite.All",
    "RoleManagement.Read.Directory": "RoleManagement.ReadWrite.Directory",
}


def delegated_scopes(runbook: str, *, dry_run: bool, by_mail: bool) -> tuple[str, ...]:
    """Return the permissions that a person is asked to consent to: no more than the run needs.

    Args:
        runbook: `create` or `remove`.
        dry_run: reading only.
        by_mail: the credentials are mailed from the person's own mailbox.
    """
    if dry_run:
        return READ_SCOPES
    scopes = dict.fromkeys(READ_SCOPES)
    if runbook == "create":
        scopes |= dict.fromkeys(CREATING + (("Mail.Send",) if by_mail else ()))
    else:
        scopes |= dict.fromkeys(["User.DeleteRestore.All", "User.RevokeSessions.All"])
    scopes["RoleManagement.ReadWrite.Directory"] = None
    # Nobody is asked twice for one thing: who may write may read.
    return tuple(name for name in scopes if _WRITING.get(name) not in scopes)
