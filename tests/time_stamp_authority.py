"""A time stamp authority of RFC 3161: `openssl ts` behind a tiny HTTP server.

    with TimeStampAuthority(tmp_path) as authority:
        stamp(file, url=authority.url, roots=[authority.root_pem])

What it answers can be replaced, for each request, by `authority.answer`.
"""

import subprocess
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CONFIGURATION = """
[ tsa ]
default_tsa = it
[ it ]
serial = {folder}/serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


class TimeStampAuthority:
    """A root, a certificate issued by it, and a server that stamps with that.

    Args:
        folder: where its files go; it is made.
        ends_in: for how long its certificate is valid from now on.
        usage: what its certificate is for.
        is_critical: whether its certificate says that it is for nothing else.
    """

    def __init__(
        self,
        folder: Path,
        *,
        ends_in: timedelta = timedelta(days=365),
        usage: x509.ObjectIdentifier = ExtendedKeyUsageOID.TIME_STAMPING,
        is_critical: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.answer: Callable[[bytes], tuple[int, bytes]] = self.stamped
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        root_key, root = self._root()
        self.root_pem = root.public_bytes(Encoding.PEM)
        (folder / "root.pem").write_bytes(self.root_pem)
        self._issue(root_key, root, ends_in=ends_in, usage=usage, is_critical=is_critical)
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(_CONFIGURATION.format(folder=folder))
        self.address = self.url = ""
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), self)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.address}/tsa"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def stamped(self, query: bytes) -> tuple[int, bytes]:
        """Return what openssl answers to a query: a stamp, or why there is none."""
        with self._lock:
            asked, answered = self.folder / "query.tsq", self.folder / "answer.tsr"
            asked.write_bytes(query)
            subprocess.run(
                [
                    *("openssl", "ts", "-reply", "-config", self.folder / "tsa.cnf"),
                    # The signer's certificate alone: openssl does not sort a set of several, and
                    # the order is part of DER.
                    *("-signer", self.folder / "tsa.pem", "-inkey", self.folder / "tsa.key"),
                    *("-queryfile", asked, "-out", answered),
                ],
                check=True,
                capture_output=True,
            )
            return 200, answered.read_bytes()

    def _root(self) -> tuple[Any, x509.Certificate]:
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("Root of time")
        certificate = (
            _builder(name, name, key.public_key(), timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .sign(key, hashes.SHA256())
        )
        return key, certificate

    def _issue(
        self,
        root_key: Any,
        root: x509.Certificate,
        *,
        ends_in: timedelta,
        usage: x509.ObjectIdentifier,
        is_critical: bool,
    ) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_name("Authority of time"), root.subject, key.public_key(), ends_in)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=is_critical)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()),
                critical=False,
            )
            .sign(root_key, hashes.SHA256())
        )
        (self.folder / "tsa.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        (self.folder / "tsa.key").write_bytes(
            key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, ends_in: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + ends_in)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], authority: TimeStampAuthority) -> None:
        super().__init__(address, _Handler)
        self.authority = authority

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of those who hang up: some tests do."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        query = self.rfile.read(int(self.headers["Content-Length"]))
        authority = self.server.authority
        authority.requests.append((self.path, dict(self.headers), query))
        status, body = authority.answer(query)
        self.send_response(status)
        self.send_header("Content-Type", "application/timestamp-reply")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""
