"""Directory roles and who holds them, by the unified API.

https://learn.microsoft.com/graph/api/resources/unifiedroleassignment
"""

from collections.abc import Iterable

from o365lib.graph.models import RoleAssignment, RoleDefinition
from o365lib.graph.query import Query, literal, segment, with_query
from o365lib.graph.session import GraphSession

_DEFINITIONS = "/roleManagement/directory/roleDefinitions"
_ASSIGNMENTS = "/roleManagement/directory/roleAssignments"
_READ = "RoleManagement.Read.Directory"
_WRITE = "RoleManagement.ReadWrite.Directory"


def list_role_definitions(
    template_ids: Iterable[str] | None = None,
) -> Query[tuple[RoleDefinition, ...]]:
    """Ask for role definitions; all of them where no template ids are given.

    Needs `RoleManagement.Read.Directory`. A built-in role's id is its template id.
    https://learn.microsoft.com/graph/api/rbacapplication-list-roledefinitions
    """
    wanted = None
    if template_ids is not None:
        wanted = " or ".join(f"id eq {literal(one)}" for one in template_ids)
    options = {"$filter": wanted, "$select": RoleDefinition.properties()}
    return Query(
        with_query(_DEFINITIONS, options),
        lambda items: tuple(map(RoleDefinition.from_graph, items)),
        needs=_READ,
        is_collection=True,
    )


def list_role_assignments(
    *,
    principal_id: str | None = None,
    role_definition_id: str | None = None,
    expand_principal: bool = False,
) -> Query[tuple[RoleAssignment, ...]]:
    """Ask for role assignments: of one principal, of one role, or all of them.

    Needs `RoleManagement.Read.Directory`. The filter is optional in Graph's reference.
    https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments

    Args:
        principal_id: whose roles.
        role_definition_id: of which role.
        expand_principal: whether the answer holds each principal's names and state too.
    """
    terms = {"principalId": principal_id, "roleDefinitionId": role_definition_id}
    wanted = [f"{name} eq {literal(value)}" for name, value in terms.items() if value]
    options = {
        "$filter": " and ".join(wanted) or None,
        "$expand": "principal" if expand_principal else None,
    }
    return Query(
        with_query(_ASSIGNMENTS, options),
        lambda items: tuple(map(RoleAssignment.from_graph, items)),
        needs=_READ,
        is_collection=True,
    )


def create_role_assignment(
    session: GraphSession, *, principal_id: str, role_definition_id: str
) -> RoleAssignment:
    """Give a principal a role in the whole tenant.

    Needs `RoleManagement.ReadWrite.Directory`, and Privileged Role Administrator for a signed-in
    user. Not narrower than the tenant: Graph refuses that for Exchange Administrator.
    https://learn.microsoft.com/graph/api/rbacapplication-post-roleassignments

    Raises:
        NotFound: Graph does not know the principal, or not yet, shortly after its creation.
        Conflict: the principal has the role already.
        Forbidden: a permission or role is missing; nothing was changed.
        AnswerLost: the role may have been given or not.
    """
    body = {
        "@odata.type": "#microsoft.graph.unifiedRoleAssignment",
        "principalId": principal_id,
        "roleDefinitionId": role_definition_id,
        "directoryScopeId": "/",
    }
    return session.create(_ASSIGNMENTS, body, RoleAssignment.from_graph, needs=_WRITE)


def delete_role_assignment(session: GraphSession, assignment_id: str) -> None:
    """Take a role away.

    Needs `RoleManagement.ReadWrite.Directory`, and Privileged Role Administrator for a signed-in
    user.
    https://learn.microsoft.com/graph/api/unifiedroleassignment-delete

    Raises:
        NotFound: there is no such assignment.
        BadRequest: it is the caller's own Global Administrator, or the last one.
        Forbidden: a permission or role is missing; nothing was changed.
        AnswerLost: the role may have been taken away or not.
    """
    session.delete(f"{_ASSIGNMENTS}/{segment(assignment_id)}", needs=_WRITE)
