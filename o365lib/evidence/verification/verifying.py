"""Verifying an archive: every file is read once, then what was said is compared with what is there.

An archive may be written to meanwhile. So whatever seems wrong is looked at a second time before it
is told, and runs that are under way are notes.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice

from o365lib.errors import EvidenceError
from o365lib.evidence import layout
from o365lib.evidence.public_keys import PublicKey
from o365lib.evidence.statement import Statement
from o365lib.evidence.stores import Entry, Store
from o365lib.evidence.verification import (
    approved,
    chains,
    claims,
    keyring,
    presence,
    stamps,
    succession,
)
from o365lib.evidence.verification.adopted import Adopted
from o365lib.evidence.verification.book import Book
from o365lib.evidence.verification.findings import (
    Findings,
    Kind,
    Progress,
    Report,
    Signing,
    some,
)
from o365lib.evidence.verification.finished import Finished
from o365lib.evidence.verification.heads import Head, check_heads
from o365lib.evidence.verification.inventory import Place, What, place_of
from o365lib.evidence.verification.reading import (
    LARGEST_DIGEST,
    LARGEST_LIST,
    LARGEST_OTHER,
    LARGEST_SIGNED,
    Found,
    read,
)
from o365lib.evidence.verification.signed_file import Examined, examine

_FILES_PER_PROGRESS = 200
_MOST_SECOND_LOOKS = 1000
# Each round finds what was written during the one before; that is soon nothing.
_MOST_ROUNDS = 20
_MOST_RELOADS = 3
_MOST_NAMES = 10

_COUNTED = {
    "seals": What.SEAL,
    "digests": What.DIGEST,
    "approvals": What.APPROVAL,
    "reconciliations": What.RECONCILIATION,
    "endorsements": What.ENDORSEMENT,
    "batches": What.BATCH,
    "time stamps": What.TIME_STAMP,
}
# How many bytes of a file are read in; of others LARGEST_OTHER.
_KEPT = {
    What.RUN_FILE: 0,
    What.BATCH_INPUTS: 0,
    What.SEAL: LARGEST_SIGNED,
    What.DIGEST: LARGEST_DIGEST,
    What.APPROVAL: LARGEST_LIST,
    What.RECONCILIATION: LARGEST_LIST,
    What.ENDORSEMENT: LARGEST_SIGNED,
    What.BATCH: LARGEST_SIGNED,
    What.BATCH_RESULT: LARGEST_DIGEST,
}
_OF_THE_ARCHIVE = (layout.KEYS, layout.DIGESTS, layout.APPROVALS)


def verify(
    store: Store,
    *,
    clients: Sequence[str] = (),
    keys: Iterable[PublicKey] = (),
    heads: Iterable[Head] = (),
    time_stamp_roots: Sequence[bytes] = (),
    under_way: Callable[[], Iterable[str]] = tuple,
    on_progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Verify an archive, or some clients' part of it, and return what was found.

    Args:
        store: the archive.
        clients: only these clients' files; none for all. Digests, approvals and keys are always
            looked at, and batches, which are about many clients, only with all.
        keys: public keys from outside the archive; none to trust those in it.
        heads: what the archive has to hold.
        time_stamp_roots: PEM certificates of time stamp authorities from outside the archive; none
            to trust those in it.
        under_way: returns what living processes are writing now: runs as `<client>/<run id>`, and
            signed files that will be in their digest, as paths from the root. Called several times.
        on_progress: is told how far it has come, every so often.

    Raises:
        EvidenceError: the archive is not there, or its keys cannot be listed.
    """
    with Book() as book:
        work = _Verification(store, book, tuple(keys), tuple(clients))
        work.under_way = under_way
        work.on_progress = on_progress or (lambda _progress: None)
        if work.look_at_all():
            work.look_again()
            work.compare()
        check_heads(store, book, heads, work.findings)
        return work.report(stamps.check(store, book, time_stamp_roots, work.findings))


class _Verification:
    """One verification under way."""

    def __init__(
        self, store: Store, book: Book, given: tuple[PublicKey, ...], clients: tuple[str, ...]
    ) -> None:
        self._store, self._book, self._given, self._clients = store, book, given, clients
        self._keys = keyring.keyring_of(store, given)
        self.findings = Findings()
        self.under_way: Callable[[], Iterable[str]] = tuple
        self.on_progress: Callable[[Progress], None] = lambda _progress: None
        self._busy: set[str] = set()
        self._files = self._size = self._runs = 0
        self._reloads = 0
        self._finished = Finished()
        self._endorsed: dict[str, str] = {}
        self._last_run = ("", "")
        self._times: tuple[datetime, datetime] | None = None
        self._signed: dict[str, int] = {}
        self._names: dict[str, set[str]] = {}
        self._adopted = Adopted()

    def look_at_all(self) -> bool:
        """Read every file; return whether all could be listed."""
        folders = [*_OF_THE_ARCHIVE, *self._clients] if self._clients else []
        prefixes = [f"{each}/" for each in folders] or [""]
        try:
            for prefix in prefixes:
                for entry in self._store.entries(prefix):
                    if self._files % _FILES_PER_PROGRESS == 0:
                        self._tell()
                    self._look_at(entry)
        except EvidenceError as error:
            self.findings.add(
                Kind.UNREADABLE, f"{error.message} Nothing behind it was verified.", file=""
            )
            return False
        finally:
            self._tell()
        return True

    def _tell(self) -> None:
        self._busy.update(self.under_way())
        self.on_progress(Progress(self._files, self._size, self._runs))

    def _look_at(self, entry: Entry) -> None:
        place = place_of(entry.name)
        if place is not None and place.what <= What.LEFTOVER:
            if place.what is What.LEFTOVER:
                self._book.put_file(entry.name, place, None, is_bad=False)
            return
        self._files += 1
        self._size += entry.size
        if place is None or not entry.name.isprintable():
            self._add(place, entry.name, Kind.INSERTED, "Nothing in an archive has such a name.")
            return
        run = (place.client, place.item)
        if place.what is What.RUN_FILE and run != self._last_run:
            self._last_run, self._runs = run, self._runs + 1
        if entry.is_link or entry.is_special:
            what = "a symbolic link" if entry.is_link else "a pipe, a socket or a device"
            self._add(place, entry.name, Kind.INSERTED, f"It is {what}; it was not followed.")
            self._book.put_file(entry.name, place, None, is_bad=True)
            return
        self._read(entry.name, place)

    def _read(self, name: str, place: Place) -> None:
        try:
            found = read(self._store, name, keep=_KEPT.get(place.what, LARGEST_OTHER))
        except EvidenceError as error:
            self._add(place, name, Kind.UNREADABLE, error.message)
            self._book.put_file(name, place, None, is_bad=True)
            return
        if found is None:  # it went away meanwhile: it is missing if anything speaks of it
            return
        is_bad = False
        if place.what >= What.SEAL:
            is_bad = not self._read_signed(name, place, found)
        elif place.what is What.KEY:
            keyring.check_key_file(found, place, self.findings, file=name)
        elif place.what is What.STAMP_ROOT:
            stamps.check_root_file(found, place, self.findings, file=name)
        self._book.put_file(name, place, found.sha256, is_bad=is_bad)

    def _examine(self, found: Found, place: Place) -> Examined:
        keys = self._keys
        return examine(found.content, place, keys.keys, keys_given=bool(keys.given))

    def _read_signed(self, name: str, place: Place, found: Found) -> bool:
        """Enter what a signed file says; return whether it is sound."""
        examined = self._examine(found, place)
        if examined.has_strange_key and self._reloads < _MOST_RELOADS:
            # Somebody may have begun to sign here since the keys were read.
            self._reloads += 1
            self._keys = keyring.keyring_of(self._store, self._given)
            examined = self._examine(found, place)
        told = examined.statement
        run_id = ""
        if told:
            run_id = _text(told, "run_id") if place.what is What.SEAL else ""
            self._enter(name, place, examined, run_id)
        for fault in examined.faults:
            self.findings.add(
                fault.kind, fault.sentence, file=name, client=place.client, run_id=run_id
            )
        self._count(place, examined)
        return examined.is_sound

    def _enter(self, name: str, place: Place, examined: Examined, run_id: str) -> None:
        told, key = examined.statement, examined.key
        assert told
        key_id = key.key_id if key and examined.is_sound else ""
        if key_id:
            approved.enter(self._book, place, examined)
        if key_id and place.what is What.ENDORSEMENT:
            self._endorsed[place.item] = key_id
        if place.what in {What.SEAL, What.DIGEST}:
            previous = told.predicate.get("previous")
            before = previous.get("sha256") if isinstance(previous, dict) else None
            self._book.put_link(place, before=_storable(before), run_id=run_id, key_id=key_id)
        if place.what is What.APPROVAL:  # its subjects are plans, not files
            return
        for each in told.subjects:
            whose, slash, _ = each.name.partition("/")
            left_out = self._clients and slash and whose not in self._clients
            if left_out and whose not in _OF_THE_ARCHIVE:
                continue
            if each.name.isprintable():
                self._book.put_claim(each.name, each.sha256, by=name, what=place.what)

    def _count(self, place: Place, examined: Examined) -> None:
        told, key = examined.statement, examined.key
        if not told or not key or not examined.is_sound:
            return
        self._signed[key.key_id] = self._signed.get(key.key_id, 0) + 1
        names = self._names.setdefault(key.key_id, set())
        if len(names) < _MOST_NAMES:
            names.add(told.predicate["signer"]["name"])
        if place.what is What.SEAL:
            self._adopted.count(told)
            self._finished.count(told)
            for each in filter(None, (_instant(told, "started"), _instant(told, "ended"))):
                first, last = self._times or (each, each)
                self._times = (min(first, each), max(last, each))

    def look_again(self) -> None:
        """Look again at what seems wrong, until nothing new is found: it may be written now."""
        for _ in range(_MOST_ROUNDS):
            # First: whatever is forgotten after this has its digest, which is then found.
            self._busy.update(self.under_way())
            if not self._look_once_more():
                return

    def _look_once_more(self) -> bool:
        """Look at what seems wrong now; return whether anything was found to be new."""
        is_new, folders = False, set()
        lone = list(islice(self._book.unclaimed(), _MOST_SECOND_LOOKS + 1))
        for name, what, client, item, *_ in lone if len(lone) <= _MOST_SECOND_LOOKS else ():
            folders |= {layout.KEYS, layout.DIGESTS, _whence(what, client, item)}
            if what == What.RUN_FILE and self._book.is_sealed(client, item):
                is_new |= self._forget_if_gone(name)
        unlike = list(islice(self._book.unlike(), _MOST_SECOND_LOOKS + 1))
        # More than that nobody writes meanwhile.
        for name, _, _, found, is_bad in unlike if len(unlike) <= _MOST_SECOND_LOOKS else ():
            place = place_of(name)
            if place is None:
                continue
            if is_bad is None:
                folders.add(name.rpartition("/")[0])
            elif not is_bad:
                is_new |= self._read_if_changed(name, place, found)
        if self._book.lacks_approvals():
            folders.add(layout.APPROVALS)
        for folder in sorted(folders):
            is_new |= self._look_for_new(f"{folder}/")
        return is_new

    def _forget_if_gone(self, name: str) -> bool:
        with suppress(EvidenceError):
            if read(self._store, name) is None:
                self._book.forget_file(name)
                return True
        return False

    def _read_if_changed(self, name: str, place: Place, sha256: str | None) -> bool:
        with suppress(EvidenceError):
            again = read(self._store, name)
            if again is not None and again.sha256 != sha256:
                self._read(name, place)
                return True
        return False

    def _look_for_new(self, folder: str) -> bool:
        is_new = False
        with suppress(EvidenceError):
            for entry in self._store.entries(folder):
                if not self._book.has_file(entry.name):
                    self._look_at(entry)
                    is_new |= self._book.has_file(entry.name)
        return is_new

    def compare(self) -> None:
        """Compare what was said with what is there."""
        self._busy.update(self.under_way())
        for name, _, _ in list(islice(self._book.names(What.LEFTOVER), _MOST_SECOND_LOOKS)):
            self._forget_if_gone(name)
        empty = presence.empty_run_folders(self._store, self._book, self._clients, self._busy)
        if found := list(islice(empty, _MOST_SECOND_LOOKS)):
            self.findings.note(f"Empty folders in the place of runs: {some(found)}.")
        claims.compare(self._book, self.findings, busy=frozenset(self._busy))
        for what in (What.SEAL, What.DIGEST):
            chains.compare(self._book, what, self.findings)
        keyring.compare(self._book, self._signed, self.findings)
        approved.compare(self._book, self.findings, persons=succession.persons(self._endorsed))
        succession.tell_retired(self._book, self._endorsed, self.findings)
        self._adopted.tell(self.findings)
        self._finished.tell(self.findings)

    def _add(self, place: Place | None, name: str, kind: Kind, sentence: str) -> None:
        client = place.client if place else ""
        run_id = place.item if place and place.what is What.RUN_FILE else ""
        shown = name if name.isprintable() else ascii(name)[1:-1]
        self.findings.add(kind, sentence, file=shown, client=client, run_id=run_id)

    def report(self, stamped: stamps.Stamped) -> Report:
        """Return what was found."""
        counts = {name: self._book.count(what) for name, what in _COUNTED.items()}
        first, last = self._times or (None, None)
        most_first = sorted(self._signed, key=lambda key_id: (-self._signed[key_id], key_id))
        return Report(
            url=self._store.url,
            clients=self._clients,
            problems=self.findings.problems(),
            more_problems=self.findings.more_problems(),
            notes=tuple(self.findings.notes),
            counts={"runs": self._book.count_runs(), "files": self._files, **counts},
            size_bytes=self._size,
            first=first,
            last=last,
            signings=tuple(
                _signing(each, self._signed[each], self._names[each], self._keys)
                for each in most_first
            ),
            keys_given=bool(self._keys.given),
            authorities_given=stamped.authorities_given,
            stamped_until=stamped.until,
            stamped_digest=stamped.number,
        )


def _whence(what: int, client: str, item: str) -> str:
    """Return the folder in which there may be a signed file by now that speaks of a file."""
    if what == What.BATCH_INPUTS:
        return f"{layout.BATCHES}/{item}"
    return f"{client}/{layout.SEALS}" if client else layout.DIGESTS


def _signing(key_id: str, files: int, names: Iterable[str], keys: keyring.Keyring) -> Signing:
    return Signing(
        key_id=key_id,
        names=tuple(sorted(names)),
        algorithm=keys.keys[key_id].algorithm,
        files=files,
        trusted_by=keys.trust_in(key_id),
    )


def _text(told: Statement, name: str) -> str:
    return _storable(told.predicate.get(name)) or ""


def _storable(value: object) -> str | None:
    """Return a text that a database takes; None for anything else."""
    return value[:200] if isinstance(value, str) and value.isprintable() else None


def _instant(told: Statement, name: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(_text(told, name))
    except ValueError:
        return None
    return found if found.tzinfo else None
