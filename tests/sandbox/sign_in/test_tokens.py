import base64
import json

import jwt
import pytest

from o365lib.sandbox import Sandbox
from o365lib.sandbox.sign_in.tokens import client_info

GRAPH = "https://graph.microsoft.com"


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


def test_an_applications_token_has_the_documented_claims(sandbox, tenant):
    token = sandbox.sign_ins.tokens.application_token(tenant, tenant.application, GRAPH)
    found = claims(token)
    assert (found["aud"], found["tid"], found["ver"], found["idtyp"]) == (
        GRAPH,
        tenant.id,
        "1.0",
        "app",
    )
    assert found["iss"] == f"https://sts.windows.net/{tenant.id}/"
    assert found["appid"] == tenant.application.app_id
    assert found["oid"] == tenant.application.object_id
    assert found["roles"] == sorted(tenant.application.roles)
    assert found["exp"] - found["iat"] == 3599
    assert "scp" not in found


def test_a_persons_token_has_scopes_and_directory_roles(sandbox, tenant):
    administrator = tenant.administrator
    token = sandbox.sign_ins.tokens.user_token(
        tenant, tenant.public_client, GRAPH, user=administrator, permissions={"B.Read", "A.Read"}
    )
    found = claims(token)
    assert (found["scp"], found["idtyp"]) == ("A.Read B.Read", "user")
    assert found["upn"] == administrator["userPrincipalName"]
    assert found["wids"] == sorted(tenant.roles_of(administrator["id"]))
    assert "roles" not in found


def test_an_id_token_carries_the_nonce_it_was_asked_with(sandbox, tenant):
    token = sandbox.sign_ins.tokens.id_token(
        tenant, tenant.public_client, user=tenant.administrator, issuer="https://i", nonce="n"
    )
    found = claims(token)
    assert (found["nonce"], found["iss"], found["ver"]) == ("n", "https://i", "2.0")
    assert found["aud"] == tenant.public_client.app_id


def test_a_sandbox_reads_its_own_tokens_only(sandbox, tenant):
    other = Sandbox(seed="demo")
    token = sandbox.sign_ins.tokens.application_token(tenant, tenant.application, GRAPH)
    assert sandbox.sign_ins.tokens.read(token)["tid"] == tenant.id
    with pytest.raises(jwt.InvalidSignatureError):
        other.sign_ins.tokens.read(token)


def test_a_changed_token_is_not_read(sandbox, tenant):
    token = sandbox.sign_ins.tokens.application_token(tenant, tenant.application, GRAPH)
    header, payload, signature = token.split(".")
    changed = claims(token) | {"roles": ["Everything.ReadWrite.All"]}
    forged = base64.urlsafe_b64encode(json.dumps(changed).encode()).rstrip(b"=").decode()
    for bad in (f"{header}.{forged}.{signature}", f"{header}.{payload}.", "nothing"):
        with pytest.raises(jwt.InvalidTokenError):
            sandbox.sign_ins.tokens.read(bad)


def test_client_info_is_what_msal_makes_an_account_of(tenant):
    text = client_info(tenant, tenant.administrator)
    decoded = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert decoded == {"uid": tenant.administrator["id"], "utid": tenant.id}
