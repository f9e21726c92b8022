"""A run that made an account, and what the service's audit log says of it, to be spoilt."""

from datetime import UTC, datetime, timedelta

from o365lib.evidence.record import Change, Operator, Record
from o365lib.graph.models import DirectoryAudit
from o365lib.service_account.audit_entry import entries_of
from o365lib.service_account.reconciliation import reconcile

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
USER = "7c0d9b7e-3a52-4d0c-9e11-f0f2a6f1b002"
NAME = "practiceprotect@contoso.onmicrosoft.com"
OPERATOR = "c1d2e3f4-0000-4000-8000-000000000002"
STRANGER = "dddddddd-0000-4000-8000-000000000002"
APPLICATION = "0a1b2c3d-0000-4000-8000-1234567890ab"
EXCHANGE = "29232cdf-9323-42fd-ade2-1d097af3e4de"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

ACTIVITIES = {
    "create-user": "Add user",
    "set-password": "Reset user password",
    "assign-role": "Add member to role",
    "remove-role": "Remove member from role",
    "enable-user": "Enable account",
    "disable-user": "Disable account",
    "revoke-sign-in-sessions": "Update StsRefreshTokenValidFrom Timestamp",
    "delete-user": "Delete user",
}


def change(action="create-user", *, at=NOW, status="accepted", target=USER, **fields):
    ended = None if status == "started" else at + timedelta(seconds=2)
    content = {"before": "Exchange Administrator", "after": "Exchange Administrator"}
    return Change(
        action=action, target=target, status=status, started=at, ended=ended, **(content | fields)
    )


def record(*changes, run_id="run-1", object_id=OPERATOR, signed_in_as="kim@contoso.com", **fields):
    return Record(
        run_id=run_id,
        client="contoso",
        runbook="create_service_account",
        package_version="1",
        operator=Operator(
            user_name="kim", host_name="desk", signed_in_as=signed_in_as, object_id=object_id
        ),
        started=NOW,
        changes=list(changes),
        **fields,
    )


def request(method, path, status, *, at=NOW, client_request_id=""):
    started = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "method": method,
        "path": f"/v1.0{path}",
        "status": status,
        "started": started,
        "client_request_id": client_request_id,
    }


def audit(
    activity="Add user",
    *,
    at=NOW,
    by=OPERATOR,
    app=None,
    target=USER,
    role=None,
    entry_id=None,
    **fields,
):
    """An entry as Graph answers it; `app` is an application (client) id."""
    properties = []
    if role:
        properties = [{"displayName": "Role.DisplayName", "newValue": f'"{role}"'}]
    initiator = {"user": {"id": by, "userPrincipalName": f"{by[:4]}@contoso.com"}}
    if app is not None:
        initiator = {"app": {"appId": app, "displayName": "App", "servicePrincipalId": by}}
    content = {
        "id": entry_id or f"Directory_{activity}_{at.isoformat()}_{by}_{target}",
        "activityDisplayName": activity,
        "activityDateTime": at.isoformat(),
        "initiatedBy": initiator,
        "loggedByService": "Core Directory",
        "result": "success",
        "targetResources": [
            {
                "id": target,
                "type": "User",
                "userPrincipalName": NAME,
                "modifiedProperties": properties,
            }
        ],
    }
    return DirectoryAudit.from_graph(content | fields)


def compare(audits, records, *, accounts=(USER,), read=NOW + DAY, days=7, since=None):
    return reconcile(
        entries_of(audits, accounts),
        records,
        readable_from=read - timedelta(days=days),
        read=read,
        since=since,
    )


def whole_life():
    """Records of a creation and a removal, and the entries that belong to them."""
    creation = record(
        change("create-user", at=NOW),
        change("hand-over", at=NOW + 1 * MINUTE),
        change("assign-role", at=NOW + 2 * MINUTE),
        run_id="create-1",
    )
    removal = record(
        change("remove-role", at=NOW + 60 * MINUTE),
        change("revoke-sign-in-sessions", at=NOW + 61 * MINUTE),
        change("delete-user", at=NOW + 62 * MINUTE),
        run_id="remove-1",
    )
    audits = [
        audit(ACTIVITIES[each.action], at=each.started + timedelta(seconds=1), role=_role(each))
        for run in (creation, removal)
        for each in run.changes
        if each.action in ACTIVITIES
    ]
    # The service writes more than one entry for some requests.
    audits += [
        audit("Update user", at=NOW + timedelta(seconds=2)),
        audit("Update user", at=NOW + 62 * MINUTE),
    ]
    return [creation, removal], audits


def _role(made):
    return "Exchange Administrator" if made.action.endswith("-role") else None
