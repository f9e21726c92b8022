"""MSAL for Python, unmodified, signs an application in; and what the tokens of both kinds say.

Tokens are read as a resource would read them: their signature against the published keys.
https://learn.microsoft.com/entra/msal/python/
"""

from __future__ import annotations

import itertools

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from tests.conformance.msal_flows import (
    APPLICATION_SCOPE,
    GRAPH,
    GRAPH_AUDIENCES,
    SCOPES,
    discovery,
    numbers,
    once,
    signed_in,
)

# An application ----------------------------------------------------------------------------------


def test_a_client_secret_gives_a_token_with_the_applications_roles(confidential, tenant, verified):
    app = confidential(tenant.application.client_secret)
    result = app.acquire_token_for_client(APPLICATION_SCOPE)
    assert "refresh_token" not in result
    assert "id_token" not in result
    claims = verified(result["access_token"], GRAPH_AUDIENCES)
    assert set(claims["roles"]) == tenant.application.roles
    assert "scp" not in claims
    assert (claims["tid"], claims["idtyp"]) == (tenant.id, "app")
    assert tenant.application.app_id in {claims.get("appid"), claims.get("azp")}
    assert app.acquire_token_for_client(APPLICATION_SCOPE)["token_source"] == "cache"


def key_and_certificate(pem: str) -> dict[str, str]:
    """MSAL's credential with the SHA-256 thumbprint in the assertion (PS256)."""
    return {"private_key": pem, "public_certificate": pem[pem.index("-----BEGIN CERT") :]}


def key_and_thumbprint(pem: str) -> dict[str, str]:
    """MSAL's older credential with the SHA-1 thumbprint in the assertion (RS256)."""
    certificate = x509.load_pem_x509_certificate(pem.encode("ascii"))
    sha1 = hashes.SHA1()  # noqa: S303  Entra names certificates by it; it protects nothing
    return {"private_key": pem, "thumbprint": certificate.fingerprint(sha1).hex()}


@pytest.mark.parametrize("form", [key_and_certificate, key_and_thumbprint])
def test_a_registered_certificate_gives_a_token(form, confidential, tenant, verified):
    credential = form(tenant.application.create_certificate())
    result = confidential(credential).acquire_token_for_client(APPLICATION_SCOPE)
    assert verified(result["access_token"], GRAPH)["tid"] == tenant.id


@pytest.mark.parametrize("form", [key_and_certificate, key_and_thumbprint])
def test_a_certificate_of_another_application_is_refused(form, confidential, sandbox, tenant):
    other = sandbox.add_tenant(f"msal-other-{next(_other)}").application.create_certificate()
    result = confidential(form(other)).acquire_token_for_client(APPLICATION_SCOPE)
    assert result["error"] == "invalid_client"
    assert numbers(result) == [700027]


_other = itertools.count(1)


def test_a_wrong_secret_is_refused(confidential):
    result = confidential("wrong").acquire_token_for_client(APPLICATION_SCOPE)
    assert (result["error"], numbers(result)) == ("invalid_client", [7000215])


def test_an_expired_secret_is_refused(confidential, sandbox, tenant):
    tenant.application.client_secrets[0].end_date_time = sandbox.clock.now()
    sandbox.clock.advance(seconds=1)
    app = confidential(tenant.application.client_secret)
    result = app.acquire_token_for_client(APPLICATION_SCOPE)
    assert (result["error"], numbers(result)) == ("invalid_client", [7000222])


def test_a_disabled_application_is_refused(confidential, tenant):
    tenant.application.enabled = False
    app = confidential(tenant.application.client_secret)
    result = app.acquire_token_for_client(APPLICATION_SCOPE)
    assert (result["error"], numbers(result)) == ("unauthorized_client", [7000112])


def test_an_application_that_the_tenant_does_not_know_is_refused(confidential, tenant):
    app = confidential(tenant.application.client_secret, app_id=tenant.id)
    result = app.acquire_token_for_client(APPLICATION_SCOPE)
    assert (result["error"], numbers(result)) == ("unauthorized_client", [700016])


def test_a_secret_is_worth_nothing_in_another_tenant(confidential, sandbox, tenant):
    other = sandbox.add_tenant("msal-other-tenant")
    app = confidential(tenant.application.client_secret, authority=other.id)
    result = app.acquire_token_for_client(APPLICATION_SCOPE)
    assert (result["error"], numbers(result)) == ("unauthorized_client", [700016])


def test_a_confidential_application_needs_its_credential_for_a_device_code(public, sandbox, tenant):
    app = public(app_id=tenant.application.app_id)
    flow = app.initiate_device_flow(scopes=SCOPES)
    if "error" not in flow:
        sandbox.approve_device_code(flow["user_code"], f"admin@{tenant.initial_domain}")
        flow = once(app, flow)
    assert (flow["error"], numbers(flow)) == ("invalid_client", [7000218])


def test_a_resource_that_the_tenant_does_not_have_is_refused(confidential, tenant):
    app = confidential(tenant.application.client_secret)
    result = app.acquire_token_for_client(["https://unknown.example/.default"])
    assert (result["error"], numbers(result)) == ("invalid_resource", [500011])


def test_an_application_may_not_ask_for_single_scopes(confidential, tenant):
    app = confidential(tenant.application.client_secret)
    result = app.acquire_token_for_client([f"{GRAPH}/User.Read.All"])
    assert result["error"] == "invalid_scope"


@pytest.mark.parametrize("name", ["unknown.example", "00000000-1111-2222-3333-444444444444"])
def test_a_tenant_that_does_not_exist_is_refused(name, public, served):
    assert discovery(served, name)["error"] == "invalid_tenant"
    assert numbers(discovery(served, name)) == [90002]
    with pytest.raises(ValueError, match="double check your tenant name"):
        public(authority=name).initiate_device_flow(scopes=SCOPES)


# Tokens ----------------------------------------------------------------------------------------


def test_a_persons_tokens_are_signed_with_the_published_keys(public, sandbox, tenant, verified):
    app = public()
    result = signed_in(app, sandbox, f"admin@{tenant.initial_domain}")
    claims = verified(result["access_token"], GRAPH_AUDIENCES)
    assert claims["oid"] == tenant.administrator["id"]
    assert claims["tid"] == tenant.id
    assert {"User.ReadWrite.All", "Mail.Send"} <= set(claims["scp"].split())
    assert "62e90394-69f5-4237-9190-012177145e10" in claims["wids"]
    assert claims["exp"] > claims["iat"]
    identity = verified(result["id_token"], app.client_id)
    assert identity["iss"].endswith(f"/{tenant.id}/v2.0")
    assert (identity["oid"], identity["tid"]) == (claims["oid"], tenant.id)


def test_a_changed_token_fails_the_signature_check_and_graph_refuses_it(
    confidential, tenant, verified, served, call
):
    app = confidential(tenant.application.client_secret)
    token = app.acquire_token_for_client(APPLICATION_SCOPE)["access_token"]
    header, payload, signature = token.split(".")
    forged = ".".join([header, payload, signature[:-8] + "AAAAAAAA"])
    with pytest.raises(jwt.InvalidSignatureError):
        verified(forged, GRAPH)
    graph = call(served, tenant)
    graph.token = forged
    answer = graph.ask("GET", "/organization")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    graph.token = token
    assert graph.ask("GET", "/organization").status_code == 200
