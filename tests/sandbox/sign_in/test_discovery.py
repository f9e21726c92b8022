import jwt
import pytest


def document(web, name):
    answer = web.login("GET", f"/{name}/v2.0/.well-known/openid-configuration")
    return answer.status_code, answer.json()


@pytest.mark.parametrize("name", ["alpinebooks.example", "ALPINEBOOKS.onmicrosoft.com"])
def test_a_domain_is_resolved_to_the_tenants_id(web, tenant, served, name):
    status, body = document(web, name)
    assert status == 200
    base = f"{served.login_base_url}/{tenant.id}"
    assert body["issuer"] == f"{base}/v2.0"
    assert body["token_endpoint"] == f"{base}/oauth2/v2.0/token"
    assert body["device_authorization_endpoint"] == f"{base}/oauth2/v2.0/devicecode"
    assert body["authorization_endpoint"] == f"{base}/oauth2/v2.0/authorize"
    assert f"https://{body['msgraph_host']}" == served.graph_base_url


def test_a_tenants_id_works_and_its_name_in_the_sandbox_does_not(web, tenant):
    assert document(web, tenant.id)[0] == 200
    status, body = document(web, tenant.name)
    assert (status, body["error_codes"]) == (400, [900023])


def test_an_unknown_tenant_is_told_so(web):
    for name in ("nowhere.example", "11111111-2222-3333-4444-555555555555"):
        status, body = document(web, name)
        assert (status, body["error"], body["error_codes"]) == (400, "invalid_tenant", [90002])


def test_the_common_authority_has_a_template_as_issuer(web, served):
    body = document(web, "common")[1]
    assert body["issuer"] == f"{served.login_base_url}/{{tenantid}}/v2.0"
    assert "/common/" in body["token_endpoint"]


def test_tokens_can_be_checked_with_the_published_keys(web, tenant, graph):
    published = web.login("GET", f"/{tenant.id}/discovery/v2.0/keys").json()
    assert "d" not in published["keys"][0]
    key = jwt.PyJWKSet.from_dict(published).keys[0]
    assert key.key_id == jwt.get_unverified_header(graph.token)["kid"]
    claims = jwt.decode(
        graph.token, key.key, algorithms=["RS256"], audience="https://graph.microsoft.com"
    )
    assert claims["tid"] == tenant.id


def test_instance_discovery_names_the_sandbox_alone(web, served, tenant):
    endpoint = f"{served.login_base_url}/{tenant.id}/oauth2/v2.0/authorize"
    body = web.login(
        "GET",
        "/common/discovery/instance",
        params={"authorization_endpoint": endpoint, "api-version": "1.1"},
    ).json()
    assert body["tenant_discovery_endpoint"] == (
        f"{served.login_base_url}/{tenant.id}/v2.0/.well-known/openid-configuration"
    )
    assert served.login_base_url.endswith(body["metadata"][0]["preferred_network"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("x@alpinebooks.example", "Managed"),
        ("x@BaysideLegal.example", "Federated"),
        ("x@baysidelegal.onmicrosoft.com", "Managed"),
        ("x@nowhere.example", "Unknown"),
        ("alpine-books", "Unknown"),
    ],
)
def test_a_users_realm_is_told_to_anybody(web, name, kind):
    body = web.login("GET", f"/common/userrealm/{name}?api-version=1.0").json()
    assert body["account_type"] == kind
    assert ("federation_protocol" in body) is (kind == "Federated")
