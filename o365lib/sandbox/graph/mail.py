"""Sending mail from a user's mailbox; what was sent is in `Tenant.outbox`.

https://learn.microsoft.com/graph/api/user-sendmail
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.graph.call import GraphReply
from o365lib.sandbox.graph.errors import GraphError, malformed
from o365lib.sandbox.graph.users import find_user

if TYPE_CHECKING:
    from o365lib.sandbox.graph.call import GraphCall

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+")
_CONTENT_TYPES = frozenset({"text", "html"})
_RECIPIENT_LISTS = ("toRecipients", "ccRecipients", "bccRecipients")


def send_mail(call: GraphCall) -> GraphReply:
    """Accept a mail for delivery."""
    sender = find_user(call)
    body = {name.lower(): value for name, value in call.json_body().items()}
    unknown = set(body) - {"message", "savetosentitems"}
    if unknown:
        raise malformed(f"The parameter '{min(unknown)}' does not exist in method 'sendMail'.")
    message, keep = body.get("message"), body.get("savetosentitems", True)
    if not isinstance(message, dict) or not isinstance(keep, bool | None):
        raise malformed("The request body of sendMail must have a 'message' object.")
    _require_right_to_send(call, sender)
    if sender["id"] not in call.tenant.mailboxes:
        raise GraphError(
            404,
            "MailboxNotEnabledForRESTAPI",
            "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
        )
    _check_message(message)
    call.tenant.outbox.append(
        {
            "from": sender["userPrincipalName"],
            "message": message,
            "saveToSentItems": True if keep is None else keep,
            "sentDateTime": call.wire_now,
        }
    )
    return GraphReply(status=202)


def _require_right_to_send(call: GraphCall, sender: dict[str, Any]) -> None:
    person = call.caller.user
    if person is None or person["id"] == sender["id"]:
        return
    if "Mail.Send.Shared" not in call.caller.permissions:
        raise GraphError(
            403, "ErrorAccessDenied", "Access is denied. Check credentials and try again."
        )
    raise GraphError(
        403,
        "ErrorSendAsDenied",
        "The user account which was used to submit this request does not have the right to send "
        "mail on behalf of the specified sending account.",
    )


def _check_message(message: dict[str, Any]) -> None:
    content = message.get("body")
    if content is not None:
        kind = content.get("contentType", "text") if isinstance(content, dict) else None
        if not isinstance(kind, str) or kind.lower() not in _CONTENT_TYPES:
            raise malformed("Requested value of 'contentType' was not found.")
    recipients = [item for name in _RECIPIENT_LISTS for item in message.get(name) or []]
    if not recipients:
        raise GraphError(400, "ErrorInvalidRecipients", "At least one recipient isn't valid.")
    for recipient in recipients:
        address = recipient.get("emailAddress") if isinstance(recipient, dict) else None
        text = address.get("address") if isinstance(address, dict) else None
        if not isinstance(text, str) or not _ADDRESS.fullmatch(text):
            raise GraphError(
                400,
                "ErrorInvalidRecipients",
                "At least one recipient is not valid., Recipient "
                f"'{text}' is not resolved. All recipients must be resolved before a message can "
                "be submitted.",
            )
