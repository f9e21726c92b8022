"""What every store can do, and the few rules that all of them share."""

import hashlib
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from o365lib import clock
from o365lib.errors import EvidenceError, NameTaken

# What is read at once, and what is sent in one request: S3 takes no smaller parts than 5 MiB.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
PIECE_BYTES = 1 << 20
BLOCK_BYTES = 8 << 20

# No separator of another system, no drive, no control character; parts are checked one by one.
_UNFIT = re.compile(r"[\x00-\x1f\x7f\\:]")

Mode = Literal["compliance", "governance"]


class Entry(NamedTuple):
    """One name in a store.

    Attributes:
        name: the path from the archive's root, with `/`. In a folder, bytes that are not UTF-8
            stand as lone surrogates (`os.fsdecode`).
        size: bytes.
        is_link: a symbolic link, in a folder; it is never followed.
        is_special: neither file, folder nor link: a pipe, a socket, a device.
    """

    name: str
    size: int
    is_link: bool = False
    is_special: bool = False


@dataclass(frozen=True)
class Retention:
    """For how long the store shall refuse to change or delete what is created.

    Attributes:
        days: from the moment of creation.
        mode: `compliance`: nobody can shorten it; `governance`: who has a special right can.
    """

    days: int
    mode: Mode

    def until(self) -> datetime:
        """Return when an object that is created now may be deleted."""
        return clock.now() + timedelta(days=self.days)


@dataclass(frozen=True)
class Protection:
    """How the store protects one object, as the store itself says.

    Attributes:
        kind: `compliance` (Azure: a locked policy), `governance` (an unlocked one), `legal hold`,
            `container policy`, `none`, or `not supported by this store`.
        until: when it ends; None where there is none, or no end.
        detail: a sentence for people.
    """

    kind: str
    until: datetime | None
    detail: str

    @property
    def is_protected(self) -> bool:
        """Whether the store refuses to delete the object now."""
        return self.kind in {"compliance", "governance", "legal hold", "container policy"}


class Store(Protocol):
    """An archive's files, wherever they are."""

    @property
    def url(self) -> str:
        """Where it is, without credentials."""
        ...

    @property
    def retention(self) -> Retention | None:
        """What is asked of the store for each object that is created."""
        ...

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """Yield all names that begin with `prefix`, in the order of the names.

        Raises:
            EvidenceError: the store is not there, or cannot be listed.
        """
        ...

    def read(self, name: str) -> Iterator[bytes]:
        """Yield a file's bytes in pieces, none of them large; a caller may stop early.

        Raises:
            EvidenceError: at the first piece or later: there is no such file, it cannot be read,
                or the name leads outside or through a link.
        """
        ...

    def create(self, name: str, source: Path, *, sha256: str) -> bool:
        """Write a file's content under a new name, as a whole or not at all.

        Returns:
            True: written. False: the very same bytes are there already.

        Raises:
            NameTaken: other bytes stand there. They were left as they are.
            EvidenceError: it could not be written, or `source` has not this digest. Nothing is
                visible under the name.
        """
        ...

    def protection(self, name: str) -> Protection:
        """Return how the store protects this object, read from the store.

        Raises:
            EvidenceError: there is no such object, or the store does not say.
        """
        ...


def checked_name(name: str) -> str:
    """Return the name, if it is fit to be a path from the archive's root.

    Raises:
        EvidenceError: it leads outside, or could on another operating system.
    """
    if _UNFIT.search(name) or any(part in {"", ".", ".."} for part in name.split("/")):
        raise EvidenceError(
            f"{name!r} is not the name of a file in an archive.",
            remedy="It was not read or written. Names are paths from the archive's root, with /.",
        )
    return name


def sha256_of(store: Store, name: str) -> str:
    """Return the digest of the bytes that stand in the store now, as hex; all are read.

    Raises:
        EvidenceError: they cannot be read.
    """
    digest = hashlib.sha256()
    for piece in store.read(name):
        digest.update(piece)
    return digest.hexdigest()


def is_same(store: Store, name: str, *, size: int, source: Path, sha256: str) -> bool:
    """Return whether what stands in the store, `size` bytes long, is what `source` holds.

    Raises:
        EvidenceError: one of them cannot be read.
    """
    try:
        length = source.stat().st_size
    except OSError as error:
        raise unreadable(source, error) from error
    return size == length and sha256_of(store, name) == sha256


def blocks_of(source: Path, *, sha256: str) -> Iterator[bytes]:
    """Yield a local file's bytes in blocks; an empty file is one empty block.

    Raises:
        EvidenceError: it cannot be read; or, after the last block, it has not this digest.
    """
    digest = hashlib.sha256()
    try:
        with source.open("rb") as stream:
            block = stream.read(BLOCK_BYTES)
            while True:
                digest.update(block)
                yield block
                block = stream.read(BLOCK_BYTES)
                if not block:
                    break
    except OSError as error:
        raise unreadable(source, error) from error
    if digest.hexdigest() != sha256:
        raise not_as_signed(source)


def blocks_to_send(source: Path, *, sha256: str) -> tuple[bytes, Iterator[bytes] | None]:
    """Return a file's content as its first block, and all blocks if there are more.

    A file of one block has been compared with its digest then; one of several is when they have
    all been taken, which must be before the store is told to make an object of them.

    Raises:
        EvidenceError: as `blocks_of`.
    """
    blocks = blocks_of(source, sha256=sha256)
    first = next(blocks)
    second = next(blocks, None)
    return first, None if second is None else itertools.chain((first, second), blocks)


def unreadable(source: Path, error: OSError) -> EvidenceError:
    """Return what to say about a local file that cannot be read."""
    return EvidenceError(
        f"{source} cannot be read ({error.strerror or type(error).__name__}).",
        remedy="It was not sent. Give yourself the right to read it, then try again.",
    )


def not_as_signed(source: Path) -> EvidenceError:
    """Return what to say about a local file whose bytes are not those that were signed."""
    return EvidenceError(
        f"{source} is not what was signed: its content has changed.",
        remedy="It was not sent. `o365 evidence verify` shows what has changed.",
    )


def name_taken(store: Store, name: str) -> NameTaken:
    """Return what to say about a name under which other bytes stand."""
    return NameTaken(
        f"{name} is in {store.url} already, with other content.",
        name=name,
        remedy="Nothing was overwritten. Somebody else wrote it, or one of the two was edited:"
        " `o365 evidence verify` shows which.",
    )
