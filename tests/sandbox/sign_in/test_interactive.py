import base64
import hashlib
import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

VERIFIER = "a-verifier-that-is-long-enough-to-be-one-0123456789"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)
REDIRECT = "http://localhost:49152"


@pytest.fixture
def asked(tenant):
    return {
        "client_id": tenant.public_client.app_id,
        "response_type": "code",
        "redirect_uri": REDIRECT,
        "scope": "https://graph.microsoft.com/User.Read openid profile offline_access",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }


@pytest.fixture
def page(web, tenant, asked):
    """Show the authorize page; None takes a parameter away."""

    def show(name=None, **changes):
        params = {k: v for k, v in {**asked, **changes}.items() if v is not None}
        return web.login("GET", f"/{name or tenant.id}/oauth2/v2.0/authorize", params=params)

    return show


@pytest.fixture
def sign_in(web, tenant, page):
    """Fill the authorize page in and send it."""

    def fill(username=None, password=None, name=None, **changes):
        shown = page(name, **changes)
        username = username or tenant.administrator["userPrincipalName"]
        fields = hidden(shown.text) | {
            "username": username,
            "password": password or tenant.password_of(username),
        }
        action = unescape(re.search(r'<form method="post" action="([^"]+)"', shown.text)[1])
        return web.login("POST", action, data=fields)

    return fill


def hidden(html):
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', html)
    return {unescape(name): unescape(value) for name, value in found}


def sent_back(answer):
    assert answer.status_code == 302
    target = urlsplit(answer.headers["Location"])
    assert f"{target.scheme}://{target.netloc}" == REDIRECT
    return {k: v[0] for k, v in parse_qs(target.query or target.fragment).items()}


def redeem(web, tenant, code, **changes):
    form = {
        "grant_type": "authorization_code",
        "client_id": tenant.public_client.app_id,
        "code": code,
        "redirect_uri": REDIRECT,
        "code_verifier": VERIFIER,
        **changes,
    }
    return web.token(tenant, **{k: v for k, v in form.items() if v is not None}).json()


def test_a_person_signs_in_and_the_client_gets_tokens(web, tenant, sign_in):
    back = sent_back(sign_in())
    assert back["state"] == "state-1"
    body = redeem(web, tenant, back["code"])
    assert {"access_token", "refresh_token", "id_token"} <= set(body)
    again = redeem(web, tenant, back["code"])
    assert again["error_codes"] == [54005]


def test_a_wrong_verifier_gets_nothing(web, tenant, sign_in):
    for verifier, code in (("another", 501481), (None, 900144)):
        back = sent_back(sign_in())
        assert redeem(web, tenant, back["code"], code_verifier=verifier)["error_codes"] == [code]


def test_a_code_is_for_its_redirect_address(web, tenant, sign_in):
    back = sent_back(sign_in())
    other = redeem(web, tenant, back["code"], redirect_uri="http://localhost:1")
    assert other["error_codes"] == [50011]


def test_the_answer_may_be_a_form_that_posts_itself(sign_in):
    answer = sign_in(response_mode="form_post")
    assert answer.status_code == 200
    fields = hidden(answer.text)
    assert (fields["state"], bool(fields["code"])) == ("state-1", True)
    assert f'action="{REDIRECT}"' in answer.text


def test_the_answer_may_be_in_the_fragment(sign_in):
    assert "#code=" in sign_in(response_mode="fragment").headers["Location"]


def test_a_login_hint_fills_the_name_in_and_is_escaped(page):
    html = page(login_hint='"><script>x</script>@y').text
    assert "<script>x" not in html
    assert "&quot;&gt;&lt;script&gt;" in html


def test_the_state_is_escaped(page):
    assert '"><b>' not in page(state='"><b>').text


def test_a_person_of_any_tenant_signs_in_at_organizations(web, tenant, sign_in):
    back = sent_back(sign_in(name="organizations"))
    assert redeem(web, tenant, back["code"])["access_token"]


@pytest.mark.parametrize(
    ("username", "number"),
    [
        ("nobody@alpinebooks.example", 50034),
        ("admin@cedardental.onmicrosoft.com", 50020),
        (None, 50126),
    ],
)
def test_wrong_names_and_passwords_are_told_on_the_page(sign_in, username, number):
    answer = sign_in(username=username, password="wrong one")
    assert answer.status_code == 400
    assert f"AADSTS{number}" in answer.text
    assert "wrong one" not in answer.text


def test_other_hindrances_go_back_to_the_client(sign_in, tenant):
    tenant.sign_in[tenant.administrator["id"]].forced_error = 53003
    back = sent_back(sign_in())
    assert back["error_description"].startswith("AADSTS53003")
    assert (back["state"], "code" in back) == ("state-1", False)


def test_a_missing_consent_goes_back_to_the_client(sign_in, tenant):
    tenant.public_client.scopes.clear()
    assert sent_back(sign_in())["error_description"].startswith("AADSTS65001")


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "https://evil.example"},
        {"redirect_uri": "http://localhost.evil.example"},
        {"redirect_uri": "http://localhost:1/elsewhere"},
        {"redirect_uri": None},
        {"client_id": None},
        {"client_id": "11111111-2222-3333-4444-555555555555"},
    ],
)
def test_a_request_of_a_doubtful_client_goes_nowhere(page, changes):
    answer = page(**changes)
    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert "AADSTS" in answer.text


@pytest.mark.parametrize(
    "changes",
    [{"response_type": "token"}, {"scope": None}, {"code_challenge_method": "plain"}],
)
def test_a_malformed_request_of_a_known_client_is_sent_back(page, changes):
    assert "error" in sent_back(page(**changes))


def test_a_public_client_must_use_pkce(sign_in):
    answer = sign_in(code_challenge=None, code_challenge_method=None)
    assert "code_challenge" in sent_back(answer)["error_description"]


@pytest.fixture
def device(web, tenant):
    form = {"client_id": tenant.public_client.app_id, "scope": "User.Read"}
    flow = web.login("POST", f"/{tenant.id}/oauth2/v2.0/devicecode", data=form).json()

    def poll():
        return web.token(
            tenant,
            grant_type="urn:ietf:params:oauth:grant-type:device_code",
            client_id=form["client_id"],
            device_code=flow["device_code"],
        ).json()

    return flow["user_code"], poll


def enter(web, code, username, password, choice="accept"):
    fields = {"user_code": code, "username": username, "password": password, "choice": choice}
    return web.login("POST", "/devicelogin", data=fields)


def test_a_person_enters_the_code_name_and_password(web, tenant, device):
    code, poll = device
    assert "user_code" in web.login("GET", "/devicelogin").text
    name = tenant.administrator["userPrincipalName"]
    answer = enter(web, code.lower(), name, tenant.password_of(name))
    assert (answer.status_code, "signed in" in answer.text) == (200, True)
    assert "access_token" in poll()


def test_a_wrong_code_or_password_can_be_tried_again(web, tenant, device):
    code, poll = device
    name = tenant.administrator["userPrincipalName"]
    assert enter(web, "WRONG", name, "x").status_code == 400
    answer = enter(web, code, name, "not the password")
    assert "AADSTS50126" in answer.text
    assert "not the password" not in answer.text
    assert poll()["error"] == "authorization_pending"


def test_a_person_may_decline(web, device):
    code, poll = device
    assert "declined" in enter(web, code, "", "", "decline").text
    assert poll()["error"] == "authorization_declined"


def test_a_hindered_person_is_told_and_so_is_the_client(web, tenant, device):
    code, poll = device
    name = tenant.administrator["userPrincipalName"]
    tenant.sign_in[tenant.administrator["id"]].forced_error = 50079
    assert "AADSTS50079" in enter(web, code, name, tenant.password_of(name)).text
    assert poll()["error_codes"] == [50079]


def consent(web, tenant, username, *, application):
    params = {"client_id": application.app_id, "redirect_uri": "http://localhost", "state": "s"}
    path = f"/{tenant.id}/adminconsent"
    shown = web.login("GET", path, params=params)
    password = tenant.password_of(username)
    fields = hidden(shown.text) | {"username": username, "password": password}
    return web.login("POST", path, data=fields)


def test_an_administrator_consents_for_the_tenant(web, tenant):
    for application, name in ((tenant.application, "roles"), (tenant.public_client, "scopes")):
        getattr(application, name).clear()
        answer = consent(
            web, tenant, tenant.administrator["userPrincipalName"], application=application
        )
        assert "admin_consent=True" in answer.headers["Location"]
        assert "state=s" in answer.headers["Location"]
        assert getattr(application, name)


def test_somebody_else_cannot_consent(web, tenant):
    tenant.application.roles.clear()
    answer = consent(web, tenant, "employee1@alpinebooks.example", application=tenant.application)
    assert "error=permission_denied" in answer.headers["Location"]
    assert tenant.application.roles == set()


def test_a_wrong_password_consents_to_nothing(web, tenant):
    fields = {
        "client_id": tenant.application.app_id,
        "redirect_uri": "http://localhost",
        "username": tenant.administrator["userPrincipalName"],
        "password": "wrong",
    }
    answer = web.login("POST", f"/{tenant.id}/adminconsent", data=fields)
    assert (answer.status_code, "AADSTS50126" in answer.text) == (400, True)
