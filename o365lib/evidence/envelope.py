"""DSSE envelopes: a payload, its type, and signatures over both.

What is signed is the pre-authentication encoding, so that a payload cannot be taken for one of
another type. Reading is strict: what has two readings, or is not exactly of this form, is no
envelope.

https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from o365lib.errors import EvidenceError
from o365lib.evidence.public_keys import PublicKey, in_one_form

PAYLOAD_TYPE = "application/vnd.in-toto+json"

_PARTS = {"payloadType", "payload", "signatures"}


class Signer(Protocol):
    """Whoever signs: a key in a file, in the system's keyring, or in a vault."""

    @property
    def name(self) -> str:
        """Whose key it is, for people."""

    @property
    def key(self) -> PublicKey:
        """The public half."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message.

        Raises:
            EvidenceError: the key cannot be used now; nothing was signed.
        """


@dataclass(frozen=True)
class Signature:
    """One signature and the id of the key that made it."""

    key_id: str
    signature: bytes


@dataclass(frozen=True)
class Envelope:
    """A signed payload.

    Attributes:
        payload: the exact bytes that were signed.
        payload_type: what they are.
        signatures: at least one.
    """

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]

    def to_json(self) -> bytes:
        """Return the envelope as a file's content."""
        return (
            json.dumps(
                {
                    "payloadType": self.payload_type,
                    "payload": base64.b64encode(self.payload).decode(),
                    "signatures": [
                        {"keyid": each.key_id, "sig": base64.b64encode(each.signature).decode()}
                        for each in self.signatures
                    ],
                },
                indent=1,
            ).encode()
            + b"\n"
        )

    @classmethod
    def from_json(cls, raw: bytes) -> "Envelope":
        """Return the envelope in a file's content.

        Raises:
            EvidenceError: it is none.
        """
        try:
            return _envelope(read_json(raw))
        except (ValueError, TypeError, RecursionError) as error:
            raise EvidenceError(
                f"This is no signed envelope ({type(error).__name__}: {str(error)[:80]}).",
                remedy="Compare the file with a copy from a backup.",
            ) from error


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """Return what is signed: type and payload, each led by its length in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(payload: bytes, signer: Signer) -> Envelope:
    """Return the payload, an in-toto statement, signed.

    Raises:
        EvidenceError: the key cannot be used now; nothing was signed.
    """
    signature = signer.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload))
    if signer.key.algorithm == "ES256":
        signature = in_one_form(signature)
    return Envelope(payload, PAYLOAD_TYPE, (Signature(signer.key.key_id, signature),))


def verified_by(envelope: Envelope, keys: Mapping[str, PublicKey]) -> PublicKey | None:
    """Return the first of these keys, given by their ids, by which the envelope is signed."""
    message = pre_authentication_encoding(envelope.payload_type, envelope.payload)
    for each in envelope.signatures:
        key = keys.get(each.key_id)
        if key is not None and key.verify(message, each.signature):
            return key
    return None


def read_json(raw: bytes) -> Any:
    """Return JSON that has one reading: UTF-8, no name twice in an object, no `NaN`.

    Raises:
        ValueError: it is not such JSON.
    """
    return json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in an object")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _envelope(parts: Any) -> Envelope:
    if not isinstance(parts, dict) or parts.keys() != _PARTS:
        raise ValueError("other parts than an envelope has")
    if not (isinstance(parts["signatures"], list) and parts["signatures"]):
        raise ValueError("no signature")
    return Envelope(
        payload=_from_base64(parts["payload"]),
        payload_type=_text(parts["payloadType"]),
        signatures=tuple(_signature(each) for each in parts["signatures"]),
    )


def _signature(part: Any) -> Signature:
    if not isinstance(part, dict) or part.keys() != {"keyid", "sig"}:
        raise ValueError("a signature has other parts than keyid and sig")
    return Signature(_text(part["keyid"]), _from_base64(part["sig"]))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value


def _from_base64(value: Any) -> bytes:
    text = _text(value)
    try:
        raw = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    # Other spellings of the same bytes would be another file with the same meaning.
    if base64.b64encode(raw).decode() != text:
        raise ValueError("not the one spelling in base64")
    return raw
