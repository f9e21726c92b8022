"""Chains of signed files: number n names number n-1 by the SHA-256 of its file.

- One process signs at a time, under the archive's lock; and the file's name is the claim of its
  number: it is made only if it is not there. So there is a line, and never a fork.
- What is signed is what is on the disk; a file of a chain is never written again.
- Nothing is signed after a file that is not a sound end of the chain: it could not be mended.
"""

import contextlib
import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o365lib.errors import EvidenceError
from o365lib.evidence import file_lock, trust
from o365lib.evidence.envelope import Envelope, verified_by
from o365lib.evidence.files import create_atomically, make_folder
from o365lib.evidence.layout import SIGNING_LOCK, number_of, numbered
from o365lib.evidence.statement import Statement

_LARGEST_FILE = 64 << 20
# A pipe in place of a file must not make a reader wait for ever; Windows has neither flag.
_READ = (
    os.O_RDONLY
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_BINARY", 0)
    | getattr(os, "O_CLOEXEC", 0)
)

_mine = threading.local()


@contextlib.contextmanager
def signing(root: Path) -> Iterator[None]:
    """Hold an archive's lock, under which alone its chains grow; waits for who holds it.

    A thread that holds it may take it again.

    Args:
        root: the archive's folder; it must exist.

    Raises:
        EvidenceError: the drive refuses locks or the file for them. Errors from inside pass.
    """
    held: set[str] = _mine.__dict__.setdefault("held", set())
    place = os.path.realpath(root)
    if place in held:
        yield
        return
    path = root / SIGNING_LOCK
    try:
        lock = file_lock.wait_for(path)
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise EvidenceError(
            f"{path} cannot be locked ({why}).",
            state="Nothing was signed.",
            remedy="Give yourself the right to write there, or keep the archive on a drive that has"
            " file locks; `o365 evidence seal` then finishes what is left.",
        ) from error
    held.add(place)
    try:
        yield
    finally:
        held.discard(place)
        lock.release()


@dataclass(frozen=True)
class Link:
    """One file of a chain.

    Attributes:
        number: 1 for the first.
        sha256: of its exact bytes.
        path: where it is.
    """

    number: int
    sha256: str
    path: Path

    def as_previous(self) -> dict[str, Any]:
        """Return how the next one names it."""
        return {"number": self.number, "sha256": self.sha256}


def numbers(folder: Path) -> list[int]:
    """Return the numbers that a chain has, in order; none where there is no such folder.

    Raises:
        EvidenceError: the folder cannot be listed.
    """
    try:
        with os.scandir(folder) as entries:
            found = [number_of(entry.name) for entry in entries]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise EvidenceError(
            f"{folder} cannot be listed ({error.strerror}).",
            remedy="Give yourself the right to read there, or put back what was there;"
            " `o365 evidence seal` then finishes what is left.",
        ) from error
    return sorted(number for number in found if number is not None)


def last(folder: Path) -> Link | None:
    """Return a chain's last file; None for a chain that has none.

    Raises:
        EvidenceError: it cannot be read.
    """
    known = numbers(folder)
    return link(folder, known[-1]) if known else None


def link(folder: Path, number: int) -> Link:
    """Return the file of a chain with this number.

    Raises:
        EvidenceError: it cannot be read.
    """
    path = path_of(folder, number)
    return Link(number, hashlib.sha256(read(path)).hexdigest(), path)


def path_of(folder: Path, number: int) -> Path:
    """Return where a chain's file with this number is, or would be."""
    return folder / numbered(number)


def read(path: Path) -> bytes:
    """Return a signed file's bytes.

    Raises:
        EvidenceError: it is not there, is no file, cannot be read, or is far larger than any such
            file is.
    """
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise _no_file(path)
        with os.fdopen(os.open(path, _READ), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise _no_file(path)
            content = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise EvidenceError(
            f"{path} cannot be read ({error.strerror}).",
            remedy="It was left as it is. `o365 evidence verify` tells what else is wrong.",
        ) from error
    if len(content) > _LARGEST_FILE:
        raise EvidenceError(
            f"{path} is larger than any file of its kind.",
            remedy="It was left as it is. `o365 evidence verify` tells what else is wrong.",
        )
    return content


def append(folder: Path, make: Callable[[int, Link | None], Envelope], *, root: Path) -> Link:
    """Sign the next file of a chain and return it; waits while another process signs.

    Args:
        folder: the chain's; made with the first file.
        make: returns the envelope of this number after this one before it. Called again where a
            file of this number was brought from elsewhere meanwhile.
        root: the archive's; its published keys say whether the chain's end is sound.

    Raises:
        EvidenceError: it cannot be signed or written, or the chain has a gap or an end that is not
            sound; the chain is as it was.
    """
    with signing(root):
        while True:
            before = _sound_end(folder, root)
            number = before.number + 1 if before else 1
            path = path_of(folder, number)
            if number_of(path.name) is None:
                raise _not_written(path, "the chain has no more numbers")
            content = make(number, before).to_json()
            try:
                make_folder(folder)
                create_atomically(path, content)
            except FileExistsError:
                if not path.exists():  # something that is no folder stands in its place
                    raise _not_written(path, "there is something else in its place") from None
                continue
            except OSError as error:
                raise _not_written(path, error.strerror or type(error).__name__) from error
            return Link(number, hashlib.sha256(content).hexdigest(), path)


def _sound_end(folder: Path, root: Path) -> Link | None:
    """Return the last file, if one may be signed after it; None for a chain that has none."""
    known = numbers(folder)
    if known and _remove_if_empty(path_of(folder, known[-1])):
        known.pop()
    if not known:
        return None
    if known[-1] != len(known):
        lacking = next(number for number, found in enumerate(known, 1) if number != found)
        raise _not_sound(path_of(folder, lacking), "it is missing, and later ones are there")
    path = path_of(folder, known[-1])
    content = read(path)
    try:
        envelope = Envelope.from_json(content)
        said = Statement.from_bytes(envelope.payload).predicate
    except EvidenceError as error:
        raise _not_sound(path, error.message) from error
    if not verified_by(envelope, trust.trusted_keys(root)):
        raise _not_sound(path, "no key that is published in the archive has signed it")
    end = Link(known[-1], hashlib.sha256(content).hexdigest(), path)
    previous = link(folder, end.number - 1).as_previous() if end.number > 1 else None
    if (said.get("number"), said.get("previous")) != (end.number, previous):
        raise _not_sound(path, "it does not follow the one before it")
    return end


def _remove_if_empty(path: Path) -> bool:
    """Remove what a crash left on a drive without hard links: a number claimed and never used."""
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_size:
            return False
        path.unlink()
    except OSError:  # reading tells why
        return False
    return True


def _not_sound(path: Path, why: str) -> EvidenceError:
    return EvidenceError(
        f"Nothing can be signed after {path}: {why.rstrip('.')}.",
        state="What was archived before is as it was.",
        remedy="`o365 evidence verify` tells more. Put the file, or the key, back from a copy or"
        " the store; take away what does not belong there. `o365 evidence seal` then finishes what"
        " is left.",
    )


def _no_file(path: Path) -> EvidenceError:
    return EvidenceError(
        f"{path} is not a file of the archive: it is a symbolic link, a folder or a device.",
        remedy="It was not read. Look who put it there.",
    )


def _not_written(path: Path, why: str) -> EvidenceError:
    return EvidenceError(
        f"{path} cannot be written ({why}).",
        state="What was archived before is intact.",
        remedy="Make room or give yourself the right to write there; `o365 evidence seal` then"
        " finishes what is left.",
    )
