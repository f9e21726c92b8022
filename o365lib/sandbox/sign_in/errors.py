"""The authority's refusals, as the token endpoint writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.exchange import Reply
from o365lib.sandbox.identifiers import new_id
from o365lib.sandbox.sign_in.error_catalogue import AADSTS

if TYPE_CHECKING:
    from datetime import datetime

_SUBERRORS = {
    50055: "user_password_expired",
    50076: "basic_action",
    50079: "basic_action",
    53003: "message_only",
    65001: "consent_required",
    70043: "token_expired",
    700082: "token_expired",
    50173: "bad_token",
}


@dataclass
class SignInError(Exception):
    """A request that the authority refuses with an AADSTS number."""

    code: int
    error: str
    status: int
    description: str

    def body(self, *, now: datetime, correlation_id: str) -> dict[str, Any]:
        """Return the error as the token endpoint writes it."""
        trace_id = new_id()
        timestamp = now.strftime("%Y-%m-%d %H:%M:%SZ")
        body: dict[str, Any] = {
            "error": self.error,
            "error_description": (
                f"AADSTS{self.code}: {self.description} Trace ID: {trace_id} "
                f"Correlation ID: {correlation_id} Timestamp: {timestamp}"
            ),
            "error_codes": [self.code],
            "timestamp": timestamp,
            "trace_id": trace_id,
            "correlation_id": correlation_id,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.code}",
        }
        if self.code in _SUBERRORS:
            body["suberror"] = _SUBERRORS[self.code]
        if self.code in {50076, 50079}:
            body["claims"] = json.dumps(
                {"access_token": {"polids": {"essential": True, "values": [new_id()]}}}
            )
        return body

    def reply(self, *, now: datetime, correlation_id: str) -> Reply:
        """Return the error as an HTTP answer."""
        return Reply.json(
            self.body(now=now, correlation_id=correlation_id),
            status=self.status,
            cache_control="no-store, no-cache",
        )


def refusal(code: int, **words: str) -> SignInError:
    """Return the error with this AADSTS number, its text filled with words.

    A number that the sandbox has no text for is refused as `invalid_grant`, so that tests can
    force any number.
    """
    error, status, text = AADSTS.get(code, ("invalid_grant", 400, "The request was refused."))
    return SignInError(code, error, status, text.format_map(_Words(words)))


class _Words(dict[str, str]):
    """Words for a text; an unknown one stays as its name."""

    def __missing__(self, key: str) -> str:
        return {"resource": "00000003-0000-0000-c000-000000000000"}.get(key, f"<{key}>")
