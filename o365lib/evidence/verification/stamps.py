"""Time stamps of digests: whether an authority signed, and for when, that a digest was there.

What a stamp covers was there by its instant: the digest, what that names, and all before it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from o365lib.errors import EvidenceError
from o365lib.evidence import layout
from o365lib.evidence.stores import Store
from o365lib.evidence.verification.book import Book
from o365lib.evidence.verification.findings import Findings, Kind
from o365lib.evidence.verification.inventory import Place, What
from o365lib.evidence.verification.reading import LARGEST_OTHER, Found, read


@dataclass(frozen=True)
class Stamped:
    """How far valid time stamps reach.

    Attributes:
        until: the instant of the stamp of the latest digest that has one; None for none.
        number: that digest's number; 0 for none.
        authorities_given: whether the authorities' certificates came from outside the archive.
    """

    until: datetime | None
    number: int
    authorities_given: bool


def check(store: Store, book: Book, roots: Sequence[bytes], findings: Findings) -> Stamped:
    """Check every time stamp and return how far they reach.

    Args:
        store: the archive.
        book: what was found in it.
        roots: PEM certificates of authorities; none to trust those in the archive.
        findings: where problems and notes go.
    """
    trusted = list(roots) or _published(store, book)
    until: datetime | None = None
    last, stamped = 0, 0
    for name, number, is_bad in book.names(What.TIME_STAMP):
        if is_bad:
            continue
        digest = book.digest_of(f"{layout.DIGESTS}/{layout.numbered(number)}")
        if digest is None:
            findings.add(Kind.INSERTED, "There is no digest that it could stamp.", file=name)
            continue
        try:
            until, last = _instant(store, name, digest, trusted), number
            stamped += 1
        except EvidenceError as error:
            findings.add(Kind.TIME_STAMP, error.message, file=name)
    digests = book.count(What.DIGEST)
    if digests and not stamped:
        findings.note(
            "No digest has a valid time stamp: the times are those of the runs' machines."
        )
    elif digests > stamped:
        findings.note(f"{digests - stamped} of {digests} digests have no valid time stamp.")
    return Stamped(until, last, bool(roots))


def check_root_file(found: Found, place: Place, findings: Findings, *, file: str) -> None:
    """Tell whether the file of an authority's certificate is another than its name says."""
    if found.sha256 != place.item:
        findings.add(Kind.EDITED, "It is another certificate than its name says.", file=file)


def _published(store: Store, book: Book) -> list[bytes]:
    roots = []
    for name, _, is_bad in book.names(What.STAMP_ROOT):
        if not is_bad:
            try:
                found = read(store, name, keep=LARGEST_OTHER)
            except EvidenceError:
                continue
            if found and found.content and hashlib.sha256(found.content).hexdigest() in name:
                roots.append(found.content)
    return roots


def _instant(store: Store, name: str, digest: str, roots: Sequence[bytes]) -> datetime:
    """Return for when an authority signed the digest.

    Raises:
        EvidenceError: it did not, or nobody knows that it did.
    """
    from o365lib.evidence import time_stamp

    if not roots:
        raise EvidenceError(
            "No certificate of a time stamp authority is known here.",
            remedy="Name one with --time-stamp-authority.",
        )
    found = read(store, name, keep=LARGEST_OTHER)
    if found is None or found.content is None:
        raise EvidenceError("It cannot be read, or is far too large.", remedy="Restore it.")
    return time_stamp.check(bytes.fromhex(digest), found.content, roots)
