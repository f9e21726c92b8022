"""Licences. https://learn.microsoft.com/graph/api/resources/licensedetails."""

from o365lib.graph.models import LicenseDetails, SubscribedSku
from o365lib.graph.query import Query, segment, with_query

_READ = "LicenseAssignment.Read.All"


def list_license_details(user_id: str) -> Query[tuple[LicenseDetails, ...]]:
    """Ask for a user's licences, with the products' names.

    Needs `LicenseAssignment.Read.All`, or `User.Read.All`.
    https://learn.microsoft.com/graph/api/user-list-licensedetails
    """
    options = {"$select": LicenseDetails.properties()}
    return Query(
        with_query(f"/users/{segment(user_id)}/licenseDetails", options),
        lambda items: tuple(map(LicenseDetails.from_graph, items)),
        needs=_READ,
        is_collection=True,
    )


def list_subscribed_skus() -> Query[tuple[SubscribedSku, ...]]:
    """Ask which products the tenant has subscribed to.

    Needs `LicenseAssignment.Read.All`, or `Organization.Read.All`.
    https://learn.microsoft.com/graph/api/subscribedsku-list
    """
    return Query(
        with_query("/subscribedSkus", {"$select": SubscribedSku.properties()}),
        lambda items: tuple(map(SubscribedSku.from_graph, items)),
        needs=_READ,
        is_collection=True,
    )
