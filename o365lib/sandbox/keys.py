"""RSA keys and self-signed certificates.

Making an RSA key costs about 0.1 s, so that one process makes one key for each purpose and shares
it between its sandboxes. Tokens cannot wander from one sandbox to another all the same: each
sandbox signs under a key id of its own.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_YEARS_VALID = 2


@functools.cache
def rsa_key(purpose: str) -> rsa.RSAPrivateKey:
    """Return this process's 2048-bit RSA key for a purpose (`tokens`, `applications`)."""
    del purpose  # it only separates the keys in the cache
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def self_signed_certificate(common_name: str, key: rsa.RSAPrivateKey) -> x509.Certificate:
    """Return a certificate for a key, valid from yesterday for two years."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name[:64])])
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(yesterday)
        .not_valid_after(yesterday + timedelta(days=365 * _YEARS_VALID))
        .sign(key, hashes.SHA256())
    )


def certificate_pem(certificate: x509.Certificate) -> str:
    """Return a certificate as PEM text."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def private_key_pem(key: rsa.RSAPrivateKey) -> str:
    """Return a private key as unencrypted PKCS #8 PEM text."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode("ascii")
