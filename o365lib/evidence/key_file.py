"""A signing key's file: the public part in clear, the private part as safe as its owner wants.

- The private part is the key's 32 bytes: as they are, encrypted with a passphrase, or kept by the
  system's keyring, of which the file then has only the entry's name.
- A private part that is not that of the public part is refused, and so is a file of another form:
  with what to do, and with nothing of its content.
- Who opens a key gets a signer; it shows no private part, and cannot be pickled or copied.

https://www.rfc-editor.org/rfc/rfc8032
"""

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Never

from pydantic import AfterValidator, AwareDatetime, Field

from o365lib import clock
from o365lib.errors import EvidenceError, SecretUnavailable
from o365lib.evidence.envelope import read_json
from o365lib.evidence.key_wrapping import KEY_BYTES, Bytes, Part, Wrapped, encoded, unwrap, wrap
from o365lib.evidence.public_keys import PublicKey
from o365lib.parameters import KeyringEntry, SecretSource
from o365lib.secret import Secret
from o365lib.secret_store import keep_in_keyring, read_secret

SCHEMA_VERSION: Final = 1
LONGEST_NAME = 100
WHAT = "your signing key"
KEYRING_SERVICE = "o365-runbooks signing key"

Protection = Literal["none", "passphrase", "keyring"]

_BACKUP = "Put back a copy from a backup, or make another key: o365 key new --lost."


def _name(text: str) -> str:
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_NAME:
        raise ValueError("no name")
    return text


class Plain(Part):
    """The private part as it is."""

    protection: Literal["none"] = "none"
    raw: Bytes = Field(min_length=KEY_BYTES, max_length=KEY_BYTES, repr=False)


class InKeyring(Part):
    """The private part is an entry of the system's keyring."""

    protection: Literal["keyring"] = "keyring"
    service: str = Field(min_length=1)
    user_name: str = Field(min_length=1)


class KeyFile(Part):
    """One key.

    Attributes:
        schema_version: of this form.
        name: whose key it is, for people.
        algorithm: what it signs with.
        public_key: PEM.
        created: when it was made.
        private_key: the private part.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    name: Annotated[str, AfterValidator(_name)]
    algorithm: Literal["Ed25519"] = "Ed25519"
    public_key: str
    created: AwareDatetime
    private_key: Annotated[Plain | Wrapped | InKeyring, Field(discriminator="protection")]

    @classmethod
    def from_json(cls, raw: bytes, *, where: str) -> "KeyFile":
        """Return the key in a file's content.

        Args:
            raw: the content.
            where: the file, for messages.

        Raises:
            EvidenceError: it is no such file, or one of a later version.
        """
        parts: Any = None
        try:
            parts = read_json(raw)
            file = cls.model_validate_json(raw)
            file.public()
        except (ValueError, RecursionError, EvidenceError):
            file = None
        # Outside the handler: a parser's error carries what it read.
        if file is not None:
            return file
        version = parts.get("schema_version") if isinstance(parts, dict) else None
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise EvidenceError(
                f"The signing key {where} was written by a later version of o365-runbooks.",
                remedy="Use that version here too, or name another folder of keys by O365_KEYS.",
            )
        raise EvidenceError(
            f"The file {where}, which should hold {WHAT}, is damaged or is something else.",
            remedy=_BACKUP,
        )

    def to_json(self) -> str:
        """Return the content of the key's file. It holds the private part."""
        return self.model_dump_json(indent=1) + "\n"

    def public(self) -> PublicKey:
        """Return the public part.

        Raises:
            EvidenceError: it is not of the stated algorithm.
        """
        key = PublicKey.from_pem(self.public_key.encode())
        if key.algorithm != self.algorithm:
            raise EvidenceError("The key is not of the stated algorithm.", remedy=_BACKUP)
        return key

    def signer(self, passphrase: Callable[[], Secret] | None) -> "KeySigner":
        """Return what signs with this key.

        Args:
            passphrase: asked if the key has one, and only then.

        Raises:
            EvidenceError: the private part cannot be had; it says why, and what to do.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        public = self.public()
        private = Ed25519PrivateKey.from_private_bytes(
            _raw_of(self.private_key, public, passphrase)
        )
        if PublicKey.of(private.public_key()) != public:
            raise EvidenceError(
                f"The private and the public part of the signing key {public.fingerprint} do not"
                " belong together.",
                remedy=_BACKUP,
            )
        return KeySigner(self.name, public, private)


class KeySigner:
    """Signs with a key that is in this process's memory. See `envelope.Signer`."""

    __slots__ = ("_private", "key", "name")

    def __init__(self, name: str, key: PublicKey, private: Any) -> None:
        self.name = name
        self.key = key
        self._private = private

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature over a message."""
        signature: bytes = self._private.sign(message)
        return signature

    def __repr__(self) -> str:
        """Whose key, and which."""
        return f"KeySigner({self.name!r}, {self.key.fingerprint!r})"

    def __reduce__(self) -> Never:
        """A key does not travel: no pickle, no copy, no other process."""
        raise TypeError("a signing key cannot be pickled or copied")


def new_key(
    name: str, *, passphrase: Secret | None = None, in_keyring: bool = False
) -> tuple[KeyFile, KeySigner]:
    """Make a key; return its file's content and its signer. Nothing is written but the keyring.

    Args:
        name: whose key it is, for people.
        passphrase: encrypts the private part.
        in_keyring: whether the system's keyring keeps the private part.

    Raises:
        EvidenceError: the name or passphrase is unfit, or the keyring does not keep it.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        _name(name)
    except ValueError:
        raise EvidenceError(
            f"{name[:LONGEST_NAME]!r} is no name for a key.",
            remedy=f"A person's name in one line, at most {LONGEST_NAME} characters.",
        ) from None
    private = Ed25519PrivateKey.generate()
    public = PublicKey.of(private.public_key())
    raw = private.private_bytes_raw()
    known = _known(raw)
    part: Plain | Wrapped | InKeyring
    if in_keyring:
        part = InKeyring(service=KEYRING_SERVICE, user_name=public.key_id)
        entry = KeyringEntry(service=part.service, user_name=part.user_name)
        try:
            keep_in_keyring(entry, known, what=WHAT)
        except SecretUnavailable as error:
            raise EvidenceError(error.message, remedy=error.remedy) from None
    elif passphrase is not None:
        part = wrap(raw, public, passphrase)
    else:
        part = Plain(raw=raw)
    file = KeyFile(name=name, public_key=public.pem.decode(), created=_now(), private_key=part)
    return file, KeySigner(name, public, private)


def _now() -> datetime:
    return clock.now().replace(microsecond=0)


def _known(raw: bytes) -> Secret:
    """The private part as a secret, so that it is masked, and found, wherever it may turn up."""
    return Secret(encoded(raw))


def _raw_of(
    part: Plain | Wrapped | InKeyring,
    public: PublicKey,
    passphrase: Callable[[], Secret] | None,
) -> bytes:
    if isinstance(part, Plain):
        raw = part.raw
        _known(raw)
        return raw
    if isinstance(part, InKeyring):
        return _from_keyring(part)
    if passphrase is None:
        raise EvidenceError(
            f"The signing key {public.fingerprint} has a passphrase, and nobody can be asked here.",
            remedy="Name a file that holds it, and that only you can read, by --passphrase-file or"
            " O365_PASSPHRASE_FILE.",
        )
    raw = unwrap(part, public, passphrase())
    _known(raw)
    return raw


def _from_keyring(part: InKeyring) -> bytes:
    entry = KeyringEntry(service=part.service, user_name=part.user_name)
    try:
        found = read_secret(SecretSource(keyring=entry), what=WHAT)
    except SecretUnavailable as error:
        raise EvidenceError(
            error.message,
            remedy="Sign in at the desktop where the keyring is, or make another key:"
            " o365 key new --lost.",
        ) from None
    try:
        raw = base64.b64decode(found.reveal(), validate=True)
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise EvidenceError(
            "The keyring's entry is not the signing key that was put there.", remedy=_BACKUP
        )
    return raw
