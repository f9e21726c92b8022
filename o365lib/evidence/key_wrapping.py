"""A private key encrypted with a passphrase.

- The passphrase becomes a key by Argon2id, at the strength that RFC 9106 recommends where memory is
  no matter of gibibytes: 64 MiB, three passes, four lanes. That key encrypts with AES-256-GCM.
- The public key is the additional data, so that no other private part fits beside it.
- The parameters stand beside, in ranges: no file that somebody else wrote takes all memory or time.

https://www.rfc-editor.org/rfc/rfc9106#section-4
"""

import base64
import secrets
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer

from o365lib.errors import EvidenceError
from o365lib.evidence.public_keys import PublicKey
from o365lib.secret import Secret

SHORTEST_PASSPHRASE = 12
KEY_BYTES = 32

_SALT_BYTES, _NONCE_BYTES, _TAG_BYTES = 16, 12, 16
_MEMORY_KIB, _ITERATIONS, _LANES = 64 * 1024, 3, 4


def _decoded(value: Any) -> Any:
    return base64.b64decode(value, validate=True) if isinstance(value, str) else value


def encoded(value: bytes) -> str:
    """Return bytes in base64."""
    return base64.b64encode(value).decode()


Bytes = Annotated[bytes, BeforeValidator(_decoded), PlainSerializer(encoded)]


class Part(BaseModel):
    """A part of a key's file; what it is not made of is refused, and never shown."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Wrapped(Part):
    """The private part, encrypted with a passphrase."""

    protection: Literal["passphrase"] = "passphrase"
    kdf: Literal["Argon2id"] = "Argon2id"
    memory_kib: int = Field(_MEMORY_KIB, ge=8 * 1024, le=1024 * 1024)
    iterations: int = Field(_ITERATIONS, ge=1, le=20)
    lanes: int = Field(_LANES, ge=1, le=16)
    salt: Bytes = Field(min_length=_SALT_BYTES, max_length=64)
    cipher: Literal["AES-256-GCM"] = "AES-256-GCM"
    nonce: Bytes = Field(min_length=_NONCE_BYTES, max_length=_NONCE_BYTES)
    ciphertext: Bytes = Field(min_length=KEY_BYTES + _TAG_BYTES, max_length=KEY_BYTES + _TAG_BYTES)


def wrap(raw: bytes, public: PublicKey, passphrase: Secret) -> Wrapped:
    """Return the private part `raw` of a key, encrypted.

    Raises:
        EvidenceError: the passphrase is too short, or this system lacks Argon2id.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    if len(passphrase.reveal()) < SHORTEST_PASSPHRASE:
        raise EvidenceError(
            "The passphrase is too short.",
            remedy=f"Take {SHORTEST_PASSPHRASE} characters or more: a few words will do.",
        )
    salt, nonce = secrets.token_bytes(_SALT_BYTES), secrets.token_bytes(_NONCE_BYTES)
    wrapping = AESGCM(_wrapping_key(passphrase, salt=salt))
    return Wrapped(salt=salt, nonce=nonce, ciphertext=wrapping.encrypt(nonce, raw, public.der))


def unwrap(part: Wrapped, public: PublicKey, passphrase: Secret) -> bytes:
    """Return the private part of a key.

    Raises:
        EvidenceError: the passphrase or the file is not the one it was made with, or this system
            lacks Argon2id.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = _wrapping_key(
        passphrase,
        salt=part.salt,
        memory_kib=part.memory_kib,
        iterations=part.iterations,
        lanes=part.lanes,
    )
    try:
        raw: bytes = AESGCM(key).decrypt(part.nonce, part.ciphertext, public.der)
    except InvalidTag:
        raise EvidenceError(
            f"The passphrase does not open the signing key {public.fingerprint}, or the key's file"
            " was altered.",
            remedy="Try again. Whoever has forgotten it makes another key: o365 key new --lost.",
        ) from None
    return raw


def _wrapping_key(
    passphrase: Secret,
    *,
    salt: bytes,
    memory_kib: int = _MEMORY_KIB,
    iterations: int = _ITERATIONS,
    lanes: int = _LANES,
) -> bytes:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    # Systems differ in how they compose an umlaut that was typed.
    word = unicodedata.normalize("NFC", passphrase.reveal()).encode()
    try:
        derivation = Argon2id(
            salt=salt,
            length=KEY_BYTES,
            iterations=iterations,
            lanes=lanes,
            memory_cost=memory_kib,
        )
        key: bytes = derivation.derive(word)
    except (UnsupportedAlgorithm, MemoryError):
        raise EvidenceError(
            "This system cannot compute Argon2id, by which passphrases protect signing keys.",
            remedy="Install the package cryptography from PyPI (it brings OpenSSL 3.2 or later),"
            " and free 64 MiB of memory; or use a key without passphrase.",
        ) from None
    return key
