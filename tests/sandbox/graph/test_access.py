import base64
import json

import pytest


def refusal(web, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = web.graph("GET", "/domains", headers=headers)
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


@pytest.mark.parametrize(
    ("authorization", "message"),
    [
        (None, "Access token is empty."),
        ("Bearer ", "Access token is empty."),
        ("Basic abc", "Access token is empty."),
        ("Bearer nonsense", "CompactToken parsing failed with error code: 80049217"),
    ],
)
def test_without_a_token_nothing_is_told(web, authorization, message):
    assert refusal(web, authorization) == (401, "InvalidAuthenticationToken", message)


def test_the_refusal_of_a_token_says_where_to_get_one(web):
    answer = web.graph("GET", "/domains")
    assert "authorization_uri=" in answer.headers["WWW-Authenticate"]


def test_an_expired_token_is_told_so(sandbox, web, graph):
    sandbox.clock.advance(seconds=3700)
    status, _, message = refusal(web, f"Bearer {graph.token}")
    assert (status, message) == (401, "Lifetime validation failed, the token is expired.")


def test_a_token_for_another_resource_is_refused(web, tenant):
    answer = web.token(
        tenant,
        grant_type="client_credentials",
        client_id=tenant.application.app_id,
        client_secret=tenant.application.client_secret,
        scope="https://outlook.office365.com/.default",
    )
    status, _, message = refusal(web, f"Bearer {answer.json()['access_token']}")
    assert (status, message) == (401, "Access token validation failure. Invalid audience.")


def test_a_forged_token_is_refused(web, graph):
    header, payload, signature = graph.token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    claims["tid"] = "another"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    assert refusal(web, f"Bearer {header}.{forged}.{signature}")[0] == 401


def test_a_token_belongs_to_one_tenant(sandbox, graph, tenant):
    other = sandbox.tenant("cedar-dental")
    assert graph("GET", f"/users/{other.administrator['id']}").status_code == 404
    assert graph.values("/organization")[0]["id"] == tenant.id


def test_a_disabled_application_or_person_is_shut_out(tenant, graph, as_person):
    person = as_person("engineer")
    tenant.find_user(f"engineer@{tenant.initial_domain}")["accountEnabled"] = False
    tenant.application.enabled = False
    for caller in (graph, person):
        assert caller("GET", "/domains").status_code == 401


def test_a_deleted_person_is_shut_out(sandbox, tenant, as_person):
    person = as_person("engineer")
    user = tenant.find_user(f"engineer@{tenant.initial_domain}")
    tenant.remove_user(user["id"], sandbox.clock.now())
    assert person("GET", "/domains").status_code == 401


def test_without_the_permission_an_address_is_closed(as_application):
    graph = as_application({"User.Read.All"})
    answer = graph("GET", "/domains")
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "Authorization_RequestDenied"
    assert answer.json()["error"]["message"] == (
        "Insufficient privileges to complete the operation."
    )


def test_a_permission_taken_away_counts_from_the_next_token_on(tenant, graph, as_application):
    tenant.application.roles.discard("Domain.Read.All")
    tenant.application.roles.discard("Directory.Read.All")
    assert graph("GET", "/domains").status_code == 200
    assert as_application()("GET", "/domains").status_code == 403


def test_a_person_reads_the_own_object_with_user_read(tenant, as_person):
    person = as_person("engineer", scopes={"User.Read"})
    name = f"engineer@{tenant.initial_domain}"
    assert person.get("/me")["userPrincipalName"] == name
    assert person.get(f"/users/{name}")["displayName"] == "Support Engineer"
    assert person("GET", f"/users/{tenant.administrator['id']}").status_code == 403


def test_an_application_has_no_me(graph):
    answer = graph("GET", "/me")
    assert answer.status_code == 400
    assert "delegated authentication flow" in answer.json()["error"]["message"]
