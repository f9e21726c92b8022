"""MSAL for Python, unmodified, signs in to the sandbox in every way that the product uses.

Tokens are then read as a resource would read them: signature against the published keys.
https://learn.microsoft.com/entra/msal/python/
"""

from __future__ import annotations

import itertools
import ssl
import threading
import webbrowser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import jwt
import msal
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from o365lib.sandbox import Sandbox, Served, Tenant
from tests.conformance.person import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GRAPH = "https://graph.microsoft.com"
SCOPES = [f"{GRAPH}/User.ReadWrite.All", f"{GRAPH}/Mail.Send"]
APPLICATION_SCOPE = [f"{GRAPH}/.default"]

# AADSTS number -> OAuth error: what a sign-in of a person may end in.
# https://learn.microsoft.com/entra/identity-platform/reference-error-codes
HINDRANCES = {
    50034: "invalid_grant",
    50053: "invalid_grant",
    50055: "invalid_grant",
    50057: "invalid_grant",
    50076: "invalid_grant",
    50079: "invalid_grant",
    53003: "invalid_grant",
    65001: "invalid_grant",
    90094: "consent_required",
    50020: "invalid_grant",
}


@pytest.fixture
def http(served: Served) -> Iterator[requests.Session]:
    """The HTTP client that MSAL is given: trusts the sandbox's CA and nothing else."""
    with requests.Session() as session:
        session.trust_env = False
        session.verify = str(served.ca_file)
        yield session


@pytest.fixture
def person(served: Served) -> Iterator[Person]:
    person = Person(served.ca_file)
    yield person
    person.close()


@pytest.fixture
def public(served: Served, tenant: Tenant, http: requests.Session) -> Callable[..., Any]:
    """Make public client applications; each has a cache of its own."""

    def make(app_id: str = "", authority: str = "") -> msal.PublicClientApplication:
        return msal.PublicClientApplication(
            app_id or tenant.public_client.app_id,
            authority=f"{served.login_base_url}/{authority or tenant.id}",
            instance_discovery=False,
            http_client=http,
        )

    return make


@pytest.fixture
def confidential(served: Served, tenant: Tenant, http: requests.Session) -> Callable[..., Any]:
    """Make confidential client applications with a given credential."""

    def make(
        credential: Any, app_id: str = "", authority: str = ""
    ) -> msal.ConfidentialClientApplication:
        return msal.ConfidentialClientApplication(
            app_id or tenant.application.app_id,
            client_credential=credential,
            authority=f"{served.login_base_url}/{authority or tenant.id}",
            instance_discovery=False,
            http_client=http,
        )

    return make


@pytest.fixture
def verified(served: Served, tenant: Tenant) -> Callable[..., dict[str, Any]]:
    """Check a token's signature with the keys that the discovery document names; its claims."""
    trust = ssl.create_default_context(cafile=str(served.ca_file))
    keys = jwt.PyJWKClient(f"{discovery(served, tenant.id)['jwks_uri']}", ssl_context=trust)

    def claims(token: str, audience: str | list[str]) -> dict[str, Any]:
        key = keys.get_signing_key_from_jwt(token)
        return jwt.decode(token, key, algorithms=["RS256"], audience=audience, leeway=5)

    return claims


def discovery(served: Served, tenant: str) -> dict[str, Any]:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(
            f"{served.login_base_url}/{tenant}/v2.0/.well-known/openid-configuration",
            verify=served.ca_file,
            timeout=10,
        ).json()


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


# A person with a device code -----------------------------------------------------------------


def test_the_discovery_document_is_the_same_for_an_id_and_for_any_verified_domain(served, tenant):
    documents = [discovery(served, name) for name in (tenant.id, *tenant.domains)]
    assert len(documents) > 2
    assert documents.count(documents[0]) == len(documents)
    assert documents[0]["issuer"].endswith(f"/{tenant.id}/v2.0")


def test_a_device_code_is_pending_until_a_person_approves_it(public, sandbox, tenant):
    app = public()
    flow = app.initiate_device_flow(scopes=SCOPES)
    assert flow["verification_uri"] in flow["message"]
    assert flow["user_code"] in flow["message"]
    assert once(app, flow)["error"] == "authorization_pending"
    sandbox.approve_device_code(flow["user_code"], f"admin@{tenant.initial_domain}")
    result = once(app, flow)
    assert result["token_type"] == "Bearer"
    assert {"User.ReadWrite.All", "Mail.Send"} <= {
        scope.rpartition("/")[2] for scope in result["scope"].split()
    }
    assert result["id_token_claims"]["preferred_username"] == f"admin@{tenant.initial_domain}"


def test_the_device_code_page_works_in_a_browser(public, person, tenant):
    name = f"admin@{tenant.initial_domain}"
    app = public()
    flow = app.initiate_device_flow(scopes=SCOPES)
    person.open(flow["verification_uri"])
    answers = {
        "text": name,
        "email": name,
        "password": tenant.password_of(name),
        "user_code": flow["user_code"],
        "code": flow["user_code"],
        "otc": flow["user_code"],
    }
    for _ in range(4):
        if person.forms:
            person.submit(answers)
    assert once(app, flow)["id_token_claims"]["preferred_username"] == name


def test_a_declined_device_code_ends_the_flow(public, sandbox):
    app = public()
    flow = app.initiate_device_flow(scopes=SCOPES)
    sandbox.decline_device_code(flow["user_code"])
    assert once(app, flow)["error"] == "authorization_declined"


def test_an_expired_device_code_ends_the_flow(public, sandbox):
    app = public()
    flow = app.initiate_device_flow(scopes=SCOPES)
    sandbox.clock.advance(seconds=flow["expires_in"] + 1)
    assert once(app, flow)["error"] == "expired_token"


def test_a_device_code_that_was_never_given_out_is_refused(public):
    app = public()
    flow = app.initiate_device_flow(scopes=SCOPES)
    assert once(app, flow | {"device_code": "made-up"})["error"] == "bad_verification_code"


def test_tokens_are_reused_from_the_cache_and_renewed_with_the_refresh_token(
    public, sandbox, tenant
):
    app = public()
    first = signed_in(app, sandbox, f"admin@{tenant.initial_domain}")
    [account] = app.get_accounts()
    assert account["username"] == f"admin@{tenant.initial_domain}"
    assert account["home_account_id"] == f"{tenant.administrator['id']}.{tenant.id}"
    cached = app.acquire_token_silent(SCOPES, account)
    assert (cached["access_token"], cached["token_source"]) == (first["access_token"], "cache")
    renewed = app.acquire_token_silent(SCOPES, account, force_refresh=True)
    assert renewed["token_source"] == "identity_provider"
    assert renewed["access_token"] != first["access_token"]


def test_a_refresh_token_dies_when_the_sessions_are_revoked(public, sandbox, tenant, served, call):
    employee = tenant.add_user(
        user_principal_name=f"ada@{tenant.initial_domain}", display_name="Ada"
    )
    app = public()
    signed_in(app, sandbox, employee["userPrincipalName"])
    sandbox.clock.advance(seconds=2)
    path = f"/users/{employee['id']}/revokeSignInSessions"
    assert call(served, tenant).ask("POST", path).status_code == 200
    [account] = app.get_accounts()
    result = app.acquire_token_silent_with_error(SCOPES, account, force_refresh=True)
    assert result["error"] == "invalid_grant"
    assert numbers(result) == [50173]


@pytest.mark.parametrize("number", HINDRANCES)
def test_what_hinders_a_person_is_told_by_number(number, public, sandbox, tenant):
    name = f"admin@{tenant.initial_domain}"
    tenant.sign_in[tenant.administrator["id"]].forced_error = number
    app = public()
    flow = app.initiate_device_flow(scopes=SCOPES)
    sandbox.approve_device_code(flow["user_code"], name)
    result = once(app, flow)
    assert result["error"] == HINDRANCES[number]
    assert numbers(result) == [number]
    assert result["error_description"].startswith(f"AADSTS{number}: ")
    assert {"trace_id", "correlation_id", "timestamp"} <= result.keys()


def test_a_disabled_account_may_not_sign_in(public, sandbox, tenant):
    tenant.administrator["accountEnabled"] = False
    app = public()
    flow = app.initiate_device_flow(scopes=SCOPES)
    sandbox.approve_device_code(flow["user_code"], f"admin@{tenant.initial_domain}")
    assert numbers(once(app, flow)) == [50057]


# A person at a browser -------------------------------------------------------------------------


def start(app: Any) -> tuple[dict[str, Any], str]:
    flow = app.initiate_auth_code_flow(
        SCOPES, redirect_uri="http://localhost:8400", response_mode="form_post"
    )
    return flow, flow["auth_uri"]


def authorized(person: Person, uri: str, name: str, password: str) -> dict[str, str]:
    """Sign in on the authority's page; what its form would post to the redirect address."""
    person.open(uri)
    for _ in range(3):
        [form] = person.forms
        if form.action.startswith("http://localhost"):
            return form.fields
        person.submit({"text": name, "email": name, "password": password})
    raise AssertionError(person.text)


def test_the_authorization_code_flow_with_pkce(public, person, tenant, verified):
    name = f"admin@{tenant.initial_domain}"
    app = public()
    flow, uri = start(app)
    query = parse_qs(urlsplit(uri).query)
    assert query["code_challenge_method"] == ["S256"]
    answer = authorized(person, uri, name, tenant.password_of(name))
    result = app.acquire_token_by_auth_code_flow(flow, answer)
    assert result["id_token_claims"]["preferred_username"] == name
    assert verified(result["id_token"], app.client_id)["nonce"] == query["nonce"][0]
    assert app.acquire_token_silent(SCOPES, app.get_accounts()[0])["token_source"] == "cache"


def test_a_code_is_worth_nothing_without_its_verifier(public, person, tenant):
    name = f"admin@{tenant.initial_domain}"
    app = public()
    flow, uri = start(app)
    answer = authorized(person, uri, name, tenant.password_of(name))
    result = app.acquire_token_by_auth_code_flow(flow | {"code_verifier": "x" * 43}, answer)
    assert result["error"] == "invalid_grant"


def test_a_code_is_worth_one_token(public, person, tenant):
    name = f"admin@{tenant.initial_domain}"
    flow, uri = start(public())
    answer = authorized(person, uri, name, tenant.password_of(name))
    assert "access_token" in public().acquire_token_by_auth_code_flow(flow, dict(answer))
    again = public().acquire_token_by_auth_code_flow(flow, dict(answer))
    assert again["error"] == "invalid_grant"
    assert numbers(again) == [54005]


def test_a_wrong_password_stays_on_the_page_and_ten_lock_the_account(public, person, tenant):
    name = f"admin@{tenant.initial_domain}"
    _, uri = start(public())
    person.open(uri)
    for attempt in range(10):
        person.submit({"text": name, "email": name, "password": "wrong"})
        assert "50126" in person.text or attempt == 9
    person.submit({"text": name, "email": name, "password": tenant.password_of(name)})
    assert "50053" in person.text


def test_a_name_that_is_not_in_the_directory_is_told_apart(public, person, tenant):
    nobody = f"nobody@{tenant.initial_domain}"
    person.open(start(public())[1])
    person.submit({"text": nobody, "email": nobody, "password": "wrong"})
    assert "50034" in person.text


def test_msals_own_browser_sign_in(public, person, tenant, monkeypatch):
    name = f"admin@{tenant.initial_domain}"

    def browse(uri: str, *_: Any, **__: Any) -> bool:
        def act() -> None:
            person.open(uri)
            for _ in range(3):
                if person.forms:
                    person.submit(
                        {"text": name, "email": name, "password": tenant.password_of(name)}
                    )

        threading.Thread(target=act).start()
        return True

    monkeypatch.setattr(webbrowser, "open", browse)
    result = public().acquire_token_interactive(SCOPES, timeout=20)
    assert result["id_token_claims"]["preferred_username"] == name


# An application ----------------------------------------------------------------------------------


def test_a_client_secret_gives_a_token_with_the_applications_roles(confidential, tenant, verified):
    app = confidential(tenant.application.client_secret)
    result = app.acquire_token_for_client(APPLICATION_SCOPE)
    assert "refresh_token" not in result
    assert "id_token" not in result
    claims = verified(result["access_token"], [GRAPH, "00000003-0000-0000-c000-000000000000"])
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
    claims = verified(result["access_token"], [GRAPH, "00000003-0000-0000-c000-000000000000"])
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
