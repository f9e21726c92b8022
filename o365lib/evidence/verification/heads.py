"""Heads: one short line that says how far an archive, or a client's part of it, reached.

A tail that is cut off together with its digests leaves an archive that is sound in itself. A head
that was printed or mailed before shows that more was there.

    o365-head 1 <number of the digest> <sha256>
    o365-head 1 <client> <number of the seal> <sha256>
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Self

from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence import layout
from o365lib.evidence.stores import Store
from o365lib.evidence.verification.book import Book
from o365lib.evidence.verification.findings import Findings, Kind
from o365lib.evidence.verification.inventory import What, place_of
from o365lib.evidence.verification.reading import read

_LINE = re.compile(
    r"o365-head 1 (?:([a-z0-9][a-z0-9-]{0,62}) )?([1-9][0-9]{0,7}) ([0-9a-f]{64})", re.ASCII
)


@dataclass(frozen=True)
class Head:
    """The last digest of an archive, or the last seal of a client.

    Attributes:
        client: whose seal it is; empty for a digest.
        number: of the seal or digest.
        sha256: of its file.
    """

    client: str
    number: int
    sha256: str

    @classmethod
    def from_line(cls, text: str) -> Self:
        """Return the head in a line; spaces more or less do not matter.

        Raises:
            UsageError: it is no head.
        """
        match = _LINE.fullmatch(" ".join(text.split()))
        if not match:
            raise UsageError(
                f"{text[:200]!r} is no head of an archive.",
                remedy="Give the whole line that `o365 evidence head` printed, in quotes.",
            )
        return cls(match[1] or "", int(match[2]), match[3])

    @property
    def line(self) -> str:
        """The head as a line to print, mail or write down."""
        words = ["o365-head 1", self.client, str(self.number), self.sha256]
        return " ".join(word for word in words if word)

    @property
    def file(self) -> str:
        """The path, from the archive's root, of the seal or digest."""
        folder = f"{self.client}/{layout.SEALS}" if self.client else layout.DIGESTS
        return f"{folder}/{layout.numbered(self.number)}"


def current(store: Store, client: str = "") -> Head | None:
    """Return the head of an archive, or of one client's seals; None where nothing is sealed.

    Nothing is verified: it is the file with the highest number, as it is.

    Raises:
        EvidenceError: the archive cannot be listed, or the file not be read.
    """
    folder = f"{client}/{layout.SEALS}/" if client else f"{layout.DIGESTS}/"
    wanted = What.SEAL if client else What.DIGEST
    number = 0
    for entry in store.entries(folder):
        place = place_of(entry.name)
        if place and place.what is wanted and not entry.is_link:
            number = max(number, place.number)
    if not number:
        return None
    file = Head(client, number, "").file
    found = read(store, file)
    if found is None:
        raise EvidenceError(
            f"{file} went away while it was read.", remedy="Ask for the head again."
        )
    return Head(client, number, found.sha256)


def check_heads(store: Store, book: Book, heads: Iterable[Head], findings: Findings) -> None:
    """Demand what heads say that the archive holds.

    Args:
        store: the archive.
        book: what was found in it.
        heads: what has to be there.
        findings: where problems go.
    """
    for head in heads:
        found = book.digest_of(head.file)
        if found is None:
            with suppress(EvidenceError):
                again = read(store, head.file)
                found = again.sha256 if again else None
        what = "seal" if head.client else "digest"
        if found is None:
            sentence = f"The head names {what} {head.number}: it and what came after is gone."
            kind = Kind.MISSING
        elif found != head.sha256:
            sentence = f"It is another {what} {head.number} than the head names."
            kind = Kind.BROKEN_CHAIN
        else:
            continue
        findings.add(kind, sentence, file=head.file, client=head.client)
