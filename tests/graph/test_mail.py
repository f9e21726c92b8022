"""Sending mail, in the sandbox."""

import pytest

from o365lib import secret
from o365lib.errors import Forbidden, NotFound
from o365lib.graph import mail
from o365lib.secret import Secret


def send(wire, sender, **changes):
    settings = {
        "sender": sender,
        "to": ["engineer@msp.example"],
        "subject": "Service account",
        "text": ["Password: ", Secret("Zk7#mQ2vTx9wRb4nLd8c"), "\nBye"],
    }
    return mail.send_mail(wire.session, **{**settings, **changes})


def test_a_mail_arrives_whole_and_is_not_kept_in_the_sent_items(wire):
    request_id = send(wire, wire.tenant.administrator["userPrincipalName"])
    (sent,) = wire.tenant.outbox
    assert sent["message"]["body"]["content"] == "Password: Zk7#mQ2vTx9wRb4nLd8c\nBye"
    assert sent["message"]["body"]["contentType"].lower() == "text"
    assert sent["message"]["subject"] == "Service account"
    (recipient,) = sent["message"]["toRecipients"]
    assert recipient["emailAddress"]["address"] == "engineer@msp.example"
    assert sent["saveToSentItems"] is False
    entry = wire.transport.ledger.records()[-1]
    assert (entry.request_id, entry.status) == (request_id, 202)
    assert request_id


def test_the_whole_text_is_known_as_a_secret_and_no_record_has_it(wire):
    send(wire, wire.tenant.administrator["userPrincipalName"])
    assert "Bye" not in secret.mask("Password: Zk7#mQ2vTx9wRb4nLd8c\nBye")
    assert "Zk7" not in str(wire.transport.ledger.records())


def test_a_sender_without_mailbox_is_not_found(wire):
    name = f"nomail@{wire.tenant.initial_domain}"
    wire.tenant.add_user(user_principal_name=name, display_name="No Mail")
    with pytest.raises(NotFound) as caught:
        send(wire, name)
    assert caught.value.code == "MailboxNotEnabledForRESTAPI"
    assert not wire.tenant.outbox


def test_without_permission_nothing_is_sent_and_the_permission_is_named(wire):
    wire.tenant.application.roles.discard("Mail.Send")
    with pytest.raises(Forbidden) as caught:
        send(wire, wire.tenant.administrator["userPrincipalName"])
    assert "Mail.Send" in caught.value.remedy
    assert not wire.tenant.outbox


def test_without_a_sender_the_signed_in_users_own_mailbox_is_meant(server, scripted):
    send(scripted, None)
    assert server.seen[0].path == "/v1.0/me/sendMail"
