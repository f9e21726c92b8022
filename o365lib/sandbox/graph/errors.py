"""Graph's errors: the cases, their codes and texts.

https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class GraphError(Exception):
    """A request that Graph refuses."""

    status: int
    code: str
    message: str
    details: list[dict[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    def body(self, *, date: str, request_id: str, client_request_id: str) -> dict[str, Any]:
        """Return the error as Graph writes it; `date` is UTC without a zone."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = self.details
        error["innerError"] = {
            "date": date,
            "request-id": request_id,
            "client-request-id": client_request_id,
        }
        return {"error": error}


def not_found(key: str) -> GraphError:
    """Return the error for an object that does not exist."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{key}' does not exist or one of its queried reference-property objects are "
        "not present.",
    )


def bad_request(
    message: str, *, target: str | None = None, detail: str = "InvalidValue"
) -> GraphError:
    """Return a refusal of the directory, with one detail when a property is to blame."""
    details = [] if target is None else [{"code": detail, "message": message, "target": target}]
    return GraphError(400, "Request_BadRequest", message, details)


def address_in_use(holder: str) -> GraphError:
    """Return the refusal of an address that another object has; `holder` is `User_<id>` or so.

    https://github.com/microsoftgraph/microsoft-graph-docs-contrib/issues/8421
    """
    message = "Another object with the same value for property proxyAddresses already exists."
    details = [
        {"code": "ObjectConflict", "message": message, "target": "proxyAddresses"},
        {"code": "ConflictingObjects", "message": message, "target": holder},
    ]
    return GraphError(400, "Request_BadRequest", message, details)


def malformed(message: str) -> GraphError:
    """Return a refusal of Graph's own gateway: the request could not be read."""
    return GraphError(400, "BadRequest", message)


def unsupported_query(message: str) -> GraphError:
    """Return the refusal of a query that the directory does not support."""
    return GraphError(400, "Request_UnsupportedQuery", message)


def denied() -> GraphError:
    """Return the refusal of who lacks a permission or a directory role."""
    return GraphError(
        403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation."
    )


def unauthenticated(message: str) -> GraphError:
    """Return the refusal of a token."""
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/'
        'authorize", client_id="00000003-0000-0000-c000-000000000000"'
    )
    return GraphError(
        401, "InvalidAuthenticationToken", message, headers={"www-authenticate": challenge}
    )


def conflict() -> GraphError:
    """Return the refusal of an object that exists already."""
    message = (
        "A conflicting object with one or more of the specified property values is present in the "
        "directory."
    )
    details = [{"code": "ConflictingObjects", "message": message, "target": ""}]
    return GraphError(400, "Request_BadRequest", message, details)


def throttled(retry_after: str | None) -> GraphError:
    """Return the refusal of who asks too much."""
    headers = {} if retry_after is None else {"retry-after": retry_after}
    return GraphError(429, "TooManyRequests", "Please retry again later.", headers=headers)


def unknown_segment(segment: str) -> GraphError:
    """Return the refusal of an address that Graph does not have."""
    return malformed(f"Resource not found for the segment '{segment}'.")


def method_not_allowed() -> GraphError:
    """Return the refusal of a method that an address does not have."""
    return GraphError(
        405, "Request_BadRequest", "Specified HTTP method is not allowed for the request target."
    )


def not_in_sandbox(what: str) -> GraphError:
    """Return the refusal of what Graph has and this sandbox has not."""
    return GraphError(501, "notImplemented", f"The sandbox does not have {what}.")


def for_status(status: int, retry_after: str | None) -> GraphError:
    """Return an error with a status that a fault asks for."""
    headers = {} if retry_after is None else {"retry-after": retry_after}
    if status == 429:  # noqa: PLR2004  the status' own number is its name
        return throttled(retry_after)
    if status == 401:  # noqa: PLR2004  as above
        return unauthenticated("Lifetime validation failed, the token is expired.")
    if status == 403:  # noqa: PLR2004  as above
        return denied()
    code = {500: "Service_InternalServerError", 503: "serviceNotAvailable"}.get(
        status, "UnknownError"
    )
    return GraphError(status, code, "The service is temporarily unavailable.", headers=headers)
