"""What a verification finds: problems, notes, and what was looked at.

- A problem is something that an archive as it was written cannot show: one is enough to fail.
- A note is true of sound archives too: a run under way, a digest without a time stamp.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

# More are counted only: an archive of 100,000 runs can have as many problems.
MOST_PROBLEMS = 10_000


class Kind(StrEnum):
    """What is wrong with a file."""

    EDITED = "edited"
    MISSING = "missing"
    INSERTED = "inserted"
    SWAPPED = "swapped"
    UNSIGNED = "unsigned"
    WRONG_KEY = "wrong key"
    BROKEN_CHAIN = "broken chain"
    TIME_STAMP = "time stamp invalid"
    NEWER = "newer"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, order=True)
class Problem:
    """One thing wrong.

    Attributes:
        client: whose run or seal it is; empty where it is the whole archive's.
        run_id: which run; empty where it is no run's.
        file: its path from the archive's root; a folder's where all of it is concerned.
        kind: what is wrong with it.
        sentence: what was found, for people.
    """

    client: str
    run_id: str
    file: str
    kind: Kind
    sentence: str


@dataclass(frozen=True)
class Signing:
    """What one key has signed.

    Attributes:
        key_id: of the key.
        names: what the signed files call its owner.
        algorithm: `Ed25519` or `ES256`.
        files: how many files.
        trusted_by: why it was believed: it was given, one that was given vouches for it, or it lies
            in the archive itself.
    """

    key_id: str
    names: tuple[str, ...]
    algorithm: str
    files: int
    trusted_by: Literal["given", "endorsed", "archive"]


@dataclass(frozen=True)
class Progress:
    """How far a verification has come.

    Attributes:
        files: how many were read.
        size_bytes: how much that was.
        runs: how many runs' files, the last one begun included.
    """

    files: int = 0
    size_bytes: int = 0
    runs: int = 0


@dataclass(frozen=True)
class Report:
    """What a verification found.

    Attributes:
        url: which archive.
        clients: the only clients looked at; empty for all.
        problems: sorted; at most `MOST_PROBLEMS`.
        more_problems: how many there are beyond these.
        notes: sentences.
        counts: how many `runs`, `files`, `seals`, `digests`, `approvals`, `reconciliations`,
            `endorsements`, `batches` and `time stamps` were found; all files, whatever they are.
        size_bytes: of all files.
        first: when the earliest sealed run began; None where there is none.
        last: when the latest sealed run ended.
        signings: which keys signed.
        keys_given: whether keys came from outside the archive; without, it was only tested against
            itself.
        authorities_given: the same of the roots of time stamp authorities.
        stamped_until: the instant of the latest valid time stamp: what it covers was there by then.
        stamped_digest: the number of the digest that it covers, and all before it; 0 for none.
    """

    url: str
    clients: tuple[str, ...]
    problems: tuple[Problem, ...]
    more_problems: int
    notes: tuple[str, ...]
    counts: dict[str, int]
    size_bytes: int
    first: datetime | None
    last: datetime | None
    signings: tuple[Signing, ...]
    keys_given: bool
    authorities_given: bool
    stamped_until: datetime | None
    stamped_digest: int

    @property
    def is_sound(self) -> bool:
        """Whether there is no problem."""
        return not self.problems


@dataclass
class Findings:
    """Problems and notes as they are found."""

    notes: list[str] = field(default_factory=list)
    _problems: dict[tuple[str, Kind], Problem] = field(default_factory=dict)
    _beyond: Counter[Kind] = field(default_factory=Counter)

    def add(
        self, kind: Kind, sentence: str, *, file: str, client: str = "", run_id: str = ""
    ) -> None:
        """Add a problem; the first of a kind is enough for a file."""
        if len(self._problems) >= MOST_PROBLEMS:
            self._beyond[kind] += 1
        else:
            self._problems.setdefault((file, kind), Problem(client, run_id, file, kind, sentence))

    def note(self, sentence: str) -> None:
        """Add a note."""
        self.notes.append(sentence)

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems, sorted."""
        return tuple(sorted(self._problems.values()))

    def more_problems(self) -> int:
        """Return how many problems there are beyond those."""
        return self._beyond.total()


def some(names: Iterable[str], *, most: int = 5) -> str:
    """Return names in one line; how many more there are where they are many."""
    known = sorted(names)
    more = len(known) - most
    return ", ".join(known[:most]) + (f" and {more} more" if more > 0 else "")
