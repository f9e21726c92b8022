"""Writes the report as pages: an overview, one page a client, one page a run, and all runs as CSV.

Pages are written as soon as what they tell is known; what is kept until the end is bounded.
"""

from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Self

import o365lib
from o365lib.evidence.instants import instant_of
from o365lib.evidence.record import Record
from o365lib.evidence.standing_accounts import StandingAccount
from o365lib.reports import client_page, overview_page, run_page, wording
from o365lib.reports.client_page import MOST_LISTED, MOST_TOLD, ClientStory
from o365lib.reports.csv_text import CsvWriter
from o365lib.reports.figures import Figures, Trouble
from o365lib.reports.html import render
from o365lib.reports.output_folder import OutputFolder
from o365lib.reports.overview_page import CLIENTS_A_PAGE
from o365lib.reports.parts import Cell, Group, Page, Words
from o365lib.reports.reading import ArchivedRun
from o365lib.reports.report import Wanted
from o365lib.reports.run_row import RunRow
from o365lib.reports.seal_status import SealReader
from o365lib.reports.wording import TROUBLES
from o365lib.reserved import is_reserved

INDEX = "index.html"

_OVERVIEW = "Overview"
_MOST_TROUBLES = 50


class PagesWriter:
    """Writes pages into a folder; a context manager, which leaves no half of `runs.csv` behind.

    Args:
        wanted: what is reported.
        folder: where to.
        seals: tells of the archive as a whole.
    """

    def __init__(self, wanted: Wanted, folder: OutputFolder, seals: SealReader) -> None:
        self._wanted, self._folder, self._seals = wanted, folder, seals
        self._figures = Figures(now=wanted.now)
        self._stack = ExitStack()
        self._csv: CsvWriter | None = None
        self._client_rows: list[Sequence[Cell]] = []
        self._client_pages: list[Words] = []
        self._begin_client()
        self.first_page = folder.root / INDEX

    def __enter__(self) -> Self:
        if self._wanted.run is None:
            self._csv = CsvWriter(self._stack.enter_context(self._folder.stream("runs.csv")))
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.__exit__(*error)  # type: ignore[arg-type]  # as it was given

    def run(self, run: ArchivedRun, row: RunRow) -> None:
        """Write a run's page, and keep what its client's page tells of it.

        Raises:
            EvidenceError: it cannot be written.
        """
        name = f"runs/{row.client}/{row.run_id}.html"
        is_alone = self._wanted.run is not None
        ways = () if is_alone else _ways_from(row)
        page = run_page.page(
            run, address_of=lambda path: self._folder.address_of(path, page=name), ways=ways
        )
        path = self._write(name, page)
        if is_alone:
            self.first_page = path
            return
        if self._csv:
            self._csv.write(row)
        if is_reserved(row.client):
            self._figures.add_summary(row)
            return
        self._figures.add_run(row)
        self._rows.append(row)
        self._count += 1
        self._last_of[row.runbook] = row
        if row.outcome in TROUBLES:
            self._troubles.append(row)
        if told := client_page.told(run, address=f"../{name}"):
            self._told.append(told)

    def client(
        self, client: str, standing: Sequence[StandingAccount], records: Sequence[Record]
    ) -> None:
        """Write a client's page, if there is anything to tell of it.

        Raises:
            EvidenceError: it cannot be written.
        """
        # Under its name there are summaries of batches, which the overview lists.
        is_somebody = not is_reserved(client)
        if is_somebody and (self._count or standing or self._wanted.client == client):
            story = self._story(client, standing, records)
            ways = (Words(_OVERVIEW, address=f"../{INDEX}"),)
            page = client_page.page(story, now=self._wanted.now, ways=ways)
            self._write(f"clients/{client}.html", page)
            self._client_rows.append(overview_page.client_row(story))
            troubles = [Trouble(row, self._later(row)) for row in self._troubles]
            self._figures.add_client(standing, troubles, has_runs=self._count > 0)
            self._figures.strange += len(story.witness.strange) if story.witness else 0
            if len(self._client_rows) > CLIENTS_A_PAGE:
                self._write_clients(CLIENTS_A_PAGE)
        self._begin_client()

    def end(self) -> None:
        """Write the overview.

        Raises:
            EvidenceError: it cannot be written.
        """
        if self._wanted.run is not None:
            return
        if self._client_pages and self._client_rows:
            self._write_clients(CLIENTS_A_PAGE)
        page = overview_page.page(
            self._figures,
            archive=self._seals.of_archive(),
            since=self._wanted.since,
            clients=self._client_rows,
            client_pages=self._client_pages,
            has_page=lambda name: (self._folder.root / name).is_file(),
        )
        self._write(INDEX, page)

    def _begin_client(self) -> None:
        self._rows: deque[RunRow] = deque(maxlen=MOST_LISTED)
        self._told: deque[Group] = deque(maxlen=MOST_TOLD)
        self._troubles: deque[RunRow] = deque(maxlen=_MOST_TROUBLES)
        self._last_of: dict[str, RunRow] = {}
        self._count = 0

    def _later(self, row: RunRow) -> str:
        last = self._last_of[row.runbook]
        return last.outcome if last.run_id > row.run_id else ""

    def _story(
        self, client: str, standing: Sequence[StandingAccount], records: Sequence[Record]
    ) -> ClientStory:
        story = ClientStory(
            client=client,
            standing=standing,
            told=tuple(self._told),
            rows=tuple(self._rows),
            runs=self._count,
            witness=self._seals.of_client(client),
        )
        stands = {account.user_id for account in standing}
        for record in records:
            story.display_name = record.client_display_name or story.display_name
            story.tenant_id = record.tenant_id or story.tenant_id
            if record.hand_over:
                story.handed_over[record.hand_over.user_id] = record
            until = instant_of((record.undo or {}).get("until"))
            if until and (record.undo or {}).get("id") not in stands:
                name = str((record.plan or {}).get("user_principal_name") or "The account")
                story.undo[name] = until
        for row in self._rows:
            if row.seal == "sealed":
                story.keys[row.seal_fingerprint] = row.seal_signer
        return story

    def _write_clients(self, count: int) -> None:
        rows, self._client_rows = self._client_rows[:count], self._client_rows[count:]
        number = len(self._client_pages) + 1
        name = f"clients-{number}.html"
        self._write(name, overview_page.clients_page(rows, number=number))
        first, last = (cell.text if isinstance(cell, Words) else cell for cell in _ends(rows))
        self._client_pages.append(Words(f"Clients {first} to {last}", address=name))

    def _write(self, name: str, page: Page) -> Path:
        made = (
            (
                f"Made {wording.moment(self._wanted.now)} by o365-runbooks {o365lib.__version__} "
                f"from the records in {self._wanted.archive.root.name}."
            ),
            "This page is no evidence itself: the sealed records are. Times are UTC.",
        )
        return self._folder.write(name, render(replace(page, made=made)))


def _ways_from(row: RunRow) -> tuple[Words, ...]:
    """Return where one goes from a run's page."""
    overview = Words(_OVERVIEW, address=f"../../{INDEX}")
    if is_reserved(row.client):
        return (overview,)
    return overview, Words("The client's page", address=f"../../clients/{row.client}.html")


def _ends(rows: Sequence[Sequence[Cell]]) -> tuple[Cell, Cell]:
    return rows[0][0], rows[-1][0]
