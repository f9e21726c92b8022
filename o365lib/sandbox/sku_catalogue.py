"""The products that the sandbox's tenants may have bought.

Ids and part numbers:
https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ServicePlan:
    """One service in a product."""

    service_plan_id: str
    service_plan_name: str
    service: str

    def wire(self, status: str = "Success") -> dict[str, Any]:
        """Return it as a `servicePlanInfo`."""
        return {
            "servicePlanId": self.service_plan_id,
            "servicePlanName": self.service_plan_name,
            "provisioningStatus": status,
            "appliesTo": "User",
        }


@dataclass(frozen=True)
class Product:
    """One stock keeping unit with its service plans."""

    sku_id: str
    sku_part_number: str
    service_plans: tuple[ServicePlan, ...]


_EXCHANGE = ServicePlan("9aaf7827-d63c-4b61-89c3-182f06f82e5c", "EXCHANGE_S_STANDARD", "exchange")
_TEAMS = ServicePlan("57ff2da0-773e-42df-b2af-ffb7a2317929", "TEAMS1", "TeamspaceAPI")
_P1 = ServicePlan("41781fb2-bc02-4b7c-bd55-b576c07bb09d", "AAD_PREMIUM", "AADPremiumService")
_P2 = ServicePlan("eec0eb4f-6444-4f95-aba0-50c24d67f998", "AAD_PREMIUM_P2", "AADPremiumService")

BUSINESS_STANDARD = Product(
    "f245ecc8-75af-4f8e-b61f-27d8114de5f3", "O365_BUSINESS_PREMIUM", (_EXCHANGE, _TEAMS)
)
ENTRA_P1 = Product("078d2b04-f1bd-4111-bbd4-b4b1b354cef4", "AAD_PREMIUM", (_P1,))
ENTRA_P2 = Product("84a661c4-e949-4bd2-a560-ed7766fcaf2b", "AAD_PREMIUM_P2", (_P1, _P2))

PRODUCTS = {product.sku_id: product for product in (BUSINESS_STANDARD, ENTRA_P1, ENTRA_P2)}
PREMIUM = {"P1": ENTRA_P1, "P2": ENTRA_P2}


def product(part_number_or_id: str) -> Product:
    """Return a product by its part number or id.

    Raises:
        KeyError: the sandbox sells no such product.
    """
    for known in PRODUCTS.values():
        if part_number_or_id in (known.sku_id, known.sku_part_number):
            return known
    raise KeyError(f"The sandbox knows no product {part_number_or_id!r}.")
