"""Which keys an archive's signatures are checked against.

- Keys are published in the archive, under their ids: a file of another key than its name says is
  not taken for one.
- A key that takes the place of another is endorsed by it: a signed statement about the file of the
  new key. Who trusts the first key thereby trusts those after it, and no other; an endorsement that
  is not signed by a trusted key, or says something else than its name, counts for nothing.
- Without any key that came from elsewhere, the archive's own keys prove that it agrees with itself,
  and not who signed it.
"""

import hashlib
import re
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence import envelope, layout, statement
from o365lib.evidence.envelope import Envelope, Signer
from o365lib.evidence.files import create_atomically, make_folder, make_root
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.statement import Statement, Subject

LARGEST_KEY_FILE = 64 * 1024

_NAME = re.compile(r"([0-9a-f]{64})\.(pem|json)")
_REMEDY = "Compare the file with a copy from a backup."


@dataclass(frozen=True)
class Endorsement:
    """What one key says of another; whether it did say so is not known here.

    Attributes:
        key_id: the key that is endorsed.
        by: the id of the key that endorses it.
        since: when.
        pem_sha256: of the file of the endorsed key, as it is published.
    """

    key_id: str
    by: str
    since: datetime
    pem_sha256: str


def pem_name(key_id: str) -> str:
    """Return the path of a public key in an archive, from its root."""
    return f"{layout.KEYS}/{key_id}.pem"


def endorsement_name(key_id: str) -> str:
    """Return the path of what an earlier key said of this one, from the archive's root."""
    return f"{layout.KEYS}/{key_id}.json"


def publish(root: Path, key: PublicKey) -> Path:
    """Put a public key into an archive, if it is not there yet; return its file.

    Raises:
        EvidenceError: it cannot be written, or there is something else in its place.
    """
    return _put(root / pem_name(key.key_id), key.pem)


def publish_endorsement(root: Path, key: PublicKey, said: bytes) -> Path:
    """Put what an earlier key said of this one into an archive; return the file.

    Raises:
        EvidenceError: it cannot be written, or there is something else in its place.
    """
    return _put(root / endorsement_name(key.key_id), said)


def endorse(root: Path, old_signer: Signer, new_public_key: PublicKey) -> Path:
    """Let one key vouch for another, and publish both with the endorsement; return its file.

    Raises:
        EvidenceError: it cannot be signed or written, or the new key was endorsed before.
    """
    said = endorsement(old_signer, new_public_key)
    publish(root, old_signer.key)
    publish(root, new_public_key)
    return publish_endorsement(root, new_public_key, said)


def endorsement(old_signer: Signer, new_public_key: PublicKey) -> bytes:
    """Return the signed statement by which one key vouches for another.

    Raises:
        EvidenceError: the old key cannot be used now.
    """
    sha256 = hashlib.sha256(new_public_key.pem).hexdigest()
    said = Statement(
        (Subject(pem_name(new_public_key.key_id), sha256),),
        statement.KEY_ENDORSEMENT,
        {
            "schema_version": statement.SCHEMA_VERSION,
            "endorsed_key_id": new_public_key.key_id,
            "since": clock.iso(clock.now()),
            "signer": statement.signer_of(old_signer),
        },
    )
    return envelope.sign(said.to_bytes(), old_signer).to_json()


def read_endorsement(raw: bytes) -> Endorsement:
    """Return what an endorsement's file says. Its signature is not checked.

    Raises:
        EvidenceError: it is none, or one of a later version.
    """
    said = Statement.from_bytes(Envelope.from_json(raw).payload)
    predicate = said.predicate
    version = predicate.get("schema_version")
    if said.predicate_type == statement.KEY_ENDORSEMENT and version != statement.SCHEMA_VERSION:
        raise EvidenceError(
            "An endorsement of a key was written by a later version of o365-runbooks.",
            remedy="Use that version here too.",
        )
    try:
        key_id, by = predicate["endorsed_key_id"], predicate["signer"]["key_id"]
        since = datetime.fromisoformat(predicate["since"])
        [subject] = said.subjects
        if (
            said.predicate_type != statement.KEY_ENDORSEMENT
            or subject.name != pem_name(key_id)
            or not isinstance(by, str)
            or since.tzinfo is None
        ):
            raise ValueError  # noqa: TRY301 -- one way out for all that it is not
    except (KeyError, TypeError, ValueError):
        raise EvidenceError("This is no endorsement of a key.", remedy=_REMEDY) from None
    return Endorsement(key_id, by, since, subject.sha256)


def trust(
    pems: Mapping[str, bytes], endorsements: Mapping[str, bytes], given: Sequence[PublicKey]
) -> dict[str, PublicKey]:
    """Return the keys to trust, by their ids.

    Args:
        pems: the published keys' files, by the key id in their name.
        endorsements: what earlier keys said, by the endorsed key's id in their name.
        given: keys that came from elsewhere; none trusts all that are published.
    """
    published = _readable(pems)
    if not given:
        return published
    waiting: dict[str, list[tuple[str, Envelope]]] = {}
    for key_id, raw in endorsements.items():
        try:
            said, signed = read_endorsement(raw), Envelope.from_json(raw)
        except EvidenceError:  # counts for nothing
            continue
        pem = pems.get(key_id, b"")
        if said.key_id == key_id and hashlib.sha256(pem).hexdigest() == said.pem_sha256:
            waiting.setdefault(said.by, []).append((key_id, signed))
    trusted = {key.key_id: key for key in given}
    reached = deque(trusted.values())
    while reached:
        endorser = reached.popleft()
        for key_id, signed in waiting.pop(endorser.key_id, ()):
            known = published.get(key_id)
            if known and envelope.verified_by(signed, {endorser.key_id: endorser}):
                trusted[key_id] = known
                reached.append(known)
    return trusted


def joined(
    key_ids: Collection[str],
    endorsements: Mapping[str, Collection[bytes]],
    published: Mapping[str, PublicKey],
) -> frozenset[str]:
    """Return the ids of all keys of the person whose keys these are.

    Who vouches for a key with another has both: endorsements join keys, whichever of the two came
    first, over any number of keys. One counts unless its signature is known to be false; that the
    key between two others was taken away does not make two persons of one.

    Args:
        key_ids: the person's, as far as they are known.
        endorsements: what keys said, by the endorsed key's id in the files' names.
        published: public keys by their ids.
    """
    beside: dict[str, set[str]] = {}
    for key_id, files in endorsements.items():
        for raw in files:
            try:
                said, signed = read_endorsement(raw), Envelope.from_json(raw)
            except EvidenceError:  # counts for nothing
                continue
            by = published.get(said.by)
            is_false = by is not None and envelope.verified_by(signed, {said.by: by}) is None
            if said.key_id == key_id and not is_false:
                beside.setdefault(said.by, set()).add(key_id)
                beside.setdefault(key_id, set()).add(said.by)
    found = set(key_ids)
    waiting = list(found)
    while waiting:
        new = beside.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return frozenset(found)


def trusted_keys(root: Path, given: Sequence[PublicKey] = ()) -> dict[str, PublicKey]:
    """Return the keys to trust in an archive's folder, by their ids. See `trust`.

    Raises:
        EvidenceError: the archive's keys cannot be read.
    """
    return trust(*published_files(root), given)


def published_files(root: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Return an archive's files of public keys and of endorsements, by the ids in their names.

    Raises:
        EvidenceError: they cannot be read.
    """
    pems: dict[str, bytes] = {}
    endorsements: dict[str, bytes] = {}
    folder = root / layout.KEYS
    try:
        for file in sorted(folder.iterdir()) if folder.is_dir() else ():
            match = _NAME.fullmatch(file.name)
            if match and file.is_file() and not file.is_symlink():
                with file.open("rb") as stream:
                    content = stream.read(LARGEST_KEY_FILE)
                (pems if match[2] == "pem" else endorsements)[match[1]] = content
    except OSError as error:
        raise EvidenceError(
            f"The archive's keys in {folder} cannot be read ({error.strerror}).",
            remedy="Give yourself the right to read there.",
        ) from error
    return pems, endorsements


def _readable(pems: Mapping[str, bytes]) -> dict[str, PublicKey]:
    found = {}
    for key_id, pem in pems.items():
        try:
            key = PublicKey.from_pem(pem)
        except EvidenceError:
            continue
        if key.key_id == key_id:
            found[key_id] = key
    return found


def _put(file: Path, content: bytes) -> Path:
    try:
        if not file.exists():
            try:
                make_root(file.parent.parent)
                make_folder(file.parent)
                create_atomically(file, content)
            except FileExistsError:  # another process was quicker
                pass
            else:
                return file
        there = file.read_bytes()
    except OSError as error:
        raise EvidenceError(
            f"A key cannot be published in the archive: {file} ({error.strerror}).",
            remedy="Make room or give yourself the right to write there.",
        ) from error
    if there != content:
        raise EvidenceError(
            f"{file} is in the archive already, and says something else.",
            remedy="Nothing was written over. " + _REMEDY,
        )
    return file
