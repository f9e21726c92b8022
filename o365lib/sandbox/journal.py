"""What the sandbox was asked: one entry for each request, and one for each item of a `$batch`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

_HIDDEN = frozenset({"password", "content", "currentpassword", "newpassword"})


@dataclass(frozen=True, kw_only=True)
class RequestSeen:
    """One request as the sandbox saw it; no header, no token and no password is kept.

    `status` is None when the connection was reset without an answer. `body` is the JSON body of a
    Graph request with passwords and the text of mails replaced by `***`, or None.
    """

    host: str
    method: str
    path: str
    query: str
    status: int | None
    tenant_id: str | None
    client_request_id: str | None
    request_id: str
    in_batch: bool
    app_id: str | None
    caller_id: str | None
    at: datetime
    body: Any = None
    grant_type: str | None = None


def body_without_secrets(body: bytes) -> Any:
    """Return a JSON body with passwords and mail texts masked; None when it is not JSON."""
    if not body:
        return None
    try:
        return _masked(json.loads(body))
    except ValueError:
        return None


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: "***" if name.lower() in _HIDDEN and item is not None else _masked(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value
