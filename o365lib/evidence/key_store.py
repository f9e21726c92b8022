"""The person's signing key: a folder of her own, outside of any project and archive.

    signing.json               the key that signs now
    old-<key id>.json          keys that it took the place of
    endorsement-<key id>.json  what the key before said of this one, signed
    damaged-<instant>.json     what could not be read when another key took its place

- The key is made at first use; of two processes that make it at once, both end with the same one.
- Nothing is signed with a key that others can read, or whose folder others can write to (Windows
  apart, where a folder in the user's profile is the user's by inheritance).
- Nothing is thrown away: after a crash at any moment the folder has the earlier key in use or the
  later one, and the earlier one beside.
- No message has any part of a file in it.
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from o365lib import clock
from o365lib.errors import EvidenceError, SecretUnavailable
from o365lib.evidence import trust
from o365lib.evidence.envelope import Signer
from o365lib.evidence.files import create_atomically, write_atomically
from o365lib.evidence.key_file import LONGEST_NAME, WHAT, KeyFile, Protection, new_key
from o365lib.evidence.key_folder import KeyFolder
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.record import Operator
from o365lib.parameters import SecretSource
from o365lib.secret import Secret
from o365lib.secret_store import read_private_file, read_secret

KEY_FILE = "signing.json"

_BESIDE = re.compile(r"(old|endorsement)-([0-9a-f]{64})\.json")


@dataclass(frozen=True)
class KeyDescription:
    """What can be told of a key without its passphrase.

    Attributes:
        name: whose it is, for people.
        key: the public part.
        created: when it was made.
        protection: what keeps the private part: nothing but the file's mode, a passphrase, or the
            system's keyring.
        file: where it is.
    """

    name: str
    key: PublicKey
    created: datetime
    protection: Protection
    file: Path


class KeyStore:
    """The folder of one person's signing keys.

    Args:
        folder: it need not exist.

    Attributes:
        has_made: whether `signer` has made the key, which the person should be told.
    """

    def __init__(self, folder: Path) -> None:
        self.has_made = False
        self.folder = folder
        self.file = folder / KEY_FILE
        self._place = KeyFolder(folder)

    def signer(self, passphrase: Callable[[], Secret] | None = None) -> Signer:
        """Return what signs with the person's key; make the key if there is none.

        Args:
            passphrase: asked if the key has one, and only then.

        Raises:
            EvidenceError: the key cannot be had; it says why, and what to do. No key was replaced.
        """
        file = self._read()
        if file is None:
            with self._place.lock():
                file = self._read()  # another process may have been quicker
                if file is None:
                    file, signer = new_key(default_name())
                    self._put(file)
                    self.has_made = True
                    return signer
        return file.signer(passphrase)

    def describe(self) -> KeyDescription | None:
        """Return what can be told of the key without its passphrase; None where there is no key.

        Raises:
            EvidenceError: the file is damaged, or others could read it.
        """
        file = self._read()
        if file is None:
            return None
        return KeyDescription(
            name=file.name,
            key=file.public(),
            created=file.created,
            protection=file.private_key.protection,
            file=self.file,
        )

    def public_key(self) -> PublicKey | None:
        """Return the public part of the key; None where there is no key.

        Raises:
            EvidenceError: the file is damaged, or others could read it.
        """
        file = self._read()
        return file.public() if file else None

    def own_keys(self) -> list[PublicKey]:
        """Return the public parts of the key and of those that it took the place of, as kept here.

        Unlike `persons_key_ids` it asks nothing outside of this folder, which is the person's
        alone: what these keys signed may be trusted as her own. Without a key there are none.

        Raises:
            EvidenceError: the key's file is damaged, or others could read it.
        """
        key = self.public_key()
        return [key, *_old_keys(self.folder)] if key else []

    def persons_key_ids(self, root: Path) -> frozenset[str]:
        """Return the ids of all keys that are known to be this person's.

        Those in the folder, in use or before, and all that endorsements join with them, here or in
        an archive.

        Args:
            root: the archive's folder.

        Raises:
            EvidenceError: the archive's keys or those in the folder cannot be read.
        """
        pems, published = trust.published_files(root)
        said = {key_id: [raw] for key_id, raw in published.items()}
        key = self.public_key()
        own = {key.key_id} if key else set()
        for file in sorted(self.folder.glob("*-*.json")):
            match = _BESIDE.fullmatch(file.name)
            if match is None:
                continue
            own.add(match[2])
            if match[1] == "endorsement":
                with self._place.told():
                    said.setdefault(match[2], []).append(file.read_bytes())
        return trust.joined(own, said, trust.trust(pems, published, ()))

    @property
    def name(self) -> str:
        """Whose key it is, or whose it will be.

        Raises:
            EvidenceError: the file is damaged, or others could read it.
        """
        file = self._read()
        return file.name if file else default_name()

    def new(
        self,
        *,
        name: str | None = None,
        passphrase: Secret | None = None,
        in_keyring: bool = False,
        endorser: Signer | None = None,
    ) -> Signer:
        """Make a key that signs from now on; the one before is kept beside.

        Args:
            name: whose key it is; without it that of the key before, or of the person.
            passphrase: encrypts the private part.
            in_keyring: whether the system's keyring keeps the private part.
            endorser: the key before, which then vouches for the new one. Without it, whoever trusts
                the key before has no reason to trust the new one; a damaged or forgotten key leaves
                no other way.

        Raises:
            EvidenceError: it could not be made, or the endorser is not the key before. The key
                before is in use as it was.
        """
        with self._place.lock():
            before, raw = self._before(is_lost=endorser is None)
            if endorser is not None and (before is None or endorser.key != before.public()):
                raise EvidenceError(
                    "The signing key has been replaced meanwhile.",
                    remedy="`o365 key show` tells which it is now; try again.",
                )
            name = name or (before.name if before else default_name())
            file, signer = new_key(name, passphrase=passphrase, in_keyring=in_keyring)
            with self._place.told():
                if raw is not None:
                    # There already, after a crash that came before the new key was in place.
                    with contextlib.suppress(FileExistsError):
                        create_atomically(self._aside(before), raw)
                if endorser is not None:
                    said = trust.endorsement(endorser, signer.key)
                    create_atomically(self._endorsement(signer.key.key_id), said)
            self._put(file)
        return signer

    def publish(self, root: Path) -> None:
        """Put the public part of the key into an archive, and what earlier keys said of it.

        Args:
            root: the archive's folder.

        Raises:
            EvidenceError: there is no key, it cannot be read, or the archive cannot be written, or
                has something else in its place.
        """
        file = self._read()
        if file is None:
            raise EvidenceError(
                f"There is no signing key in {self.folder}.", remedy="Make one: o365 key new."
            )
        key = file.public()
        trust.publish(root, key)
        while (said := self._said_of(key)) is not None:
            trust.publish_endorsement(root, key, said)
            before = self._endorser_of(said)
            if before is None:
                return
            key = before
            trust.publish(root, key)

    def endorsements(self) -> list[str]:
        """Return what `publish` puts into an archive beside keys, as paths from its root.

        Raises:
            EvidenceError: the key cannot be read.
        """
        file = self._read()
        key = file.public() if file else None
        names = []
        while key is not None and (said := self._said_of(key)) is not None:
            names.append(trust.endorsement_name(key.key_id))
            key = self._endorser_of(said)
        return names

    def _before(self, *, is_lost: bool) -> tuple[KeyFile | None, bytes | None]:
        """The key before, and its file's content, which a damaged key has too."""
        raw = self._raw()
        if raw is None:
            return None, None
        try:
            return KeyFile.from_json(raw, where=str(self.file)), raw
        except EvidenceError:
            if not is_lost:
                raise
            return None, raw

    def _aside(self, before: KeyFile | None) -> Path:
        if before is None:
            return self.folder / f"damaged-{clock.now():%Y%m%dT%H%M%S%f}Z.json"
        return self.folder / f"old-{before.public().key_id}.json"

    def _endorsement(self, key_id: str) -> Path:
        return self.folder / f"endorsement-{key_id}.json"

    def _said_of(self, key: PublicKey) -> bytes | None:
        try:
            return self._endorsement(key.key_id).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._place.refused(error) from None

    def _endorser_of(self, said: bytes) -> PublicKey | None:
        """The key before, as far as its file is still there."""
        file = self.folder / f"old-{trust.read_endorsement(said).by}.json"
        try:
            return KeyFile.from_json(file.read_bytes(), where=str(file)).public()
        except (OSError, EvidenceError):
            return None

    def _read(self) -> KeyFile | None:
        raw = self._raw()
        return None if raw is None else KeyFile.from_json(raw, where=str(self.file))

    def _raw(self) -> bytes | None:
        """The content of the key's file; None where there is none."""
        if not os.path.lexists(self.file):
            return None
        self._place.check()
        try:
            return read_private_file(self.file, what=WHAT)
        except SecretUnavailable as error:
            raise EvidenceError(
                error.message,
                state="Nothing was signed.",
                remedy="Put that right, or name another folder of keys by O365_KEYS.",
            ) from None

    def _put(self, file: KeyFile) -> None:
        with self._place.told():
            write_atomically(self.file, file.to_json())


def default_name() -> str:
    """Return what a key is called if nobody says so: the user and the machine."""
    here = Operator.here()
    name = "".join(each for each in f"{here.user_name}@{here.host_name}" if each.isprintable())
    return name[:LONGEST_NAME]


def passphrase_in(file: Path) -> Callable[[], Secret]:
    """Return what reads the passphrase in a file, when it is asked.

    It raises an EvidenceError where the file is missing, is not one line, or others can read it.
    """

    def read() -> Secret:
        try:
            return read_secret(SecretSource(file=file.absolute()), what="your key's passphrase")
        except SecretUnavailable as error:
            raise EvidenceError(
                error.message,
                state="Nothing was signed.",
                remedy="Put that right, or name another file.",
            ) from None

    return read


def passphrase_here(environment: Mapping[str, str] = os.environ) -> Callable[[], Secret] | None:
    """Return what reads the passphrase in the file that `O365_PASSPHRASE_FILE` names, if any."""
    named = environment.get("O365_PASSPHRASE_FILE")
    return passphrase_in(Path(named)) if named else None


def _old_keys(folder: Path) -> Iterator[PublicKey]:
    for file in sorted(folder.glob("old-*.json")):
        match = _BESIDE.fullmatch(file.name)
        with contextlib.suppress(OSError, EvidenceError):
            old = KeyFile.from_json(file.read_bytes(), where=str(file)).public()
            if match and old.key_id == match[2]:
                yield old
