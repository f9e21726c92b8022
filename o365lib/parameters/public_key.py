"""The public key in a file: one to which credentials are encrypted, or one that signs approvals.

- Checked when parameters are loaded, so that a wrong key shows before an account is made for which
  there is then no way to hand over the password.
- A path is not a key: the file may be replaced. The fingerprint says which key was meant.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    return _key_in(read_pem(path))


def signing_key_id(path: Path) -> str:
    """Return the id of the key in a PEM file of a public key: Ed25519, or on the curve P-256.

    It is the SHA-256 of the key's SubjectPublicKeyInfo in DER, in hexadecimal.

    Raises:
        ValueError: it cannot be used; the message says why.
    """
    # Late: most projects have no approvers.
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    key = _loaded(read_pem(path))
    on_p256 = isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1)
    if not (on_p256 or isinstance(key, Ed25519PublicKey)):
        raise ValueError("the file's key is neither Ed25519 nor one on the curve P-256")
    return _sha256_of(key)


def read_pem(path: Path) -> bytes:
    """Return the content of a file that holds something public in PEM form.

    Raises:
        ValueError: it is not there, cannot be read, or holds a private key.
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
            "the file holds a private key; it belongs to its owner alone, take it away"
        )
    return pem


def _key_in(pem: bytes) -> PublicKey:
    # Late: most clients do without.
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    key = _loaded(pem)
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the file's key is not RSA, and nothing can be encrypted to it")  # noqa: TRY004 -- one kind of error for the caller
    if key.key_size < MIN_BITS:
        raise ValueError(f"the file's key has {key.key_size} bits; it needs {MIN_BITS} at least")
    return PublicKey(key, _sha256_of(key))


def _loaded(pem: bytes) -> Any:
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        if b"BEGIN CERTIFICATE" in pem:
            return x509.load_pem_x509_certificate(pem).public_key()
        return serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("the file is no public key or X.509 certificate in PEM") from error


def _sha256_of(key: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    der: bytes = key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(der).hexdigest()
