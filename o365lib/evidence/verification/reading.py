"""Reading one file of an archive, whatever is in its place."""

import hashlib
from typing import NamedTuple

from o365lib.errors import EvidenceError
from o365lib.evidence.stores import Store

# A digest over a batch of 100,000 runs has 30 MB.
LARGEST_DIGEST = 64 * 1024 * 1024
# An approval has 700 bytes a plan, and a reconciliation 300 a run of one client.
LARGEST_LIST = 16 * 1024 * 1024
# A seal has three thousand bytes.
LARGEST_SIGNED = 1024 * 1024
# A key has a hundred bytes; a time stamp with its certificates some thousand.
LARGEST_OTHER = 64 * 1024


class Found(NamedTuple):
    """A file as it was found.

    Attributes:
        sha256: of all its bytes, hexadecimal.
        size: how many they are.
        content: the bytes, where they were asked for and are no more than that.
    """

    sha256: str
    size: int
    content: bytes | None


def read(store: Store, name: str, *, keep: int = 0) -> Found | None:
    """Read a file to its end; None where there is none any more.

    Args:
        store: the archive.
        name: the file's path from the archive's root.
        keep: how many bytes to return at most; a longer file is digested only.

    Raises:
        EvidenceError: it cannot be read.
    """
    digest, size = hashlib.sha256(), 0
    kept: list[bytes] = []
    try:
        for piece in store.read(name):
            digest.update(piece)
            size += len(piece)
            if size <= keep:
                kept.append(piece)
    except EvidenceError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise
    return Found(digest.hexdigest(), size, b"".join(kept) if size <= keep else None)
