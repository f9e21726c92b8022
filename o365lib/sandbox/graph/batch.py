"""`$batch`: up to 20 requests in one.

https://learn.microsoft.com/graph/json-batching
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from o365lib.sandbox.graph.call import GraphReply
from o365lib.sandbox.graph.dispatch import Answered, GraphRequest, answer
from o365lib.sandbox.graph.errors import GraphError, malformed
from o365lib.sandbox.identifiers import new_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from o365lib.sandbox.sandbox import Sandbox

MOST_REQUESTS = 20
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})


def answer_batch(
    sandbox: Sandbox,
    request: GraphRequest,
    note: Callable[[GraphRequest, Answered], None],
) -> GraphReply:
    """Answer a batch: 200 with one response for each of its requests.

    Args:
        sandbox: where it happens.
        request: the batch itself, whose token its items share.
        note: called with each item and its answer, for the journal.

    Raises:
        GraphError: 400, the batch as a whole is wrong; nothing was carried out.
        ConnectionDropped: a fault of an item wants the connection reset.
    """
    steps = _steps(request)
    items = {step["id"]: _item(request, step) for step in steps}
    replies: dict[str, GraphReply] = {}
    for step in steps:
        key = step["id"].casefold()
        failed = [name for name in _dependencies(step) if replies[name.casefold()].status >= 400]  # noqa: PLR2004  an error
        if failed:
            replies[key] = _failed_dependency()
            continue
        item = items[step["id"]]
        answered = answer(sandbox, item)
        note(item, answered)
        replies[key] = answered.reply
        replies[key].headers |= {
            "request-id": item.request_id,
            "client-request-id": item.headers.get("client-request-id", item.request_id),
        }
    return GraphReply(
        body={
            "responses": [_response(step["id"], replies[step["id"].casefold()]) for step in steps]
        }
    )


def _steps(request: GraphRequest) -> list[dict[str, Any]]:
    try:
        body = json.loads(request.body)
        steps = body["requests"]
    except (ValueError, KeyError, TypeError) as error:
        raise malformed("Invalid batch payload format.") from error
    if not isinstance(steps, list) or not steps:
        raise malformed("Invalid batch payload format.")
    if len(steps) > MOST_REQUESTS:
        raise GraphError(
            400,
            "MaximumValueExceeded",
            f"Number of batch request steps exceeds the maximum value of {MOST_REQUESTS}.",
        )
    seen: set[str] = set()
    for step in steps:
        _check_step(step, seen)
        seen.add(step["id"].casefold())
    return steps


def _check_step(step: Any, seen: set[str]) -> None:
    if not isinstance(step, dict):
        raise malformed("Invalid batch payload format.")
    step_id, method, url = step.get("id"), step.get("method"), step.get("url")
    if not isinstance(step_id, str) or not step_id:
        raise malformed("Each batch request step must have an 'id' that is a string.")
    if step_id.casefold() in seen:
        raise malformed(f"Request id '{step_id}' is used more than once in the batch.")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise malformed(f"Invalid method '{method}' in batch request step '{step_id}'.")
    if not isinstance(url, str) or not url:
        raise malformed(f"Invalid url in batch request step '{step_id}'.")
    headers = step.get("headers") or {}
    if not isinstance(headers, dict) or not all(
        value is None or isinstance(value, str) for value in headers.values()
    ):
        raise malformed(f"Invalid headers in batch request step '{step_id}'.")
    if step.get("body") is not None and "content-type" not in {name.lower() for name in headers}:
        raise malformed(
            f"Write request id : {step_id} does not contain Content-Type header or body."
        )
    for name in _dependencies(step):
        if not isinstance(name, str) or name.casefold() not in seen:
            raise malformed(
                f"Request step '{step_id}' depends on '{name}', which does not stand before it."
            )


def _dependencies(step: dict[str, Any]) -> list[Any]:
    depends_on = step.get("dependsOn") or []
    return depends_on if isinstance(depends_on, list) else [depends_on]


def _failed_dependency() -> GraphReply:
    error = {"code": "FailedDependency", "message": "Request failed due to failed dependency."}
    return GraphReply(status=424, body={"error": error})


def _item(request: GraphRequest, step: dict[str, Any]) -> GraphRequest:
    headers = {
        name.lower(): value
        for name, value in (step.get("headers") or {}).items()
        if value is not None
    }
    for name in ("authorization", "user-agent"):
        if name in request.headers:
            headers[name] = request.headers[name]
    if "client-request-id" not in headers and "client-request-id" in request.headers:
        headers["client-request-id"] = request.headers["client-request-id"]
    parts = urlsplit(step["url"])
    raw_path = "/" + parts.path.strip("/")
    if parts.netloc:  # Microsoft's own SDKs send absolute addresses of the same host
        if f"https://{parts.netloc}" != request.base_url or not raw_path.startswith("/v1.0/"):
            raise malformed(f"Invalid url in batch request step '{step['id']}'.")
        raw_path = raw_path.removeprefix("/v1.0")
    segments = tuple(unquote(part) for part in raw_path.split("/") if part)
    body = step.get("body")
    return GraphRequest(
        method=step["method"].upper(),
        path=unquote(raw_path),
        segments=segments,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers=headers,
        body=b"" if body is None else json.dumps(body).encode(),
        base_url=request.base_url,
        request_id=new_id(),
        in_batch=True,
    )


def _response(step_id: str, reply: GraphReply) -> dict[str, Any]:
    response: dict[str, Any] = {"id": step_id, "status": reply.status}
    headers = {_header_name(name): value for name, value in reply.headers.items()}
    if isinstance(reply.body, str):  # what is no JSON travels in base64
        response["headers"] = headers
        response["body"] = base64.b64encode(reply.body.encode()).decode("ascii")
        return response
    if reply.body is not None:
        headers.setdefault("Content-Type", "application/json")
    response["headers"] = {"Cache-Control": "no-cache", **headers}
    if reply.body is not None:
        response["body"] = reply.body
    return response


def _header_name(name: str) -> str:
    return name if name.endswith("request-id") else name.title()
