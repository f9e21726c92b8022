import json

from o365lib.sandbox.journal import body_without_secrets


def test_passwords_and_mail_texts_are_masked_wherever_they_stand():
    body = {"message": {"body": {"content": "the password"}}, "x": [{"password": "pw"}], "y": 1}
    shown = body_without_secrets(json.dumps(body).encode())
    assert shown == {"message": {"body": {"content": "***"}}, "x": [{"password": "***"}], "y": 1}


def test_a_body_that_is_no_json_is_not_kept():
    assert body_without_secrets(b"") is None
    assert body_without_secrets(b"\xff\xfe") is None
    assert body_without_secrets(b"{") is None


def test_a_request_is_noted_with_its_ids_status_and_caller(sandbox, tenant, graph):
    sandbox.journal.clear()
    graph("GET", "/domains?$top=1", client_request_id="11111111-2222-3333-4444-555555555555")
    [seen] = sandbox.journal
    assert (seen.host, seen.method, seen.path, seen.query) == (
        "graph",
        "GET",
        "/v1.0/domains",
        "$top=1",
    )
    assert seen.client_request_id == "11111111-2222-3333-4444-555555555555"
    assert (seen.status, seen.in_batch, seen.tenant_id) == (200, False, tenant.id)
    assert seen.app_id == tenant.application.app_id
    assert seen.caller_id == tenant.application.object_id


def test_a_sign_in_is_noted_with_its_grant_and_without_its_fields(sandbox, tenant, graph):
    seen = sandbox.journal[-1]
    assert (seen.host, seen.grant_type, seen.body) == ("login", "client_credentials", None)
    assert tenant.application.client_secret not in repr(sandbox.journal)


def test_items_of_a_batch_are_noted_one_by_one_before_the_batch(sandbox, graph):
    sandbox.journal.clear()
    items = [{"id": str(n), "method": "GET", "url": "/domains"} for n in range(3)]
    graph("POST", "/$batch", {"requests": items})
    assert [(seen.path, seen.in_batch) for seen in sandbox.journal] == [
        *[("/v1.0/domains", True)] * 3,
        ("/v1.0/$batch", False),
    ]


def test_no_password_of_a_request_is_kept(sandbox, graph, new_user):
    graph("POST", "/users", new_user())
    assert "Zx4!harbourTulip92" not in repr(sandbox.journal)
    assert sandbox.journal[-1].body["displayName"] == "Practice Protect"
