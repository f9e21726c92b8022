"""Strangers' servers for archives in the cloud, over TLS on loopback: Azurite, moto, a bad line.

- moto is installed with the development tools. Azurite is a program for Node.js: `make stores`
  installs it, and without it its tests are skipped and say so.
- Both are emulators: neither protects anything, so that no test here proves that a policy or lock
  holds. docs/archive-in-the-cloud.md says so too.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
import trustme

ROOT = Path(__file__).parent.parent

# Azurite's well-known account; it stands in its documentation and opens nothing else.
# https://learn.microsoft.com/azure/storage/common/storage-connect-azurite
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)


class Certificates:
    """A private authority and a server's certificate, in files."""

    def __init__(self, folder):
        authority = trustme.CA()
        self.authority, self.chain, self.key = (
            str(folder / name) for name in ("authority.pem", "chain.pem", "key.pem")
        )
        issued = authority.issue_cert("127.0.0.1", "localhost")
        authority.cert_pem.write_to_path(self.authority)
        issued.private_key_pem.write_to_path(self.key)
        for number, each in enumerate(issued.cert_chain_pems):
            each.write_to_path(self.chain, append=number > 0)


@contextlib.contextmanager
def moto(certificates):
    """Serve S3; yields the port."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    served = DomainDispatcherApplication(create_backend_app)
    one_at_a_time = threading.Lock()

    # moto looks whether a key is taken, and then writes; S3 does both in one.
    def application(environ, start_response):
        with one_at_a_time:
            return list(served(environ, start_response))

    server = make_server(
        "127.0.0.1",
        0,
        application,
        threaded=True,
        ssl_context=(certificates.chain, certificates.key),
    )
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def azurite_program():
    """Return Azurite's start file and node, or skip the test and say how to get it."""
    folder = ROOT / (os.environ.get("O365_AZURITE") or ".azurite")
    program = folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
    node = shutil.which("node")
    if node is None or not program.is_file():
        pytest.skip("AZURITE IS NOT INSTALLED: no test of Azure containers; run: make stores")
    return [node, str(program)]


@contextlib.contextmanager
def azurite(certificates):
    """Serve Azure's blobs; yields the port."""
    command = azurite_program()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with subprocess.Popen(
        [
            *command,
            *("--blobHost", "127.0.0.1", "--blobPort", str(port)),
            *("--cert", certificates.chain, "--key", certificates.key),
            *("--skipApiVersionCheck", "--inMemoryPersistence", "--disableTelemetry", "--silent"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            for line in process.stdout:
                if "successfully listens" in line:
                    break
            else:
                pytest.fail("Azurite did not start")
            yield port
        finally:
            process.terminate()


class Line:
    """A connection to a server that can be cut, now or after so many bytes."""

    def __init__(self, port):
        self._server = ("127.0.0.1", port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._left = None
        self._open = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, count):
        """Let so many bytes reach the server, then nothing at all until `mend`."""
        self._left = count

    @property
    def is_cut(self):
        return self._left is not None and self._left <= 0

    def mend(self):
        self._left = None

    def close(self):
        for each in (self._listening, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self):
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            if self.is_cut:
                near.close()
                continue
            far = socket.create_connection(self._server)
            self._open |= {near, far}
            for source, target, is_counted in ((near, far, True), (far, near, False)):
                threading.Thread(
                    target=self._pump, args=(source, target, is_counted), daemon=True
                ).start()

    def _pump(self, source, target, is_counted):
        with contextlib.suppress(OSError):
            while (data := source.recv(65536)) and not self.is_cut:
                if is_counted and self._left is not None:
                    self._left -= len(data)
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
            self._open.discard(each)


AWS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "of-no-use-anywhere",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_MAX_ATTEMPTS": "1",
}


def use_moto(monkeypatch, certificates, port):
    """Point boto3's own variables to the server."""
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"https://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_CA_BUNDLE", certificates.authority)


def use_azurite(monkeypatch, certificates, port):
    """Point the SDK's own variables to the server; returns the account's URL."""
    for name in [each for each in os.environ if each.startswith("AZURE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AZURE_STORAGE_KEY", ACCOUNT_KEY)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", certificates.authority)
    return f"https://127.0.0.1:{port}/{ACCOUNT}"
