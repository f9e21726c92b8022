"""Bringing the index up to date: looking at the archive, and reading what is not as it was.

- A client's folder whose instants are as before has the same runs, and is not listed again.
- What is written is written in short portions, so that another process gets its turn, and what was
  read before an interruption need not be read again.
"""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.archive import RECORD_FILE, RunFolder
from o365lib.evidence.index_entry import COLUMNS, TEXTS, entry_of
from o365lib.evidence.layout import SEALS, is_client, is_run_id, number_of

# Their runs are held in memory: few enough for clients with a thousand of them.
_CLIENTS_AT_ONCE = 20
_WRITES_AT_ONCE = 500
_LONGEST_SEAL_BYTES = 1_000_000

# Instants of files are as coarse as two seconds (FAT), and a server's clock may be a little off.
_COARSENESS = timedelta(seconds=4)

# As it stands for a file that has to be read again the next time: no file has it.
_UNSETTLED = ""


def fill(
    database: sqlite3.Connection,
    root: Path,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> None:
    """Bring the index up to date.

    Args:
        database: with the index's tables.
        root: the archive's folder; where it is not there, there are no runs.
        on_progress: is told how many records were read so far.

    Raises:
        EvidenceError: the archive cannot be listed.
        sqlite3.Error: the index cannot be read or written.
    """
    with database:  # an interruption takes back what was not committed, and lets go of the file
        _Filling(database, root, on_progress or (lambda _count: None)).fill()


class _Filling:
    def __init__(
        self, database: sqlite3.Connection, root: Path, on_progress: Callable[[int], None]
    ) -> None:
        self._database, self._root = database, root
        self._on_progress = on_progress
        self._read = self._written = 0
        self._settled_before = int((clock.now() - _COARSENESS).timestamp() * 1e9)

    def fill(self) -> None:
        clients = sorted(name for name in _folders(str(self._root)) if is_client(name))
        self._forget_clients(set(clients))
        names = iter(clients)
        while portion := list(islice(names, _CLIENTS_AT_ONCE)):
            self._look_at(portion)

    def _forget_clients(self, there: set[str]) -> None:
        known = self._database.execute("SELECT client FROM clients").fetchall()
        known += self._database.execute("SELECT DISTINCT client FROM runs").fetchall()
        for client in {name for (name,) in known} - there:
            for (run_id,) in self._database.execute(
                "SELECT run_id FROM runs WHERE client = ?", [client]
            ).fetchall():
                self._forget_run(client, run_id)
            self._write("DELETE FROM seals WHERE client = ?", client)
            self._write("DELETE FROM clients WHERE client = ?", client)

    def _look_at(self, clients: list[str]) -> None:
        """Look at clients whose names follow each other."""
        between = [clients[0], clients[-1]]
        stamps = {
            client: (stamp, seals_stamp)
            for client, stamp, seals_stamp in self._database.execute(
                "SELECT client, stamp, seals_stamp FROM clients WHERE client BETWEEN ? AND ?",
                between,
            )
        }
        runs: dict[str, dict[str, str]] = {client: {} for client in clients}
        for client, run_id, stamp in self._database.execute(
            "SELECT client, run_id, stamp FROM runs WHERE client BETWEEN ? AND ?", between
        ):
            runs.setdefault(client, {})[run_id] = stamp
        for client in clients:
            before = stamps.get(client, (_UNSETTLED, _UNSETTLED))
            now = (
                self._look_at_runs(client, runs[client], before[0]),
                self._look_at_seals(client, before[1]),
            )
            if now != before or client not in stamps:
                # After its runs and seals, so that an interruption leaves nothing out.
                self._write("INSERT OR REPLACE INTO clients VALUES (?, ?, ?)", client, *now)

    def _look_at_runs(self, client: str, known: dict[str, str], stamp_before: str) -> str:
        folder = f"{self._root}/{client}"
        stamp = self._stamp(folder)
        run_ids: list[str] = list(known)
        if stamp == _UNSETTLED or stamp != stamp_before:
            run_ids = [name for name in _folders(folder) if is_run_id(name)]
            for run_id in known.keys() - set(run_ids):
                self._forget_run(client, run_id)
        for run_id in run_ids:
            record_stamp = self._stamp(f"{folder}/{run_id}/{RECORD_FILE}")
            if record_stamp == _UNSETTLED or record_stamp != known.get(run_id):
                self._take_in(client, run_id, record_stamp)
        return stamp

    def _take_in(self, client: str, run_id: str, stamp: str) -> None:
        run, texts = entry_of(RunFolder(self._root / client / run_id))
        # What makes a record unreadable need not lie in the file: it is tried again.
        settled = stamp if run.is_readable else _UNSETTLED
        self._begin()
        number = self._number_of(client, run_id)
        columns = f"number, stamp, {', '.join(COLUMNS)}"
        marks = ", ".join("?" * (len(COLUMNS) + 2))
        self._write(
            f"INSERT OR REPLACE INTO runs ({columns}) VALUES ({marks})",  # noqa: S608 -- ours
            number,
            settled,
            *run.to_row(),
        )
        if number is None:
            number = self._number_of(client, run_id)
        else:
            self._write("DELETE FROM texts WHERE rowid = ?", number)
        marks = ", ".join("?" * (len(TEXTS) + 1))
        self._write(
            f"INSERT INTO texts (rowid, {', '.join(TEXTS)}) VALUES ({marks})",  # noqa: S608 -- ours
            number,
            *texts,
        )
        self._read += 1
        self._on_progress(self._read)
        self._rest()

    def _number_of(self, client: str, run_id: str) -> int | None:
        row = self._database.execute(
            "SELECT number FROM runs WHERE run_id = ? AND client = ?", [run_id, client]
        ).fetchone()
        return row[0] if row else None

    def _forget_run(self, client: str, run_id: str) -> None:
        self._begin()
        number = self._number_of(client, run_id)
        self._write("DELETE FROM texts WHERE rowid = ?", number)
        self._write("DELETE FROM runs WHERE number = ?", number)

    def _look_at_seals(self, client: str, stamp_before: str) -> str:
        folder = f"{self._root}/{client}/{SEALS}"
        stamp = self._stamp(folder)
        if stamp != _UNSETTLED and stamp == stamp_before:
            return stamp
        there = {number for name in _names(folder) if (number := number_of(name))}
        known = {
            number
            for (number,) in self._database.execute(
                "SELECT number FROM seals WHERE client = ?", [client]
            )
        }
        for number in known - there:
            self._write("DELETE FROM seals WHERE client = ? AND number = ?", client, number)
        for number in sorted(there - known):
            run_id = _sealed_run(f"{folder}/{number:08d}.json")
            if run_id is not None:
                self._write("INSERT OR REPLACE INTO seals VALUES (?, ?, ?)", client, number, run_id)
                self._rest()
        return stamp

    def _stamp(self, path: str) -> str:
        """What tells whether a file or folder is as it was; nothing where nothing can tell."""
        try:
            status = os.stat(path)  # noqa: PTH116 -- three times as fast, for 10,000 files
        except OSError:
            return _UNSETTLED
        modified, changed = status.st_mtime_ns, status.st_ctime_ns
        if max(modified, changed) >= self._settled_before:
            return _UNSETTLED
        return f"{modified} {changed} {status.st_size} {status.st_ino}"

    def _begin(self) -> None:
        """Keep others from writing between what is read here and what is written."""
        if not self._database.in_transaction:
            self._database.execute("BEGIN IMMEDIATE")

    def _write(self, sql: str, *values: object) -> None:
        self._database.execute(sql, values)
        self._written += 1

    def _rest(self) -> None:
        """Let others have their turn, between two runs or seals."""
        if self._written >= _WRITES_AT_ONCE:
            self._database.commit()
            self._written = 0


def _folders(path: str) -> Iterator[str]:
    try:
        with os.scandir(path) as entries:
            yield from (entry.name for entry in entries if _is_folder(entry))
    except FileNotFoundError:
        return
    except OSError as error:
        raise EvidenceError(
            f"The archive {path} cannot be listed ({error.strerror or type(error).__name__}).",
            remedy="Give yourself the right to read there, or name another archive.",
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads in circles, say
        return False


def _names(path: str) -> list[str]:
    try:
        return os.listdir(path)  # noqa: PTH208 -- names are wanted, not paths
    except OSError:
        return []


def _sealed_run(path: str) -> str | None:
    """The run that a seal names; None where it cannot be read, which verifying tells."""
    # Late: most commands find no new seal.
    from o365lib.evidence.envelope import Envelope
    from o365lib.evidence.statement import Statement

    with suppress(OSError, EvidenceError):
        with Path(path).open("rb") as stream:
            raw = stream.read(_LONGEST_SEAL_BYTES)
        run_id = Statement.from_bytes(Envelope.from_json(raw).payload).predicate.get("run_id")
        return run_id if isinstance(run_id, str) else None
    return None
