"""Sending mail. https://learn.microsoft.com/graph/api/user-sendmail."""

from collections.abc import Sequence

from o365lib.graph.query import segment
from o365lib.graph.session import GraphSession
from o365lib.secret import Secret


def send_mail(
    session: GraphSession,
    *,
    sender: str | None,
    to: Sequence[str],
    subject: str,
    text: Sequence[str | Secret],
    save_to_sent_items: bool = False,
) -> str:
    """Hand a plain-text mail to Exchange Online and return the service's id of the request.

    Needs `Mail.Send`. Accepted (202) is not delivered, and there is no message id.
    https://learn.microsoft.com/graph/api/user-sendmail

    Args:
        session: of the signed-in identity.
        sender: the user principal name of a mailbox; None for the signed-in user's own.
        to: addresses.
        subject: must not hold a secret.
        text: the body in pieces; secrets among them are revealed only as the request is sent.
        save_to_sent_items: whether a copy stays in the mailbox.

    Raises:
        NotFound: the sender has no mailbox.
        Forbidden: a permission is missing, or one may not send for this mailbox.
        BadRequest: a recipient was refused.
        AnswerLost: the mail may have been sent or not.
    """
    # The whole body becomes one secret, so that no frame between here and the wire can show it.
    content = Secret("".join(part.reveal() if isinstance(part, Secret) else part for part in text))
    body = {
        "message": {
            "subject": subject,
            "body": {"contentType": "Text", "content": content},
            "toRecipients": [{"emailAddress": {"address": address}} for address in to],
        },
        "saveToSentItems": save_to_sent_items,
    }
    path = "/me" if sender is None else f"/users/{segment(sender)}"
    session.post(f"{path}/sendMail", body, needs="Mail.Send")
    return session.last_request_id
