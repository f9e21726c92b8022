"""What looks like a secret is found by its form, and what a run is full of is not."""

import base64
import secrets
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.evidence.secret_patterns import kinds_in
from tests.evidence import planted

TOKEN = "JSON Web Token"
KEY = "Private Key"
HEADER = "authorization header"
REFRESH = "refresh token"
CLIENT_SECRET = "client secret"
FIELD = "field that holds a secret"

FOUND = {
    "a token": (planted.json_web_token, TOKEN),
    "a token behind other letters": (lambda: f"xx_{planted.json_web_token()}", TOKEN),
    "a token behind a long name": (
        lambda: f"a-long-name-of-a-host.{planted.json_web_token()}",
        TOKEN,
    ),
    "a token that was cut off": (lambda: planted.json_web_token()[:150], TOKEN),
    "an encrypted token": (
        lambda: f"{planted.part({'alg': 'RSA-OAEP', 'enc': 'A256GCM'})}.{'x1-_' * 20}.aa.bb.cc",
        TOKEN,
    ),
    "a private key": (planted.private_key, KEY),
    "an encrypted private key": (lambda: planted.private_key(b"pass"), KEY),
    "a private key without its first line": (
        lambda: planted.private_key().split("\n", 1)[1].replace("\n", ""),
        KEY,
    ),
    "PuTTY's key": (lambda: "PuTTY-User-Key-File-3: ssh-ed25519", KEY),
    "a header": (lambda: f"Authorization: Bearer {secrets.token_urlsafe(40)}1", HEADER),
    "a header in Python": (
        lambda: f"{{'Authorization': 'Bearer {secrets.token_urlsafe(40)}1'}}",
        HEADER,
    ),
    "a bearer token": (lambda: f"got bearer {secrets.token_urlsafe(40)}1", HEADER),
    "a password in a header": (
        lambda: f"authorization: basic {base64.b64encode(b'kim:hunter22').decode()}",
        HEADER,
    ),
    "a refresh token": (planted.refresh_token, REFRESH),
    "an older refresh token": (lambda: f"0.A{secrets.token_urlsafe(300)}", REFRESH),
    "an old refresh token": (lambda: f"AQABAAAAAAD{secrets.token_urlsafe(300)}", REFRESH),
    "a refresh token of a Microsoft account": (
        lambda: f"M.C537_BAY.0.U.-C{secrets.token_urlsafe(100)}",
        REFRESH,
    ),
    "a client secret": (planted.client_secret, CLIENT_SECRET),
    "a storage key": (
        lambda: f"AccountKey={base64.b64encode(secrets.token_bytes(64)).decode()}",
        "Azure Storage Account access key",
    ),
    "a password in a URL": (
        lambda: "https://kim:hunter22@example.com/",
        "Basic Auth Credentials",
    ),
    "a field in JSON": (lambda: '{"client_secret": "short-one"}', FIELD),
    "a field in JSON in small": (lambda: '{"refresh_token":"opaque-0815"}', FIELD),
    "a field of Graph": (lambda: '"passwordProfile": {"password": "Xy#7-lmn"}', FIELD),
    "another field of Graph": (lambda: '{"secretText": "what-it-is"}', FIELD),
    "a field in Python": (lambda: "{'access_token': 'opaque-0815'}", FIELD),
    "a form": (lambda: "grant_type=password&username=kim&password=hunter22", FIELD),
    "a form's beginning": (lambda: "client_secret=hunter22&grant_type=password", FIELD),
}


@pytest.mark.parametrize("name", FOUND)
def test_secrets_are_found_by_their_form(name):
    make, kind = FOUND[name]
    for _ in range(3):
        secret = make()
        for text in (secret, f"before {secret} after", f'"{secret}"', f"\n{secret}\n"):
            assert kind in kinds_in(text)


PASSES = {
    "a public key": planted.certificate_key(),
    "a mask": '{"password": "\x1a\x1a\x1a\x1a\x1a", "client_secret": "\x1a\x1a\x1a\x1a\x1a"}',
    "stars": '{"password": "********"}',
    "a masked header": "Authorization: Bearer \x1a\x1a\x1a\x1a\x1a",
    "a placeholder": '{"password": "<password>", "client_secret": "${SECRET}"}',
    "a placeholder in a header": "Authorization: Bearer <access-token>",
    "a challenge": (
        'WWW-Authenticate: Bearer realm="", authorization_uri="https://login.example/authorize",'
        ' client_id="00000003-0000-0000-c000-000000000000"'
    ),
    "nothing": '{"password": "", "access_token": null, "id_token": ""}',
    "an answer's type": '{"token_type": "Bearer", "expires_in": 3599}',
    "a line of a stack of frames": (
        "    return self.client.obtain_token(password=password1, client_secret=secrets[0],\n"
        "        refresh_token=token.refresh_token, access_token=self.token2)\n"
        "--> 12 answer = post(url, data=dict(password=password))\n"
    ),
    "prose": "The bearer of this password: see authorization, basic rules; password= ...",
    "a word of JSON": '{"eyJ": "eyJ.eyJ.eyJ", "code": "eyJhbGciOiJ.short"}',
    "no token": "eyJub3QiOiJhIGhlYWRlciJ9.eyJhIjoxfQ.c2ln",
    "an address": "https://127.0.0.1:8443/v1.0/users/practiceprotect@contoso.onmicrosoft.com",
    "a version": "python 3.11.2, package 0.A, 1.A2, v1.AXb",
    "an exponent": '{"kty": "RSA", "e": "AQAB"}',
    "our own words": (
        '"name": "password", "wanted": "changed by this run", "encrypted_password": "q83vEjRWeJA"'
    ),
}


@pytest.mark.parametrize("name", PASSES)
def test_what_only_resembles_a_secret_passes(name):
    assert kinds_in(PASSES[name]) == set()


@given(
    st.lists(
        st.one_of(
            st.uuids().map(str),
            st.binary(min_size=32, max_size=32).map(bytes.hex),
            st.binary(min_size=20, max_size=64).map(lambda raw: base64.b64encode(raw).decode()),
            st.integers().map(lambda number: str(uuid.UUID(int=abs(number) % 2**128)).upper()),
            st.datetimes().map(lambda instant: f"{instant.isoformat()}Z"),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_ids_digests_and_instants_pass(texts):
    for between in ("", " ", "\n", '", "', "/", "&id="):
        assert kinds_in(between.join(texts)) == set()


@pytest.mark.parametrize(
    "piece",
    [
        *("eyJ", "eyJhbGciOiJSUzI1NiJ9.", "bearer ", "authorization: bearer a", '"password":"'),
        *("1.A", "M.C1_A.", "AQAB", "8Q~", "a", "a.", " ", "://a:", "AccountKey="),
        *("password=", "access_token=1"),
    ],
)
def test_no_text_takes_longer_than_its_length(piece):
    """A detector that went over one place again and again would not come back from this."""
    kinds_in(piece * (1_000_000 // len(piece)))
