"""Graph's HTTP side: versions, headers, the batch endpoint and the control interface."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from o365lib.sandbox.clock import wire_date_time
from o365lib.sandbox.control import answer_control
from o365lib.sandbox.exchange import ConnectionDropped, Exchange, Reply
from o365lib.sandbox.graph.access import find_caller, read_token
from o365lib.sandbox.graph.batch import answer_batch
from o365lib.sandbox.graph.call import GraphReply
from o365lib.sandbox.graph.dispatch import Answered, GraphRequest, answer, refused, spoil_body
from o365lib.sandbox.graph.errors import (
    GraphError,
    for_status,
    method_not_allowed,
    not_in_sandbox,
    unknown_segment,
)
from o365lib.sandbox.journal import RequestSeen, body_without_secrets
from o365lib.sandbox.throttling import resource_units

if TYPE_CHECKING:
    from o365lib.sandbox.sandbox import Sandbox

_CONTROL = "_sandbox"
_JSON = (
    "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;"
    "charset=utf-8"
)
_DIAGNOSTIC = json.dumps(
    {
        "ServerInfo": {
            "DataCenter": "Sandbox",
            "Slice": "E",
            "Ring": "0",
            "ScaleUnit": "000",
            "RoleInstance": "SANDBOX",
        }
    },
    separators=(",", ":"),
)


def answer_graph(sandbox: Sandbox, exchange: Exchange) -> Reply:
    """Answer one request to Graph, or to the sandbox's control interface.

    Raises:
        ConnectionDropped: a fault wants the connection reset.
    """
    if exchange.segments[:1] == (_CONTROL,):
        return answer_control(sandbox, exchange)
    request = _request(exchange)
    try:
        answered = _answer(sandbox, request, exchange)
    except GraphError as error:
        reply = GraphReply.of_error(
            error,
            date=wire_date_time(sandbox.clock.now()).removesuffix("Z"),
            request_id=exchange.request_id,
            client_id=request.headers.get("client-request-id", exchange.request_id),
        )
        answered = Answered(reply=reply, tenant=None, caller=None)
    return _http(answered, request)


def _request(exchange: Exchange) -> GraphRequest:
    segments = exchange.segments[1:]
    return GraphRequest(
        method=exchange.method,
        path="/" + "/".join(segments),
        segments=segments,
        query=exchange.query,
        headers=exchange.headers,
        body=exchange.body,
        base_url=exchange.base_url,
        request_id=exchange.request_id,
    )


def _answer(sandbox: Sandbox, request: GraphRequest, exchange: Exchange) -> Answered:
    version = exchange.segments[0] if exchange.segments else ""
    if version == "beta":
        raise not_in_sandbox("the beta version of Graph")
    if version != "v1.0":
        raise unknown_segment(version)
    if request.segments != ("$batch",):
        return answer(sandbox, request)
    tenant, caller = find_caller(sandbox, read_token(sandbox, request.headers))
    if request.method != "POST":
        raise method_not_allowed()
    fault = sandbox.faults.take(
        host="graph",
        method="POST",
        path="/v1.0/$batch",
        tenant_names=frozenset({tenant.id, tenant.name}),
        in_batch=False,
    )
    if fault is not None and not fault.is_after:
        return Answered(reply=refused(fault, request), tenant=tenant, caller=caller)

    def note(item: GraphRequest, answered: Answered) -> None:
        _note_item(sandbox, item, answered)

    reply = answer_batch(sandbox, request, note)
    if fault is not None and fault.effect == "reset-after":
        raise ConnectionDropped
    if fault is not None and fault.status is not None:
        raise for_status(fault.status, fault.retry_after)
    if fault is not None:
        spoil_body(reply, fault)
    return Answered(reply=reply, tenant=tenant, caller=caller)


def _note_item(sandbox: Sandbox, item: GraphRequest, answered: Answered) -> None:
    caller = answered.caller
    sandbox.note(
        RequestSeen(
            host="graph",
            method=item.method,
            path=f"/v1.0{item.path}",
            query="&".join(f"{name}={value}" for name, value in item.query.items()),
            status=answered.reply.status,
            tenant_id=answered.tenant.id if answered.tenant is not None else None,
            client_request_id=item.headers.get("client-request-id"),
            request_id=item.request_id,
            in_batch=True,
            app_id=caller.application.app_id if caller is not None else None,
            caller_id=caller.principal_id if caller is not None else None,
            at=sandbox.clock.now(),
            body=body_without_secrets(item.body),
        )
    )


def _http(answered: Answered, request: GraphRequest) -> Reply:
    reply, caller = answered.reply, answered.caller
    headers = {
        "cache-control": "no-cache",
        "odata-version": "4.0",
        "strict-transport-security": "max-age=31536000",
        "request-id": request.request_id,
        "client-request-id": request.headers.get("client-request-id", request.request_id),
        "x-ms-ags-diagnostic": _DIAGNOSTIC,
        "x-ms-resource-unit": str(resource_units(request.method, request.segments, request.query)),
    }
    if reply.body is not None:
        headers["content-type"] = _JSON
    return Reply(
        status=reply.status,
        body=_encoded(reply.body),
        headers=headers | reply.headers,
        tenant_id=answered.tenant.id if answered.tenant is not None else None,
        app_id=caller.application.app_id if caller is not None else None,
        caller_id=caller.principal_id if caller is not None else None,
    )


def _encoded(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode("utf-8")
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
