"""A small HTTP proxy that tunnels TLS, as companies have them, and fails as a test says."""

import select
import socket
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class ConnectProxy:
    """The proxy's address, and the first line of each request for a tunnel."""

    url: str
    asked: list = field(default_factory=list)


def tunnel(connection, target):
    """Let everything through, both ways, until one side hangs up."""
    with socket.create_connection(target) as server:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ways = {connection: server, server: connection}
        while True:
            for side in select.select([*ways], [], [])[0]:
                data = side.recv(65536)
                if not data:
                    return
                ways[side].sendall(data)


def tunnel_into_a_jam(connection, target):
    """Let a TLS handshake and little more through, then read no further and keep the line open."""
    with socket.create_connection(target) as server:
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ways, passed = {connection: server, server: connection}, 0
        while passed < 65536:
            for side in select.select([*ways], [], [])[0]:
                data = side.recv(65536)
                if not data:
                    return
                passed += len(data) if side is connection else 0
                ways[side].sendall(data)
        # What the server still says (TLS session tickets) is no reason to hang up.
        while server.recv(65536):
            pass


def refuse(connection, _target):
    """Answer that there is no tunnel."""
    connection.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")


def hang_up_on_the_tunnel(_connection, _target):
    """Hang up without a word."""


@contextmanager
def proxying(act=tunnel):
    """Serve as a proxy on a free loopback port until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0))
    proxy = ConnectProxy(f"http://127.0.0.1:{listener.getsockname()[1]}")

    def serve(connection):
        with connection, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(4096)
            proxy.asked.append(head.split(b"\r\n")[0].decode())
            host, _, port = head.split()[1].decode().partition(":")
            act(connection, (host, int(port)))

    def accept():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield proxy
    finally:
        # Closing alone does not wake the thread that waits for the next connection.
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
