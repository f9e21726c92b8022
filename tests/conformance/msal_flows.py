"""What the tests of MSAL share: the scopes asked for, and steps of a sign-in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from o365lib.sandbox import Sandbox, Served

GRAPH = "https://graph.microsoft.com"
GRAPH_AUDIENCES = [GRAPH, "00000003-0000-0000-c000-000000000000"]
SCOPES = [f"{GRAPH}/User.ReadWrite.All", f"{GRAPH}/Mail.Send"]
APPLICATION_SCOPE = [f"{GRAPH}/.default"]


def published(served: Served, url: str) -> dict[str, Any]:
    """A JSON document that the authority publishes for everyone."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, verify=served.ca_file, timeout=10).json()


def discovery(served: Served, tenant: str) -> dict[str, Any]:
    """The discovery document of a tenant, by its id or one of its domains."""
    address = f"{served.login_base_url}/{tenant}/v2.0/.well-known/openid-configuration"
    return published(served, address)


def signed_in(app: Any, sandbox: Sandbox, name: str) -> dict[str, Any]:
    """A person's sign-in with a device code, from start to token."""
    flow = app.initiate_device_flow(scopes=SCOPES)
    sandbox.approve_device_code(flow["user_code"], name)
    return app.acquire_token_by_device_flow(flow)


def once(app: Any, flow: dict[str, Any]) -> dict[str, Any]:
    """One poll of a device code; MSAL stops after it because the flow seems to have expired."""
    return app.acquire_token_by_device_flow(flow | {"expires_at": 0})


def numbers(result: dict[str, Any]) -> list[int]:
    return result["error_codes"]
