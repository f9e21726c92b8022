import time
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from o365lib.sandbox.keys import certificate_pem, rsa_key, self_signed_certificate
from o365lib.sandbox.sign_in.clients import ASSERTION_TYPE

SCOPE = "https://graph.microsoft.com/.default"


@pytest.fixture
def ask(web, tenant):
    """Ask for an application's token with some form fields; return the AADSTS number or None."""

    def send(**form):
        answer = web.token(
            tenant,
            **{
                "grant_type": "client_credentials",
                "client_id": tenant.application.app_id,
                "scope": SCOPE,
                **form,
            },
        )
        body = answer.json()
        if answer.status_code == 200:
            return None
        assert answer.status_code == (401 if body["error"] == "invalid_client" else 400)
        return body["error_codes"][0]

    return send


def test_the_right_secret_is_enough(ask, tenant):
    assert ask(client_secret=tenant.application.client_secret) is None


def test_a_second_secret_works_too(ask, tenant):
    assert ask(client_secret=tenant.application.add_client_secret()) is None


def test_wrong_expired_and_missing_secrets_are_told_apart(ask, tenant, sandbox):
    old = tenant.application.add_client_secret(sandbox.clock.now() - timedelta(days=1))
    assert ask(client_secret="wrong one") == 7000215
    assert ask(client_secret=old) == 7000222
    assert ask() == 7000218


def test_a_secret_may_come_as_basic_credentials(web, tenant):
    answer = web.login(
        "POST",
        f"/{tenant.id}/oauth2/v2.0/token",
        data={"grant_type": "client_credentials", "scope": SCOPE},
        auth=(tenant.application.app_id, tenant.application.client_secret),
    )
    assert answer.status_code == 200
    broken = web.login(
        "POST",
        f"/{tenant.id}/oauth2/v2.0/token",
        data={"grant_type": "client_credentials", "scope": SCOPE},
        headers={"Authorization": "Basic !!!"},
    )
    assert broken.json()["error_codes"] == [900144]


def test_applications_that_cannot_sign_in_are_told_apart(ask, tenant):
    assert ask(client_id="11111111-2222-3333-4444-555555555555") == 700016
    assert ask(client_id="") == 900144
    tenant.application.forced_error = 7000222
    assert ask(client_secret="x") == 7000222
    tenant.application.enabled = False
    assert ask(client_secret="x") == 7000112


def test_a_public_client_has_nothing_to_prove_and_cannot_act_as_itself(ask, tenant):
    app_id = tenant.public_client.app_id
    assert ask(client_id=app_id) == 7000218
    assert ask(client_id=app_id, client_secret="anything") == 700025


@pytest.fixture
def key():
    return rsa_key("applications")


@pytest.fixture
def certificate(tenant, key):
    pem = certificate_pem(self_signed_certificate("me", key))
    return tenant.application.register_certificate(pem)


@pytest.fixture
def assertion(served, tenant, certificate, key):
    """A client assertion as MSAL makes it; words change claims, header, key or algorithm."""

    def make(*, signer=key, algorithm="PS256", header=None, **claims):
        sha256 = bytes.fromhex(certificate.thumbprint_sha256)
        now = time.time()
        values = {
            "aud": f"{served.login_base_url}/{tenant.id}/oauth2/v2.0/token",
            "iss": tenant.application.app_id,
            "sub": tenant.application.app_id,
            "exp": now + 600,
            "iat": now,
            "jti": "once",
            **claims,
        }
        x5t = jwt.utils.base64url_encode(sha256).decode() + "="
        headers = header if header is not None else {"x5t#S256": x5t}
        return jwt.encode(values, signer, algorithm=algorithm, headers=headers)

    return make


def test_a_signed_assertion_is_enough_in_both_algorithms(ask, assertion, certificate):
    sha1 = jwt.utils.base64url_encode(bytes.fromhex(certificate.thumbprint)).decode()
    for words in ({}, {"algorithm": "RS256", "header": {"x5t": sha1}}):
        made = assertion(**words)
        assert ask(client_assertion=made, client_assertion_type=ASSERTION_TYPE) is None


def test_an_assertion_needs_its_type(ask, assertion):
    assert ask(client_assertion=assertion()) == 900144


def test_bad_assertions_are_told_apart(ask, assertion, served):
    def number(made):
        return ask(client_assertion=made, client_assertion_type=ASSERTION_TYPE)

    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert number(assertion(signer=stranger)) == 700027
    assert number(assertion(header={"x5t": "AAAA"})) == 700027
    assert number(assertion(header={})) == 700027
    assert number("no.jwt.here") == 700027
    assert number(assertion(aud=f"{served.login_base_url}/elsewhere/oauth2/v2.0/token")) == 700023
    assert number(assertion(aud=None)) == 700023
    assert number(assertion(iss="somebody")) == 700021
    assert number(assertion(exp=time.time() - 3600)) == 700024
    assert number(assertion(iat=time.time() + 3600)) == 700024
    assert number(assertion(exp="soon")) in {700024, 700027}


def test_a_symmetric_assertion_is_not_accepted(ask, assertion, certificate):
    made = assertion(signer="x" * 40, algorithm="HS256")
    assert ask(client_assertion=made, client_assertion_type=ASSERTION_TYPE) == 700027


def test_an_expired_certificate_is_refused(ask, assertion, sandbox):
    made = assertion()
    sandbox.clock.set(datetime.now(UTC) + timedelta(days=800))
    assert ask(client_assertion=made, client_assertion_type=ASSERTION_TYPE) == 700027


def test_an_assertion_is_a_secret(ask, assertion, sandbox):
    made = assertion()
    ask(client_assertion=made, client_assertion_type=ASSERTION_TYPE)
    assert made in sandbox.secrets()
