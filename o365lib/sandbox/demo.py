"""The demonstration's tenants: one for each situation that a runbook meets.

Their names are client names, and their ids under the seed `demo` never change: parameter files name
them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tenant_making import TenantRecipe

if TYPE_CHECKING:
    from .tenant import Tenant

DEMO_TENANTS = (
    TenantRecipe(
        name="alpine-books",
        display_name="Alpine Books",
        domains=("alpinebooks.example",),
        onmicrosoft="alpinebooks",
    ),
    TenantRecipe(
        name="bayside-legal",
        display_name="Bayside Legal",
        domains=("baysidelegal.example",),
        onmicrosoft="baysidelegal",
        federation="practice-protect",
    ),
    TenantRecipe(
        name="cedar-dental",
        display_name="Cedar Dental",
        domains=("cedardental.example",),
        onmicrosoft="cedardental",
    ),
    TenantRecipe(
        name="dunes-surveying",
        display_name="Dunes Surveying",
        domains=("dunessurveying.example",),
        onmicrosoft="dunessurveying",
    ),
    TenantRecipe(
        name="eastgate-physio",
        display_name="Eastgate Physio",
        domains=("eastgatephysio.example",),
        onmicrosoft="eastgatephysio",
        premium="P1",
        security_defaults=True,
    ),
    TenantRecipe(
        name="fernhill-motors",
        display_name="Fernhill & Söhne <Motors>",
        domains=("fernhillmotors.example",),
        onmicrosoft="fernhillmotors",
    ),
    TenantRecipe(
        name="gumtree-vets",
        display_name="Gumtree Vets",
        domains=("gumtreevets.example",),
        onmicrosoft="gumtreevets",
    ),
)

_ACCOUNT_ROLES = {
    "bayside-legal": "Global Administrator",
    "cedar-dental": "Exchange Administrator",
    "gumtree-vets": "Exchange Administrator",
}


def furnish(tenant: Tenant) -> None:
    """Add what a demonstration tenant has beyond its recipe: the vendor's account, in three."""
    role = _ACCOUNT_ROLES.get(tenant.name)
    name = f"practiceprotect@{tenant.initial_domain}"
    if role is None or tenant.find_user(name) is not None:
        return
    tenant.add_user(
        user_principal_name=name,
        display_name="Practice Protect",
        givenName="Practice",
        surname="Protect",
        usageLocation=tenant.country,
        roles=[role],
    )
