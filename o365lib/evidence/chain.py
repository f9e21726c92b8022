"""Chains of signed files: number n names number n-1 by the SHA-256 of its file.

- The file's name is the claim of its number: it is made only if it is not there, so two processes
  that append at once make a line of two, and never a fork.
- What is signed is what is on the disk; a file of a chain is never written again.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o365lib.errors import EvidenceError
from o365lib.evidence.envelope import Envelope
from o365lib.evidence.files import create_atomically, make_folder
from o365lib.evidence.layout import number_of, numbered

_LARGEST_FILE = 64 << 20


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
        EvidenceError: it is not there, cannot be read, or is far larger than any such file is.
    """
    try:
        with path.open("rb") as stream:
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


def append(folder: Path, make: Callable[[int, Link | None], Envelope]) -> Link:
    """Sign the next file of a chain and return it.

    Args:
        folder: the chain's; made with the first file.
        make: returns the envelope of this number after this one before it. Called again where
            another process has taken the number meanwhile.

    Raises:
        EvidenceError: it cannot be signed or written; the chain is as it was.
    """
    while True:
        before = last(folder)
        number = before.number + 1 if before else 1
        content = make(number, before).to_json()
        path = path_of(folder, number)
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


def _not_written(path: Path, why: str) -> EvidenceError:
    return EvidenceError(
        f"{path} cannot be written ({why}).",
        state="What was archived before is intact.",
        remedy="Make room or give yourself the right to write there; `o365 evidence seal` then"
        " finishes what is left.",
    )
