"""What each read and change needs: Graph permissions, and directory roles of a signed-in person.

Data, from the permission tables of Graph's reference pages; the first name of each is the least.

https://learn.microsoft.com/graph/permissions-reference
"""

from collections.abc import Iterable
from dataclasses import dataclass

from o365lib.service_account.facts import GLOBAL_ADMINISTRATOR, Identity

PRIVILEGED_ROLE_ADMINISTRATOR = "e8611ab8-c189-46e8-94e1-60213ab1f814"
PRIVILEGED_AUTHENTICATION_ADMINISTRATOR = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
USER_ADMINISTRATOR = "fe930be7-5e62-47db-91af-98c3a49a38b1"
AUTHENTICATION_ADMINISTRATOR = "c4e39bd9-1100-46d3-8c65-fb160da0071f"
GLOBAL_READER = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
SECURITY_READER = "5d6b6bb7-de71-4623-b4af-96380a352509"
SECURITY_ADMINISTRATOR = "194ae4cb-b126-40b2-bd5b-6091b380977d"
DIRECTORY_READERS = "88d8e3e3-8f55-4a1e-953a-9b9898b8876b"
DOMAIN_NAME_ADMINISTRATOR = "8329153b-31d0-4727-b945-745eb3bc5f31"
EXTERNAL_IDENTITY_PROVIDER_ADMINISTRATOR = "be2f45a1-457d-42af-a067-6ec1fa63bc45"
HYBRID_IDENTITY_ADMINISTRATOR = "8ac3fc64-6eca-42ea-9e69-59f4c7b60eb2"
REPORTS_READER = "4a5d8f65-41da-4de4-8968-e035b65339cf"

ROLE_NAMES = {
    GLOBAL_ADMINISTRATOR: "Global Administrator",
    PRIVILEGED_ROLE_ADMINISTRATOR: "Privileged Role Administrator",
    PRIVILEGED_AUTHENTICATION_ADMINISTRATOR: "Privileged Authentication Administrator",
    USER_ADMINISTRATOR: "User Administrator",
    AUTHENTICATION_ADMINISTRATOR: "Authentication Administrator",
    GLOBAL_READER: "Global Reader",
    SECURITY_READER: "Security Reader",
    SECURITY_ADMINISTRATOR: "Security Administrator",
    DIRECTORY_READERS: "Directory Readers",
    DOMAIN_NAME_ADMINISTRATOR: "Domain Name Administrator",
    EXTERNAL_IDENTITY_PROVIDER_ADMINISTRATOR: "External Identity Provider Administrator",
    HYBRID_IDENTITY_ADMINISTRATOR: "Hybrid Identity Administrator",
    REPORTS_READER: "Reports Reader",
}


@dataclass(frozen=True)
class Need:
    """What one thing takes: any of the permissions, and, for a person, any of the roles."""

    permissions: tuple[str, ...]
    directory_roles: tuple[str, ...] = ()


_DIRECTORY = ("Directory.Read.All", "Directory.ReadWrite.All")

# What a run reads. Where no role is named, every user of the tenant may read it.
READS: dict[str, Need] = {
    # https://learn.microsoft.com/graph/api/organization-get
    "read-organization": Need(
        ("Organization.Read.All", "Organization.ReadWrite.All", *_DIRECTORY),
    ),
    # https://learn.microsoft.com/graph/api/domain-list
    "read-domains": Need(("Domain.Read.All", "Domain.ReadWrite.All", *_DIRECTORY)),
    # https://learn.microsoft.com/graph/api/domain-list-federationconfiguration
    "read-federation": Need(
        ("Domain-InternalFederation.Read.All", "Domain-InternalFederation.ReadWrite.All"),
        (
            GLOBAL_READER,
            SECURITY_READER,
            DOMAIN_NAME_ADMINISTRATOR,
            EXTERNAL_IDENTITY_PROVIDER_ADMINISTRATOR,
            HYBRID_IDENTITY_ADMINISTRATOR,
            SECURITY_ADMINISTRATOR,
            GLOBAL_ADMINISTRATOR,
        ),
    ),
    # https://learn.microsoft.com/graph/api/user-list
    "read-users": Need(("User.Read.All", "User.ReadWrite.All", *_DIRECTORY)),
    # https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments
    "read-roles": Need(
        (
            "RoleManagement.Read.Directory",
            "RoleManagement.ReadWrite.Directory",
            "RoleManagement.Read.All",
            *_DIRECTORY,
        ),
        (DIRECTORY_READERS, GLOBAL_READER, PRIVILEGED_ROLE_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
    ),
    # https://learn.microsoft.com/graph/api/directory-deleteditems-list
    "read-deleted-users": Need(
        ("User.Read.All", "User.ReadWrite.All", *_DIRECTORY),
        (
            AUTHENTICATION_ADMINISTRATOR,
            USER_ADMINISTRATOR,
            PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
            GLOBAL_ADMINISTRATOR,
        ),
    ),
}

# What a comparison with the audit log reads, and no run does. The reference names the two
# permissions together: https://learn.microsoft.com/graph/api/directoryaudit-list
WITNESS_READS: dict[str, Need] = {
    "read-audit-log": Need(
        ("AuditLog.Read.All",),
        (
            REPORTS_READER,
            SECURITY_READER,
            GLOBAL_READER,
            SECURITY_ADMINISTRATOR,
            GLOBAL_ADMINISTRATOR,
        ),
    ),
    "read-directory": Need(_DIRECTORY),
}

# The least permission of each; the second one stands in for reading users and the organization.
WITNESS_SCOPES = tuple(need.permissions[0] for need in WITNESS_READS.values())

# Without these there is no plan. The others are for what may be left unread: the recycle bin, and a
# federation where no domain is federated.
NEEDED_READS = ("read-organization", "read-domains", "read-users", "read-roles")

_SWITCH = Need(
    ("User.EnableDisableAccount.All", "User.ReadWrite.All", "Directory.ReadWrite.All"),
    (USER_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR),
)

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
    # https://learn.microsoft.com/graph/api/user-update
    "enable-user": _SWITCH,
    "disable-user": _SWITCH,
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

# What a run of a runbook may have to change; a plan may need less.
MAY_CHANGE = {
    "create": ("create-user", "set-password", "hand-over", "assign-role"),
    "remove": ("remove-role", "revoke-sign-in-sessions", "delete-user"),
}

# Of an account that holds an administrator's role these change what is sensitive.
SENSITIVE = frozenset({"set-password", "enable-user", "disable-user"})

# An account that holds an administrator's role has its password set by these only, and by a
# person's token only with this permission besides. Microsoft's page does not say whether
# User-PasswordProfile.ReadWrite.All makes up for it, so that it is taken not to.
# https://learn.microsoft.com/graph/api/resources/users#who-can-perform-sensitive-actions
# https://learn.microsoft.com/graph/api/user-update
PRIVILEGED_TARGET_ROLES = (PRIVILEGED_AUTHENTICATION_ADMINISTRATOR, GLOBAL_ADMINISTRATOR)
AS_THE_USER = "Directory.AccessAsUser.All"

# The least permission of each read, no name twice.
READ_SCOPES = tuple(dict.fromkeys(need.permissions[0] for need in READS.values()))

# So many of a read's roles are named to a person, the least ones.
_ROLES_NAMED = 2

# The second is for the day on which an answer is lost and the password has to be set again.
CREATING = ("User.ReadWrite.All", "User-PasswordProfile.ReadWrite.All")

_WRITING = {
    "User.Read.All": "User.ReadWrite.All",
    "RoleManagement.Read.Directory": "RoleManagement.ReadWrite.Directory",
}


def delegated_scopes(
    runbook: str, *, dry_run: bool, by_mail: bool, password_pending: bool = False
) -> tuple[str, ...]:
    """Return the permissions that a person is asked to consent to: no more than the run needs.

    Args:
        runbook: `create` or `remove`.
        dry_run: reading only.
        by_mail: the credentials are mailed from the person's own mailbox.
        password_pending: a password is to be replaced, perhaps that of an account which holds its
            role by now.
    """
    if dry_run:
        return READ_SCOPES
    scopes = dict.fromkeys(READ_SCOPES)
    if runbook == "create":
        scopes |= dict.fromkeys(CREATING + (("Mail.Send",) if by_mail else ()))
        scopes |= dict.fromkeys((AS_THE_USER,) if password_pending else ())
    else:
        scopes |= dict.fromkeys(["User.DeleteRestore.All", "User.RevokeSessions.All"])
    scopes["RoleManagement.ReadWrite.Directory"] = None
    # Nobody is asked twice for one thing: who may write may read.
    return tuple(name for name in scopes if _WRITING.get(name) not in scopes)


def how_to_be_allowed(*reads: str, identity: Identity) -> str:
    """Return what to ask the client's administrator for, after the service refused reads.

    Args:
        reads: keys of `READS` and `WITNESS_READS`.
        identity: who asked. What its token shows is not asked for again; all is, where the token
            shows nothing, or all of it.
    """
    permissions: dict[str, None] = {}
    roles: dict[str, None] = {}
    is_all_told = True
    for read in reads:
        need = {**READS, **WITNESS_READS}[read]
        takes_role = identity.kind == "user" and bool(need.directory_roles)
        lacks_permission = not set(need.permissions) & set(identity.permissions)
        lacks_role = takes_role and not set(need.directory_roles) & set(identity.directory_roles)
        is_told = identity.claims_known and (lacks_permission or lacks_role)
        is_all_told = is_all_told and (is_told or not identity.claims_known)
        if lacks_permission or not is_told:
            permissions[need.permissions[0]] = None
        if lacks_role or (takes_role and not is_told):
            named = need.directory_roles[:_ROLES_NAMED]
            roles[" or ".join(ROLE_NAMES[role] for role in named)] = None
    wanted = []
    if permissions:
        whose = "that you consent to" if identity.kind == "user" else "for this application"
        noun = "permission" if len(permissions) == 1 else "permissions"
        wanted.append(f"the {noun} {_listed(permissions)} ({whose}, with admin consent)")
    wanted += [f"the directory role {names} for the user who signs in" for names in roles]
    what = _listed(read.removeprefix("read-").replace("-", " ") for read in reads)
    sentence = f"To read {what}, ask the client's administrator for {' and '.join(wanted)}"
    if not is_all_told:
        return f"{sentence}; if it is there already, wait some minutes. Then sign in and run again."
    return f"{sentence}. Then sign in and run again."


def how_to_change_sensitively(action: str, identity: Identity) -> str:
    """Return what to ask the client's administrator for, after the service refused such a change.

    Which of it is missing depends on the roles that the account holds by now.

    Args:
        action: one of `SENSITIVE`.
        identity: who asked.
    """
    permission = NEEDS[action].permissions[0]
    doing = "To set the password" if action == "set-password" else "To allow or block the sign-in"
    higher = " or ".join(ROLE_NAMES[role] for role in PRIVILEGED_TARGET_ROLES)
    if identity.kind == "application":
        return (
            f"{doing} takes the permission {permission} for this application, with "
            f"admin consent, and, where the account holds a role, the directory role {higher}. Ask "
            "the client's administrator for what is missing."
        )
    return (
        f"{doing} takes the permission {permission} (that you consent to, with admin "
        f"consent) and the directory role {ROLE_NAMES[USER_ADMINISTRATOR]}. Where the account "
        f"holds a role, it takes the permission {AS_THE_USER} besides, and the directory role "
        f"{higher}. Ask the client's administrator for what is missing."
    )


def _listed(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} and {last}" if others else last
