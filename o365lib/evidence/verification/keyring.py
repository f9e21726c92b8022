"""Which keys a verification believes: those given, those that they vouch for, or the archive's own.

Without a given key an archive is only tested against itself: whoever could write all of it could
have made its keys too. The report says which it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from o365lib.errors import EvidenceError
from o365lib.evidence import layout, trust
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.stores import Store
from o365lib.evidence.verification.book import Book
from o365lib.evidence.verification.findings import Findings, Kind, some
from o365lib.evidence.verification.inventory import Place, What, place_of
from o365lib.evidence.verification.reading import Found, read
from o365lib.evidence.verification.signed_file import Trust


@dataclass(frozen=True)
class Keyring:
    """The keys of one verification.

    Attributes:
        keys: those that are trusted, by their ids.
        given: the ids of those that came from outside the archive.
    """

    keys: Mapping[str, PublicKey]
    given: frozenset[str]

    def trust_in(self, key_id: str) -> Trust:
        """Return why a trusted key is trusted."""
        if key_id in self.given:
            return "given"
        return "endorsed" if self.given else "archive"


def keyring_of(store: Store, given: Iterable[PublicKey]) -> Keyring:
    """Return the keys to trust; what is wrong with a key's file is told when that is looked at.

    Args:
        store: the archive.
        given: keys from outside; none to trust those that the archive holds.

    Raises:
        EvidenceError: the archive's keys cannot be listed.
    """
    given = tuple(given)
    files: dict[What, dict[str, bytes]] = {What.KEY: {}, What.ENDORSEMENT: {}}
    for entry in store.entries(f"{layout.KEYS}/"):
        place = place_of(entry.name)
        if place is None or place.what not in files or entry.is_link or entry.is_special:
            continue
        try:
            found = read(store, entry.name, keep=trust.LARGEST_KEY_FILE)
        except EvidenceError:
            continue
        if found and found.content is not None:
            files[place.what][place.item] = found.content
    keys = trust.trust(files[What.KEY], files[What.ENDORSEMENT], given)
    return Keyring(keys, frozenset(key.key_id for key in given))


def _key_in(found: Found) -> PublicKey | None:
    try:
        return PublicKey.from_pem(found.content) if found.content else None
    except EvidenceError:
        return None


def check_key_file(found: Found, place: Place, findings: Findings, *, file: str) -> None:
    """Tell what is wrong with a public key's file in the archive."""
    key = _key_in(found)
    if key is None:
        findings.add(Kind.EDITED, "It holds no public key.", file=file)
    elif key.key_id != place.item:
        findings.add(Kind.SWAPPED, "It holds another key than its name says.", file=file)
    elif key.pem != found.content:
        findings.add(Kind.EDITED, "It was written again, with the same key in it.", file=file)


def compare(book: Book, signed: Iterable[str], findings: Findings) -> None:
    """Whoever has the archive alone must be able to verify it, and others' keys are told of.

    Args:
        book: what was found.
        signed: the ids of the keys that signed what is sound.
        findings: where problems and notes go.
    """
    published = {name for name, _, _ in book.names(What.KEY)}
    for key_id in signed:
        name = trust.pem_name(key_id)
        if name not in published:
            findings.add(Kind.MISSING, "The key that signed files here.", file=name)
    used = {trust.pem_name(key_id) for key_id in signed}
    if idle := published - used:
        findings.note(f"Keys that have signed nothing that is trusted here: {some(idle)}.")
