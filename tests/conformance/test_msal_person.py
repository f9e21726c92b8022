"""MSAL for Python, unmodified, signs a person in: with a device code and in a browser.

https://learn.microsoft.com/entra/msal/python/
"""

from __future__ import annotations

import threading
import webbrowser
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.conformance.msal_flows import SCOPES, discovery, numbers, once, signed_in

if TYPE_CHECKING:
    from tests.conformance.person import Person

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
