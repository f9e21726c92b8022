"""Public keys: what they are called, and whether a signature is theirs.

- A key's id is the SHA-256 of its DER SubjectPublicKeyInfo in hexadecimal, so that a key can be
  found by what it is and by nothing else: `openssl pkey -pubin -outform DER | sha256sum`.
- Ed25519 is what this package signs with; ES256 (ECDSA on P-256 over SHA-256, the signature in DER)
  is what key vaults sign with, and is verified all the same. Of its two forms one is taken.

https://datatracker.ietf.org/doc/html/rfc8032, https://datatracker.ietf.org/doc/html/rfc9864
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Self

from o365lib.errors import EvidenceError

Algorithm = Literal["Ed25519", "ES256"]

# https://csrc.nist.gov/pubs/sp/800/186/final, the order of P-256's group
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_SHOWN_BYTES = 16
_LARGEST_PEM = 10_000


@dataclass(frozen=True)
class PublicKey:
    """One public key; equal to another if it is the same key.

    Attributes:
        der: SubjectPublicKeyInfo.
        algorithm: what it verifies.
    """

    der: bytes
    algorithm: Algorithm = field(compare=False)
    _key: Any = field(compare=False, repr=False)

    @classmethod
    def of(cls, key: Any) -> Self:
        """Return a key of the library `cryptography` as one of ours.

        Raises:
            EvidenceError: it is neither Ed25519 nor on P-256.
        """
        # Late: cryptography takes a tenth of a second, and `o365 --help` does without.
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        algorithm: Algorithm
        if isinstance(key, Ed25519PublicKey):
            algorithm = "Ed25519"
        elif isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
            algorithm = "ES256"
        else:
            raise EvidenceError(
                "A public key is neither Ed25519 nor one on the curve P-256.",
                remedy="`o365 key show --pem` prints a key that is fit.",
            )
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return cls(der, algorithm, key)

    @classmethod
    def from_pem(cls, pem: bytes) -> Self:
        """Return the key in a PEM file's content.

        Raises:
            EvidenceError: it holds no public key that is fit.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            # A key's file is short; what follows is not read.
            return cls.of(load_pem_public_key(pem[:_LARGEST_PEM]))
        except (ValueError, UnsupportedAlgorithm) as error:
            raise EvidenceError(
                "This is no public key in PEM form.",
                remedy="It begins with -----BEGIN PUBLIC KEY-----; `o365 key show --pem` prints"
                " yours.",
            ) from error

    @cached_property
    def key_id(self) -> str:
        """64 hexadecimal digits."""
        return hashlib.sha256(self.der).hexdigest()

    @property
    def fingerprint(self) -> str:
        """The key id's first half for people to compare: `SHA256:1a2b 3c4d ...`."""
        return fingerprint_of(self.key_id)

    @property
    def pem(self) -> bytes:
        """The key as a PEM file."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        pem: bytes = self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return pem

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature over the message was made with this key's private half.

        One of ES256 must be `in_one_form`: the other would be another file with the same meaning.
        """
        from cryptography.exceptions import InvalidSignature

        try:
            if self.algorithm == "Ed25519":
                self._key.verify(signature, message)
            else:
                from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
                from cryptography.hazmat.primitives.hashes import SHA256

                self._key.verify(signature, message, ECDSA(SHA256()))
                return in_one_form(signature) == signature
        except InvalidSignature:
            return False
        return True


def in_one_form(signature: bytes) -> bytes:
    """Return a signature of ES256 in the one of its two forms that is taken: s in the lower half.

    Raises:
        ValueError: it is no such signature in DER.
    """
    from cryptography.hazmat.primitives.asymmetric.utils import (
        decode_dss_signature,
        encode_dss_signature,
    )

    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, min(s, _P256_ORDER - s))


def fingerprint_of(key_id: str) -> str:
    """Return the fingerprint of the key with this id, as `PublicKey.fingerprint` writes it."""
    shown = key_id[: 2 * _SHOWN_BYTES]
    return "SHA256:" + " ".join(shown[at : at + 4] for at in range(0, len(shown), 4))
