"""What of an archive is known to be in a store: `.published` in the archive's root, a SQLite file.

- It is no evidence and never the only copy of anything: whoever deletes it makes the next command
  ask the store again, which takes longer and ends the same.
- One that cannot be read is made anew; where none can be written, it is kept in memory.
- Names of several stores may be in one file.
"""

import contextlib
import itertools
import logging
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from o365lib.evidence.files import mode_for
from o365lib.evidence.stores.store import Entry

FILE = ".published"

_logger = logging.getLogger(__name__)

_AT_ONCE = 1000
_PATIENCE_SECONDS = 30

_TABLES = """
CREATE TABLE IF NOT EXISTS store (id INTEGER PRIMARY KEY, url TEXT UNIQUE, was_listed INTEGER);
CREATE TABLE IF NOT EXISTS name (
  store INTEGER, name TEXT, size INTEGER, is_compared INTEGER, PRIMARY KEY (store, name)
) WITHOUT ROWID;
"""


class PublishedNames:
    """The names that are known to be in one store; one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, url: str) -> None:
        self._connection = connection
        connection.execute("INSERT OR IGNORE INTO store (url, was_listed) VALUES (?, 0)", (url,))
        row = connection.execute("SELECT id FROM store WHERE url = ?", (url,)).fetchone()
        self._store = int(row[0])

    @property
    def was_listed(self) -> bool:
        """Whether `list_names` came to its end once."""
        query = "SELECT was_listed FROM store WHERE id = ?"
        return bool(self._connection.execute(query, (self._store,)).fetchone()[0])

    def list_names(self, entries: Iterable[Entry]) -> None:
        """Note what a store has; the content is still to be compared. Errors of `entries` pass."""
        rows = ((self._store, each.name, each.size) for each in entries)
        # Taken from the store first, written then: nobody else waits for a store's answers.
        while some := list(itertools.islice(rows, _AT_ONCE)):
            self._connection.executemany("INSERT OR IGNORE INTO name VALUES (?, ?, ?, 0)", some)
            self._connection.commit()
        self._connection.execute("UPDATE store SET was_listed = 1 WHERE id = ?", (self._store,))
        self._connection.commit()

    def has(self, name: str) -> bool:
        """Whether the store has this name, with the content that it has here."""
        query = "SELECT is_compared FROM name WHERE store = ? AND name = ?"
        row = self._connection.execute(query, (self._store, name)).fetchone()
        return bool(row and row[0])

    def count(self) -> int:
        """Return how many names the store has, with the content that they have here."""
        query = "SELECT count(*) FROM name WHERE store = ? AND is_compared"
        return int(self._connection.execute(query, (self._store,)).fetchone()[0])

    def listed_size(self, name: str) -> int | None:
        """Return how many bytes stand under a name; None where none are known to."""
        query = "SELECT size FROM name WHERE store = ? AND name = ?"
        row = self._connection.execute(query, (self._store, name)).fetchone()
        return None if row is None else int(row[0])

    def add(self, names: Iterable[tuple[str, int]]) -> None:
        """Note names and sizes whose content is the same in the store and here.

        What cannot be noted, on a full disk say, is found out again by the next command.
        """
        rows = [(self._store, name, size) for name, size in names]
        try:
            with self._connection:
                self._connection.executemany(
                    "INSERT OR REPLACE INTO name VALUES (?, ?, ?, 1)", rows
                )
        except sqlite3.OperationalError as error:
            _logger.warning("What was published cannot be noted: %s.", error)

    def forget(self) -> None:
        """Know nothing of this store any more."""
        self._connection.execute("DELETE FROM name WHERE store = ?", (self._store,))
        self._connection.execute("UPDATE store SET was_listed = 0 WHERE id = ?", (self._store,))
        self._connection.commit()


@contextlib.contextmanager
def published_names(root: Path, url: str) -> Iterator[PublishedNames]:
    """Give what is known of a store with this URL.

    Args:
        root: the archive's folder.
        url: the store's.
    """
    with contextlib.closing(_opened(root / FILE)) as connection:
        yield PublishedNames(connection, url)


def _opened(path: Path) -> sqlite3.Connection:
    for place in (path, path, ":memory:"):
        try:
            connection = sqlite3.connect(place, timeout=_PATIENCE_SECONDS)
        except sqlite3.OperationalError:
            continue
        try:
            connection.executescript(_TABLES)
            connection.execute("UPDATE store SET was_listed = was_listed")  # may it be written?
            connection.commit()
        except sqlite3.OperationalError:  # a folder that is not ours to write
            connection.close()
        except sqlite3.DatabaseError:  # no database, or a damaged one
            connection.close()
            with contextlib.suppress(OSError):
                path.unlink()
        else:
            if place == path:
                with contextlib.suppress(OSError):
                    path.chmod(mode_for(path.parent))
            return connection
    raise AssertionError  # memory can always be had
