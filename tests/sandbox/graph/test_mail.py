import pytest


@pytest.fixture
def message():
    return {
        "subject": "Credentials",
        "body": {"contentType": "Text", "content": "the text"},
        "toRecipients": [{"emailAddress": {"address": "support@example.com", "name": "S"}}],
    }


@pytest.fixture
def send(graph, tenant, message):
    def post(body=None, sender="admin", caller=graph):
        path = f"/users/{sender}@{tenant.initial_domain}/sendMail"
        return caller("POST", path, body or {"message": message, "saveToSentItems": False})

    return post


def test_an_accepted_mail_is_in_the_outbox(send, tenant, message):
    answer = send()
    assert (answer.status_code, answer.content) == (202, b"")
    [mail] = tenant.outbox
    assert mail["message"] == message
    assert (mail["from"], mail["saveToSentItems"]) == (f"admin@{tenant.initial_domain}", False)


def test_parameters_may_begin_with_capitals_and_mails_are_kept_unless_told(send, tenant, message):
    assert send({"Message": message}).status_code == 202
    assert tenant.outbox[0]["saveToSentItems"] is True


def test_a_user_without_a_mailbox_cannot_send(send, tenant):
    answer = send(sender="breakglass")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "MailboxNotEnabledForRESTAPI"
    assert tenant.outbox == []


def test_an_unknown_sender_is_not_found(send):
    assert send(sender="nobody").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "BadRequest"),
        ({"message": "text"}, "BadRequest"),
        ({"message": {}, "saveToSentItems": "no"}, "BadRequest"),
        ({"message": {}, "colour": 1}, "BadRequest"),
        ({"message": {}}, "ErrorInvalidRecipients"),
        ({"message": {"toRecipients": ["x@y"]}}, "ErrorInvalidRecipients"),
        (
            {"message": {"toRecipients": [{"emailAddress": {"address": "nobody"}}]}},
            "ErrorInvalidRecipients",
        ),
        (
            {
                "message": {
                    "body": {"contentType": "rtf"},
                    "toRecipients": [{"emailAddress": {"address": "a@b"}}],
                }
            },
            "BadRequest",
        ),
    ],
)
def test_wrong_mails_are_refused(graph, tenant, body, code):
    answer = graph("POST", f"/users/{tenant.administrator['id']}/sendMail", body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)
    assert tenant.outbox == []


def test_a_person_sends_from_the_own_mailbox_only(as_person, tenant, message):
    person = as_person("engineer")
    body = {"message": message}
    assert person("POST", "/me/sendMail", body).status_code == 202
    other = person("POST", f"/users/{tenant.administrator['id']}/sendMail", body)
    assert (other.status_code, other.json()["error"]["code"]) == (403, "ErrorAccessDenied")
    tenant.public_client.scopes.add("Mail.Send.Shared")
    other = as_person("engineer")("POST", f"/users/{tenant.administrator['id']}/sendMail", body)
    assert (other.status_code, other.json()["error"]["code"]) == (403, "ErrorSendAsDenied")
    assert len(tenant.outbox) == 1


def test_the_permission_is_needed(as_application, tenant, message):
    graph = as_application({"User.Read.All"})
    path = f"/users/{tenant.administrator['id']}/sendMail"
    assert graph("POST", path, {"message": message}).status_code == 403
