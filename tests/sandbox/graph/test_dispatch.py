import pytest


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/groups", 501, "notImplemented"),
        ("GET", "/applications", 501, "notImplemented"),
        ("GET", "/auditLogs/signIns", 501, "notImplemented"),
        ("GET", "/$metadata", 501, "notImplemented"),
        ("POST", "/domains", 405, "Request_BadRequest"),
        ("PUT", "/users", 405, "Request_BadRequest"),
        ("GET", "/teapots", 400, "BadRequest"),
        ("GET", "/users/x/teapots", 400, "BadRequest"),
        ("GET", "/users/x/messages", 501, "notImplemented"),
        ("GET", "/domains?$search=x", 501, "notImplemented"),
        ("GET", "/domains?$frobnicate=x", 400, "BadRequest"),
    ],
)
def test_what_is_not_there_is_told_and_never_made_up(graph, method, path, status, code):
    answer = graph(method, path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_an_unknown_segment_is_named(graph):
    message = graph("GET", "/teapots").json()["error"]["message"]
    assert message == "Resource not found for the segment 'teapots'."


def test_me_is_the_caller_with_all_that_hangs_on_it(as_person, tenant):
    person = as_person("admin")
    assert person.get("/me")["id"] == tenant.administrator["id"]
    assert person.values("/me/licenseDetails")
    assert person.values("/me/memberOf")


def test_the_recycle_bin_is_emptied_before_anything_is_answered(sandbox, tenant, as_application):
    user = tenant.find_user("employee1@alpinebooks.example")
    tenant.remove_user(user["id"], sandbox.clock.now())
    sandbox.clock.advance(days=31)
    as_application()("GET", "/domains")
    assert tenant.deleted_users == {}
