"""What a caller's directory roles allow: the second gate after the token's permissions.

An application acting as itself needs no role for ordinary users; for holders of privileged roles
its service principal needs one, as a person does:
https://learn.microsoft.com/graph/api/resources/users#who-can-perform-sensitive-actions
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from o365lib.sandbox.graph.errors import GraphError, bad_request, denied
from o365lib.sandbox.role_catalogue import (
    AUTHENTICATION_ADMINISTRATOR,
    DIRECTORY_READERS,
    DOMAIN_NAME_ADMINISTRATOR,
    EXTERNAL_IDENTITY_PROVIDER_ADMINISTRATOR,
    GLOBAL_ADMINISTRATOR,
    GLOBAL_READER,
    HELPDESK_ADMINISTRATOR,
    HYBRID_IDENTITY_ADMINISTRATOR,
    PASSWORD_ADMINISTRATOR,
    PRIVILEGED_AUTHENTICATION_ADMINISTRATOR,
    PRIVILEGED_ROLE_ADMINISTRATOR,
    REPORTS_READER,
    SECURITY_ADMINISTRATOR,
    SECURITY_READER,
    UNPRIVILEGED_ROLES,
    USER_ADMINISTRATOR,
)

if TYPE_CHECKING:
    from o365lib.sandbox.graph.call import GraphCall

_USER_MANAGERS = (GLOBAL_ADMINISTRATOR, USER_ADMINISTRATOR)
_DELETERS = (*_USER_MANAGERS, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR)
_SESSION_REVOKERS = (
    *_DELETERS,
    AUTHENTICATION_ADMINISTRATOR,
    HELPDESK_ADMINISTRATOR,
    PASSWORD_ADMINISTRATOR,
)
_ABOVE_ADMINISTRATORS = (GLOBAL_ADMINISTRATOR, PRIVILEGED_AUTHENTICATION_ADMINISTRATOR)
_AUDIT_READERS = (
    GLOBAL_ADMINISTRATOR,
    GLOBAL_READER,
    REPORTS_READER,
    SECURITY_ADMINISTRATOR,
    SECURITY_READER,
)
_FEDERATION_READERS = (
    GLOBAL_ADMINISTRATOR,
    GLOBAL_READER,
    SECURITY_READER,
    DOMAIN_NAME_ADMINISTRATOR,
    EXTERNAL_IDENTITY_PROVIDER_ADMINISTRATOR,
    HYBRID_IDENTITY_ADMINISTRATOR,
    SECURITY_ADMINISTRATOR,
)
_DELETED_USER_READERS = (*_DELETERS, AUTHENTICATION_ADMINISTRATOR)
_ROLE_READERS = (
    GLOBAL_ADMINISTRATOR,
    DIRECTORY_READERS,
    GLOBAL_READER,
    PRIVILEGED_ROLE_ADMINISTRATOR,
)


def is_privileged(call: GraphCall, user_id: str) -> bool:
    """Tell whether a user holds a role that protects it, or held one when it was deleted."""
    stashed = call.tenant.deleted_role_assignments.get(user_id, [])
    roles = call.tenant.roles_of(user_id) | {item["roleDefinitionId"] for item in stashed}
    return not roles <= UNPRIVILEGED_ROLES


def _require_of_a_person(call: GraphCall, *roles: str) -> None:
    if call.caller.user is not None and not call.caller.holds(*roles):
        raise denied()


def require_user_manager(call: GraphCall) -> None:
    """Check that a person may create or change users.

    Raises:
        GraphError: 403.
    """
    _require_of_a_person(call, *_USER_MANAGERS)


def require_authority_over(call: GraphCall, user_id: str) -> None:
    """Check that the caller may do sensitive things to a user.

    Raises:
        GraphError: 403.
    """
    if is_privileged(call, user_id):
        if not call.caller.holds(*_ABOVE_ADMINISTRATORS):
            raise denied()
    elif call.caller.user is not None and not call.caller.holds(*_DELETERS):
        raise denied()


def require_session_revoker(call: GraphCall) -> None:
    """Check that a person may end other people's sessions; that is no sensitive action.

    Raises:
        GraphError: 403.
    """
    _require_of_a_person(call, *_SESSION_REVOKERS)


def require_sensitive_action(call: GraphCall, user_id: str) -> None:
    """Check that the caller may delete or restore a user, or change its sensitive properties.

    For holders of privileged roles a person's token needs `Directory.AccessAsUser.All` too,
    whatever other permissions it has:
    https://learn.microsoft.com/graph/api/user-delete
    https://learn.microsoft.com/graph/api/user-update

    Raises:
        GraphError: 403.
    """
    require_authority_over(call, user_id)
    is_person = call.caller.user is not None
    if (
        is_person
        and is_privileged(call, user_id)
        and "Directory.AccessAsUser.All" not in call.caller.permissions
    ):
        raise denied()


def require_role_administrator(call: GraphCall) -> None:
    """Check that a person may assign directory roles.

    Raises:
        GraphError: 403.
    """
    _require_of_a_person(call, GLOBAL_ADMINISTRATOR, PRIVILEGED_ROLE_ADMINISTRATOR)


def require_any_directory_role(call: GraphCall) -> None:
    """Check that a person holds some directory role, which the older API of roles needs.

    Raises:
        GraphError: 403.
    """
    if call.caller.user is not None and not call.caller.directory_roles:
        raise denied()


def require_audit_reader(call: GraphCall) -> None:
    """Check that the token has both permissions for the audit log, and a person the role.

    The reference names two permissions together, the map of permissions only the first:
    https://learn.microsoft.com/graph/api/directoryaudit-list

    Raises:
        GraphError: 403.
    """
    if not call.caller.permissions & {"Directory.Read.All", "Directory.ReadWrite.All"}:
        raise denied()
    _require_of_a_person(call, *_AUDIT_READERS)


def require_federation_reader(call: GraphCall) -> None:
    """Check that a person may read with whom a domain is federated.

    https://learn.microsoft.com/graph/api/domain-list-federationconfiguration

    Raises:
        GraphError: 403.
    """
    _require_of_a_person(call, *_FEDERATION_READERS)


def require_deleted_user_reader(call: GraphCall) -> None:
    """Check that a person may see the recycle bin's users.

    https://learn.microsoft.com/graph/api/directory-deleteditems-list

    Raises:
        GraphError: 403.
    """
    _require_of_a_person(call, *_DELETED_USER_READERS)


def require_role_reader(call: GraphCall) -> None:
    """Check that a person may read roles and who holds them, by the unified API.

    https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments

    Raises:
        GraphError: 403.
    """
    _require_of_a_person(call, *_ROLE_READERS)


def keep_one_global_administrator(call: GraphCall, user_id: str) -> None:
    """Check that the tenant keeps an enabled Global Administrator when this user loses it.

    The service refuses it too; its text is not documented.

    Raises:
        GraphError: 400, this is the last one.
    """
    left = [user["id"] for user in call.tenant.global_administrators()]
    if left == [user_id]:
        raise bad_request("The last Global Administrator of a tenant cannot be removed.")


def removing_self() -> GraphError:
    """Return the refusal of who would take the own Global Administrator away."""
    return bad_request("Removing self from Global Administrator built-in role is not allowed")
