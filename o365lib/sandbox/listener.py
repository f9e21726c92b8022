"""One listener: reads a request, waits the latency, has it answered, keeps the journal.

The work itself is done by a plain function under the sandbox's lock, so that everything behind it
is ordinary, sequential Python.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from .exchange import ConnectionDropped, Exchange, Reply
from .identifiers import new_id
from .journal import RequestSeen, body_without_secrets

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from .sandbox import Sandbox

_CONTROL = "/_sandbox/"
_LOG = logging.getLogger(__name__)


class Listener:
    """The ASGI application of one host (`login` or `graph`)."""

    def __init__(
        self, sandbox: Sandbox, host: str, answer: Callable[[Sandbox, Exchange], Reply]
    ) -> None:
        self._sandbox = sandbox
        self._host = host
        self._answer = answer
        self.transports: dict[tuple[str, int], asyncio.Transport] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        request = Request(scope, receive)
        try:
            exchange = await self._exchange(request)
        except ClientDisconnect:
            return
        controlled = exchange.raw_path.startswith(_CONTROL)
        if self._sandbox.latency_seconds > 0 and not controlled:
            await asyncio.sleep(self._sandbox.latency_seconds)
        try:
            with self._sandbox.lock:
                reply = self._reply(exchange)
                if not controlled:
                    self._note(exchange, reply, status=reply.status)
        except ConnectionDropped as dropped:
            self._note(exchange, dropped.seen, status=None)
            self._reset(scope["client"])
            await receive()  # the protocol tells of the disconnection; nothing is to be sent
            return
        headers = {"x-content-type-options": "nosniff", **reply.headers}
        await Response(reply.body, reply.status, headers)(scope, receive, send)

    def _reply(self, exchange: Exchange) -> Reply:
        try:
            return self._answer(self._sandbox, exchange)
        except ConnectionDropped:
            raise
        except Exception:  # noqa: BLE001  whatever it is, the next request must be served
            _LOG.exception("The sandbox failed at %s %s", exchange.method, exchange.raw_path)
            error = {"code": "Service_InternalServerError", "message": "The sandbox has a defect."}
            return Reply.json({"error": error}, status=500)

    async def _exchange(self, request: Request) -> Exchange:
        scope = request.scope
        server_host, server_port = scope["server"]
        base = request.headers.get("host", f"{server_host}:{server_port}")
        return Exchange(
            host=self._host,
            method=request.method,
            raw_path=scope["raw_path"].decode("ascii", "replace"),
            query_string=scope["query_string"].decode("ascii", "replace"),
            headers=dict(request.headers),
            body=await request.body(),
            base_url=f"https://{base}",
            request_id=new_id(),
        )

    def _note(self, exchange: Exchange, reply: Reply, *, status: int | None) -> None:
        is_graph = self._host == "graph"
        self._sandbox.note(
            RequestSeen(
                host=self._host,
                method=exchange.method,
                path=exchange.path,
                query=exchange.query_string,
                status=status,
                tenant_id=reply.tenant_id,
                client_request_id=exchange.headers.get("client-request-id"),
                request_id=exchange.request_id,
                in_batch=False,
                app_id=reply.app_id,
                caller_id=reply.caller_id,
                at=self._sandbox.clock.now(),
                body=body_without_secrets(exchange.body) if is_graph else None,
                grant_type=None if is_graph else exchange.form.get("grant_type"),
            )
        )

    def _reset(self, address: tuple[str, int]) -> None:
        transport = self.transports[address]
        own_socket: Any = transport.get_extra_info("socket")
        # A lingering time of 0 makes close() send RST instead of FIN.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        own_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()

    def protocol_class(self) -> type[H11Protocol]:
        """Return uvicorn's HTTP protocol, made to register its connections here."""
        transports = self.transports

        class ResettableProtocol(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                if self.client is not None:
                    transports[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                if self.client is not None:
                    transports.pop(self.client, None)
                super().connection_lost(exc)

        return ResettableProtocol
