"""A small HTTPS server that answers as a test says, for what the sandbox cannot or should not do.

    server.answers(answer(429, retry_after="2"), answer(200, {"value": []}))

Each request takes the next scripted act; after the last one, the server answers 200 with `{}`.
"""

import json
import socket
import ssl
import struct
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import trustme

from o365lib.clouds import Cloud

JSON = "application/json"


@dataclass
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: dict
    body: bytes
    port: int = 0

    @property
    def json(self):
        return json.loads(self.body)


def answer(status=200, body=None, *, raw=None, content_type=JSON, **headers):
    """Return an act: answer with a status, a JSON body or raw bytes, and headers."""
    content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()

    def act(handler):
        handler.send_response(status)
        if content:
            handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(content)))
        handler.send_header("request-id", f"id-{len(handler.server.seen)}")
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(content)

    return act


def batch_answer(*items):
    """Return an act: answer a `$batch` with `(id, status, body, headers)` of each item."""
    responses = [
        {"id": str(number), "status": status, "body": body, "headers": headers}
        for number, status, body, headers in items
    ]
    return answer(200, {"responses": responses})


def reset(handler):
    """Reset the connection without an answer."""
    raw = handler.connection
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # The plain socket's close, so that no TLS farewell is sent.
    socket.socket(fileno=raw.detach()).close()
    handler.close_connection = True


def hang_up(handler):
    """Say farewell as TLS has it, without an answer."""
    handler.close_connection = True


def break_off(handler):
    """Promise a long answer, send its beginning and hang up."""
    handler.send_response(200)
    handler.send_header("Content-Type", JSON)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"value":')
    handler.close_connection = True


@dataclass
class ScriptedServer:
    """The server's address and what it has seen."""

    base_url: str
    ca_file: Path
    seen: list = field(default_factory=list)
    script: deque = field(default_factory=deque)

    def answers(self, *acts):
        self.script.extend(acts)

    @property
    def cloud(self):
        """A cloud whose sign-in and Graph are this server, under the names of this machine."""
        return Cloud(
            "sandbox", self.base_url.replace("127.0.0.1", "localhost"), self.base_url, self.ca_file
        )


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def _act(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        state = self.server.state
        state.seen.append(
            Seen(self.command, self.path, dict(self.headers), body, self.client_address[1])
        )
        self.server.seen = state.seen
        act = state.script.popleft() if state.script else answer(200, {})
        act(self)

    def __getattr__(self, name):
        # http.server looks for do_GET, do_POST and so on.
        if name.startswith("do_"):
            return self._act
        raise AttributeError(name)

    def log_message(self, *_):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        """Resets and refused handshakes are what the tests want."""


@contextmanager
def serving(folder):
    """Serve on a free loopback port with a new authority until the block ends."""
    authority = trustme.CA()
    ca_file = Path(folder) / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    server = _Server(("127.0.0.1", 0), _Handler)
    # The handshake belongs to the connection's own thread, not to the accepting one.
    server.socket = context.wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    state = ScriptedServer(f"https://127.0.0.1:{server.server_port}", ca_file)
    server.state = state
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
