"""From a request to its answer: token, route, permission, faults, handler.

The same way is gone by a request of its own and by an item of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.clock import wire_date_time
from o365lib.sandbox.exchange import ConnectionDropped
from o365lib.sandbox.faults import FOREIGN_HOST
from o365lib.sandbox.graph.access import check_access, find_caller, read_token
from o365lib.sandbox.graph.call import Caller, GraphCall, GraphReply
from o365lib.sandbox.graph.errors import GraphError, for_status, malformed, throttled
from o365lib.sandbox.graph.query import page_token
from o365lib.sandbox.graph.routes import find_route, normalised
from o365lib.sandbox.identifiers import new_id
from o365lib.sandbox.sign_in.pages import echo_page
from o365lib.sandbox.throttling import WRITES, Asked, is_counted, resource_units

if TYPE_CHECKING:
    from collections.abc import Mapping

    from o365lib.sandbox.faults import Fault
    from o365lib.sandbox.sandbox import Sandbox
    from o365lib.sandbox.tenant import Tenant


@dataclass(frozen=True, kw_only=True)
class GraphRequest:
    """A request before anything is known of its sender; paths come without the version."""

    method: str
    path: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    base_url: str
    request_id: str
    in_batch: bool = False


@dataclass(frozen=True, kw_only=True)
class Answered:
    """An answer, and what the journal shall know of the request."""

    reply: GraphReply
    tenant: Tenant | None
    caller: Caller | None


def answer(sandbox: Sandbox, request: GraphRequest) -> Answered:
    """Answer one request.

    Raises:
        ConnectionDropped: a fault wants the connection reset.
    """
    tenant: Tenant | None = None
    caller: Caller | None = None
    # First: a request that is refused has brought its secrets all the same.
    sandbox.secrets_seen.add_passwords_in_json(request.body)
    try:
        tenant, caller = find_caller(sandbox, read_token(sandbox, request.headers))
        tenant.purge_expired(sandbox.clock.now())
        reply = _answer(sandbox, request, tenant, caller)
    except GraphError as error:
        reply = _error_reply(sandbox, request, error)
    except ConnectionDropped as dropped:
        if tenant is not None and caller is not None:
            dropped.seen.tenant_id = tenant.id
            dropped.seen.app_id = caller.application.app_id
            dropped.seen.caller_id = caller.principal_id
        raise
    finally:
        if request.method in WRITES and tenant is not None:
            sandbox.save(tenant)
    return Answered(reply=reply, tenant=tenant, caller=caller)


def _answer(sandbox: Sandbox, request: GraphRequest, tenant: Tenant, caller: Caller) -> GraphReply:
    fault = _take_fault(sandbox, request, tenant)
    if fault is not None and not fault.is_after:
        return refused(fault, request)
    told = _count(sandbox, request, tenant, caller) if sandbox.throttle else {}
    call = _make_call(sandbox, request, tenant, caller)
    reply = _performed(call, request) if fault is None else _spoiled(call, request, fault)
    reply.headers |= told
    return reply


def _count(
    sandbox: Sandbox, request: GraphRequest, tenant: Tenant, caller: Caller
) -> Mapping[str, str]:
    """Count a request, and return what its answer tells of the limits.

    Raises:
        GraphError: 429, a limit is exceeded.
    """
    if not is_counted(request.segments):
        return {}
    asked = Asked(
        app_id=caller.application.app_id,
        tenant_id=tenant.id,
        users=len(tenant.users),
        units=resource_units(request.method, request.segments, request.query),
        is_write=request.method in WRITES,
    )
    verdict = sandbox.throttling.ask(asked, sandbox.clock.now())
    if verdict.wait_seconds is not None:
        error = throttled(None)
        error.headers |= verdict.headers
        raise error
    return verdict.headers


def _take_fault(sandbox: Sandbox, request: GraphRequest, tenant: Tenant) -> Fault | None:
    return sandbox.faults.take(
        host="graph",
        method=request.method,
        path=f"/v1.0{request.path}",
        tenant_names=frozenset({tenant.id, tenant.name}),
        in_batch=request.in_batch,
    )


def _make_call(
    sandbox: Sandbox, request: GraphRequest, tenant: Tenant, caller: Caller
) -> GraphCall:
    return GraphCall(
        sandbox=sandbox,
        tenant=tenant,
        caller=caller,
        method=request.method,
        path=request.path,
        query=request.query,
        headers=request.headers,
        body=request.body,
        base_url=request.base_url,
        request_id=request.request_id,
        in_batch=request.in_batch,
    )


def _performed(call: GraphCall, request: GraphRequest) -> GraphReply:
    segments = normalised(request.segments)
    if segments and segments[0].casefold() == "me":
        if call.caller.user is None:
            raise malformed("/me request is only valid with delegated authentication flow.")
        segments = ("users", call.caller.user["id"], *segments[1:])
    route, params = find_route(request.method, segments)
    call = replace(call, params=params)
    check_access(call, route.access)
    return route.handler(call)


def _error_reply(sandbox: Sandbox, request: GraphRequest, error: GraphError) -> GraphReply:
    now = wire_date_time(sandbox.clock.now()).removesuffix("Z")
    client_id = request.headers.get("client-request-id", request.request_id)
    return GraphReply.of_error(error, date=now, request_id=request.request_id, client_id=client_id)


def refused(fault: Fault, request: GraphRequest) -> GraphReply:
    """Return the answer to a request that a fault refuses before any work.

    Raises:
        GraphError: the refusal, where it is one of Graph's.
        ConnectionDropped: the fault wants the connection reset.
    """
    if fault.echoes:
        return _echo(fault, request)
    if fault.effect == "reset-before":
        raise ConnectionDropped
    if fault.effect == "redirect":
        return GraphReply(status=302, headers={"location": f"{FOREIGN_HOST}/v1.0/"})
    raise for_status(fault.status or 503, fault.retry_after)


def _echo(fault: Fault, request: GraphRequest) -> GraphReply:
    came = f"{request.headers.get('authorization', '')} {request.body.decode(errors='replace')}"
    status = fault.status or 400
    if fault.is_page:
        return GraphReply(
            status=status, body=echo_page(came), headers={"content-type": "text/html"}
        )
    raise GraphError(status, "InvalidRequest", f"This cannot be handled: {came}")


def _spoiled(call: GraphCall, request: GraphRequest, fault: Fault) -> GraphReply:
    """Carry a request out and spoil it; a request that fails by itself just fails."""
    snapshot = call.tenant.snapshot() if fault.effect == "drop" else None
    reply = _performed(call, request)
    if snapshot is not None:
        call.tenant.roll_back(snapshot)
    elif fault.effect == "reset-after":
        raise ConnectionDropped
    elif fault.status is not None:
        raise for_status(fault.status, fault.retry_after)
    elif fault.effect in {"wrong-body", "non-json"}:
        spoil_body(reply, fault)
    elif isinstance(reply.body, dict) and "value" in reply.body:
        _spoil_list(call, fault, reply.body)
    return reply


def spoil_body(reply: GraphReply, fault: Fault) -> None:
    """Put something else in the place of an answer's body, where the fault wants that."""
    if fault.effect == "wrong-body":
        reply.body = {"unexpected": {"id": new_id()}}
    elif fault.effect == "non-json":
        reply.body = "<html><body><h1>Our services aren't available right now</h1></body></html>"
        reply.headers["content-type"] = "text/html"


def _spoil_list(call: GraphCall, fault: Fault, body: dict[str, Any]) -> None:
    if fault.effect == "foreign-next-link":
        body["@odata.nextLink"] = f"{FOREIGN_HOST}/v1.0{call.path}?$skiptoken=elsewhere"
    elif fault.effect == "empty-page":
        body["value"] = []
        body["@odata.nextLink"] = (
            f"{call.base_url}/v1.0{call.path}?$skiptoken={page_token(call, 0)}"
        )
