"""The directory's audit log: entries for each change, and how they are read.

The log keeps 7 days with Microsoft Entra ID Free, and 30 days with P1 or P2.

https://learn.microsoft.com/graph/api/directoryaudit-list
https://learn.microsoft.com/entra/identity/monitoring-health/reference-reports-data-retention
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.clock import parse_date_time, wire_date_time
from o365lib.sandbox.graph.entities import DIRECTORY_AUDIT
from o365lib.sandbox.graph.errors import not_found, throttled
from o365lib.sandbox.graph.privileges import require_audit_reader
from o365lib.sandbox.graph.query import entity_reply, list_reply
from o365lib.sandbox.identifiers import is_guid, new_id
from o365lib.sandbox.sku_catalogue import PREMIUM

if TYPE_CHECKING:
    from datetime import datetime

    from o365lib.sandbox.graph.call import GraphCall, GraphReply
    from o365lib.sandbox.tenant import Tenant

_REQUESTS_ALLOWED, _PERIOD_SECONDS = 5, 10
_CONTEXT = "auditLogs/directoryAudits"
_DAYS_KEPT, _DAYS_KEPT_PREMIUM = 7, 30
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
    client_request_id = call.client_request_id
    record_entry(
        call.tenant,
        activity,
        user=user,
        now=call.now,
        initiated_by=_initiator(call),
        # That the client's id is used here is what the service seems to do; no page says so.
        correlation_id=client_request_id if is_guid(client_request_id) else call.request_id,
        category=category,
        changes=changes,
        user_agent=call.headers.get("user-agent", ""),
    )


def record_entry(
    tenant: Tenant,
    activity: str,
    *,
    user: dict[str, Any],
    now: datetime,
    initiated_by: dict[str, Any],
    correlation_id: str = "",
    category: str = "UserManagement",
    changes: dict[str, tuple[Any, Any]] | None = None,
    user_agent: str = "",
) -> None:
    """Write down what somebody did, by Graph or otherwise.

    Args:
        tenant: whose log it is.
        activity: the service's name of it, such as `Change user password`.
        user: the user that was changed.
        now: when.
        initiated_by: an `auditActivityInitiator`; see `person`.
        correlation_id: empty makes one.
        category: `UserManagement` or `RoleManagement`.
        changes: old and new value by property.
        user_agent: of the program that asked.
    """
    is_assignment = activity == "Add member to role"
    operation = _OPERATIONS.get(activity.partition(" ")[0], "Update")
    tenant.directory_audits.append(
        {
            "id": f"Directory_{new_id()}_{len(tenant.directory_audits)}",
            "activityDateTime": wire_date_time(now),
            "activityDisplayName": activity,
            "additionalDetails": [{"key": "User-Agent", "value": user_agent}],
            "category": category,
            "correlationId": correlation_id or new_id(),
            "initiatedBy": initiated_by,
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
                    "modifiedProperties": _modified(changes or {}, category),
                }
            ],
        }
    )


def _modified(changes: dict[str, tuple[Any, Any]], category: str) -> list[dict[str, Any]]:
    in_list = category != "RoleManagement"
    return [
        {
            "displayName": name,
            "oldValue": _as_text(old, in_list=in_list),
            "newValue": _as_text(new, in_list=in_list),
        }
        for name, (old, new) in changes.items()
    ]


def _as_text(value: Any, *, in_list: bool) -> str | None:
    # Of a user's properties the log has lists, of a role's the values themselves.
    if value is None:
        return None
    return json.dumps([value] if in_list and not isinstance(value, list) else value)


def person(user: dict[str, Any]) -> dict[str, Any]:
    """Return a user as an `auditActivityInitiator`."""
    return {
        "app": None,
        "user": {
            "id": user["id"],
            "displayName": None,
            "userPrincipalName": user["userPrincipalName"],
            "ipAddress": "127.0.0.1",
        },
    }


def _initiator(call: GraphCall) -> dict[str, Any]:
    application, user = call.caller.application, call.caller.user
    if user is not None:
        return person(user)
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
        and call.now <= parse_date_time(entry["activityDateTime"]) + _kept(call.tenant)
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


def _kept(tenant: Tenant) -> timedelta:
    is_premium = any(product.sku_id in tenant.subscribed_skus for product in PREMIUM.values())
    return timedelta(days=_DAYS_KEPT_PREMIUM if is_premium else _DAYS_KEPT)


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
