def test_other_versions_are_told_apart(web, graph, served):
    def get(path):
        headers = {"Authorization": f"Bearer {graph.token}"}
        answer = web.session.get(f"{served.graph_base_url}{path}", headers=headers, timeout=10)
        return answer.status_code, answer.json()["error"]["code"]

    assert get("/beta/users") == (501, "notImplemented")
    assert get("/v2.0/users") == (400, "BadRequest")
    assert get("/") == (400, "BadRequest")


def test_even_an_early_refusal_has_ids(web, served):
    answer = web.session.get(
        f"{served.graph_base_url}/beta/users", headers={"client-request-id": "mine"}, timeout=10
    )
    assert answer.headers["client-request-id"] == "mine"
    assert answer.json()["error"]["innerError"]["client-request-id"] == "mine"


def test_an_answer_without_a_body_has_none(graph, tenant):
    user = tenant.find_user("employee1@alpinebooks.example")
    answer = graph("PATCH", f"/users/{user['id']}", {"city": "Perth"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer.headers


def test_names_are_sent_as_they_are(graph, sandbox, as_application):
    other = as_application(of=sandbox.tenant("fernhill-motors"))
    answer = other("GET", "/organization")
    assert "Fernhill & Söhne <Motors>".encode() in answer.content


def test_metrics_of_the_service_are_there(graph):
    assert graph("GET", "/domains").headers["x-ms-resource-unit"] == "1"
