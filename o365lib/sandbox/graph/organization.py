"""The tenant itself: organization, domains, federation, products and policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from o365lib.sandbox.clock import wire_date_time
from o365lib.sandbox.graph.entities import (
    DOMAIN,
    FEDERATION_CONFIGURATION,
    LICENSE_DETAILS,
    ORGANIZATION,
    SECURITY_DEFAULTS,
    SUBSCRIBED_SKU,
)
from o365lib.sandbox.graph.errors import not_found
from o365lib.sandbox.graph.privileges import require_federation_reader
from o365lib.sandbox.graph.query import entity_reply, list_reply
from o365lib.sandbox.graph.users import find_user
from o365lib.sandbox.identifiers import stable_id
from o365lib.sandbox.sku_catalogue import PRODUCTS
from o365lib.sandbox.tenant import CREATED

if TYPE_CHECKING:
    from o365lib.sandbox.graph.call import GraphCall, GraphReply
    from o365lib.sandbox.tenant import Tenant


def _organization(tenant: Tenant) -> dict[str, Any]:
    plans = [
        {
            "assignedDateTime": wire_date_time(CREATED),
            "capabilityStatus": "Enabled",
            "service": plan.service,
            "servicePlanId": plan.service_plan_id,
        }
        for sku_id in tenant.subscribed_skus
        for plan in PRODUCTS[sku_id].service_plans
    ]
    return {
        "id": tenant.id,
        "displayName": tenant.display_name,
        "countryLetterCode": tenant.country,
        "createdDateTime": wire_date_time(CREATED),
        "technicalNotificationMails": [f"admin@{tenant.initial_domain}"],
        "assignedPlans": plans,
        "verifiedDomains": [
            {
                "capabilities": ", ".join(domain["supportedServices"]),
                "isDefault": domain["isDefault"],
                "isInitial": domain["isInitial"],
                "name": name,
                "type": domain["authenticationType"],
            }
            for name, domain in tenant.domains.items()
            if domain["isVerified"]
        ],
    }


def list_organization(call: GraphCall) -> GraphReply:
    """Return the organization, as a list.

    https://learn.microsoft.com/graph/api/organization-list
    """
    return list_reply(call, [_organization(call.tenant)], ORGANIZATION, "organization")


def get_organization(call: GraphCall) -> GraphReply:
    """Return the organization.

    https://learn.microsoft.com/graph/api/organization-get
    """
    if call.params["organization"].lower() != call.tenant.id:
        raise not_found(call.params["organization"])
    return entity_reply(call, _organization(call.tenant), ORGANIZATION, "organization")


def list_domains(call: GraphCall) -> GraphReply:
    """List domains.

    https://learn.microsoft.com/graph/api/domain-list
    """
    return list_reply(call, call.tenant.domains.values(), DOMAIN, "domains")


def _find_domain(call: GraphCall) -> dict[str, Any]:
    domain = call.tenant.domains.get(call.params["domain"].casefold())
    if domain is None:
        raise not_found(call.params["domain"])
    return domain


def get_domain(call: GraphCall) -> GraphReply:
    """Return a domain.

    https://learn.microsoft.com/graph/api/domain-get
    """
    return entity_reply(call, _find_domain(call), DOMAIN, "domains")


def _federation(call: GraphCall) -> tuple[dict[str, Any], str]:
    domain = _find_domain(call)
    configuration = call.tenant.federation_configurations.get(domain["id"])
    if configuration is None or domain["authenticationType"] != "Federated":
        raise not_found(domain["id"])
    return configuration, f"domains('{domain['id']}')/federationConfiguration"


def list_federation_configurations(call: GraphCall) -> GraphReply:
    """List a domain's federation; 404 when there is none.

    https://learn.microsoft.com/graph/api/domain-list-federationconfiguration
    """
    require_federation_reader(call)
    configuration, context = _federation(call)
    return list_reply(call, [configuration], FEDERATION_CONFIGURATION, context)


def get_federation_configuration(call: GraphCall) -> GraphReply:
    """Return a domain's federation.

    https://learn.microsoft.com/graph/api/internaldomainfederation-get
    """
    require_federation_reader(call)
    configuration, context = _federation(call)
    if configuration["id"] != call.params["configuration"].lower():
        raise not_found(call.params["configuration"])
    return entity_reply(call, configuration, FEDERATION_CONFIGURATION, context)


def list_subscribed_skus(call: GraphCall) -> GraphReply:
    """List the bought products.

    https://learn.microsoft.com/graph/api/subscribedsku-list
    """
    items = [_subscribed_sku(call.tenant, sku_id) for sku_id in call.tenant.subscribed_skus]
    return list_reply(call, items, SUBSCRIBED_SKU, "subscribedSkus", paged=False)


def _subscribed_sku(tenant: Tenant, sku_id: str) -> dict[str, Any]:
    product = PRODUCTS[sku_id]
    used = sum(
        licence["skuId"] == sku_id
        for user in tenant.users.values()
        for licence in user.get("assignedLicenses", ())
    )
    return {
        "id": f"{tenant.id}_{sku_id}",
        "accountId": tenant.id,
        "accountName": tenant.initial_domain.partition(".")[0],
        "consumedUnits": used,
        "prepaidUnits": {
            "enabled": tenant.subscribed_skus[sku_id],
            "suspended": 0,
            "warning": 0,
            "lockedOut": 0,
        },
        "servicePlans": [plan.wire() for plan in product.service_plans],
        "skuId": sku_id,
        "skuPartNumber": product.sku_part_number,
        "subscriptionIds": [stable_id(tenant.id, "subscription", sku_id)],
    }


def list_license_details(call: GraphCall) -> GraphReply:
    """List a user's licences.

    https://learn.microsoft.com/graph/api/user-list-licensedetails
    """
    user = find_user(call)
    items = [
        {
            "id": stable_id(user["id"], "licence", licence["skuId"]),
            "skuId": licence["skuId"],
            "skuPartNumber": PRODUCTS[licence["skuId"]].sku_part_number,
            "servicePlans": [plan.wire() for plan in PRODUCTS[licence["skuId"]].service_plans],
        }
        for licence in user.get("assignedLicenses", ())
    ]
    context = f"users('{user['id']}')/licenseDetails"
    return list_reply(call, items, LICENSE_DETAILS, context)


def get_security_defaults(call: GraphCall) -> GraphReply:
    """Return the security defaults policy.

    https://learn.microsoft.com/graph/api/identitysecuritydefaultsenforcementpolicy-get
    """
    policy = {
        "id": "00000000-0000-0000-0000-000000000005",
        "displayName": "Security Defaults",
        "description": "Security defaults is a set of basic identity security mechanisms "
        "recommended by Microsoft.",
        "isEnabled": call.tenant.security_defaults,
    }
    return entity_reply(
        call, policy, SECURITY_DEFAULTS, "policies/identitySecurityDefaultsEnforcementPolicy"
    )
