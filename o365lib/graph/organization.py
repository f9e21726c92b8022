"""The tenant itself. https://learn.microsoft.com/graph/api/resources/organization."""

from o365lib.graph.models import AssignedPlan, Organization
from o365lib.graph.query import Query, with_query


def get_organization() -> Query[Organization]:
    """Ask for the tenant: its id, names and verified domains.

    Needs `Organization.Read.All`. The list has exactly one element.
    https://learn.microsoft.com/graph/api/organization-list
    """
    return Query(
        with_query("/organization", {"$select": Organization.properties()}),
        lambda body: Organization.from_graph(body["value"][0]),
        needs="Organization.Read.All",
    )


def list_assigned_plans() -> Query[tuple[AssignedPlan, ...]]:
    """Ask which service plans the tenant has, of all products that it subscribes to.

    Needs `Organization.Read.All`.
    https://learn.microsoft.com/graph/api/organization-list
    """
    return Query(
        with_query("/organization", {"$select": "assignedPlans"}),
        lambda body: tuple(
            map(AssignedPlan.from_graph, body["value"][0].get("assignedPlans") or ())
        ),
        needs="Organization.Read.All",
    )
