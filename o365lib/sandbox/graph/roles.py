"""Directory roles by the unified API: definitions and assignments.

https://learn.microsoft.com/graph/api/resources/rolemanagement
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from o365lib.sandbox.graph import audit
from o365lib.sandbox.graph.call import GraphReply
from o365lib.sandbox.graph.entities import ROLE_ASSIGNMENT, ROLE_DEFINITION, USER
from o365lib.sandbox.graph.errors import bad_request, conflict, malformed, not_found
from o365lib.sandbox.graph.privileges import (
    keep_one_global_administrator,
    removing_self,
    require_role_administrator,
    require_role_reader,
)
from o365lib.sandbox.graph.query import entity_reply, list_reply
from o365lib.sandbox.identifiers import is_guid, role_assignment_id
from o365lib.sandbox.role_catalogue import GLOBAL_ADMINISTRATOR, ROLE_NAMES, role_definitions

if TYPE_CHECKING:
    from o365lib.sandbox.graph.call import GraphCall

_DEFINITIONS = "roleManagement/directory/roleDefinitions"
_ASSIGNMENTS = "roleManagement/directory/roleAssignments"
_WHOLE_TENANT = "/"
# An expanded principal shows more than the properties that a user has without `$select`.
_EXPANDED_TOO = ("accountEnabled", "userType")


def list_role_definitions(call: GraphCall) -> GraphReply:
    """List the roles.

    https://learn.microsoft.com/graph/api/rbacapplication-list-roledefinitions
    """
    require_role_reader(call)
    return list_reply(call, role_definitions().values(), ROLE_DEFINITION, _DEFINITIONS)


def get_role_definition(call: GraphCall) -> GraphReply:
    """Return a role.

    https://learn.microsoft.com/graph/api/unifiedroledefinition-get
    """
    require_role_reader(call)
    definition = role_definitions().get(call.params["definition"].lower())
    if definition is None:
        raise not_found(call.params["definition"])
    return entity_reply(call, definition, ROLE_DEFINITION, _DEFINITIONS)


def list_role_assignments(call: GraphCall) -> GraphReply:
    """List assignments.

    https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments
    """
    require_role_reader(call)
    items = [_expanded(call, item) for item in call.role_assignments.values()]
    return list_reply(call, items, ROLE_ASSIGNMENT, _ASSIGNMENTS)


def get_role_assignment(call: GraphCall) -> GraphReply:
    """Return an assignment.

    https://learn.microsoft.com/graph/api/unifiedroleassignment-get
    """
    require_role_reader(call)
    assignment = call.role_assignments.get(call.params["assignment"])
    if assignment is None:
        raise not_found(call.params["assignment"])
    return entity_reply(call, _expanded(call, assignment), ROLE_ASSIGNMENT, _ASSIGNMENTS)


def _expanded(call: GraphCall, assignment: dict[str, Any]) -> dict[str, Any]:
    expand = call.query.get("$expand")
    if expand == "roleDefinition":
        definition = role_definitions()[assignment["roleDefinitionId"]]
        return {**assignment, "roleDefinition": definition}
    if expand == "principal":
        return {**assignment, "principal": _principal(call, assignment["principalId"])}
    return assignment  # any other expansion is refused with the query options


def _principal(call: GraphCall, principal_id: str) -> dict[str, Any] | None:
    user = call.tenant.users.get(principal_id)
    if user is not None:
        names = (*(USER.shown or ()), *_EXPANDED_TOO)
        shown = {name: user.get(name, USER.defaults[name]) for name in names}
        return {"@odata.type": "#microsoft.graph.user", **shown}
    for application in call.tenant.applications.values():
        if application.object_id == principal_id:
            return {
                "@odata.type": "#microsoft.graph.servicePrincipal",
                "id": principal_id,
                "appId": application.app_id,
                "displayName": application.display_name,
                "accountEnabled": application.enabled,
            }
    return None


def create_role_assignment(call: GraphCall) -> GraphReply:
    """Assign a role.

    https://learn.microsoft.com/graph/api/rbacapplication-post-roleassignments
    """
    body = call.json_body()
    require_role_administrator(call)
    for name in body:
        if name not in ROLE_ASSIGNMENT.defaults and not name.startswith("@odata."):
            raise malformed(
                f"Property '{name}' does not exist on type 'microsoft.graph.unifiedRoleAssignment'."
            )
    principal_id, template_id = (
        _required_guid(body, name) for name in ("principalId", "roleDefinitionId")
    )
    scope = body.get("directoryScopeId")
    if not isinstance(scope, str) or not scope:
        raise bad_request("A value is required for property 'directoryScopeId'.")
    if scope != _WHOLE_TENANT:
        raise bad_request(
            "The given built-in role is not supported to be assigned to a single resource scope."
        )
    if template_id not in ROLE_NAMES:
        raise not_found(template_id)
    principal = _find_principal(call, principal_id)
    if role_assignment_id(template_id, principal_id) in call.tenant.role_assignments:
        raise conflict()
    assignment = add_assignment(call, principal, template_id)
    return entity_reply(call, assignment, ROLE_ASSIGNMENT, _ASSIGNMENTS, status=201)


def _required_guid(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not is_guid(value):
        raise bad_request(f"Invalid object identifier '{value}'.")
    return value.lower()


def _find_principal(call: GraphCall, principal_id: str) -> dict[str, Any]:
    if principal_id in call.users and principal_id in call.tenant.users:
        return call.tenant.users[principal_id]
    for application in call.tenant.applications.values():
        if application.object_id == principal_id:
            return {"id": principal_id, "displayName": application.display_name}
    raise not_found(principal_id)


def add_assignment(call: GraphCall, principal: dict[str, Any], template_id: str) -> dict[str, Any]:
    """Write an assignment down, after everything has been checked, and return it."""
    assignment = call.tenant.assign_role(principal["id"], template_id)
    call.tenant.activated_roles.add(template_id)
    replication = call.tenant.replication
    replication.forget("role_assignments", assignment["id"])
    if call.sandbox.role_assignments_lag_seconds > 0:
        until = call.after(call.sandbox.role_assignments_lag_seconds)
        replication.hide("role_assignments", assignment["id"], until)
    changes = {
        "Role.DisplayName": (None, ROLE_NAMES[template_id]),
        "Role.TemplateId": (None, template_id),
    }
    audit.record(
        call, "Add member to role", user=principal, category="RoleManagement", changes=changes
    )
    return assignment


def delete_role_assignment(call: GraphCall) -> GraphReply:
    """Take a role away.

    https://learn.microsoft.com/graph/api/unifiedroleassignment-delete
    """
    require_role_administrator(call)
    assignment = call.tenant.role_assignments.get(call.params["assignment"])
    if assignment is None:
        raise not_found(call.params["assignment"])
    remove_assignment(call, assignment)
    return GraphReply(status=204)


def remove_assignment(call: GraphCall, assignment: dict[str, Any]) -> None:
    """Take an assignment away.

    Raises:
        GraphError: 400, it is the caller's own, or the last, Global Administrator.
    """
    principal_id = assignment["principalId"]
    if assignment["roleDefinitionId"] == GLOBAL_ADMINISTRATOR:
        if principal_id == call.caller.principal_id:
            raise removing_self()
        keep_one_global_administrator(call, principal_id)
    del call.tenant.role_assignments[assignment["id"]]
    replication = call.tenant.replication
    replication.forget("role_assignments", assignment["id"])
    if call.sandbox.role_assignments_lag_seconds > 0:
        until = call.after(call.sandbox.role_assignments_lag_seconds)
        replication.remember("role_assignments", assignment["id"], assignment, until)
    user = call.tenant.users.get(principal_id, {"id": principal_id})
    template_id = assignment["roleDefinitionId"]
    changes = {
        "Role.DisplayName": (ROLE_NAMES[template_id], None),
        "Role.TemplateId": (template_id, None),
    }
    audit.record(
        call, "Remove member from role", user=user, category="RoleManagement", changes=changes
    )
