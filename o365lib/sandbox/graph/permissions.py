"""Which permission opens which address: Microsoft's permission map, for what the sandbox has.

From the least to the higher ones:
https://github.com/microsoftgraph/microsoft-graph-devx-content/blob/master/permissions/new/permissions.json
"""

from __future__ import annotations

from dataclasses import dataclass

_READ_ALL = frozenset({"Directory.Read.All", "Directory.ReadWrite.All"})
_WRITE_ALL = frozenset({"Directory.ReadWrite.All"})


@dataclass(frozen=True)
class Access:
    """The permissions of which one is needed.

    Attributes:
        delegated: scopes that suffice for an application acting for a person.
        application: roles that suffice for an application acting as itself; None means that it
            cannot do this at all.
        own: scopes that suffice for a person's own object.
    """

    delegated: frozenset[str]
    application: frozenset[str] | None
    own: frozenset[str] = frozenset()


def _same(*names: str, also: frozenset[str] = frozenset(), own: tuple[str, ...] = ()) -> Access:
    allowed = frozenset(names) | also
    return Access(allowed, allowed, frozenset(own))


ORGANIZATION_READ = Access(
    frozenset({"User.Read", "Organization.Read.All", "Organization.ReadWrite.All"}) | _READ_ALL,
    frozenset({"Organization.Read.All", "Organization.ReadWrite.All"}) | _READ_ALL,
)
DOMAIN_READ = _same("Domain.Read.All", "Domain.ReadWrite.All", also=_READ_ALL)
# The map names the newer pair; the reference page of the API still names the older one.
FEDERATION_READ = _same(
    "Domain-InternalFederation.Read.All",
    "Domain-InternalFederation.ReadWrite.All",
    "Domain.Read.All",
    "Domain.ReadWrite.All",
)
USER_READ = _same(
    "User.ReadBasic.All",
    "User.Read.All",
    "User.ReadWrite.All",
    also=_READ_ALL,
    own=("User.Read", "User.ReadWrite"),
)
USER_READ_IN_FULL = frozenset({"User.Read.All", "User.ReadWrite.All"}) | _READ_ALL
USER_CREATE = _same("User.ReadWrite.All", also=_WRITE_ALL)
USER_UPDATE = _same(
    "User.ReadWrite.All",
    "User.EnableDisableAccount.All",
    "User-PasswordProfile.ReadWrite.All",
    "User-Mail.ReadWrite.All",
    "User-Phone.ReadWrite.All",
    also=_WRITE_ALL,
)
USER_DELETE = _same("User.DeleteRestore.All", "User.ReadWrite.All")
DELETED_USER_READ = _same(
    "User.Read.All", "User.ReadWrite.All", "User.DeleteRestore.All", also=_READ_ALL
)
REVOKE_SESSIONS = _same(
    "User.RevokeSessions.All", "User.ReadWrite.All", also=_WRITE_ALL, own=("User.ReadWrite",)
)
LICENSE_READ = _same(
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "User.Read.All",
    "User.ReadWrite.All",
    also=_READ_ALL,
    own=("User.Read", "User.ReadWrite"),
)
SKU_READ = _same(
    "LicenseAssignment.Read.All",
    "LicenseAssignment.ReadWrite.All",
    "Organization.Read.All",
    "Organization.ReadWrite.All",
    also=_READ_ALL,
)
MEMBER_OF_READ = _same(
    "User.Read.All",
    "User.ReadWrite.All",
    "GroupMember.Read.All",
    "Group.Read.All",
    also=_READ_ALL,
    own=("User.Read",),
)
ROLE_READ = _same(
    "RoleManagement.Read.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.ReadWrite.Directory",
    also=_READ_ALL,
)
ROLE_WRITE = _same("RoleManagement.ReadWrite.Directory")
MAIL_SEND = Access(
    frozenset({"Mail.Send", "Mail.Send.Shared"}), frozenset({"Mail.Send"}), frozenset({"Mail.Send"})
)
POLICY_READ = _same("Policy.Read.All")
AUDIT_READ = _same("AuditLog.Read.All")
