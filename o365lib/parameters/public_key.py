"""The public key in a file, to which credentials can be encrypted, and its fingerprint.

- Checked when parameters are loaded, so that a wrong key shows before an account is made for which
  there is then no way to hand over the password.
- A path is not a key: the file may be replaced. The fingerprint says which key was meant.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

MIN_BITS = 2048
_MAX_BYTES = 64 * 1024


@dataclass(frozen=True)
class PublicKey:
    """A key to which can be encrypted.

    Attributes:
        key: the key itself.
        sha256: its fingerprint: the SHA-256 of its SubjectPublicKeyInfo in DER, in hexadecimal. A
            certificate has that of its key.
    """

    key: "RSAPublicKey"
    sha256: str


def read_public_key(path: Path) -> PublicKey:
    """Return the key in a PEM file of a public key or certificate.

    Raises:
        ValueError: it cannot be used; the message says why.
    """
    if not path.is_file():
        raise ValueError(
            "there is no such file; relative paths start at the folder of `parameters`"
        )
    try:
        with path.open("rb") as stream:
            pem = stream.read(_MAX_BYTES)
    except OSError as error:
        raise ValueError(f"the file cannot be read ({error.strerror})") from error
    if b"PRIVATE KEY" in pem:
        raise ValueError(
            "the file holds a private key; it belongs to the recipient alone, take it away"
        )
    return _key_in(pem)


def _key_in(pem: bytes) -> PublicKey:
    # Late: most clients do without.
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key: object
    try:
        if b"BEGIN CERTIFICATE" in pem:
            key = x509.load_pem_x509_certificate(pem).public_key()
        else:
            key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("the file is no public key or X.509 certificate in PEM") from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the file's key is not RSA, and nothing can be encrypted to it")  # noqa: TRY004 -- one kind of error for the caller
    if key.key_size < MIN_BITS:
        raise ValueError(f"the file's key has {key.key_size} bits; it needs {MIN_BITS} at least")
    der = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return PublicKey(key, hashlib.sha256(der).hexdigest())
