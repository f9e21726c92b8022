import pytest


@pytest.fixture
def batch(graph):
    def send(*items):
        steps = [{"method": "GET", "url": "/domains", **item} for item in items]
        answer = graph("POST", "/$batch", {"requests": steps})
        assert answer.status_code == 200, answer.text
        return {item["id"]: item for item in answer.json()["responses"]}

    return send


def refused(graph, body):
    answer = graph("POST", "/$batch", body)
    assert answer.status_code == 400
    return answer.json()["error"]


def test_each_item_is_answered_with_status_headers_and_body(batch):
    found = batch({"id": "1"}, {"id": "b", "url": "/users/nobody"})
    assert (found["1"]["status"], found["b"]["status"]) == (200, 404)
    assert found["1"]["body"]["value"]
    assert found["b"]["body"]["error"]["code"] == "Request_ResourceNotFound"
    assert found["1"]["headers"]["Content-Type"] == "application/json"
    assert found["1"]["headers"]["request-id"] != found["b"]["headers"]["request-id"]


def test_an_item_may_have_a_client_request_id_of_its_own(batch, sandbox):
    found = batch({"id": "1", "headers": {"client-request-id": "own"}}, {"id": "2"})
    assert found["1"]["headers"]["client-request-id"] == "own"
    assert next(seen.client_request_id for seen in sandbox.journal if seen.in_batch) == "own"


def test_an_item_without_an_answer_body_has_none(batch, tenant):
    user = tenant.find_user("employee1@alpinebooks.example")
    found = batch({"id": "1", "method": "DELETE", "url": f"/users/{user['id']}"})
    assert found["1"]["status"] == 204
    assert "body" not in found["1"]


def test_a_write_carries_its_body_and_content_type(batch, tenant, new_user):
    headers = {"Content-Type": "application/json"}
    item = {"id": "1", "method": "POST", "url": "/users", "headers": headers, "body": new_user()}
    found = batch(item)
    assert found["1"]["status"] == 201
    assert found["1"]["headers"]["Location"]
    assert tenant.find_user(found["1"]["body"]["id"])


def test_what_depends_on_a_failed_item_fails_and_so_on(batch):
    found = batch(
        {"id": "1"},
        {"id": "2", "url": "/users/nobody", "dependsOn": ["1"]},
        {"id": "3", "dependsOn": ["2"]},
        {"id": "4", "dependsOn": ["3"]},
        {"id": "5", "dependsOn": ["1"]},
    )
    assert {key: item["status"] for key, item in found.items()} == {
        "1": 200,
        "2": 404,
        "3": 424,
        "4": 424,
        "5": 200,
    }


def test_twenty_items_are_allowed_and_one_more_is_not(batch, graph):
    items = [{"id": str(number)} for number in range(20)]
    assert len(batch(*items)) == 20
    steps = [{"id": str(n), "method": "GET", "url": "/domains"} for n in range(21)]
    assert refused(graph, {"requests": steps})["code"] == "MaximumValueExceeded"


@pytest.mark.parametrize(
    "steps",
    [
        [],
        "no list",
        ["no object"],
        [{"id": 1, "method": "GET", "url": "/x"}],
        [{"method": "GET", "url": "/x"}],
        [{"id": "1", "method": "JUMP", "url": "/x"}],
        [{"id": "1", "method": "GET"}],
        [{"id": "a", "method": "GET", "url": "/x"}, {"id": "A", "method": "GET", "url": "/x"}],
        [{"id": "1", "method": "GET", "url": "/x", "headers": "none"}],
        [{"id": "1", "method": "GET", "url": "/x", "headers": {"a": 1}}],
        [{"id": "1", "method": "POST", "url": "/x", "body": {}}],
        [{"id": "1", "method": "GET", "url": "/x", "dependsOn": ["2"]}],
        [{"id": "1", "method": "GET", "url": "/x", "dependsOn": [1]}],
        [{"id": "1", "method": "GET", "url": "https://elsewhere.example/v1.0/users"}],
    ],
)
def test_a_malformed_batch_is_refused_as_a_whole(graph, sandbox, steps):
    sandbox.journal.clear()
    assert refused(graph, {"requests": steps})["code"] == "BadRequest"
    assert [seen for seen in sandbox.journal if seen.in_batch] == []


def test_a_body_that_is_no_batch_is_refused(graph):
    refused(graph, {})
    refused(graph, [])


def test_absolute_addresses_of_the_same_host_are_understood(batch, served):
    found = batch({"id": "1", "url": f"{served.graph_base_url}/v1.0/domains?$top=1"})
    assert len(found["1"]["body"]["value"]) == 1


def test_items_do_not_nest(batch):
    item = {"id": "1", "method": "POST", "url": "/$batch"}
    assert batch(item)["1"]["status"] in {400, 501}


def test_permissions_hold_for_each_item(batch, tenant, as_application):
    graph = as_application({"User.Read.All"})
    steps = [{"id": "1", "method": "GET", "url": "/domains"}]
    steps.append({"id": "2", "method": "GET", "url": "/users"})
    answer = graph("POST", "/$batch", {"requests": steps}).json()["responses"]
    assert [item["status"] for item in answer] == [403, 200]


def test_a_batch_needs_a_token_itself_and_is_posted(web, graph):
    assert web.graph("POST", "/$batch", json={"requests": []}).status_code == 401
    assert graph("GET", "/$batch").status_code == 405


def test_an_items_password_is_a_secret_and_not_in_the_journal(batch, sandbox, new_user):
    headers = {"Content-Type": "application/json"}
    batch({"id": "1", "method": "POST", "url": "/users", "headers": headers, "body": new_user()})
    assert "Zx4!harbourTulip92" in sandbox.secrets()
    assert "harbourTulip" not in repr(sandbox.journal)
