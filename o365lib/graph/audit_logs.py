"""The directory's audit log. https://learn.microsoft.com/graph/api/resources/directoryaudit."""

from datetime import UTC, datetime

from o365lib.graph.models import DirectoryAudit
from o365lib.graph.query import Query, literal, with_query


def list_directory_audits(
    *, target_id: str, since: datetime | None = None
) -> Query[tuple[DirectoryAudit, ...]]:
    """Ask what was done to an object, newest as Graph orders it.

    Needs `AuditLog.Read.All`. The log lags by minutes, and answers 5 requests in 10 seconds.
    https://learn.microsoft.com/graph/api/directoryaudit-list

    Args:
        target_id: the object id.
        since: aware; the log keeps 7 or 30 days, by licence.
    """
    wanted = f"targetResources/any(t: t/id eq {literal(target_id)})"
    if since is not None:
        instant = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        wanted = f"activityDateTime ge {instant} and {wanted}"
    return Query(
        with_query("/auditLogs/directoryAudits", {"$filter": wanted}),
        lambda items: tuple(map(DirectoryAudit.from_graph, items)),
        needs="AuditLog.Read.All",
        is_collection=True,
    )
