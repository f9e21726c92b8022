"""One Graph request with all that its handler needs, and the handler's answer."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.clock import wire_date_time
from o365lib.sandbox.graph.errors import GraphError, bad_request, malformed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from o365lib.sandbox.application import Application
    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.tenant import Tenant


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who a valid token speaks for.

    Attributes:
        user: the person, or None for an application acting as itself.
        permissions: delegated scopes or application roles in the token.
    """

    application: Application
    user: dict[str, Any] | None
    permissions: frozenset[str]
    directory_roles: frozenset[str]

    @property
    def principal_id(self) -> str:
        """The object id of the user or the service principal."""
        return self.user["id"] if self.user is not None else self.application.object_id

    def holds(self, *template_ids: str) -> bool:
        """Tell whether it has one of these directory roles."""
        return not self.directory_roles.isdisjoint(template_ids)


@dataclass(frozen=True, kw_only=True)
class GraphCall:
    """One request, in a batch or alone, from a caller whose token is good.

    Attributes:
        path: the decoded path after the version, with a slash at the front.
        params: what the route's placeholders stand for.
        base_url: scheme and host as the client wrote them.
    """

    sandbox: Sandbox
    tenant: Tenant
    caller: Caller
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    request_id: str
    in_batch: bool = False
    params: Mapping[str, str] = field(default_factory=dict)

    @property
    def client_request_id(self) -> str:
        """The client's id of the request, or Graph's own."""
        return self.headers.get("client-request-id", self.request_id)

    @functools.cached_property
    def now(self) -> datetime:
        """The instant of the request."""
        return self.sandbox.clock.now()

    @property
    def date(self) -> str:
        """The instant as errors write it: UTC without a zone."""
        return self.now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")

    @property
    def wire_now(self) -> str:
        """The instant as objects write it."""
        return wire_date_time(self.now)

    def after(self, seconds: float) -> datetime:
        """Return the instant so many seconds from now."""
        return self.now + timedelta(seconds=seconds)

    @property
    def context(self) -> str:
        """The beginning of each `@odata.context`."""
        return f"{self.base_url}/v1.0/$metadata#"

    @property
    def is_advanced(self) -> bool:
        """Whether the client asks for the advanced query capabilities.

        https://learn.microsoft.com/graph/aad-advanced-queries
        """
        eventual = self.headers.get("consistencylevel", "").lower() == "eventual"
        return eventual and self.query.get("$count", "").lower() == "true"

    @functools.cached_property
    def users(self) -> Mapping[str, dict[str, Any]]:
        """The tenant's users as a replica shows them now."""
        return self.tenant.replication.view("users", self.tenant.users, self.now)

    @functools.cached_property
    def role_assignments(self) -> Mapping[str, dict[str, Any]]:
        """The tenant's role assignments as a replica shows them now."""
        return self.tenant.replication.view(
            "role_assignments", self.tenant.role_assignments, self.now
        )

    def json_body(self) -> dict[str, Any]:
        """Return the body, which must be a JSON object.

        Raises:
            GraphError: it is not, or its content type is not JSON.
        """
        if "json" not in self.headers.get("content-type", ""):
            raise bad_request("Entity only allows writes with a JSON Content-Type header.")
        try:
            body = json.loads(self.body)
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise malformed(
                "Unable to read JSON request payload. Please ensure Content-Type header is set "
                "and payload is of valid JSON format."
            )
        return body


@dataclass(kw_only=True)
class GraphReply:
    """A handler's answer; `body` None means no body."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_error(
        cls, error: GraphError, *, date: str, request_id: str, client_id: str
    ) -> GraphReply:
        """Return an error as an answer."""
        body = error.body(date=date, request_id=request_id, client_request_id=client_id)
        return cls(status=error.status, body=body, headers=dict(error.headers))
