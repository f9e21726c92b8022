"""The addresses of Graph v1.0 that the sandbox has, and the names of those it has not.

`/me/…` is `/users/{the caller}/…`; `users('x')` is `users/x`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from o365lib.sandbox.graph import (
    audit,
    deleted_items,
    directory_roles,
    mail,
    organization,
    roles,
    users,
)
from o365lib.sandbox.graph import permissions as need
from o365lib.sandbox.graph.errors import method_not_allowed, not_in_sandbox, unknown_segment

if TYPE_CHECKING:
    from collections.abc import Callable

    from o365lib.sandbox.graph.call import GraphCall, GraphReply

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_KEY_IN_PARENTHESES = re.compile(r"([A-Za-z]+)\((.*)\)")


@dataclass(frozen=True)
class Route:
    """One address with one method."""

    method: str
    pattern: str
    access: need.Access
    handler: Callable[[GraphCall], GraphReply]

    @property
    def parts(self) -> tuple[str, ...]:
        """The segments of the pattern."""
        return tuple(self.pattern.split("/"))

    def match(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """Return what the placeholders stand for, or None when the address is another one."""
        parts = self.parts
        if len(parts) != len(segments):
            return None
        params = {}
        for part, segment in zip(parts, segments, strict=True):
            placeholder = _PLACEHOLDER.fullmatch(part)
            if placeholder is not None:
                params[placeholder[1]] = segment
            elif part.casefold() != segment.casefold():
                return None
        return params


_BIN = "directory/deletedItems"
_DEFINITIONS = "roleManagement/directory/roleDefinitions"
_ASSIGNMENTS = "roleManagement/directory/roleAssignments"
_SECURITY_DEFAULTS = "policies/identitySecurityDefaultsEnforcementPolicy"

ROUTES = (
    Route("GET", "organization", need.ORGANIZATION_READ, organization.list_organization),
    Route(
        "GET", "organization/{organization}", need.ORGANIZATION_READ, organization.get_organization
    ),
    Route("GET", "domains", need.DOMAIN_READ, organization.list_domains),
    Route("GET", "domains/{domain}", need.DOMAIN_READ, organization.get_domain),
    Route(
        "GET",
        "domains/{domain}/federationConfiguration",
        need.FEDERATION_READ,
        organization.list_federation_configurations,
    ),
    Route(
        "GET",
        "domains/{domain}/federationConfiguration/{configuration}",
        need.FEDERATION_READ,
        organization.get_federation_configuration,
    ),
    Route("GET", "subscribedSkus", need.SKU_READ, organization.list_subscribed_skus),
    Route("GET", _SECURITY_DEFAULTS, need.POLICY_READ, organization.get_security_defaults),
    Route("GET", "users/$count", need.USER_READ, users.count_users),
    Route("GET", "users", need.USER_READ, users.list_users),
    Route("POST", "users", need.USER_CREATE, users.create_user),
    Route("GET", "users/{user}", need.USER_READ, users.get_user),
    Route("PATCH", "users/{user}", need.USER_UPDATE, users.update_user),
    Route("DELETE", "users/{user}", need.USER_DELETE, users.delete_user),
    Route(
        "GET", "users/{user}/licenseDetails", need.LICENSE_READ, organization.list_license_details
    ),
    Route("GET", "users/{user}/memberOf", need.MEMBER_OF_READ, directory_roles.list_member_of),
    Route(
        "GET",
        "users/{user}/memberOf/microsoft.graph.directoryRole",
        need.MEMBER_OF_READ,
        directory_roles.list_member_of,
    ),
    Route(
        "GET",
        "users/{user}/transitiveMemberOf",
        need.MEMBER_OF_READ,
        directory_roles.list_member_of,
    ),
    Route(
        "GET",
        "users/{user}/transitiveMemberOf/microsoft.graph.directoryRole",
        need.MEMBER_OF_READ,
        directory_roles.list_member_of,
    ),
    Route(
        "POST",
        "users/{user}/revokeSignInSessions",
        need.REVOKE_SESSIONS,
        users.revoke_sign_in_sessions,
    ),
    Route("POST", "users/{user}/sendMail", need.MAIL_SEND, mail.send_mail),
    Route("GET", _BIN, need.DELETED_USER_READ, deleted_items.cast_is_missing),
    Route(
        "GET",
        f"{_BIN}/microsoft.graph.user",
        need.DELETED_USER_READ,
        deleted_items.list_deleted_users,
    ),
    Route("GET", f"{_BIN}/{{item}}", need.DELETED_USER_READ, deleted_items.get_deleted_item),
    Route(
        "GET",
        f"{_BIN}/{{item}}/microsoft.graph.user",
        need.DELETED_USER_READ,
        deleted_items.get_deleted_item,
    ),
    Route("DELETE", f"{_BIN}/{{item}}", need.USER_DELETE, deleted_items.delete_deleted_item),
    Route("POST", f"{_BIN}/{{item}}/restore", need.USER_DELETE, deleted_items.restore_deleted_item),
    Route("GET", _DEFINITIONS, need.ROLE_READ, roles.list_role_definitions),
    Route("GET", f"{_DEFINITIONS}/{{definition}}", need.ROLE_READ, roles.get_role_definition),
    Route("GET", _ASSIGNMENTS, need.ROLE_READ, roles.list_role_assignments),
    Route("POST", _ASSIGNMENTS, need.ROLE_WRITE, roles.create_role_assignment),
    Route("GET", f"{_ASSIGNMENTS}/{{assignment}}", need.ROLE_READ, roles.get_role_assignment),
    Route(
        "DELETE", f"{_ASSIGNMENTS}/{{assignment}}", need.ROLE_WRITE, roles.delete_role_assignment
    ),
    Route("GET", "directoryRoles", need.ROLE_READ, directory_roles.list_directory_roles),
    Route("POST", "directoryRoles", need.ROLE_WRITE, directory_roles.activate_directory_role),
    Route("GET", "directoryRoles/{role}", need.ROLE_READ, directory_roles.get_directory_role),
    Route("GET", "directoryRoles/{role}/members", need.ROLE_READ, directory_roles.list_members),
    Route(
        "POST", "directoryRoles/{role}/members/$ref", need.ROLE_WRITE, directory_roles.add_member
    ),
    Route(
        "DELETE",
        "directoryRoles/{role}/members/{member}/$ref",
        need.ROLE_WRITE,
        directory_roles.remove_member,
    ),
    Route("GET", "auditLogs/directoryAudits", need.AUDIT_READ, audit.list_audits),
    Route("GET", "auditLogs/directoryAudits/{audit}", need.AUDIT_READ, audit.get_audit),
)

_FIRST_SEGMENTS_ELSEWHERE = frozenset(
    [
        "$metadata",
        "admin",
        "agreements",
        "applications",
        "applicationTemplates",
        "auditLogs",
        "authenticationMethodsPolicy",
        "communications",
        "contacts",
        "contracts",
        "devices",
        "deviceManagement",
        "directory",
        "directoryObjects",
        "directoryRoleTemplates",
        "drives",
        "education",
        "external",
        "groups",
        "groupSettings",
        "identity",
        "identityGovernance",
        "identityProtection",
        "informationProtection",
        "invitations",
        "oauth2PermissionGrants",
        "permissionGrants",
        "places",
        "planner",
        "policies",
        "reports",
        "roleManagement",
        "search",
        "security",
        "servicePrincipals",
        "sites",
        "solutions",
        "subscriptions",
        "teams",
        "tenantRelationships",
        "teamwork",
    ]
)
_USER_SEGMENTS_ELSEWHERE = frozenset(
    [
        "activities",
        "appRoleAssignments",
        "assignLicense",
        "authentication",
        "calendar",
        "calendars",
        "changePassword",
        "checkMemberGroups",
        "checkMemberObjects",
        "contacts",
        "createdObjects",
        "directReports",
        "drive",
        "drives",
        "events",
        "extensions",
        "getMailTips",
        "getMemberGroups",
        "getMemberObjects",
        "joinedTeams",
        "mailFolders",
        "mailboxSettings",
        "manager",
        "messages",
        "microsoft.graph.user",
        "oauth2PermissionGrants",
        "onenote",
        "outlook",
        "ownedDevices",
        "ownedObjects",
        "people",
        "photo",
        "planner",
        "presence",
        "registeredDevices",
        "settings",
        "teamwork",
        "todo",
        "translateExchangeIds",
    ]
)


def normalised(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Return segments with keys in parentheses as own segments, and casts with the full namespace.

    `graph` is an alias of the namespace `microsoft.graph`; Microsoft's SDKs use it.
    """
    result: list[str] = []
    for segment in segments:
        match = _KEY_IN_PARENTHESES.fullmatch(segment)
        if match is None:
            is_cast = segment.casefold().startswith("graph.")
            result.append(f"microsoft.{segment}" if is_cast else segment)
            continue
        key = match[2]
        if key.startswith("'") and key.endswith("'"):
            key = key[1:-1].replace("''", "'")
        result += [match[1], key]
    return tuple(result)


def find_route(method: str, segments: tuple[str, ...]) -> tuple[Route, dict[str, str]]:
    """Return the route of an address, and what its placeholders stand for.

    Raises:
        GraphError: 405 another method is meant, 501 Graph has it and the sandbox has not, 400
            Graph has no such address.
    """
    is_known = False
    for route in ROUTES:
        params = route.match(segments)
        if params is not None:
            if route.method == method:
                return route, params
            is_known = True
    if is_known:
        raise method_not_allowed()
    first = segments[0] if segments else ""
    known_first = {route.parts[0].casefold() for route in ROUTES}
    elsewhere = {name.casefold() for name in _FIRST_SEGMENTS_ELSEWHERE}
    if first.casefold() == "users" and len(segments) > 2:  # noqa: PLR2004  users/{id}/more
        third = segments[2].casefold()
        if third in {name.casefold() for name in _USER_SEGMENTS_ELSEWHERE}:
            raise not_in_sandbox(f"/users/{{id}}/{segments[2]}")
        raise unknown_segment(segments[2])
    if first.casefold() in elsewhere | known_first:
        raise not_in_sandbox("/" + "/".join(segments))
    raise unknown_segment(first)
