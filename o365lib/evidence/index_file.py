"""The file in which the index is kept: SQLite, beside the evidence and no part of it.

- Never the only copy of anything: what cannot be read, or is not of our making, is thrown away and
  made anew; whoever asks gets an answer all the same.
- Where it cannot be written (an archive that is read-only, a full disk, a network drive without
  locks, another process that holds it for long), the answer comes from a temporary copy.
- For its owner alone (0600), as the archive's files are: it holds the same texts.
- A rollback journal and no write-ahead log, which needs memory that processes share, and so does
  not work on network drives: https://sqlite.org/wal.html
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import o365lib
from o365lib.errors import EvidenceError
from o365lib.evidence.files import mode_for
from o365lib.evidence.layout import INDEX

# With the package's version: what reads records may read them otherwise in the next one.
_MADE_BY = f"1 {o365lib.__version__}"

# How long another process's writing is waited for; it writes in short portions.
_PATIENCE_SECONDS = 5.0

# https://sqlite.org/rescode.html: the file may be sound, and cannot be used here and now.
_OUT_OF_REACH = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
    }
)

# The columns of `texts` are searched, and told by their names as the place where a word was found.
_SCHEMA = """
CREATE TABLE about (made_by TEXT NOT NULL);
CREATE TABLE clients (
    client TEXT PRIMARY KEY, stamp TEXT NOT NULL, seals_stamp TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    client TEXT NOT NULL,
    run_id TEXT NOT NULL,
    stamp TEXT NOT NULL,
    runbook TEXT NOT NULL,
    outcome TEXT NOT NULL,
    reason TEXT NOT NULL,
    started INTEGER,
    ended INTEGER,
    dry_run INTEGER,
    client_display_name TEXT NOT NULL,
    tenant_id TEXT NOT NULL,
    user_name TEXT NOT NULL,
    host_name TEXT NOT NULL,
    signed_in_as TEXT NOT NULL,
    approved_by TEXT NOT NULL,
    ticket TEXT NOT NULL,
    guard TEXT NOT NULL,
    user_id TEXT NOT NULL,
    plan_digest TEXT NOT NULL
);
CREATE UNIQUE INDEX runs_by_time ON runs (run_id, client);
CREATE INDEX runs_by_client ON runs (client, run_id, stamp);
CREATE TABLE seals (
    client TEXT NOT NULL, number INTEGER NOT NULL, run_id TEXT NOT NULL,
    PRIMARY KEY (client, number)
) WITHOUT ROWID;
CREATE INDEX seals_by_run ON seals (client, run_id);
CREATE VIRTUAL TABLE texts USING fts5(
    reason, error, notes, changes, ticket, operator, client, domains, ids,
    tokenize = 'unicode61 remove_diacritics 2'
);
"""

Answer = TypeVar("Answer")


def folded(text: str) -> str:
    """Return a text as it is compared where large and small letters are the same; SQL's too."""
    return text.casefold()


def throw_away(root: Path) -> None:
    """Throw away the index of an archive, because of what it may hold: a copy of a secret, say.

    A process that has it open goes on with a file that nobody else finds. Where such a file cannot
    be removed (Windows), it stays.

    Args:
        root: the archive's folder.
    """
    _remove(root / INDEX)


class IndexFile:
    """A database in the archive, or a temporary one in its place.

    Args:
        path: where it is, or will be.
        fill: is called with a connection that may lag behind the archive; brings it up to date.
            Called once, and again wherever the database had to be made anew.
    """

    def __init__(self, path: Path, fill: Callable[[sqlite3.Connection], None]) -> None:
        self._path, self._fill = path, fill
        self._database: sqlite3.Connection | None = None
        self._is_filled = False

    def ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Return the answer of an index that is up to date.

        Raises:
            EvidenceError: not even a temporary index can be made, or the archive cannot be listed.
        """
        for way_out in (self._after_damage, self._only_temporary):
            try:
                return question(self._filled())
            except sqlite3.DatabaseError as error:
                with contextlib.suppress(sqlite3.Error):
                    way_out(error)
        try:
            return question(self._filled())
        except sqlite3.Error as error:
            raise EvidenceError(
                f"No index of {self._path.parent} can be made ({error}).",
                remedy="Make room in the folder for temporary files. The evidence itself is not"
                " concerned: the index is made from it.",
            ) from error

    def discard(self) -> None:
        """Throw the index away; the next question makes it anew."""
        self.close()
        _remove(self._path)

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
        self._database, self._is_filled = None, False

    def _filled(self) -> sqlite3.Connection:
        if self._database is None:
            self._database = self._opened()
        if not self._is_filled:
            self._fill(self._database)
            self._is_filled = True
        return self._database

    def _opened(self) -> sqlite3.Connection:
        try:
            return _sound(self._own())
        except (OSError, sqlite3.OperationalError):
            return _temporary()
        except sqlite3.DatabaseError:  # not a database, or not of this version
            self.discard()
        try:
            return _sound(self._own())
        except (OSError, sqlite3.Error):
            return _temporary()

    def _own(self) -> sqlite3.Connection:
        if self._path.is_symlink():  # somebody's, and it leads to a file that is not ours
            raise sqlite3.DatabaseError
        with contextlib.suppress(FileExistsError):
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            self._path.chmod(mode_for(self._path.parent))
        return sqlite3.connect(self._path, timeout=_PATIENCE_SECONDS, isolation_level="IMMEDIATE")

    def _after_damage(self, error: sqlite3.DatabaseError) -> None:
        if _is_out_of_reach(error):
            self._only_temporary(error)
        else:
            self.discard()

    def _only_temporary(self, error: sqlite3.DatabaseError) -> None:
        """Go on with a copy of what can be read, so that little has to be read from the archive."""
        before, self._database, self._is_filled = self._database, None, False
        copy = _temporary()
        if before is not None and _is_out_of_reach(error):
            before.rollback()
            try:
                before.backup(copy)
                copy = _sound(copy)
            except sqlite3.Error:
                copy.close()
                copy = _temporary()
        if before is not None:
            before.close()
        self._database = copy


def _remove(path: Path) -> None:
    # The journal first: it must not be taken for that of a new file.
    for each in (path.with_name(f"{path.name}-journal"), path):
        with contextlib.suppress(OSError):
            each.unlink(missing_ok=True)


def _is_out_of_reach(error: sqlite3.DatabaseError) -> bool:
    # Extended codes have the primary one in their lowest byte.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _OUT_OF_REACH


def _temporary() -> sqlite3.Connection:
    """A database that SQLite keeps in a nameless file, and deletes when it is closed."""
    return _sound(sqlite3.connect("", isolation_level="IMMEDIATE"))


def _sound(database: sqlite3.Connection) -> sqlite3.Connection:
    """Return a database with our tables, which an empty one gets here.

    Raises:
        sqlite3.DatabaseError: it is no database, or another version's.
    """
    try:
        database.execute("PRAGMA synchronous = NORMAL")
        database.create_function("folded", 1, folded, deterministic=True)
        if not database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall():
            _make_tables(database)
        _check_version(database)
    except sqlite3.OperationalError as error:
        database.close()
        if _is_out_of_reach(error):
            raise
        raise sqlite3.DatabaseError("other tables") from error
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database


def _check_version(database: sqlite3.Connection) -> None:
    if database.execute("SELECT made_by FROM about").fetchall() != [(_MADE_BY,)]:
        raise sqlite3.DatabaseError("made by another version")


def _make_tables(database: sqlite3.Connection) -> None:
    """Make the tables, all or none; another process may have made them meanwhile."""
    database.execute("BEGIN IMMEDIATE")
    with database:
        if database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall():
            return
        for statement in filter(str.strip, _SCHEMA.split(";")):
            database.execute(statement)
        database.execute("INSERT INTO about VALUES (?)", (_MADE_BY,))
