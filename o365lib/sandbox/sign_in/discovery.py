"""What the authority says about itself to anybody: discovery documents, keys, user realms."""

from __future__ import annotations

from typing import TYPE_CHECKING

from o365lib.sandbox.exchange import Reply
from o365lib.sandbox.sign_in.scopes import GRAPH

if TYPE_CHECKING:
    from o365lib.sandbox.sign_in.grants import SignInCall


def openid_configuration(call: SignInCall) -> Reply:
    """Describe a tenant's endpoints; a domain is answered with the tenant's id.

    https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc
    """
    base = call.exchange.base_url
    name = call.tenant.id if call.tenant is not None else call.tenant_key
    issuer = name if call.tenant is not None else "{tenantid}"
    served = call.sandbox.served
    graph = served.graph_base_url if served is not None else GRAPH
    return Reply.json(
        {
            "token_endpoint": f"{base}/{name}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": [
                "client_secret_post",
                "private_key_jwt",
                "client_secret_basic",
            ],
            "jwks_uri": f"{base}/{name}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{base}/{issuer}/v2.0",
            "request_uri_parameter_supported": False,
            "userinfo_endpoint": f"{graph}/oidc/userinfo",
            "authorization_endpoint": f"{base}/{name}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{base}/{name}/oauth2/v2.0/devicecode",
            "http_logout_supported": True,
            "end_session_endpoint": f"{base}/{name}/oauth2/v2.0/logout",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "tid", "oid", "name"],
            "tenant_region_scope": "OC",
            "cloud_instance_name": "microsoftonline.com",
            "cloud_graph_host_name": "graph.windows.net",
            "msgraph_host": graph.removeprefix("https://"),
            "rbac_url": "https://pas.windows.net",
        },
        access_control_allow_origin="*",
    )


def keys(call: SignInCall) -> Reply:
    """Show the keys that tokens are signed with."""
    return Reply.json(call.sandbox.sign_ins.tokens.key_set())


def instance(call: SignInCall) -> Reply:
    """Say which hosts belong to this cloud, and where a tenant's discovery document is."""
    base = call.exchange.base_url
    endpoint = call.exchange.query.get("authorization_endpoint", "")
    parts = endpoint.split("/")
    name = parts[3] if len(parts) > 3 else "common"  # noqa: PLR2004  https: / "" / host / tenant
    host = base.removeprefix("https://")
    return Reply.json(
        {
            "tenant_discovery_endpoint": f"{base}/{name}/v2.0/.well-known/openid-configuration",
            "api-version": call.exchange.query.get("api-version", "1.1"),
            "metadata": [
                {"preferred_network": host, "preferred_cache": host, "aliases": [host]},
            ],
        }
    )


def user_realm(call: SignInCall) -> Reply:
    """Say whether a user's domain is managed, federated or unknown, without sign-in."""
    name = call.exchange.segments[-1]
    domain = name.rpartition("@")[2].lower()
    tenant = call.sandbox.find_tenant(domain)
    body = {
        "ver": "1.0",
        "account_type": "Unknown",
        "domain_name": domain,
        "cloud_instance_name": "microsoftonline.com",
        "cloud_audience_urn": "urn:federation:MicrosoftOnline",
    }
    if tenant is not None and domain in tenant.domains:
        body["account_type"] = tenant.domains[domain]["authenticationType"]
        federation = tenant.federation_configurations.get(domain)
        if body["account_type"] == "Federated" and federation is not None:
            body["federation_protocol"] = "WSTrust"
            body["federation_metadata_url"] = federation.get("metadataExchangeUri") or ""
            body["federation_active_auth_url"] = (
                federation.get("activeSignInUri") or federation.get("passiveSignInUri") or ""
            )
    return Reply.json(body)
