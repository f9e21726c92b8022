"""The directory's audit log. https://learn.microsoft.com/graph/api/resources/directoryaudit.

- Least permissions, which the reference names together: `AuditLog.Read.All` and
  `Directory.Read.All`. A person also needs a directory role that may read the log.
- The log keeps 7 days with Microsoft Entra ID Free and 30 with P1 or P2, lags by minutes, and
  answers 5 requests in 10 seconds for an application in a tenant.

https://learn.microsoft.com/graph/api/directoryaudit-list
https://learn.microsoft.com/entra/identity/monitoring-health/reference-reports-data-retention
https://learn.microsoft.com/graph/throttling-limits
"""

from datetime import UTC, datetime

from o365lib.graph.models import DirectoryAudit
from o365lib.graph.query import Query, literal, with_query

_AUDITS = "/auditLogs/directoryAudits"
_NEEDS = "AuditLog.Read.All"


def list_directory_audits(
    *,
    target_id: str | None = None,
    activity_display_name: str | None = None,
    initiated_by_user_id: str | None = None,
    initiated_by_app_id: str | None = None,
    since: datetime | None = None,
) -> Query[tuple[DirectoryAudit, ...]]:
    """Ask what was done, all pages of it, in Graph's own order; what is not given filters nothing.

    Needs `AuditLog.Read.All` and `Directory.Read.All`.
    https://learn.microsoft.com/graph/api/directoryaudit-list

    Args:
        target_id: the object to which it was done.
        activity_display_name: what was done, as the service names it: `Add user`.
        initiated_by_user_id: the object id of the person who did it.
        initiated_by_app_id: the application (client) id of the application that did it by itself.
        since: aware; nothing earlier.
    """
    terms = {
        "activityDisplayName": activity_display_name,
        "initiatedBy/user/id": initiated_by_user_id,
        "initiatedBy/app/appId": initiated_by_app_id,
    }
    wanted = [f"{name} eq {literal(value)}" for name, value in terms.items() if value is not None]
    if since is not None:
        wanted.insert(0, f"activityDateTime ge {since.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    if target_id is not None:
        wanted.append(f"targetResources/any(t: t/id eq {literal(target_id)})")
    return Query(
        with_query(_AUDITS, {"$filter": " and ".join(wanted) or None}),
        lambda items: tuple(map(DirectoryAudit.from_graph, items)),
        needs=_NEEDS,
        is_collection=True,
    )


def find_oldest_directory_audit() -> Query[DirectoryAudit | None]:
    """Ask for the oldest entry that the log still has; None where the log is empty.

    Needs `AuditLog.Read.All` and `Directory.Read.All`.
    https://learn.microsoft.com/graph/api/directoryaudit-list
    """
    options: dict[str, str | int | None] = {"$orderby": "activityDateTime asc", "$top": 1}
    # Not a collection: its later pages would be the whole log.
    return Query(
        with_query(_AUDITS, options),
        lambda body: next(map(DirectoryAudit.from_graph, body["value"]), None),
        needs=_NEEDS,
    )
