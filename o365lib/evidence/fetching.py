"""From the store that keeps an archive to a folder in which one can work with it.

- What is brought is what the folder lacks; what it has is never touched. Where both have a name
  with other content, that is `NameTaken`.
- A file is there as a whole or not at all, and the owner's alone. A run's files come before its
  seal, and digests come last: whoever reads the folder meanwhile finds no seal without its files.
- Only names of an archive are brought: what else somebody has put into the store is left there.
- Nothing is verified here but the way: `o365 evidence verify` judges what came.
"""

import itertools
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from o365lib.errors import EvidenceError, NameTaken
from o365lib.evidence import chain
from o365lib.evidence.archive import Archive
from o365lib.evidence.files import make_root, sha256_of
from o365lib.evidence.layout import (
    APPROVALS,
    BATCHES,
    DIGESTS,
    INPUTS_FILE,
    INPUTS_STATEMENT,
    KEYS,
    RECONCILIATIONS,
    SEALS,
    is_client,
    is_run_id,
    number_of,
)
from o365lib.evidence.published import PublishedNames, published_names
from o365lib.evidence.publishing import THREADS
from o365lib.evidence.stores import Entry, FolderStore, Store
from o365lib.evidence.stores import sha256_of as sha256_in
from o365lib.evidence.verification.inventory import place_of

_AT_ONCE = 400
# A file's name that is one on every system, and no hidden one.
_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,199}")
_OF_ALL = (KEYS, APPROVALS)
_OF_A_CLIENT = (SEALS, RECONCILIATIONS)
_OF_A_BATCH = (INPUTS_FILE, INPUTS_STATEMENT)


@dataclass
class Fetched:
    """What `fetch` did.

    Attributes:
        files: how many were brought.
        bytes_received: their sizes.
        foreign: how many names in the store are not those of an archive, and were left there.
    """

    files: int = 0
    bytes_received: int = 0
    foreign: int = 0


def fetch(
    store: Store,
    root: Path,
    clients: Collection[str] | None = None,
    *,
    say: Callable[[str], None],
) -> Fetched:
    """Bring what a folder lacks: these clients' files, and what belongs to all of them.

    Args:
        store: where from.
        root: the archive's folder; made if it is not there.
        clients: whose files; None: everybody's, and batches, which are about many clients.
        say: told what a person should know meanwhile.

    Raises:
        NameTaken: the folder and the store have other content under a name; everything else was
            brought.
        EvidenceError: a client's name is unfit, the store failed, or the disk is full. What was
            brought is whole and stays; the same command brings the rest.
    """
    for client in clients or ():
        Archive(root).run(client, "any")
    try:
        make_root(root)
    except OSError as error:
        raise EvidenceError(
            f"The folder {root} cannot be made ({error.strerror}).",
            remedy="Name another one, or give yourself the right to write there.",
        ) from error
    with published_names(root, store.url) as known, ThreadPoolExecutor(THREADS) as pool:
        fetching = _Fetching(store, root, known, pool)
        try:
            fetching.fetch_all(clients)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    done = fetching.done
    if done.foreign:
        say(f"{done.foreign} names in {store.url} are no archive's and were left there.")
    return done


class _Fetching:
    """One fetch; only the thread that made it uses what is known and what is done."""

    def __init__(
        self, store: Store, root: Path, known: PublishedNames, pool: ThreadPoolExecutor
    ) -> None:
        self._store, self._root, self._known, self._pool = store, root, known, pool
        self._folder = FolderStore(root)
        self._taken: list[NameTaken] = []
        self.done = Fetched()

    def fetch_all(self, clients: Collection[str] | None) -> None:
        """Bring what is lacking.

        Raises:
            NameTaken: see `fetch`.
            EvidenceError: see `fetch`.
        """
        for folder in _OF_ALL:
            self._fetch(self._store.entries(f"{folder}/"))
        if clients is None:
            found: set[str] = set()
            self._fetch(self._of_clients(found))
        else:
            found = set(clients)
            for client in sorted(found):
                self._fetch(_without_seals(self._store.entries(f"{client}/")))
        # They come in any order: whoever signs meanwhile would find a gap, and refuse.
        for folder in (*(f"{client}/{SEALS}" for client in sorted(found)), DIGESTS):
            with chain.signing(self._root):
                self._fetch(self._store.entries(f"{folder}/"))
        if self._taken:
            raise self._taken[0]

    def _of_clients(self, found: set[str]) -> Iterator[Entry]:
        """Yield every client's files but for seals, and note the clients."""
        done = (*_OF_ALL, DIGESTS)
        for entry in _without_seals(self._store.entries()):
            first = entry.name.partition("/")[0]
            if first not in done:
                yield entry
            if is_client(first):
                found.add(first)

    def _fetch(self, entries: Iterable[Entry]) -> None:
        lacking = filter(self._is_lacking, entries)
        while some := list(itertools.islice(lacking, _AT_ONCE)):
            brought = []
            try:
                for entry, result in zip(some, self._pool.map(self._bring, some), strict=True):
                    if isinstance(result, NameTaken):
                        self._taken.append(result)
                        continue
                    brought.append((entry.name, entry.size))
                    self.done.files += result
                    self.done.bytes_received += entry.size * result
            finally:
                self._known.add(brought)

    def _is_lacking(self, entry: Entry) -> bool:
        if not _is_of_an_archive(entry):
            self.done.foreign += not (_is_hidden(entry.name) or _is_left(entry.name))
            return False
        if not self._known.has(entry.name):
            return True
        return not (self._root / entry.name).is_file()

    def _bring(self, entry: Entry) -> bool | NameTaken:
        """Return whether a file was brought, and not there already. Used by several threads."""
        path = self._root / entry.name
        if not path.exists() and self._folder.create_from(entry.name, self._store.read(entry.name)):
            return True
        try:
            here = sha256_of(path)
        except OSError as error:
            raise EvidenceError(
                f"{path} cannot be read ({error.strerror}).",
                remedy="Give yourself the right to read it; or look who put a link there.",
            ) from error
        if here == sha256_in(self._store, entry.name):
            return False
        return NameTaken(
            f"{entry.name} is in {self._root} with other content than in {self._store.url}.",
            name=entry.name,
            remedy="Neither was changed. `o365 evidence verify` on each tells which one was edited;"
            " where both are right, two machines sealed at once.",
        )


def _without_seals(entries: Iterable[Entry]) -> Iterator[Entry]:
    return (entry for entry in entries if f"/{SEALS}/" not in entry.name)


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") for part in name.split("/"))


def _is_left(name: str) -> bool:
    """Whether this is what an archive has of a batch and who fetches does not need: its claims."""
    return name.startswith(f"{BATCHES}/") and place_of(name) is not None


def _is_of_an_archive(entry: Entry) -> bool:
    """Whether a name is one that an archive has; nothing else is written to the disk."""
    folders, _, file = entry.name.rpartition("/")
    first, _, second = folders.partition("/")
    if entry.is_link or entry.is_special or not _FILE.fullmatch(file):
        return False
    if first in {KEYS, APPROVALS, DIGESTS}:
        return not second or (first == KEYS and _FILE.fullmatch(second) is not None)
    if first == BATCHES:
        return is_run_id(second) and (file in _OF_A_BATCH or number_of(file) is not None)
    return is_client(first) and (second in _OF_A_CLIENT or is_run_id(second))
