"""Serving a sandbox: two TLS listeners on loopback, one certificate authority, one thread."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import trustme
import uvicorn

from .description import describe
from .graph.front import answer_graph
from .listener import Listener
from .sign_in.front import answer_sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .sandbox import Sandbox

_LOOPBACK = "127.0.0.1"
_START_SECONDS = 20
_STOP_SECONDS = 10
_BACKLOG = 256
_TICK_SECONDS = 1.0
_GRACE_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True)
class Served:
    """Where a served sandbox is found.

    Attributes:
        login_base_url, graph_base_url: `https://127.0.0.1:<port>`.
        ca_file: the certificate authority to trust (PEM, mode 0600); it goes when serving ends.
        control_key: what the control interface under `/_sandbox/` wants as bearer token.
    """

    sandbox: Sandbox = field(repr=False)
    login_base_url: str
    graph_base_url: str
    ca_file: Path
    control_key: str = field(repr=False)

    def description(self) -> dict[str, Any]:
        """Return all that a machine needs to sign in, secrets and passwords included."""
        return describe(self)


@contextlib.contextmanager
def serving(sandbox: Sandbox, *, login_port: int, graph_port: int) -> Iterator[Served]:
    """Serve a sandbox in a background thread until the block ends.

    Raises:
        OSError: a port is taken; nothing is served.
        RuntimeError: the sandbox is being served already, or the server did not start.
    """
    if sandbox.served is not None:
        raise RuntimeError("This sandbox is being served already.")
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="o365-sandbox-")))
        authority = trustme.CA(organization_name="o365 sandbox, for tests only")
        ca_file = folder / "ca.pem"
        descriptor = os.open(ca_file, os.O_CREAT | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(authority.cert_pem.bytes())
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(_LOOPBACK, "localhost").configure_cert(tls)
        login = stack.enter_context(_bound_socket(login_port))
        graph = stack.enter_context(_bound_socket(graph_port))
        served = Served(
            sandbox=sandbox,
            login_base_url=f"https://{_LOOPBACK}:{login.getsockname()[1]}",
            graph_base_url=f"https://{_LOOPBACK}:{graph.getsockname()[1]}",
            ca_file=ca_file,
            control_key=sandbox.control_key,
        )
        sandbox.served = served
        stack.callback(setattr, sandbox, "served", None)
        listeners = [
            (Listener(sandbox, "login", answer_sign_in), login),
            (Listener(sandbox, "graph", answer_graph), graph),
        ]
        thread = _ServerThread([(_config(listener, tls), sock) for listener, sock in listeners])
        stack.callback(thread.stop)
        thread.start_and_wait()
        yield served


def _bound_socket(port: int) -> socket.socket:
    # With the default protocol number 0, asyncio leaves Nagle's algorithm on, which costs 40 ms
    # a request on a kept-alive connection.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((_LOOPBACK, port))
        bound.listen(_BACKLOG)
    except OSError:
        bound.close()
        raise
    return bound


def _config(listener: Listener, tls: ssl.SSLContext) -> uvicorn.Config:
    config = uvicorn.Config(
        listener,
        http=listener.protocol_class(),
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="critical",
        server_header=False,
        proxy_headers=False,
    )
    config.load()
    config.ssl = tls  # made in memory: the listeners' private key is never written by us
    return config


class _PromptServer(uvicorn.Server):
    """A server that tells when it has started, and stops at once instead of at the next tick."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.has_started = threading.Event()
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._loop = asyncio.get_running_loop()
        self.has_started.set()

    def stop(self) -> None:
        """Ask for the end, from any thread."""
        self.should_exit = True
        if self._loop is not None and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it closed in this very moment
                self._loop.call_soon_threadsafe(self._stopping.set)

    async def main_loop(self) -> None:
        while not self.should_exit:
            await self.on_tick(0)  # renews the date that answers carry
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _TICK_SECONDS)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for sock in sockets or ():
            sock.close()
        # An idle client may keep its end of TLS open for ever: what waits for nothing is cut.
        for protocol in list(self.server_state.connections):
            cycle = getattr(protocol, "cycle", None)
            if cycle is None or cycle.response_complete:
                _cut(protocol)
        if self.server_state.tasks:
            await asyncio.wait(set(self.server_state.tasks), timeout=_GRACE_SECONDS)
        for protocol in list(self.server_state.connections):
            _cut(protocol)
        await asyncio.sleep(0)  # lets the loop tell the connections that they are lost
        await asyncio.sleep(0)


def _cut(protocol: Any) -> None:
    if protocol.transport is not None:
        protocol.transport.abort()


class _ServerThread(threading.Thread):
    """Runs both servers in one event loop."""

    def __init__(self, parts: list[tuple[uvicorn.Config, socket.socket]]) -> None:
        super().__init__(name="o365-sandbox", daemon=True)
        self._servers = [(_PromptServer(config), sock) for config, sock in parts]

    def run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        await asyncio.gather(*(server.serve([sock]) for server, sock in self._servers))

    def start_and_wait(self) -> None:
        """Start, and return when both listeners answer.

        Raises:
            RuntimeError: they did not start in time.
        """
        self.start()
        for server, _ in self._servers:
            if not server.has_started.wait(_START_SECONDS):
                raise RuntimeError("The sandbox's web server did not start.")

    def stop(self) -> None:
        """End both servers and the thread."""
        for server, _ in self._servers:
            server.stop()
        if self.is_alive():
            self.join(_STOP_SECONDS)
