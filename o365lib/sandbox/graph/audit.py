"""The directory's audit log: one entry for each change, and how it is read.

https://learn.microsoft.com/graph/api/directoryaudit-list
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.clock import parse_date_time
from o365lib.sandbox.graph.entities import DIRECTORY_AUDIT
from o365lib.sandbox.graph.errors import not_found, throttled
from o365lib.sandbox.graph.privileges import require_audit_reader
from o365lib.sandbox.graph.query import entity_reply, list_reply
from o365lib.sandbox.identifiers import is_guid, new_id

if TYPE_CHECKING:
    from datetime import datetime

    from o365lib.sandbox.graph.call import GraphCall, GraphReply

_REQUESTS_ALLOWED, _PERIOD_SECONDS = 5, 10
_CONTEXT = "auditLogs/directoryAudits"
_OPERATIONS = {"Add": "Add", "Delete": "Delete", "Hard": "Delete", "Remove": "Unassign"}


def record(
    call: GraphCall,
    activity: str,
    *,
    user: dict[str, Any],
    category: str = "UserManagement",
    changes: dict[str, tuple[Any, Any]] | None = None,
) -> None:
    """Write down a change.

    Args:
        call: the request that made it.
        activity: the service's name of it, such as `Add user`.
        user: the user that was changed.
        category: `UserManagement` or `RoleManagement`.
        changes: old and new value by property.
    """
    modified = [
        {"displayName": name, "oldValue": _as_text(old), "newValue": _as_text(new)}
        for name, (old, new) in (changes or {}).items()
    ]
    client_request_id = call.client_request_id
    is_assignment = activity == "Add member to role"
    operation = _OPERATIONS.get(activity.partition(" ")[0], "Update")
    call.tenant.directory_audits.append(
        {
            "id": f"Directory_{new_id()}_{len(call.tenant.directory_audits)}",
            "activityDateTime": call.wire_now,
            "activityDisplayName": activity,
            "additionalDetails": [
                {"key": "User-Agent", "value": call.headers.get("user-agent", "")}
            ],
            "category": category,
            # That the client's id is used here is what the service seems to do; no page says so.
            "correlationId": client_request_id if is_guid(client_request_id) else call.request_id,
            "initiatedBy": _initiator(call),
            "loggedByService": "Core Directory",
            "operationType": "Assign" if is_assignment else operation,
            "result": "success",
            "resultReason": "",
            "targetResources": [
                {
                    "id": user["id"],
                    "displayName": user.get("displayName"),
                    "type": "User",
                    "userPrincipalName": user.get("userPrincipalName"),
                    "groupType": None,
                    "modifiedProperties": modified,
                }
            ],
        }
    )


def _as_text(value: Any) -> str | None:
    return None if value is None else json.dumps([value] if isinstance(value, str) else value)


def _initiator(call: GraphCall) -> dict[str, Any]:
    application, user = call.caller.application, call.caller.user
    if user is not None:
        return {
            "app": None,
            "user": {
                "id": user["id"],
                "displayName": None,
                "userPrincipalName": user["userPrincipalName"],
                "ipAddress": "127.0.0.1",
            },
        }
    return {
        "app": {
            "appId": application.app_id,
            "displayName": application.display_name,
            "servicePrincipalId": application.object_id,
            "servicePrincipalName": None,
        },
        "user": None,
    }


def list_audits(call: GraphCall) -> GraphReply:
    """List the changes, newest first."""
    require_audit_reader(call)
    _throttle(call)
    lag = timedelta(seconds=call.sandbox.audit_lag_seconds)
    shown = [
        entry
        for entry in reversed(call.tenant.directory_audits)
        if parse_date_time(entry["activityDateTime"]) + lag <= call.now
    ]
    return list_reply(call, shown, DIRECTORY_AUDIT, _CONTEXT)


def get_audit(call: GraphCall) -> GraphReply:
    """Return one change."""
    require_audit_reader(call)
    _throttle(call)
    for entry in call.tenant.directory_audits:
        if entry["id"] == call.params["audit"]:
            return entity_reply(call, entry, DIRECTORY_AUDIT, _CONTEXT)
    raise not_found(call.params["audit"])


def _throttle(call: GraphCall) -> None:
    # Identity and access reports: 5 requests in 10 s for an application and tenant.
    # https://learn.microsoft.com/graph/throttling-limits
    if not call.sandbox.audit_throttle:
        return
    key = (call.tenant.id, call.caller.application.app_id)
    recent: list[datetime] = [
        moment
        for moment in call.sandbox.audit_requests.get(key, [])
        if (call.now - moment).total_seconds() < _PERIOD_SECONDS
    ]
    if len(recent) >= _REQUESTS_ALLOWED:
        wait = _PERIOD_SECONDS - (call.now - recent[0]).total_seconds()
        raise throttled(f"{wait:.3f}")
    call.sandbox.audit_requests[key] = [*recent, call.now]
