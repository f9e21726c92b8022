import pytest


def test_an_unknown_tenant_is_told_before_anything_else(web):
    answer = web.token("nowhere.example", grant_type="x")
    assert (answer.status_code, answer.json()["error_codes"]) == (400, [90002])
    answer = web.token("nowhere", grant_type="x")
    assert answer.json()["error_codes"] == [900023]


def test_ids_are_echoed(web, tenant):
    answer = web.login(
        "POST", f"/{tenant.id}/oauth2/v2.0/token", headers={"client-request-id": "abc"}
    )
    assert answer.headers["client-request-id"] == "abc"
    assert answer.json()["correlation_id"] == "abc"
    assert answer.headers["x-ms-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/{id}/oauth2/v2.0/token", 405),
        ("GET", "/{id}/saml2", 404),
        ("GET", "/", 404),
        ("DELETE", "/devicelogin", 200),
        ("GET", "/<script>", 404),
    ],
)
def test_other_addresses_and_methods_are_refused(web, tenant, method, path, status):
    answer = web.login(method, path.format(id=tenant.id))
    assert answer.status_code == status
    assert "<script>" not in answer.text


def test_a_body_that_is_no_form_is_an_incomplete_request(web, tenant):
    answer = web.login("POST", f"/{tenant.id}/oauth2/v2.0/token", data=b"\xff\xfe")
    assert answer.json()["error_codes"] == [900144]
