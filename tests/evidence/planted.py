"""Secrets of every kind, made at random: what must not pass the gate."""

import base64
import json
import secrets

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


def json_web_token(claims: dict | None = None) -> str:
    header = {"typ": "JWT", "alg": "RS256", "kid": secrets.token_urlsafe(20)}
    return ".".join([part(header), part(claims or {"aud": "graph"}), secrets.token_urlsafe(256)])


def part(content: dict) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def private_key(passphrase: bytes = b"") -> str:
    key = rsa.generate_private_key(65537, 2048)
    encryption = (
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption()
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return pem.decode()


def certificate_key() -> str:
    """A public key, which is no secret."""
    key = rsa.generate_private_key(65537, 2048).public_key()
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode()


# https://learn.microsoft.com/entra/identity-platform/refresh-tokens shows none, but they begin so.
def refresh_token() -> str:
    return f"1.A{secrets.token_urlsafe(300)}"


def client_secret() -> str:
    return f"{secrets.token_hex(2)[:3]}8Q~{secrets.token_hex(17)}"
