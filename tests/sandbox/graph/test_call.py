import pytest


@pytest.mark.parametrize(
    ("data", "content_type", "code"),
    [
        (b"{}", "text/plain", "Request_BadRequest"),
        (b"{", "application/json", "BadRequest"),
        (b"[]", "application/json", "BadRequest"),
        (b"", "application/json", "BadRequest"),
        (b"\xff", "application/json", "BadRequest"),
    ],
)
def test_a_body_must_be_a_json_object_that_says_so(web, graph, data, content_type, code):
    headers = {"Content-Type": content_type}
    answer = web.graph("POST", "/users", graph.token, data=data, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == code


def test_an_advanced_query_needs_header_and_count(graph):
    path = "/users?$filter=endswith(userPrincipalName,'.com')"
    assert graph("GET", path).status_code == 400
    assert graph("GET", path + "&$count=true").status_code == 400
    assert graph("GET", path, ConsistencyLevel="eventual").status_code == 400
    assert graph("GET", path + "&$count=true", ConsistencyLevel="eventual").status_code == 200


def test_the_context_names_the_host_that_was_asked(graph, served):
    context = graph.get("/domains")["@odata.context"]
    assert context == f"{served.graph_base_url}/v1.0/$metadata#domains"


def test_an_error_has_ids_and_a_date_without_a_zone(graph):
    answer = graph("GET", "/users/nobody", client_request_id="mine")
    inner = answer.json()["error"]["innerError"]
    assert inner["client-request-id"] == "mine"
    assert inner["request-id"] == answer.headers["request-id"]
    assert not inner["date"].endswith("Z")
