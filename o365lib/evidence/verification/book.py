"""What was found and what was said of it, in a temporary database: for the cross-checks.

- `files`: each file that is evidence, with its digest. `claims`: what signed files say of others.
- It lies in SQLite's own temporary file, so that memory stays flat, and goes with the process.
- Rows are given out in the order of their names, and those of a chain in that of their numbers.

https://www.sqlite.org/inmemorydb.html#temp_db
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any, NamedTuple, Self

from o365lib.evidence import layout
from o365lib.evidence.verification.inventory import CLAIMED_BY, Place, What

_TABLES = """
CREATE TABLE files (
    name TEXT PRIMARY KEY, what INTEGER, client TEXT, item TEXT, number INTEGER, sha256 TEXT,
    is_bad INTEGER
) WITHOUT ROWID;
CREATE TABLE claims (name TEXT, by TEXT, what INTEGER, sha256 TEXT, PRIMARY KEY (name, by))
    WITHOUT ROWID;
CREATE TABLE links (
    what INTEGER, client TEXT, number INTEGER, before TEXT, run_id TEXT, key_id TEXT,
    PRIMARY KEY (what, client, number)
) WITHOUT ROWID;
CREATE TABLE plans (
    approval_id TEXT, client TEXT, sha256 TEXT, key_id TEXT,
    PRIMARY KEY (approval_id, client, sha256)
) WITHOUT ROWID;
CREATE TABLE uses (
    client TEXT, approval_id TEXT, number INTEGER, run_id TEXT, approved_digest TEXT,
    plan_digest TEXT, approver_key_id TEXT, key_id TEXT, outcome TEXT,
    PRIMARY KEY (client, approval_id, number)
) WITHOUT ROWID;
"""

_PUT_FILE = "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)"
_PUT_CLAIM = "INSERT OR REPLACE INTO claims VALUES (?, ?, ?, ?)"
_PUT_LINK = "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?, ?)"
_PUT_PLAN = "INSERT OR REPLACE INTO plans VALUES (?, ?, ?, ?)"
_PUT_USE = "INSERT OR REPLACE INTO uses VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"

_ROWS_AT_ONCE = 2000
_CACHE_KIBIBYTES = 16_384


class Use(NamedTuple):
    """What a seal says of a run that went by a signed approval.

    Attributes:
        client: whose run it is.
        approval_id: by which approval.
        number: of the seal.
        run_id: which run.
        approved_digest: of the plan that was approved.
        plan_digest: of the plan of the run.
        approver_key_id: which key is said to have signed the approval.
        key_id: which key signed the seal; empty where that is not whoever ran it.
        outcome: how the run ended.
    """

    client: str
    approval_id: str
    number: int
    run_id: str
    approved_digest: str
    plan_digest: str
    approver_key_id: str
    key_id: str
    outcome: str


class Book:
    """The database of one verification; a context manager."""

    def __init__(self) -> None:
        self._rows: dict[str, list[tuple[Any, ...]]] = {
            _PUT_FILE: [],
            _PUT_CLAIM: [],
            _PUT_LINK: [],
            _PUT_PLAN: [],
            _PUT_USE: [],
        }
        self._has_index = self._has_index_of_runs = False
        # An empty name is a database of this connection alone, on disk once it outgrows its cache.
        self._database = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{_CACHE_KIBIBYTES}"):
            self._database.execute(f"PRAGMA {pragma}").close()
        self._database.executescript(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._database.close()

    def put_file(self, name: str, place: Place, sha256: str | None, *, is_bad: bool) -> None:
        """Enter a file, or enter it anew.

        Args:
            name: its path from the archive's root.
            place: what the name stands for.
            sha256: of its bytes; None where they could not be read.
            is_bad: whether a problem with it has been told.
        """
        row = (name, int(place.what), place.client, place.item, place.number, sha256, int(is_bad))
        self._put(_PUT_FILE, row)

    def put_claim(self, name: str, sha256: str, *, by: str, what: What) -> None:
        """Enter that the signed file `by`, a `what`, says which digest the file `name` has."""
        self._put(_PUT_CLAIM, (name, by, int(what), sha256))

    def put_link(
        self, place: Place, *, before: str | None, run_id: str = "", key_id: str = ""
    ) -> None:
        """Enter a seal or digest: the digest of the one before that it names, its run, its key."""
        self._put(_PUT_LINK, (int(place.what), place.client, place.number, before, run_id, key_id))

    def put_plan(self, approval_id: str, client: str, sha256: str, *, key_id: str) -> None:
        """Enter that a sound approval, signed with this key, covers a client's plan."""
        self._put(_PUT_PLAN, (approval_id, client, sha256, key_id))

    def put_use(self, use: Use) -> None:
        """Enter what a sound seal says of an approval."""
        self._put(_PUT_USE, tuple(use))

    def _put(self, statement: str, row: tuple[Any, ...]) -> None:
        rows = self._rows[statement]
        rows.append(row)
        if len(rows) >= _ROWS_AT_ONCE:
            self._flush(statement)

    def _flush(self, *statements: str) -> None:
        for statement in statements or tuple(self._rows):
            rows = self._rows[statement]
            if rows:
                self._database.execute("BEGIN").close()
                self._database.executemany(statement, rows).close()
                self._database.execute("COMMIT").close()
                rows.clear()

    def _ask(self, question: str, *values: Any) -> Iterator[Any]:
        self._flush()
        # A cursor of its own each: the answers to one question are read while others are asked.
        with closing(self._database.execute(question, values)) as cursor:
            yield from cursor

    def unlike(self) -> Iterator[tuple[str, str, str, str | None, int | None]]:
        """Yield what a sound file claims and is not so, and what any file claims and is missing.

        As name, wanted digest, by, found digest, whether bad. What was found is None for a file
        that is missing or could not be read; whether it is bad is None for one that is missing.
        """
        return self._ask(
            "SELECT c.name, c.sha256, c.by, f.sha256, f.is_bad FROM claims c"
            " JOIN files b ON b.name = c.by LEFT JOIN files f ON f.name = c.name"
            " WHERE f.sha256 IS NOT c.sha256 AND (NOT b.is_bad OR f.name IS NULL)"
            " ORDER BY c.name, c.by"
        )

    def unclaimed(self) -> Iterator[tuple[str, int, str, str, int, str | None, int]]:
        """Yield files that something has to speak of, and nothing does.

        As name, what, client, item, number, digest, whether bad; see `CLAIMED_BY`.
        """
        cases = " ".join(f"WHEN {int(what)} THEN {int(by)}" for what, by in CLAIMED_BY.items())
        whats = ", ".join(str(int(what)) for what in CLAIMED_BY)
        return self._ask(
            "SELECT f.name, f.what, f.client, f.item, f.number, f.sha256, f.is_bad FROM files f"  # noqa: S608 -- numbers of ours
            f" WHERE f.what IN ({whats}) AND NOT EXISTS (SELECT 1 FROM claims c"
            f"   WHERE c.name = f.name AND c.what = CASE f.what {cases} END) ORDER BY f.name"
        )

    def claimed_twice(self, what: What) -> Iterator[tuple[str, str, str, int]]:
        """Yield what two sound files of one kind claim: name, the first, the last of them, ...

        ... and whether they say the same of it.
        """
        return self._ask(
            "SELECT c.name, MIN(c.by), MAX(c.by), MIN(c.sha256) = MAX(c.sha256)"
            " FROM claims c JOIN files b ON b.name = c.by"
            " WHERE c.what = ? AND NOT b.is_bad"
            " GROUP BY c.name HAVING COUNT(*) > 1 ORDER BY c.name",
            int(what),
        )

    def links(self, what: What) -> Iterator[tuple[str, int, str | None, str | None, int]]:
        """Yield a kind of chain's files: client, number, the digest named for the one before, ...

        ... the file's own digest, and whether it is bad. In the order of clients and numbers.
        """
        return self._ask(
            "SELECT f.client, f.number, l.before, f.sha256, f.is_bad FROM files f"
            " LEFT JOIN links l ON l.what = f.what AND l.client = f.client AND l.number = f.number"
            " WHERE f.what = ? ORDER BY f.client, f.number",
            int(what),
        )

    def uses(self) -> Iterator[tuple[Use, int | None, str | None]]:
        """Yield what sound seals say of approvals, by clients, approvals and numbers.

        With whether the approval's file is bad, None for one that is missing; and with which key it
        was signed, None where it does not cover the plan.
        """
        question = (
            "SELECT u.*, f.is_bad, p.key_id FROM uses u"
            " LEFT JOIN files f ON f.name = ? || '/' || u.approval_id || '.json'"
            " LEFT JOIN plans p ON p.approval_id = u.approval_id AND p.client = u.client"
            " AND p.sha256 = u.approved_digest ORDER BY u.client, u.approval_id, u.number"
        )
        for *use, is_bad, key_id in self._ask(question, layout.APPROVALS):
            yield Use(*use), is_bad, key_id

    def lacks_approvals(self) -> bool:
        """Whether a seal speaks of an approval that was not found."""
        return any(is_bad is None for _, is_bad, _ in self.uses())

    def first_digest_of(self, name: str) -> int:
        """Return the number of the first sound digest that claims a file; 0 for none."""
        question = (
            "SELECT MIN(b.number) FROM claims c JOIN files b ON b.name = c.by"
            " WHERE c.name = ? AND c.what = ? AND NOT b.is_bad"
        )
        return sum(row[0] or 0 for row in self._ask(question, name, int(What.DIGEST)))

    def signed_after(self, number: int, *, key_id: str) -> int:
        """Return how much a key signed after a digest: later digests, and seals in these alone."""
        question = (
            "SELECT (SELECT COUNT(*) FROM links WHERE what = ?1 AND number > ?2 AND key_id = ?3)"
            " + (SELECT COUNT(*) FROM links l WHERE l.what = ?4 AND l.key_id = ?3 AND ?5 <"
            "  (SELECT MIN(c.by) FROM claims c WHERE c.what = ?1 AND"
            "   c.name = l.client || '/' || ?6 || '/' || printf('%08d', l.number) || '.json'))"
        )
        digest, last = int(What.DIGEST), f"{layout.DIGESTS}/{layout.numbered(number)}"
        values = (digest, number, key_id, int(What.SEAL), last, layout.SEALS)
        return sum(row[0] for row in self._ask(question, *values))

    def run_of(self, place: Place) -> str:
        """Return the run of which a seal speaks; empty where it cannot be read."""
        question = "SELECT run_id FROM links WHERE what = ? AND client = ? AND number = ?"
        for row in self._ask(question, int(place.what), place.client, place.number):
            return str(row[0])
        return ""

    def is_sealed(self, client: str, run_id: str) -> bool:
        """Whether any seal claims a file of this run, or speaks of it without any file."""
        folder, seal = f"{client}/{run_id}", int(What.SEAL)
        # "0" comes right after "/".
        question = "SELECT 1 FROM claims WHERE name > ? AND name < ? AND what = ? LIMIT 1"
        if any(True for _ in self._ask(question, f"{folder}/", f"{folder}0", seal)):
            return True
        if not self._has_index_of_runs:
            self._has_index_of_runs = True
            self._database.execute("CREATE INDEX links_by_run ON links (run_id)").close()
        question = "SELECT 1 FROM links WHERE run_id = ? AND client = ? AND what = ? LIMIT 1"
        return any(True for _ in self._ask(question, run_id, client, seal))

    def files_of(self, folder: str) -> int:
        """Return how many files of this run, given as `<client>/<run id>`, are there."""
        question = "SELECT COUNT(*) FROM files WHERE name > ? AND name < ?"
        return sum(row[0] for row in self._ask(question, f"{folder}/", f"{folder}0"))

    def has_file(self, name: str) -> bool:
        """Whether a file was entered, whatever is wrong with it."""
        return any(True for _ in self._ask("SELECT 1 FROM files WHERE name = ?", name))

    def forget_file(self, name: str) -> None:
        """Take out a file that is gone, as files go while others write."""
        self._flush()
        self._database.execute("DELETE FROM files WHERE name = ?", (name,)).close()

    def digest_of(self, name: str) -> str | None:
        """Return the digest of a file; None where it is not there or could not be read."""
        for row in self._ask("SELECT sha256 FROM files WHERE name = ?", name):
            return None if row[0] is None else str(row[0])
        return None

    def claimed_as(self, sha256: str, *, but: str) -> str:
        """Return the name under which a file with this digest should be; empty for none."""
        self._index()
        question = "SELECT name FROM claims WHERE sha256 = ? AND name != ? ORDER BY name LIMIT 1"
        for row in self._ask(question, sha256, but):
            return str(row[0])
        return ""

    def found_as(self, sha256: str, *, but: str) -> str:
        """Return the name under which a file with this digest lies unclaimed; empty for none."""
        self._index()
        question = (
            "SELECT name FROM files f WHERE sha256 = ? AND name != ? AND NOT EXISTS"
            " (SELECT 1 FROM claims c WHERE c.name = f.name) ORDER BY name LIMIT 1"
        )
        for row in self._ask(question, sha256, but):
            return str(row[0])
        return ""

    def _index(self) -> None:
        """Make digests searchable, at the first problem: a sound archive does without."""
        if not self._has_index:
            self._flush()
            self._database.execute("CREATE INDEX claims_by_digest ON claims (sha256)").close()
            self._database.execute("CREATE INDEX files_by_digest ON files (sha256)").close()
            self._has_index = True

    def names(self, what: What) -> Iterator[tuple[str, int, int]]:
        """Yield the files of a kind: name, number, whether bad; in the order of their names."""
        question = "SELECT name, number, is_bad FROM files WHERE what = ? ORDER BY name"
        return self._ask(question, int(what))

    def count(self, what: What) -> int:
        """Return how many files of a kind there are."""
        question = "SELECT COUNT(*) FROM files WHERE what = ?"
        return sum(row[0] for row in self._ask(question, int(what)))

    def count_runs(self) -> int:
        """Return how many runs have files."""
        question = "SELECT COUNT(*) FROM (SELECT DISTINCT client, item FROM files WHERE what = ?)"
        return sum(row[0] for row in self._ask(question, int(What.RUN_FILE)))
