import json

import pytest

from o365lib.sandbox.control import dump
from o365lib.sandbox.graph.user_rules import holder_of_address


@pytest.fixture
def control(web, served):
    def ask(method, path, body=None, key=None):
        headers = {"Authorization": f"Bearer {key or served.control_key}"}
        url = f"{served.graph_base_url}/_sandbox/{path}"
        return web.session.request(method, url, json=body, headers=headers, timeout=10)

    return ask


def test_without_the_control_key_nothing_is_told_or_done(sandbox, control):
    for method, path in (("GET", "secrets"), ("POST", "faults"), ("GET", "tenants")):
        answer = control(method, path, {"effect": "503"}, key="guess")
        assert answer.status_code == 401
        assert answer.json() == {"error": "The control key is missing or wrong."}
    assert sandbox.faults.all() == []


def test_a_graph_token_is_no_control_key(control, graph):
    assert control("GET", "tenants", key=graph.token).status_code == 401


def test_settings_are_read_and_changed(sandbox, control):
    assert control("GET", "settings").json()["latency_seconds"] == 0
    changed = control("PATCH", "settings", {"latency_seconds": 0.01, "audit_throttle": True})
    assert changed.json()["latency_seconds"] == 0.01
    assert (sandbox.latency_seconds, sandbox.audit_throttle) == (0.01, True)


@pytest.mark.parametrize(
    "body",
    [{"latency_seconds": "1"}, {"latency_seconds": -1}, {"audit_throttle": 1}, {"colour": 1}],
)
def test_wrong_settings_are_refused_and_none_is_changed(sandbox, control, body):
    answer = control("PATCH", "settings", {"audit_lag_seconds": 9, **body})
    assert answer.status_code == 400
    assert sandbox.audit_lag_seconds == 0


def test_faults_are_added_listed_and_cleared(sandbox, control, graph):
    fault = {"effect": "503", "path": "/v1.0/domains", "retry_after": "1"}
    assert control("POST", "faults", fault).json()["faults"][0]["struck"] == 0
    assert graph("GET", "/domains").status_code == 503
    assert control("GET", "faults").json()["faults"][0]["struck"] == 1
    assert control("DELETE", "faults").json() == {"faults": []}
    assert sandbox.faults.all() == []


@pytest.mark.parametrize(
    "body", [{"effect": "explode"}, {"effect": "503", "colour": 1}, {}, {"effect": "503", "x": 0}]
)
def test_wrong_faults_are_refused(sandbox, control, body):
    assert control("POST", "faults", body).status_code == 400
    assert sandbox.faults.all() == []


def test_the_journal_is_read_and_cleared_and_control_is_not_in_it(control, graph):
    graph("GET", "/domains")
    paths = [seen["path"] for seen in control("GET", "journal").json()["requests"]]
    assert paths[-1] == "/v1.0/domains"
    assert not [path for path in paths if "_sandbox" in path]
    assert control("DELETE", "journal").json() == {"requests": []}


def test_secrets_are_told_to_who_looks_for_leaks(sandbox, control, graph):
    assert graph.token in control("GET", "secrets").json()["secrets"]


def test_the_clock_is_read_set_and_advanced(sandbox, control):
    control("POST", "clock", {"now": "2030-01-01T00:00:00Z", "advance_days": 2})
    assert control("GET", "clock").json()["now"].startswith("2030-01-03T00:00")
    assert sandbox.clock.now().year == 2030
    assert control("POST", "clock", {"now": "yesterday"}).status_code == 400


def test_tenants_are_listed_shown_and_added(sandbox, control):
    names = [tenant["name"] for tenant in control("GET", "tenants").json()["tenants"]]
    assert names[0] == "alpine-books"
    added = control("POST", "tenants", {"name": "heron", "domains": ["heron.example"]})
    assert added.json()["id"] == sandbox.tenant("heron").id
    assert control("GET", "tenants/heron").json()["users"]
    assert control("GET", "tenants/nobody").status_code == 404
    assert control("POST", "tenants", {}).status_code == 400
    assert control("POST", "tenants", {"name": "x", "colour": 1}).status_code == 400
    assert control("POST", "tenants", {"name": "alpine2", "domains": ["heron.example"]}).status_code


def test_the_outbox_can_be_looked_at(control, tenant):
    tenant.outbox.append({"message": {"subject": "hello"}})
    shown = control("GET", "tenants/alpine-books").json()
    assert shown["outbox"][0]["message"]["subject"] == "hello"


def test_a_tenants_picture_has_no_secret(sandbox, tenant):
    tenant.application.create_certificate()
    text = json.dumps(dump(tenant))
    assert [secret for secret in sandbox.secrets() if secret in text] == []


def test_a_user_can_be_made_to_choose_a_password(control, tenant, sandbox):
    path = f"tenants/alpine-books/password/{tenant.administrator['id']}"
    assert control("POST", path, {"password": "own choice of 1 person"}).status_code == 200
    assert tenant.password_of(tenant.administrator["id"]) == "own choice of 1 person"
    assert "own choice of 1 person" in sandbox.secrets()
    assert control("POST", path, {"password": 7}).status_code == 400
    assert control("POST", f"{path}x", {"password": "x"}).status_code == 404


def test_a_users_sign_in_can_be_made_to_fail(control, tenant):
    name = tenant.administrator["userPrincipalName"]
    control("POST", f"tenants/alpine-books/sign-in/{name}", {"forced_error": 53003})
    assert tenant.sign_in[tenant.administrator["id"]].forced_error == 53003
    assert control("POST", "tenants/alpine-books/sign-in/x@y", {}).status_code == 404


def test_addresses_are_given_to_users_groups_and_contacts(control, tenant):
    addresses = {"proxy_addresses": ["SMTP:a@alpinebooks.example", "smtp:b@alpinebooks.example"]}
    user = tenant.administrator
    path = f"tenants/alpine-books/addresses/{user['userPrincipalName']}"
    shown = control("POST", path, addresses).json()
    assert user["proxyAddresses"] == addresses["proxy_addresses"]
    assert holder_of_address(tenant, "B@alpinebooks.example") == f"User_{user['id']}"
    assert shown["users"][user["id"]]["proxyAddresses"] == addresses["proxy_addresses"]
    for holder in ("Group_1", "Contact_1"):
        path = f"tenants/alpine-books/addresses/{holder}"
        shown = control("POST", path, {"proxy_addresses": [f"smtp:{holder}@x"]}).json()
        assert shown["other_recipients"][holder] == [f"smtp:{holder}@x"]
        assert holder_of_address(tenant, f"{holder}@X") == holder


@pytest.mark.parametrize(
    ("holder", "body", "status"),
    [
        ("nobody@x", {"proxy_addresses": []}, 404),
        ("Group_1", {}, 400),
        ("Group_1", {"proxy_addresses": "smtp:a@x"}, 400),
        ("Group_1", {"proxy_addresses": [1]}, 400),
    ],
)
def test_wrong_addresses_are_refused(control, tenant, holder, body, status):
    path = f"tenants/alpine-books/addresses/{holder}"
    assert control("POST", path, body).status_code == status
    assert tenant.other_recipients == {}


def test_an_applications_permissions_can_be_taken_away(control, tenant):
    path = f"tenants/alpine-books/application/{tenant.application.app_id}"
    control("POST", path, {"roles": ["User.Read.All"], "enabled": False, "forced_error": 7000222})
    application = tenant.application
    assert application.roles == {"User.Read.All"}
    assert (application.enabled, application.forced_error) == (False, 7000222)


def test_device_codes_are_approved_and_declined(control, web, tenant):
    def flow():
        form = {"client_id": tenant.public_client.app_id, "scope": "User.Read"}
        return web.login("POST", f"/{tenant.id}/oauth2/v2.0/devicecode", data=form).json()

    one, other = flow(), flow()
    name = tenant.administrator["userPrincipalName"]
    path = f"device-codes/{one['user_code']}/approve"
    assert control("POST", path, {"user_principal_name": name}).json() == {"done": True}
    assert control("POST", path, {"user_principal_name": name}).status_code == 404
    assert control("POST", f"device-codes/{other['user_code']}/decline").status_code == 200
    assert control("POST", f"device-codes/{other['user_code']}/juggle").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "nothing"), ("PUT", "settings"), ("POST", "journal")]
)
def test_there_is_nothing_else(control, method, path):
    assert control(method, path).status_code == 404


def test_a_body_must_be_a_json_object(control, web, served):
    assert control("PATCH", "settings", [1]).status_code == 400
    headers = {"Authorization": f"Bearer {served.control_key}"}
    url = f"{served.graph_base_url}/_sandbox/settings"
    answer = web.session.patch(url, data=b"{", headers=headers, timeout=10)
    assert answer.status_code == 400
