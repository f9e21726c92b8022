"""Signers whose keys live in a test only."""

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from o365lib.evidence.public_keys import PublicKey, in_one_form


@dataclass(frozen=True)
class LooseSigner:
    """Signs with a private key of the library `cryptography`."""

    private_key: Any
    name: str = "Kim"

    @property
    def key(self) -> PublicKey:
        return PublicKey.of(self.private_key.public_key())

    def sign(self, message: bytes) -> bytes:
        if self.key.algorithm == "ES256":
            return in_one_form(self.private_key.sign(message, ECDSA(SHA256())))
        return self.private_key.sign(message)


def ed25519(name: str = "Kim") -> LooseSigner:
    return LooseSigner(Ed25519PrivateKey.generate(), name)


def es256(name: str = "Vault") -> LooseSigner:
    return LooseSigner(generate_private_key(SECP256R1()), name)
