"""Reads the secrets that client files refer to: from the environment, a file or the keyring.

- A file counts only if nobody but its owner, the operator, can open it.
- No message has a secret in it, nor any part of a file that should hold one.
- Nothing is kept: each call reads again, and what it returns is a `Secret`.
"""

import hashlib
import os
import re
import shlex
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from o365lib import clock
from o365lib.errors import SecretUnavailable
from o365lib.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.x509 import Certificate as X509Certificate

    from o365lib.parameters import KeyringEntry, SecretSource

_MAX_BYTES = 64 * 1024
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
# Windows would otherwise translate line ends.
_BINARY = getattr(os, "O_BINARY", 0)
_PEM_BEGIN = b"-----BEGIN "
_PEM_KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----", re.DOTALL)


@dataclass(frozen=True)
class Certificate:
    """A certificate with its private key, as the sign-in wants it.

    Attributes:
        private_key: PKCS #8 as PEM, without passphrase.
        public_certificate: PEM.
        thumbprint_sha1: hexadecimal, capital letters: what the Entra portal shows.
        thumbprint_sha256: hexadecimal, capital letters.
        not_valid_after: aware, UTC.
    """

    private_key: Secret
    public_certificate: str
    thumbprint_sha1: str
    thumbprint_sha256: str
    not_valid_after: datetime


def read_secret(source: "SecretSource", *, what: str) -> Secret:
    """Return the secret that a client file refers to.

    Args:
        source: where it is.
        what: what it is, for messages: "the client secret of alpine-books".

    Raises:
        SecretUnavailable: it is not there, is empty, or others could read it. Nothing was sent.
    """
    if source.environment is not None:
        return _from_environment(source.environment, what)
    if source.file is not None:
        return _from_file(source.file, what)
    assert source.keyring is not None  # the model has exactly one of the three
    return _from_keyring(source.keyring, what)


def read_certificate(path: Path, passphrase: Secret | None = None) -> Certificate:
    """Return the certificate and private key of a PEM or PFX file.

    Args:
        path: a PEM file with both, or a PFX (PKCS #12) file.
        passphrase: for an encrypted key.

    Raises:
        SecretUnavailable: the file is missing or others could read it, holds no matching key and
            certificate, wants another passphrase, or the certificate is not valid now.
    """
    # Late: cryptography takes a tenth of a second, and most clients do without.
    from cryptography.hazmat.primitives import serialization

    raw = read_private_file(path, what="the certificate")
    key, certificate = _parse(raw, passphrase, path)
    _check_validity(certificate, path)
    der = certificate.public_bytes(serialization.Encoding.DER)
    private_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Certificate(
        private_key=Secret(private_pem.decode()),
        public_certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        # Not for security: Entra names certificates by their SHA-1.
        thumbprint_sha1=hashlib.sha1(der, usedforsecurity=False).hexdigest().upper(),
        thumbprint_sha256=hashlib.sha256(der).hexdigest().upper(),
        not_valid_after=certificate.not_valid_after_utc,
    )


def read_private_file(path: Path, *, what: str) -> bytes:
    """Return the bytes of a file that is the operator's alone.

    The checks are made on the opened file, so that nobody can swap it in between.

    Args:
        path: the file; a link counts as what it leads to.
        what: what it should hold, for messages.

    Raises:
        SecretUnavailable: it is not there, is no file, is larger than 64 KiB, or others could read
            it.
    """
    subject = f"The file {path}, which should hold {what},"
    try:
        # Without waiting for a pipe's other end, should it be one.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    except OSError as error:
        raise SecretUnavailable(
            f"{subject} cannot be opened ({error.strerror}).",
            remedy="Put it there, or correct the path in the client file.",
        ) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise SecretUnavailable(
                f"{subject} is not a regular file.", remedy="Put the secret into a file of its own."
            )
        _check_owner(status, path, subject)
        # One call reads a regular file up to its end.
        raw = os.read(descriptor, _MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(raw) > _MAX_BYTES:
        raise SecretUnavailable(
            f"{subject} is larger than {_MAX_BYTES // 1024} KiB.",
            remedy="Correct the path in the client file.",
        )
    return raw


def keep_in_keyring(entry: "KeyringEntry", value: Secret, *, what: str) -> None:
    """Put a secret into the system's keyring, in place of what the entry had.

    Args:
        entry: where to put it.
        value: one line of text.
        what: what it is, for messages.

    Raises:
        SecretUnavailable: there is no keyring, or it does not give the secret back.
    """
    # Late: it looks for backends when it is imported.
    import keyring
    from keyring.errors import KeyringError, NoKeyringError

    try:
        keyring.set_password(entry.service, entry.user_name, value.reveal())
        kept = keyring.get_password(entry.service, entry.user_name)
    except NoKeyringError:
        raise SecretUnavailable(
            f"This system has no keyring, and {what} should go into it.",
            remedy="Keep it in a file with a passphrase instead.",
        ) from None
    except KeyringError as error:
        raise SecretUnavailable(
            f"The keyring could not be written ({type(error).__name__}), and {what} should go into"
            " it.",
            remedy="Unlock the keyring and try again.",
        ) from None
    if kept is None or Secret(kept) != value:
        raise SecretUnavailable(
            f"The keyring did not keep {what}.",
            remedy="Keep it in a file with a passphrase instead.",
        )


def _from_environment(name: str, what: str) -> Secret:
    value = os.environ.get(name)
    if value is None:
        raise SecretUnavailable(
            f"The environment variable {name}, which should hold {what}, is not set.",
            remedy="Set it in the terminal from which you start, and start again from there.",
        )
    return _checked(value, f"The environment variable {name}, which should hold {what},")


def _from_file(path: Path, what: str) -> Secret:
    raw = read_private_file(path, what=what)
    subject = f"The file {path}, which should hold {what},"
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = None
    if text is None:  # outside the handler: the decoder's error carries the bytes
        raise SecretUnavailable(f"{subject} is not UTF-8 text.", remedy="Write it again as UTF-8.")
    return _checked(text, subject)


def _from_keyring(entry: "KeyringEntry", what: str) -> Secret:
    # Late: it looks for backends when it is imported, and most clients do without.
    import keyring
    from keyring.errors import KeyringError, NoKeyringError

    try:
        value = keyring.get_password(entry.service, entry.user_name)
    except NoKeyringError:
        raise SecretUnavailable(
            f"This system has no keyring, and {what} should be in it.",
            remedy="Use `environment` or `file` in the client file instead.",
        ) from None
    except KeyringError as error:
        raise SecretUnavailable(
            f"The keyring could not be read ({type(error).__name__}), and {what} should be in it.",
            remedy="Unlock the keyring and try again.",
        ) from None
    subject = f"The keyring's entry {entry.service!r} for {entry.user_name!r}"
    if value is None:
        raise SecretUnavailable(
            f"{subject}, which should hold {what}, is not there; this makes it: "
            f"keyring set {shlex.join([entry.service, entry.user_name])}",
            remedy="Make the entry, as said above.",
        )
    return _checked(value, f"{subject}, which should hold {what},")


def _checked(text: str, subject: str) -> Secret:
    value = text.removesuffix("\n").removesuffix("\r")
    if not value.isprintable() and "\n" not in value and "\r" not in value:
        # Also what the environment could not decode; no service issues such a secret.
        raise SecretUnavailable(
            f"{subject} has a character that cannot be printed.",
            remedy="Put the secret there anew.",
        )
    if not value.strip():
        raise SecretUnavailable(f"{subject} is empty.", remedy="Put the secret there.")
    if "\n" in value or "\r" in value:
        raise SecretUnavailable(
            f"{subject} has more than one line.", remedy="Leave only the secret, in one line."
        )
    return Secret(value)


def _check_owner(status: os.stat_result, path: Path, subject: str) -> None:
    # Windows has neither; there a file in the user's profile is the user's by inheritance.
    if not hasattr(os, "getuid"):
        return
    quoted = shlex.quote(str(path))
    if status.st_uid != os.getuid():
        raise SecretUnavailable(
            f"{subject} belongs to another user; this closes a copy of your own to others: "
            f"chmod 600 {quoted}",
            remedy="Make a copy of your own, and close it to others, as said above.",
        )
    if status.st_mode & _OTHERS:
        raise SecretUnavailable(
            f"{subject} can be opened by other users of this machine; this closes it to them: "
            f"chmod 600 {quoted}",
            remedy="Close it to others, as said above.",
        )


def _parse(
    raw: bytes, passphrase: Secret | None, path: Path
) -> tuple["RSAPrivateKey", "X509Certificate"]:
    """The key, and of the certificates the one that belongs to it."""
    from cryptography.hazmat.primitives.asymmetric.rsa import (
        RSAPrivateKey,
    )

    word = passphrase.reveal().encode() if passphrase else None
    try:
        key, certificates = (_parse_pem if _PEM_BEGIN in raw else _parse_pfx)(raw, word)
    except (ValueError, TypeError):
        state = "was not opened by the passphrase" if passphrase else "may want a passphrase"
        raise SecretUnavailable(
            f"{path} cannot be read as PEM or PFX; its private key {state}.",
            remedy="Check the file, and `passphrase` in the client file.",
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise SecretUnavailable(
            f"{path} holds no RSA private key.",
            remedy="Put an RSA key and its certificate into it; Entra takes no other kind.",
        )
    public_numbers = key.public_key().public_numbers()
    for certificate in certificates:
        public_key: Any = certificate.public_key()
        if getattr(public_key, "public_numbers", lambda: None)() == public_numbers:
            return key, certificate
    raise SecretUnavailable(
        f"{path} holds no certificate that belongs to its private key.",
        remedy="Put the certificate and its own private key into one file.",
    )


def _parse_pem(raw: bytes, word: bytes | None) -> tuple[Any, list["X509Certificate"]]:
    from cryptography.hazmat.primitives import serialization
    from cryptography.x509 import load_pem_x509_certificates

    found = _PEM_KEY.search(raw)
    if not found:
        return None, []
    encrypted = b"ENCRYPTED" in found[0]
    # A passphrase for a key that needs none is no fault of the key.
    key = serialization.load_pem_private_key(found[0], word if encrypted else None)
    return key, load_pem_x509_certificates(raw) if b"-----BEGIN CERTIFICATE" in raw else []


def _parse_pfx(raw: bytes, word: bytes | None) -> tuple[Any, list["X509Certificate"]]:
    from cryptography.hazmat.primitives.serialization import pkcs12

    key, certificate, others = pkcs12.load_key_and_certificates(raw, word)
    return key, [*([certificate] if certificate else []), *others]


def _check_validity(certificate: "X509Certificate", path: Path) -> None:
    now = clock.now()
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if ends <= now:
        raise SecretUnavailable(
            f"The certificate in {path} was valid until {ends:%Y-%m-%d}.",
            remedy="Make a new one, add it to the application in Entra, and put it there.",
        )
    if begins > now:
        raise SecretUnavailable(
            f"The certificate in {path} is valid only from {begins:%Y-%m-%d} on.",
            remedy="Check this machine's date, or use another certificate.",
        )
