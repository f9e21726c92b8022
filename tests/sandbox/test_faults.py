import contextlib

import pytest
import requests

from o365lib.sandbox.faults import FOREIGN_HOST, Fault, Faults

USER_PATH = "/v1.0/users"


def take(faults, **changes):
    values = {
        "host": "graph",
        "method": "POST",
        "path": USER_PATH,
        "tenant_names": frozenset({"id-1", "firm"}),
        "in_batch": False,
    }
    return faults.take(**{**values, **changes})


@pytest.mark.parametrize("effect", ["200", "302", "explode", "503-before", ""])
def test_unknown_effects_are_refused(effect):
    with pytest.raises(ValueError, match="knows no effect"):
        Fault(effect=effect)


def test_unknown_hosts_are_refused():
    with pytest.raises(ValueError, match="login or graph"):
        Fault(effect="503", host="mail")


@pytest.mark.parametrize(
    ("fault", "changes"),
    [
        ({"method": "POST", "path": "/v1.0/users"}, {"method": "GET"}),
        ({"path": "/v1.0/users/*"}, {}),
        ({"path": r"^/v1\.0/us$"}, {}),
        ({"tenant": "other"}, {}),
        ({"in_batch": True}, {}),
        ({"in_batch": False}, {"in_batch": True}),
        ({"host": "login"}, {}),
    ],
)
def test_other_requests_pass(fault, changes):
    faults = Faults()
    faults.add(Fault(effect="503", **fault))
    assert take(faults, **changes) is None


@pytest.mark.parametrize(
    "fault",
    [
        {},
        {"path": "/v1.0/*"},
        {"path": r"^/v1\.0/users$"},
        {"tenant": "firm"},
        {"tenant": "id-1"},
        {"in_batch": False},
    ],
)
def test_the_meant_request_is_struck(fault):
    faults = Faults()
    added = faults.add(Fault(effect="503", **fault))
    assert take(faults) is added
    assert added.struck == 1


def test_a_fault_strikes_so_many_times_after_so_many_requests():
    faults = Faults()
    faults.add(Fault(effect="503", times=2, after=1))
    assert [take(faults) is not None for _ in range(5)] == [False, True, True, False, False]


def test_a_fault_without_a_number_strikes_for_ever_until_it_is_cleared():
    faults = Faults()
    faults.add(Fault(effect="503", times=None))
    assert all(take(faults) for _ in range(5))
    faults.clear()
    assert take(faults) is None


@pytest.mark.parametrize(
    ("effect", "is_after", "status"),
    [
        ("503", False, 503),
        ("504-after", True, 504),
        ("reset-before", False, None),
        ("reset-after", True, None),
        ("drop", True, None),
        ("redirect", False, None),
    ],
)
def test_an_effect_tells_whether_the_work_is_done(effect, is_after, status):
    fault = Fault(effect=effect)
    assert (fault.is_after, fault.status) == (is_after, status)


@pytest.fixture
def post(sandbox, graph, new_user):
    """Plan a fault for the next creation, and create the vendor's account."""

    def send(effect, **words):
        sandbox.faults.add(Fault(effect=effect, method="POST", path=USER_PATH, **words))
        return graph("POST", "/users", new_user())

    return send


def exists(tenant):
    return tenant.find_user(f"practiceprotect@{tenant.initial_domain}") is not None


@pytest.mark.parametrize("retry_after", ["2.128", "2", "Thu, 20 Aug 2026 10:11:12 GMT", None])
def test_a_throttled_request_says_when_to_come_back_and_does_nothing(post, tenant, retry_after):
    answer = post("429", retry_after=retry_after)
    assert answer.status_code == 429
    assert answer.headers.get("Retry-After") == retry_after
    assert answer.json()["error"]["code"] == "TooManyRequests"
    assert not exists(tenant)


@pytest.mark.parametrize("status", [401, 403, 500, 502, 503, 504])
def test_a_refused_request_does_nothing(post, tenant, status):
    answer = post(str(status))
    assert answer.status_code == status
    assert "request-id" in answer.json()["error"]["innerError"]
    assert not exists(tenant)


def test_an_answer_after_the_work_may_be_an_error(post, tenant):
    assert post("504-after").status_code == 504
    assert exists(tenant)


@pytest.mark.parametrize("effect", ["400-echo", "502-echo-page"])
def test_a_refusal_may_quote_token_and_body(post, tenant, graph, new_user, effect):
    answer = post(effect)
    assert answer.status_code == int(effect[:3])
    said = answer.text if effect.endswith("page") else answer.json()["error"]["message"]
    assert f"Bearer {graph.token}" in said
    assert new_user()["passwordProfile"]["password"] in said
    assert not exists(tenant)


@pytest.mark.parametrize("effect", ["400-echo", "502-echo-page"])
def test_the_authority_may_quote_the_form_that_came(sandbox, web, tenant, effect):
    sandbox.faults.add(Fault(effect=effect, host="login", path="*/token"))
    answer = web.token(tenant, client_secret="what-was-sent")
    assert answer.status_code == int(effect[:3])
    assert "client_secret=what-was-sent" in answer.text


@pytest.mark.parametrize("effect", ["400-echo", "503", "reset-before", "503-after"])
def test_a_password_that_came_is_known_whatever_became_of_the_request(
    sandbox, post, new_user, effect
):
    with contextlib.suppress(requests.ConnectionError):
        post(effect)
    assert new_user()["passwordProfile"]["password"] in sandbox.secrets()


@pytest.mark.parametrize(("effect", "done"), [("reset-before", False), ("reset-after", True)])
def test_a_reset_connection_leaves_the_work_undone_or_done(sandbox, post, tenant, effect, done):
    with pytest.raises(requests.ConnectionError):
        post(effect)
    assert exists(tenant) is done
    seen = sandbox.journal[-1]
    assert (seen.status, seen.tenant_id, seen.method) == (None, tenant.id, "POST")


def test_a_dropped_write_answers_success_and_changes_nothing(post, tenant, graph):
    before = tenant.snapshot()
    answer = post("drop")
    assert answer.status_code == 201
    assert tenant.snapshot() == before
    assert graph("GET", f"/users/{answer.json()['id']}").status_code == 404


def test_a_dropped_deletion_leaves_the_user(sandbox, graph, tenant):
    user = tenant.find_user("employee1@alpinebooks.example")
    sandbox.faults.add(Fault(effect="drop", method="DELETE"))
    assert graph("DELETE", f"/users/{user['id']}").status_code == 204
    assert graph("GET", f"/users/{user['id']}").status_code == 200


def test_the_work_may_be_done_and_the_answer_be_nonsense(sandbox, graph, post, tenant):
    assert post("wrong-body").json().keys() == {"unexpected"}
    assert exists(tenant)
    sandbox.faults.add(Fault(effect="non-json"))
    answer = graph("GET", "/domains")
    assert answer.status_code == 200
    assert "text/html" in answer.headers["Content-Type"]


def test_a_list_may_begin_with_an_empty_page(sandbox, graph, tenant):
    sandbox.faults.add(Fault(effect="empty-page", path=USER_PATH))
    page = graph.get("/users")
    assert page["value"] == []
    path = page["@odata.nextLink"].removeprefix(graph.web.served.graph_base_url + "/v1.0")
    assert len(graph.values(path)) == len(tenant.users)


def test_a_next_link_and_a_redirection_may_lead_elsewhere(sandbox, graph):
    sandbox.faults.add(Fault(effect="foreign-next-link", path=USER_PATH))
    assert graph.get("/users")["@odata.nextLink"].startswith(FOREIGN_HOST)
    sandbox.faults.add(Fault(effect="redirect", path=USER_PATH))
    answer = graph("GET", "/users")
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(FOREIGN_HOST)


def test_a_fault_strikes_an_item_of_a_batch_alone(sandbox, graph):
    sandbox.faults.add(Fault(effect="429", path="/v1.0/domains", in_batch=True, retry_after="1"))
    requests_ = [
        {"id": "1", "method": "GET", "url": "/domains"},
        {"id": "2", "method": "GET", "url": "/organization"},
    ]
    answer = graph("POST", "/$batch", {"requests": requests_})
    first, second = answer.json()["responses"]
    assert (first["status"], first["headers"]["Retry-After"]) == (429, "1")
    assert second["status"] == 200


def test_a_whole_batch_may_be_struck(sandbox, graph):
    body = {"requests": [{"id": "1", "method": "GET", "url": "/domains"}]}
    sandbox.faults.add(Fault(effect="503", path="/v1.0/$batch"))
    assert graph("POST", "/$batch", body).status_code == 503
    sandbox.faults.add(Fault(effect="400-echo", path="/v1.0/$batch"))
    assert graph.token in graph("POST", "/$batch", body).json()["error"]["message"]
    for effect in ("reset-before", "reset-after"):
        sandbox.faults.add(Fault(effect=effect, path="/v1.0/$batch"))
        with pytest.raises(requests.ConnectionError):
            graph("POST", "/$batch", body)
    sandbox.faults.add(Fault(effect="wrong-body", path="/v1.0/$batch"))
    assert graph("POST", "/$batch", body).json().keys() == {"unexpected"}
    sandbox.faults.add(Fault(effect="non-json", path="/v1.0/$batch"))
    assert "html" in graph("POST", "/$batch", body).text
    sandbox.faults.add(Fault(effect="504-after", path="/v1.0/$batch"))
    assert graph("POST", "/$batch", body).status_code == 504


def test_signing_in_may_fail_too(sandbox, web, tenant):
    sandbox.faults.add(Fault(effect="503", host="login", path="*/token", retry_after="3"))
    answer = web.token(tenant, grant_type="client_credentials")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "3")
    sandbox.faults.add(Fault(effect="reset-before", host="login", path="*/token"))
    with pytest.raises(requests.ConnectionError):
        web.token(tenant, grant_type="client_credentials")
    sandbox.faults.add(Fault(effect="non-json", host="login", path="*/openid-configuration"))
    answer = web.login("GET", f"/{tenant.id}/v2.0/.well-known/openid-configuration")
    assert "html" in answer.text
