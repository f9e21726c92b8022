"""The index of the archive: which runs there are, by what they are chosen and searched.

- Tells what stands in the archive now. Each time it looks, for each run, at instants, length and
  identity of `record.json`, and reads those again that are not as they were; so an edited record
  shows as it reads after the edit. Whether it was edited is for `o365 evidence verify`, which reads
  all: where every instant can be set back (Windows), an edit of the same length could escape here.
- A look within a few seconds of a change proves nothing, since instants on a disk are coarse: such
  a file or folder is looked into again the next time.
- Of a seal it knows only the number and whose it says it is; whether it holds is for `verify` too.
- No decision about a tenant rests on it: those are made from `Archive.read`.
- Never the only copy of anything: see `index_file`.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from o365lib.errors import UsageError
from o365lib.evidence.archive import Archive, RunFolder, only_run
from o365lib.evidence.index_entry import COLUMNS, TEXTS, UNREADABLE, IndexedRun, microseconds
from o365lib.evidence.index_file import IndexFile, folded
from o365lib.evidence.index_filling import fill
from o365lib.evidence.layout import INDEX
from o365lib.reserved import BATCHES

# SQLite before 3.32 takes 999 parameters.
_PAGE = 500
_MOST_WORDS = 100
_MOST = 1 << 40  # SQLite's numbers end somewhere

# They stand around what was found, and in no text: `one_line` takes control characters out.
_BEGIN, _END = "\x01", "\x02"
_WORDS_AROUND = 16

# The first column in which there is a match, by its number, and the text around it.
_SNIPPET = "CASE {} END".format(
    " ".join(
        f"WHEN instr({text}, char(1)) THEN '{column}' || {text}"
        for column in range(len(TEXTS))
        for text in [f"snippet(texts, {column}, char(1), char(2), '…', {_WORDS_AROUND})"]
    )
)
_SEAL = """(SELECT min(number) FROM seals
            WHERE seals.client = runs.client AND seals.run_id = runs.run_id)"""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which runs are asked for; None where it does not matter.

    A run that cannot be read may be any: only `client`, `outcome` and `words` leave it out.

    Attributes:
        client: its name.
        runbook: whole, or its first word.
        outcome: one of `record.Outcome`, or `UNREADABLE`.
        operator: the user's name on the machine or in the tenant, in large or small letters.
        ticket: in large or small letters.
        since: started then or later.
        until: started before it.
        words: each stands in the run's texts, or is the beginning of a word that does.
    """

    client: str | None = None
    runbook: str | None = None
    outcome: str | None = None
    operator: str | None = None
    ticket: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: tuple[str, ...] = ()

    def conditions(self) -> tuple[str, list[Any]]:
        """Return SQL that holds for these runs, and the values of its parameters."""
        parts: list[tuple[str, list[Any]]] = [
            ("client = ?", [_text(self.client)]),
            ("outcome = ?", [_text(self.outcome)]),
            (
                f"(outcome = '{UNREADABLE}' OR runbook = ? OR substr(runbook, 1, ?) = ?)",
                _runbook(self.runbook),
            ),
            (
                f"(outcome = '{UNREADABLE}' OR ? IN (folded(user_name), folded(signed_in_as)))",
                [_folded(self.operator)],
            ),
            (f"(outcome = '{UNREADABLE}' OR folded(ticket) = ?)", [_folded(self.ticket)]),
            (f"(outcome = '{UNREADABLE}' OR started >= ?)", [microseconds(self.since)]),
            (f"(outcome = '{UNREADABLE}' OR started < ?)", [microseconds(self.until)]),
            (
                "number IN (SELECT rowid FROM texts WHERE texts MATCH ?)",
                [_query(self.words) if self.words else None],
            ),
        ]
        chosen = [(sql, values) for sql, values in parts if values[-1] is not None]
        return (
            " AND ".join(sql for sql, _ in chosen) or "1",
            [value for _, values in chosen for value in values],
        )


@dataclass(frozen=True)
class Found:
    """Where in a run's texts a word was found.

    Attributes:
        place: the kind of text: `reason`, `error`, `changes`, ...
        parts: the text around it, cut: each with whether it is what was looked for.
    """

    place: str
    parts: tuple[tuple[str, bool], ...]


@dataclass(frozen=True, kw_only=True)
class ClientRuns:
    """A client's runs at a glance.

    Attributes:
        run: the newest.
        stamp: the same for as long as no record of the client has changed; empty where that cannot
            be told, because one was written just now.
        unreadable: how many have a record that cannot be read.
    """

    run: IndexedRun
    stamp: str
    unreadable: int


@dataclass(frozen=True)
class Size:
    """How much an index holds. Summaries of batches are runs, and of no client."""

    runs: int
    unreadable: int
    clients: int
    seals: int


class Index:
    """The index of one archive; give it back with `close`, or use it in a `with` block.

    The archive is looked at when the first question is asked, and after that no more.

    Every question raises an EvidenceError where the archive cannot be listed, or where there is no
    room for an index even among the temporary files. Nothing in the archive but the index is ever
    changed.

    Args:
        archive: whose root must be there for an index to be kept.
        on_progress: is told how many records were read so far, as they are read.
    """

    def __init__(
        self, archive: Archive, *, on_progress: Callable[[int], None] | None = None
    ) -> None:
        self._archive = archive

        def filled(database: sqlite3.Connection) -> None:
            fill(database, archive.root, on_progress=on_progress)

        self._file = IndexFile(archive.root / INDEX, filled)

    def __enter__(self) -> Self:
        """Return the index itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Give it back."""
        self.close()

    def close(self) -> None:
        """Let go of the file. A later question opens it again, and looks at the archive again."""
        self._file.close()

    def refresh(self) -> None:
        """Look at the archive, where no question has made it look yet."""
        self._file.ask(lambda _database: None)

    def rebuild(self) -> Size:
        """Make the index anew from the archive, and return how much it holds."""
        self._file.discard()
        return self.size()

    def size(self) -> Size:
        """Return how much there is."""
        counts = (
            "SELECT (SELECT count(*) FROM runs), (SELECT count(*) FROM runs WHERE outcome = ?),"
            " (SELECT count(DISTINCT client) FROM runs WHERE client <> ?),"
            " (SELECT count(*) FROM seals)"
        )
        return Size(*self._rows(counts, [UNREADABLE, BATCHES])[0])

    def count(self, wanted: Wanted) -> int:
        """Return how many runs are such."""
        where, values = wanted.conditions()
        rows = self._rows(f"SELECT count(*) FROM runs WHERE {where}", values)  # noqa: S608 -- ours
        return int(rows[0][0])

    def runs(self, wanted: Wanted, *, limit: int | None = None) -> Iterator[IndexedRun]:
        """Yield such runs, oldest first; no more than a page of them is held at once.

        Args:
            wanted: which.
            limit: the newest so many only; None for all.
        """
        for page in self._pages(wanted, limit):
            for _, run in page:
                yield run

    def search(
        self, wanted: Wanted, *, limit: int | None = None
    ) -> Iterator[tuple[IndexedRun, Found]]:
        """Yield such runs as `runs` does, each with where the first of the words is found in it.

        Args:
            wanted: which; with words.
            limit: the newest so many only; None for all.
        """
        for page in self._pages(wanted, limit):
            marks = ", ".join("?" * len(page))
            # The plus keeps SQLite from looking up the words anew for each run.
            rows = self._rows(
                f"SELECT rowid, {_SNIPPET} FROM texts WHERE texts MATCH ? AND +rowid IN ({marks})",  # noqa: S608 -- ours
                [_query(wanted.words), *(number for number, _ in page)],
            )
            found = {number: _found(text) for number, text in rows}
            for number, run in page:
                yield run, found.get(number, Found("", ()))

    def find(self, text: str) -> RunFolder:
        """Return the run with this id, or the only one of whose id this text is a part.

        An id that begins or ends with the text goes before one that has it in the middle.

        Raises:
            UsageError: there is none, or more than one.
        """
        for condition in (
            "run_id = :text",
            "substr(run_id, 1, length(:text)) = :text OR substr(run_id, -length(:text)) = :text",
            "instr(run_id, :text)",
        ):
            rows = self._rows(
                f"SELECT client, run_id FROM runs WHERE :text != '' AND ({condition})"  # noqa: S608 -- ours
                " ORDER BY run_id, client",
                {"text": _text(text)},
            )
            if rows:
                break
        runs = [self._archive.run(client, run_id) for client, run_id in rows]
        return only_run(runs, text, root=self._archive.root)

    def seals(self, client: str, run_id: str) -> list[int]:
        """Return the numbers of the client's seals that say that they are this run's."""
        rows = self._rows(
            "SELECT number FROM seals WHERE client = ? AND run_id = ? ORDER BY number",
            [client, run_id],
        )
        return [number for (number,) in rows]

    def clients(self) -> set[str]:
        """Return the clients that have runs."""
        return {name for (name,) in self._rows("SELECT DISTINCT client FROM runs")}

    def latest(self) -> list[ClientRuns]:
        """Return each client with its newest run, in the order of their names.

        Summaries of batches, which are of no client, are left out.
        """
        stamps = {
            client: (self._digest(joined, unsettled), unreadable)
            for client, joined, unsettled, unreadable in self._rows(
                "SELECT client, group_concat(run_id || ' ' || stamp, '/'), sum(stamp = ''),"
                " sum(outcome = ?) FROM"
                " (SELECT client, run_id, stamp, outcome FROM runs ORDER BY client, run_id)"
                " GROUP BY client",
                [UNREADABLE],
            )
        }
        newest = self._rows(
            f"SELECT {', '.join(COLUMNS)} FROM runs WHERE client <> ? AND (client, run_id) IN"  # noqa: S608 -- ours
            " (SELECT client, max(run_id) FROM runs GROUP BY client) ORDER BY client",
            [BATCHES],
        )
        runs = [IndexedRun.from_row(row) for row in newest]
        return [
            ClientRuns(run=run, stamp=stamps[run.client][0], unreadable=stamps[run.client][1])
            for run in runs
        ]

    @staticmethod
    def _digest(joined: str, unsettled: int) -> str:
        # What was written just now may be written again within what a file's instant can tell.
        return "" if unsettled else hashlib.sha256(joined.encode()).hexdigest()

    def runbooks(self) -> set[str]:
        """Return the runbooks of which there are runs."""
        return {name for (name,) in self._rows("SELECT DISTINCT runbook FROM runs") if name}

    def operators(self) -> set[str]:
        """Return the names, on their machines and in tenants, of who ran what."""
        rows = self._rows("SELECT DISTINCT user_name, signed_in_as FROM runs")
        return {name for row in rows for name in row if name}

    def _pages(self, wanted: Wanted, limit: int | None) -> Iterator[list[tuple[int, IndexedRun]]]:
        """Yield runs with their rows' numbers, in the order of their ids."""
        where, values = wanted.conditions()
        start = self._start(where, values, limit)
        columns, after = f"number, {_SEAL}, {', '.join(COLUMNS)}", ">="
        while start is not None:
            rows = self._rows(
                f"SELECT {columns} FROM runs WHERE {where} AND (run_id, client) {after} (?, ?)"  # noqa: S608 -- ours
                f" ORDER BY run_id, client LIMIT {_PAGE}",
                [*values, *start],
            )
            page = [(row[0], replace(IndexedRun.from_row(row[2:]), seal=row[1])) for row in rows]
            if page:
                yield page
            start, after = (
                (page[-1][1].run_id, page[-1][1].client) if len(page) == _PAGE else None,
                ">",
            )

    def _start(self, where: str, values: list[Any], limit: int | None) -> tuple[str, str] | None:
        """The first run of the newest so many; None where there are none."""
        if limit is None:
            return "", ""
        if limit < 1:
            return None
        rows = self._rows(
            f"SELECT run_id, client FROM runs WHERE {where}"  # noqa: S608 -- ours
            " ORDER BY run_id DESC, client DESC LIMIT ?",
            [*values, min(limit, _MOST)],
        )
        return (rows[-1][0], rows[-1][1]) if rows else None

    def _rows(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        return self._file.ask(lambda database: database.execute(sql, values).fetchall())


def _runbook(name: str | None) -> list[Any]:
    word = None if name is None else f"{_text(name)}_"
    return [_text(name), len(word or ""), word]


def _folded(text: str | None) -> str | None:
    return None if text is None else folded(_text(text) or "")


def _text(text: str | None) -> str | None:
    """Return a text as SQLite takes it: what was typed need not be UTF-8."""
    return None if text is None else text.encode("utf-8", "replace").decode().replace("\0", "?")


def _query(words: Iterable[str]) -> str:
    """Return what a person typed as a query that cannot be taken for its syntax.

    https://sqlite.org/fts5.html#full_text_query_syntax

    Raises:
        UsageError: these are more words than anybody types.
    """
    quoted = [f'"{part.replace(chr(34), chr(34) * 2)}"*' for word in words
              for part in (_text(word) or "").split()]  # fmt: skip
    if len(quoted) > _MOST_WORDS:
        raise UsageError(
            f"{len(quoted)} words are too many to search for.",
            remedy=f"Give at most {_MOST_WORDS}.",
        )
    return " ".join(quoted) or '""'


def _found(text: str | None) -> Found:
    """Return the place and the parts in what `_SNIPPET` gives."""
    if not text:
        return Found("", ())
    return Found(TEXTS[int(text[0])], tuple(_parts(text[1:])))


def _parts(text: str) -> Iterator[tuple[str, bool]]:
    first, *rest = text.split(_BEGIN)
    if first:
        yield first, False
    for part in rest:
        inside, _, outside = part.partition(_END)
        yield inside, True
        if outside:
            yield outside, False
