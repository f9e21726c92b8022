"""Directory roles by the older API: activated roles and their members, and `memberOf`.

https://learn.microsoft.com/graph/api/resources/directoryrole
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from o365lib.sandbox.graph.call import GraphReply
from o365lib.sandbox.graph.entities import DIRECTORY_ROLE, USER
from o365lib.sandbox.graph.errors import GraphError, bad_request, conflict, malformed, not_found
from o365lib.sandbox.graph.privileges import (
    require_any_directory_role,
    require_role_administrator,
)
from o365lib.sandbox.graph.query import entity_reply, list_reply
from o365lib.sandbox.graph.roles import add_assignment, remove_assignment
from o365lib.sandbox.graph.users import find_user
from o365lib.sandbox.identifiers import role_assignment_id
from o365lib.sandbox.role_catalogue import ROLE_DESCRIPTIONS, ROLE_NAMES

if TYPE_CHECKING:
    from o365lib.sandbox.graph.call import GraphCall

_BY_TEMPLATE = "roleTemplateId="
_USER_TYPE = "#microsoft.graph.user"


def _role(call: GraphCall, template_id: str) -> dict[str, Any]:
    return {
        "id": call.tenant.directory_roles()[template_id],
        "description": ROLE_DESCRIPTIONS[template_id],
        "displayName": ROLE_NAMES[template_id],
        "roleTemplateId": template_id,
    }


def _find_template(call: GraphCall) -> str:
    key = call.params["role"]
    if key.startswith(_BY_TEMPLATE):
        template_id = key.removeprefix(_BY_TEMPLATE).strip("'").lower()
        if template_id in call.tenant.directory_roles():
            return template_id
    for template_id, role_id in call.tenant.directory_roles().items():
        if role_id == key.lower():
            return template_id
    raise not_found(key)


def list_directory_roles(call: GraphCall) -> GraphReply:
    """List activated roles.

    https://learn.microsoft.com/graph/api/directoryrole-list
    """
    require_any_directory_role(call)
    roles = [_role(call, template_id) for template_id in call.tenant.directory_roles()]
    return list_reply(call, roles, DIRECTORY_ROLE, "directoryRoles", paged=False)


def get_directory_role(call: GraphCall) -> GraphReply:
    """Return an activated role.

    https://learn.microsoft.com/graph/api/directoryrole-get
    """
    require_any_directory_role(call)
    role = _role(call, _find_template(call))
    return entity_reply(call, role, DIRECTORY_ROLE, "directoryRoles")


def activate_directory_role(call: GraphCall) -> GraphReply:
    """Activate a role.

    https://learn.microsoft.com/graph/api/directoryrole-post-directoryroles
    """
    require_role_administrator(call)
    template_id = call.json_body().get("roleTemplateId")
    if not isinstance(template_id, str) or template_id.lower() not in ROLE_NAMES:
        raise not_found(str(template_id))
    template_id = template_id.lower()
    if template_id in call.tenant.directory_roles():
        raise conflict()
    call.tenant.activated_roles.add(template_id)
    role = _role(call, template_id)
    return entity_reply(call, role, DIRECTORY_ROLE, "directoryRoles", status=201)


def list_members(call: GraphCall) -> GraphReply:
    """List a role's members.

    https://learn.microsoft.com/graph/api/directoryrole-list-members
    """
    require_any_directory_role(call)
    template_id = _find_template(call)
    holders = [
        call.users[assignment["principalId"]]
        for assignment in call.role_assignments.values()
        if assignment["roleDefinitionId"] == template_id and assignment["principalId"] in call.users
    ]
    reply = list_reply(call, holders, USER, "directoryObjects", paged=False)
    reply.body["value"] = [{"@odata.type": _USER_TYPE, **item} for item in reply.body["value"]]
    return reply


def add_member(call: GraphCall) -> GraphReply:
    """Add a member.

    https://learn.microsoft.com/graph/api/directoryrole-post-members
    """
    require_role_administrator(call)
    template_id = _find_template(call)
    reference = call.json_body().get("@odata.id")
    if not isinstance(reference, str):
        raise malformed("The request body must contain '@odata.id'.")
    user_id = reference.rstrip("/").rpartition("/")[2].lower()
    user = call.users.get(user_id)
    if user is None:
        raise not_found(user_id)
    if role_assignment_id(template_id, user_id) in call.tenant.role_assignments:
        raise bad_request(
            "One or more added object references already exist for the following modified "
            "properties: 'members'."
        )
    add_assignment(call, user, template_id)
    return GraphReply(status=204)


def remove_member(call: GraphCall) -> GraphReply:
    """Remove a member.

    https://learn.microsoft.com/graph/api/directoryrole-delete-member
    """
    require_role_administrator(call)
    assignment_id = role_assignment_id(_find_template(call), call.params["member"].lower())
    assignment = call.tenant.role_assignments.get(assignment_id)
    if assignment is None:
        raise GraphError(
            404,
            "Request_ResourceNotFound",
            "One or more removed object references do not exist for the following modified "
            "properties: 'members'.",
        )
    remove_assignment(call, assignment)
    return GraphReply(status=204)


def list_member_of(call: GraphCall) -> GraphReply:
    """List a user's directory roles; the sandbox has no groups.

    https://learn.microsoft.com/graph/api/user-list-memberof
    """
    user = find_user(call)
    roles = [
        {"@odata.type": "#microsoft.graph.directoryRole", **_role(call, template_id)}
        for template_id in sorted(
            assignment["roleDefinitionId"]
            for assignment in call.role_assignments.values()
            if assignment["principalId"] == user["id"]
        )
        if template_id in call.tenant.directory_roles()
    ]
    return list_reply(call, roles, DIRECTORY_ROLE, "directoryObjects")
