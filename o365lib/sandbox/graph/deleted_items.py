"""The recycle bin: list, get, restore, delete for good.

https://learn.microsoft.com/graph/api/resources/directory
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from o365lib.sandbox.graph import audit
from o365lib.sandbox.graph.call import GraphReply
from o365lib.sandbox.graph.entities import USER
from o365lib.sandbox.graph.errors import bad_request, malformed, not_found
from o365lib.sandbox.graph.privileges import (
    require_deleted_user_reader,
    require_sensitive_action,
)
from o365lib.sandbox.graph.query import entity_reply, list_reply
from o365lib.sandbox.graph.user_rules import check_user_principal_name
from o365lib.sandbox.identifiers import is_guid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from o365lib.sandbox.graph.call import GraphCall

_USER_TYPE = "#microsoft.graph.user"
_CONTEXT = "directory/deletedItems"


def _shown(call: GraphCall) -> Mapping[str, dict[str, Any]]:
    return call.tenant.replication.view("deleted_users", call.tenant.deleted_users, call.now)


def _find(call: GraphCall) -> dict[str, Any]:
    key = call.params["item"]
    if not is_guid(key):
        raise bad_request(f"Invalid object identifier '{key}'.")
    user = _shown(call).get(key.lower())
    if user is None:
        raise not_found(key)
    return user


def list_deleted_users(call: GraphCall) -> GraphReply:
    """List deleted users.

    https://learn.microsoft.com/graph/api/directory-deleteditems-list
    """
    require_deleted_user_reader(call)
    return list_reply(call, _shown(call).values(), USER, "users")


def get_deleted_item(call: GraphCall) -> GraphReply:
    """Return a deleted object.

    https://learn.microsoft.com/graph/api/directory-deleteditems-get
    """
    require_deleted_user_reader(call)
    reply = entity_reply(call, _find(call), USER, _CONTEXT)
    context = reply.body.pop("@odata.context")
    reply.body = {"@odata.context": context, "@odata.type": _USER_TYPE, **reply.body}
    return reply


def restore_deleted_item(call: GraphCall) -> GraphReply:
    """Bring a user back.

    https://learn.microsoft.com/graph/api/directory-deleteditems-restore
    """
    user = _find(call)
    require_sensitive_action(call, user["id"])
    body = call.json_body() if call.body.strip() else {}
    wanted = body.get("newUserPrincipalName")
    if wanted is not None and not isinstance(wanted, str):
        raise malformed("Cannot convert the value of 'newUserPrincipalName' to 'Edm.String'.")
    original = user["userPrincipalName"].removeprefix(user["id"].replace("-", ""))
    name = wanted or original
    check_user_principal_name(call.tenant, name, own_id=user["id"])
    restored = call.tenant.restore_user(
        user["id"],
        user_principal_name=name,
        with_roles=call.sandbox.restore_brings_roles_back,
    )
    if call.sandbox.replication_lag_seconds > 0:
        until = call.after(call.sandbox.replication_lag_seconds)
        call.tenant.replication.hide("users", user["id"], until)
    audit.record(call, "Restore user", user=restored)
    reply = entity_reply(call, restored, USER, "directoryObjects")
    context = reply.body.pop("@odata.context")
    reply.body = {"@odata.context": context, "@odata.type": _USER_TYPE, **reply.body}
    return reply


def delete_deleted_item(call: GraphCall) -> GraphReply:
    """Delete for good.

    https://learn.microsoft.com/graph/api/directory-deleteditems-delete
    """
    user = _find(call)
    require_sensitive_action(call, user["id"])
    call.tenant.purge_user(user["id"])
    audit.record(call, "Hard Delete user", user=user)
    return GraphReply(status=204)


def cast_is_missing(call: GraphCall) -> GraphReply:
    """Refuse the list without a cast, which the service does not have.

    Raises:
        GraphError: always.
    """
    raise bad_request(f"A cast to a type of object must follow '{call.path}'.")
