"""How a new tenant is furnished: domains, people, applications, all from the seed."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization

from .application import APPLICATION_ROLES, DELEGATED_SCOPES, Application
from .identifiers import stable_id
from .keys import rsa_key, self_signed_certificate
from .sku_catalogue import BUSINESS_STANDARD, PREMIUM
from .tenant import Tenant

GRAPH_COMMAND_LINE_TOOLS = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
"""Microsoft's own public client, which exists in every tenant."""

_PASSWORDS_NEVER_EXPIRE = 2147483647
_UNITS_BOUGHT = 25
_GIVEN_NAMES = ("Ava", "Liam", "Mia", "Noah", "Zoë", "Oscar", "Ruby", "Ethan", "Chloé", "Jack")
_SURNAMES = ("Nguyen", "Smith", "O'Brien", "Patel", "Walker", "Rossi", "Müller", "Chen", "Singh")


@dataclass(frozen=True, kw_only=True)
class TenantRecipe:
    """All that is needed to make a tenant, now or when it is first used.

    Attributes:
        name: short name, unique in the sandbox.
        domains: custom domains, all verified; the first one may be federated.
        onmicrosoft: the label before `.onmicrosoft.com`.
        federation: None, `practice-protect`, `practice-protect-cyberark` or `adfs`.
        premium: None, `P1` or `P2`.
        employees: how many ordinary users it has.
        application: the name of the multitenant application that its runbooks use, which all
            tenants have that name it; None is one of the tenant's own.
    """

    name: str
    display_name: str
    domains: tuple[str, ...]
    onmicrosoft: str
    federation: str | None = None
    premium: str | None = None
    security_defaults: bool = False
    employees: int = 3
    country: str = "AU"
    application: str | None = None

    @property
    def initial_domain(self) -> str:
        """The domain that the tenant is made with."""
        return f"{self.onmicrosoft}.onmicrosoft.com"

    @property
    def all_domains(self) -> tuple[str, ...]:
        """Custom domains and the initial one, in lower case."""
        return (*(domain.lower() for domain in self.domains), self.initial_domain.lower())

    def tenant_id(self, seed: str) -> str:
        """Return the id that the tenant has under this seed."""
        return stable_id(seed, "tenant", self.name)


def make_tenant(recipe: TenantRecipe, seed: str) -> Tenant:
    """Make a tenant; ids come from the seed, passwords and secrets are random."""
    tenant = Tenant(
        name=recipe.name,
        id=recipe.tenant_id(seed),
        display_name=recipe.display_name,
        country=recipe.country,
        seed=seed,
        security_defaults=recipe.security_defaults,
    )
    federated = recipe.domains[0].lower() if recipe.federation else None
    default = next((d for d in recipe.all_domains if d != federated), recipe.initial_domain)
    for name in recipe.all_domains:
        tenant.domains[name] = _domain(
            name,
            is_initial=name == recipe.initial_domain.lower(),
            is_default=name == default,
            is_federated=name == federated,
        )
    if federated:
        tenant.federation_configurations[federated] = _federation(recipe, seed, federated)
    tenant.subscribed_skus[BUSINESS_STANDARD.sku_id] = _UNITS_BOUGHT
    if recipe.premium:
        tenant.subscribed_skus[PREMIUM[recipe.premium].sku_id] = _UNITS_BOUGHT
    _add_people(tenant, recipe)
    _add_applications(tenant, seed, shared=recipe.application)
    return tenant


def _domain(name: str, *, is_initial: bool, is_default: bool, is_federated: bool) -> dict[str, Any]:
    return {
        "id": name,
        "authenticationType": "Federated" if is_federated else "Managed",
        "isAdminManaged": True,
        "isDefault": is_default,
        "isInitial": is_initial,
        "isRoot": True,
        "isVerified": True,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"],
        "passwordValidityPeriodInDays": _PASSWORDS_NEVER_EXPIRE,
        "passwordNotificationWindowInDays": 14,
    }


def _federation(recipe: TenantRecipe, seed: str, domain: str) -> dict[str, Any]:
    firm = recipe.name.partition("-")[0]
    if recipe.federation == "adfs":
        host = f"sts.{domain}"
        addresses = {
            "displayName": recipe.display_name,
            "issuerUri": f"http://{host}/adfs/services/trust",
            "metadataExchangeUri": f"https://{host}/adfs/services/trust/mex",
            "passiveSignInUri": f"https://{host}/adfs/ls/",
            "activeSignInUri": f"https://{host}/adfs/services/trust/2005/usernamemixed",
            "signOutUri": f"https://{host}/adfs/ls/",
        }
    else:
        suffix = {
            "practice-protect": "practiceprotect.app",
            "practice-protect-cyberark": "id.cyberark.cloud",
        }[recipe.federation or ""]
        host = f"{firm}.{suffix}"
        key = stable_id(seed, recipe.name, "federation application")
        addresses = {
            "displayName": "Practice Protect",
            "issuerUri": f"https://{host}/{key}",
            "passiveSignInUri": f"https://{host}/run?appkey={key}",
            "signOutUri": f"https://{host}/logout",
        }
    certificate = self_signed_certificate(host, rsa_key("applications"))
    return {
        "@odata.type": "#microsoft.graph.internalDomainFederation",
        "id": stable_id(seed, recipe.name, "federation", domain),
        **addresses,
        "preferredAuthenticationProtocol": "wsFed",
        "signingCertificate": base64.b64encode(
            certificate.public_bytes(serialization.Encoding.DER)
        ).decode("ascii"),
        "promptLoginBehavior": "nativeSupport",
        "isSignedAuthenticationRequestRequired": False,
        "federatedIdpMfaBehavior": "rejectMfaByFederatedIdp",
    }


def _add_people(tenant: Tenant, recipe: TenantRecipe) -> None:
    initial = recipe.initial_domain.lower()
    tenant.add_user(
        user_principal_name=f"admin@{initial}",
        display_name="Tenant Administrator",
        givenName="Tenant",
        surname="Administrator",
        roles=["Global Administrator"],
        mailbox=True,
        usageLocation=recipe.country,
    )
    tenant.add_user(
        user_principal_name=f"breakglass@{initial}",
        display_name="Emergency Access",
        roles=["Global Administrator"],
        usageLocation=recipe.country,
    )
    tenant.add_user(
        user_principal_name=f"engineer@{initial}",
        display_name="Support Engineer",
        givenName="Support",
        surname="Engineer",
        roles=["User Administrator", "Privileged Role Administrator", "Global Reader"],
        mailbox=True,
        usageLocation=recipe.country,
    )
    domain = recipe.all_domains[0]
    for index in range(recipe.employees):
        given, surname = _GIVEN_NAMES[index % 10], _SURNAMES[index % 9]
        nickname = f"employee{index + 1}"
        tenant.add_user(
            user_principal_name=f"{nickname}@{domain}",
            display_name=f"{given} {surname}",
            givenName=given,
            surname=surname,
            mailbox=True,
            usageLocation=recipe.country,
            **({"onPremisesImmutableId": nickname} if recipe.federation else {}),
        )


def _add_applications(tenant: Tenant, seed: str, *, shared: str | None) -> None:
    confidential = Application(
        app_id=(
            stable_id(seed, tenant.name, "application")
            if shared is None
            else stable_id(seed, "multitenant application", shared)
        ),
        object_id=stable_id(seed, tenant.name, "service principal"),
        display_name=shared or f"Runbooks for {tenant.display_name}",
        roles=set(APPLICATION_ROLES),
    )
    confidential.add_client_secret()
    public = Application(
        app_id=stable_id(seed, tenant.name, "public client"),
        object_id=stable_id(seed, tenant.name, "public client's service principal"),
        display_name="Runbooks (sign-in by a person)",
        is_public_client=True,
        scopes=set(DELEGATED_SCOPES),
    )
    microsofts_own = Application(
        app_id=GRAPH_COMMAND_LINE_TOOLS,
        object_id=stable_id(seed, tenant.name, "Graph Command Line Tools"),
        display_name="Microsoft Graph Command Line Tools",
        is_public_client=True,
        scopes=set(DELEGATED_SCOPES),
    )
    for application in (confidential, public, microsofts_own):
        tenant.applications[application.app_id] = application
