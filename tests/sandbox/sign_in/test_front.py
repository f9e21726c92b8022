import pytest

from o365lib.sandbox import Fault
from o365lib.sandbox.faults import FOREIGN_HOST


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


@pytest.fixture
def struck(sandbox, web, tenant):
    """Ask for a token while a fault is planned for it."""

    def ask(effect):
        sandbox.faults.add(Fault(effect=effect, host="login", path="*/token"))
        return web.token(tenant, grant_type="client_credentials", client_secret="came along")

    return ask


def test_a_sign_in_may_be_redirected_elsewhere(struck):
    answer = struck("redirect")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(FOREIGN_HOST)


def test_a_refusal_may_quote_what_came_as_json_or_as_a_page(struck):
    for effect, kind in (("400-echo", "json"), ("400-echo-page", "html")):
        answer = struck(effect)
        assert answer.status_code == 400
        assert kind in answer.headers["Content-Type"]
        assert "came" in answer.text


@pytest.mark.parametrize("effect", ["503-after", "wrong-body", "non-json"])
def test_an_answer_may_be_spoiled_after_the_work(struck, effect):
    answer = struck(effect)
    assert answer.status_code == (503 if effect == "503-after" else 400)
    assert "AADSTS900144" not in answer.text
