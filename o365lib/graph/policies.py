"""Policies that bear on the account's sign-in; read only.

https://learn.microsoft.com/graph/api/resources/policy-overview
"""

from o365lib.graph.models import SecurityDefaults
from o365lib.graph.query import Query


def get_security_defaults() -> Query[SecurityDefaults]:
    """Ask whether security defaults are on, which demand multi-factor sign-in.

    Needs `Policy.Read.All`.
    https://learn.microsoft.com/graph/api/identitysecuritydefaultsenforcementpolicy-get
    """
    return Query(
        "/policies/identitySecurityDefaultsEnforcementPolicy",
        SecurityDefaults.from_graph,
        needs="Policy.Read.All",
    )
