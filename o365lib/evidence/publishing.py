"""From the folder in which runs are made to the store that keeps them.

- What is sent is what is signed, and complete: a run goes with its seal, its files first, so that
  whoever reads the store meanwhile finds no seal whose files are not there. Seals and digests go in
  the order of their numbers. Keys go first, so that what is there can be verified at any time.
- Nothing is overwritten. A number that another machine has taken is `NameTaken`, by its name.
- A kill at any moment loses nothing: the next command sends what is missing.
- Of a batch go what it began with and its signed results, before the digests that name them; its
  claims stay.
- A run without a seal, notes of what is under way, locks and the index are never sent.
- A seal or digest that is not sound here is not sent: in the store it could not be taken back.
- A client whose files are not those that were sealed stops there; the others go on, and it is told.
"""

import hashlib
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from o365lib.errors import EvidenceError, NameTaken
from o365lib.evidence import chain, trust
from o365lib.evidence.layout import (
    APPROVALS,
    BATCHES,
    DIGESTS,
    INPUTS_STATEMENT,
    KEYS,
    RECONCILIATIONS,
    SEALS,
    is_client,
    is_run_id,
    number_of,
    numbered,
)
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.published import PublishedNames, published_names
from o365lib.evidence.sending import File, Sender, Sent
from o365lib.evidence.statement import Subject
from o365lib.evidence.stores import FolderStore, Store, sha256_of
from o365lib.evidence.verification.inventory import place_of
from o365lib.evidence.verification.signed_file import examine

# Requests that are under way at once: a store answers in tens of milliseconds.
THREADS = 8
# Runs whose files are sent before their seals.
_RUNS_AT_ONCE = 100
_FILES_AT_ONCE = 400


@dataclass
class Published:
    """What `publish` did; the numbers of several attempts add up in one that is handed on.

    Attributes:
        files: how many were sent.
        runs: how many of these were seals: each is a run that is whole in the store now.
        already: how many were found to be there, with the same content.
        earlier: how many were remembered as being there, and not asked for again.
        bytes_sent: the sizes of those that were sent.
        unprotected: how many were sent and not protected as was asked.
        problems: what could not be sent, and why, a sentence each.
    """

    files: int = 0
    runs: int = 0
    already: int = 0
    earlier: int = 0
    bytes_sent: int = 0
    unprotected: int = 0
    problems: list[str] = field(default_factory=list)


def publish(
    root: Path,
    store: Store,
    *,
    say: Callable[[str], None],
    retention_required: bool = False,
    again: bool = False,
    done: Published | None = None,
) -> Published:
    """Send everything that is signed and complete and that the store does not have.

    Args:
        root: the archive's folder.
        store: where to; it must exist.
        say: told what a person should know meanwhile.
        retention_required: whether a store that does not protect is an error.
        again: whether to ask the store for everything, whatever is remembered.
        done: what an earlier attempt did, to which this one adds; it is what is returned, and has
            the numbers also where an error is raised.

    Raises:
        NameTaken: other bytes stand in the store under a name; everything else that could be sent
            was, but for digests.
        EvidenceError: the store failed or does not protect, or the archive cannot be read. What was
            sent is whole and stays; the same command sends the rest.
    """
    if retention_required and store.retention is None:
        raise EvidenceError(
            f"{store.url} cannot protect what is published there, and it must.",
            remedy="Name a container or bucket that can, or set `retention_required: false`.",
        )
    with published_names(root, store.url) as known, ThreadPoolExecutor(THREADS) as pool:
        if again:
            known.forget()
        if not known.was_listed:
            known.list_names(store.entries())
        sender = Sender(root, store, retention_required=retention_required)
        publication = _Publication(root, known, sender, pool, say)
        publication.done = done if done is not None else Published()
        publication.done.problems.clear()  # each attempt tells them anew
        if not publication.done.files:
            publication.done.earlier = known.count()
        try:
            publication.send_all()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    done = publication.done
    if done.unprotected:
        say(
            f"{store.url} does not protect {done.unprotected} of the files that were sent as was"
            " asked: docs/archive-in-the-cloud.md tells how to make it."
        )
    return done


class _Publication:
    """What is to be sent, in which order; only the thread that made it uses it."""

    def __init__(
        self,
        root: Path,
        known: PublishedNames,
        sender: Sender,
        pool: ThreadPoolExecutor,
        say: Callable[[str], None],
    ) -> None:
        self._root, self._known, self._sender, self._pool = root, known, sender, pool
        self._say = say
        self._keys = trust.trusted_keys(root)
        self._stopped: set[str] = set()
        self._taken: list[NameTaken] = []
        self.done = Published()

    def send_all(self) -> None:
        """Send what is missing.

        Raises:
            NameTaken: see `publish`.
            EvidenceError: see `publish`.
        """
        clients = _clients(self._root)
        self._send(self._files_below(KEYS))
        self._send(self._files_below(APPROVALS))
        seals = self._seals(clients)
        while some := list(itertools.islice(seals, _RUNS_AT_ONCE)):
            self._send_runs(some)
            if len(some) == _RUNS_AT_ONCE:
                self._say(f"{self.done.runs} runs are published; more are to come.")
        for client in clients:
            self._send(self._files_below(f"{client}/{RECONCILIATIONS}"))
        for name in _of_batches(self._root):
            if not self._known.has(name):
                self._send_signed(name)
        if not self._taken:
            self._send_digests()
        if self._taken:
            raise self._taken[0]

    def _seals(self, clients: Iterable[str]) -> Iterator[str]:
        for client in clients:
            for number in chain.numbers(self._root / client / SEALS):
                if client in self._stopped:
                    break
                name = f"{client}/{SEALS}/{numbered(number)}"
                if not self._known.has(name):
                    yield name

    def _send_runs(self, names: Iterable[str]) -> None:
        seals: dict[str, list[File]] = {}
        sealed: list[File] = []
        for name in names:
            client = name.partition("/")[0]
            if client in self._stopped:
                continue
            try:
                raw, subjects = _signed(self._root, name, self._keys)
                sealed += [
                    self._file(each.name, each.sha256) for each in _run_files(name, subjects)
                ]
            except EvidenceError as error:
                self._stop(client, error)
                continue
            seal = self._file(name, hashlib.sha256(raw).hexdigest())
            seals.setdefault(client, []).append(seal)
        self._send(file for file in sealed if not self._known.has(file.name))
        whole = [own for client, own in seals.items() if client not in self._stopped]
        for results in self._pool.map(self._sender.send_in_order, whole):
            self._note(results)

    def _send_signed(self, name: str) -> None:
        """Send what a batch's signed file speaks of, and then the file."""
        try:
            raw, subjects = _signed(self._root, name, self._keys)
        except EvidenceError as error:
            self._stop(BATCHES, error)
            return
        lacking = [each for each in subjects if not self._known.has(each.name)]
        own = self._file(name, hashlib.sha256(raw).hexdigest())
        before = [self._file(each.name, each.sha256) for each in lacking]
        self._note(self._sender.send_in_order([*before, own]))

    def _send_digests(self) -> None:
        for number in chain.numbers(self._root / DIGESTS):
            name = f"{DIGESTS}/{numbered(number)}"
            if self._known.has(name):
                continue
            try:
                raw, subjects = _signed(self._root, name, self._keys)
            except EvidenceError as error:
                self._stop(DIGESTS, error)
                return
            lacking = [each.name for each in subjects if not self._known.has(each.name)]
            if lacking:
                self.done.problems.append(f"{name} is not sent: {lacking[0]} is not there yet.")
                return
            file = self._file(name, hashlib.sha256(raw).hexdigest())
            self._note([self._sender.send(file)])
            if DIGESTS in self._stopped:
                return
        # Time stamps, which may have come later.
        self._send(self._files_below(DIGESTS))

    def _files_below(self, folder: str) -> Iterator[File]:
        for entry in FolderStore(self._root).entries(f"{folder}/"):
            is_file = not (entry.is_link or entry.is_special or "/." in entry.name)
            if is_file and not self._known.has(entry.name):
                yield self._file(entry.name, sha256_of(FolderStore(self._root), entry.name))

    def _file(self, name: str, sha256: str) -> File:
        return File(name, sha256, is_listed=self._known.listed_size(name) is not None)

    def _send(self, files: Iterable[File]) -> None:
        waiting = iter(files)
        while some := list(itertools.islice(waiting, _FILES_AT_ONCE)):
            self._note(self._pool.map(self._sender.send, some))

    def _note(self, results: Iterable[Sent]) -> None:
        known = []
        try:
            for result in results:
                if result.fault:
                    self._stop(result.file.client, result.fault)
                    continue
                known.append((result.file.name, result.size))
                self._count(result)
        finally:
            self._known.add(known)

    def _count(self, result: Sent) -> None:
        if not result.is_new:
            self.done.already += 1
            return
        self.done.files += 1
        self.done.bytes_sent += result.size
        self.done.runs += f"/{SEALS}/" in result.file.name
        self.done.unprotected += result.is_unprotected

    def _stop(self, client: str, fault: EvidenceError) -> None:
        self._stopped.add(client)
        if isinstance(fault, NameTaken):
            self._taken.append(fault)
        else:
            self.done.problems.append(str(fault))


def _clients(root: Path) -> list[str]:
    try:
        return sorted(each.name for each in root.iterdir() if is_client(each.name))
    except OSError as error:
        raise EvidenceError(
            f"The archive {root} cannot be listed ({error.strerror}).",
            remedy="Name another one, or give yourself the right to read there.",
        ) from error


def _of_batches(root: Path) -> Iterator[str]:
    """Yield the names of batches' signed files: of what each began with, and of its results."""
    folders = (root / BATCHES).iterdir() if (root / BATCHES).is_dir() else ()
    for folder in sorted(folders):
        if is_run_id(folder.name) and folder.is_dir():
            names = sorted(each.name for each in folder.iterdir())
            first = [INPUTS_STATEMENT] if INPUTS_STATEMENT in names else []
            for name in [*first, *(each for each in names if number_of(each))]:
                yield f"{BATCHES}/{folder.name}/{name}"


def _signed(
    root: Path, name: str, keys: Mapping[str, PublicKey]
) -> tuple[bytes, tuple[Subject, ...]]:
    """Return a signed file and what it names.

    Raises:
        EvidenceError: it cannot be read, or is not sound in its place: a store would keep it.
    """
    raw = chain.read(root / name)
    place = place_of(name)
    assert place is not None  # it was made from a number
    found = examine(raw, place, keys)
    if found.statement is None or not found.is_sound:
        raise EvidenceError(
            f"{name} is not sound: {found.faults[0].sentence}",
            remedy="It was not sent. `o365 evidence verify` tells more.",
        )
    return raw, found.statement.subjects


def _run_files(seal: str, subjects: Iterable[Subject]) -> Iterator[Subject]:
    """Yield the files of a seal, all of which must be a run's of the same client."""
    for each in subjects:
        client, run_id, file, *more = [*each.name.split("/"), "", ""]
        is_a_runs = client == seal.partition("/")[0] and is_run_id(run_id) and not any(more)
        if not is_a_runs or not file or file.startswith("."):
            raise EvidenceError(
                f"The seal {seal} names {each.name!r}, which is no file of a run.",
                remedy="It was not sent. `o365 evidence verify` tells what is wrong.",
            )
        yield each
