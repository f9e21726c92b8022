"""What a served sandbox says about itself, for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server import Served
    from .tenant import Tenant


def describe(served: Served, certificate_files: dict[str, str] | None = None) -> dict[str, Any]:
    """Return base URLs, CA file, control key and every tenant's ways to sign in.

    Args:
        served: the served sandbox.
        certificate_files: by tenant name, where the application's certificate and key were
            written.
    """
    files = certificate_files or {}
    return {
        "login_base_url": served.login_base_url,
        "graph_base_url": served.graph_base_url,
        "ca_file": str(served.ca_file),
        "control_key": served.control_key,
        "tenants": [
            _describe_tenant(tenant, files.get(tenant.name))
            for tenant in served.sandbox.tenants.values()
        ],
    }


def _describe_tenant(tenant: Tenant, certificate_file: str | None) -> dict[str, Any]:
    administrator = tenant.administrator
    application = tenant.application
    certificates = application.certificates
    return {
        "name": tenant.name,
        "tenant_id": tenant.id,
        "display_name": tenant.display_name,
        "initial_domain": tenant.initial_domain,
        "domains": list(tenant.domains),
        "application": {
            "app_id": application.app_id,
            "client_secret": application.client_secret,
            "certificate_file": certificate_file,
            "thumbprint": certificates[-1].thumbprint if certificates else None,
        },
        "public_client": {"app_id": tenant.public_client.app_id},
        "administrator": {
            "user_principal_name": administrator["userPrincipalName"],
            "password": tenant.sign_in[administrator["id"]].password,
        },
    }


def without_secrets(description: dict[str, Any]) -> dict[str, Any]:
    """Return a description without control key, client secrets and passwords."""
    tenants = [
        {
            **tenant,
            "application": {
                name: value
                for name, value in tenant["application"].items()
                if name != "client_secret"
            },
            "administrator": {
                "user_principal_name": tenant["administrator"]["user_principal_name"]
            },
        }
        for tenant in description["tenants"]
    ]
    kept = {name: value for name, value in description.items() if name != "control_key"}
    return {**kept, "tenants": tenants}
