"""Domains and with whom they are federated.

https://learn.microsoft.com/graph/api/resources/domain
"""

from o365lib.graph.models import Domain, FederationConfiguration
from o365lib.graph.query import Query, segment


def list_domains() -> Query[tuple[Domain, ...]]:
    """Ask for the tenant's domains.

    Needs `Domain.Read.All`.
    https://learn.microsoft.com/graph/api/domain-list
    """
    return Query(
        "/domains",
        lambda items: tuple(map(Domain.from_graph, items)),
        needs="Domain.Read.All",
        is_collection=True,
    )


def list_federation_configurations(domain: str) -> Query[tuple[FederationConfiguration, ...]]:
    """Ask with whom a domain is federated; empty where it is not.

    Needs `Domain-InternalFederation.Read.All`; before 2026 `Domain.Read.All` was enough. Graph
    answers 404 where there is no configuration.
    https://learn.microsoft.com/graph/api/domain-list-federationconfiguration
    """
    return Query(
        f"/domains/{segment(domain)}/federationConfiguration",
        lambda items: tuple(map(FederationConfiguration.from_graph, items)),
        needs="Domain-InternalFederation.Read.All",
        is_collection=True,
        if_missing=tuple,
    )
