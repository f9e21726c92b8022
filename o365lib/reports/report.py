"""The walk through the archive that every report is made by: run by run, client by client.

What is held at any time is one run, and of the runs of one client what tells of its account.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from o365lib.evidence.archive import Archive, RunFolder, opening_of
from o365lib.evidence.record import Record
from o365lib.evidence.standing_accounts import StandingAccount, slim, standing
from o365lib.reports.reading import ArchivedRun, archived_run, archived_runs
from o365lib.reports.run_row import RunRow, row_of
from o365lib.reports.seal_status import SealReader


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is reported.

    Attributes:
        archive: whose runs.
        now: the instant by which ages are told.
        client: only this client; None for all.
        since: only runs that began then or later; None for all. Accounts that stand are told by
            all runs, whenever they were.
        run: only this run; None for all.
    """

    archive: Archive
    now: datetime
    client: str | None = None
    since: datetime | None = None
    run: RunFolder | None = None


class Writer(Protocol):
    """What makes one kind of report of the runs that it is shown."""

    def run(self, run: ArchivedRun, row: RunRow) -> None:
        """Take a run that is wanted; those of one client come together, oldest first."""

    def client(
        self, client: str, standing: Sequence[StandingAccount], records: Sequence[Record]
    ) -> None:
        """Take a client, after its runs.

        Args:
            client: its name.
            standing: its accounts that stand by the records.
            records: what all its records tell of its account, oldest first, wanted or not.
        """

    def end(self) -> None:
        """Write what is left to write."""


def walk(
    wanted: Wanted,
    writers: Sequence[Writer],
    *,
    seals: SealReader,
    on_run: Callable[[], None] = lambda: None,
) -> None:
    """Show every wanted run to the writers.

    Args:
        wanted: what is reported.
        writers: who is shown it.
        seals: tells of seals.
        on_run: called for each run that was read, wanted or not.

    Raises:
        EvidenceError: the archive cannot be listed, or a writer cannot write.
    """
    if wanted.run is not None:
        found = archived_run(wanted.run, seals)
        _show(found, writers)
        on_run()
    else:
        clients = [wanted.client] if wanted.client is not None else wanted.archive.clients()
        for client in clients:
            records = []
            for found in archived_runs(wanted.archive, client, seals):
                if found.record is not None:
                    records.append(slim(found.record))
                if _is_wanted(found, wanted.since):
                    _show(found, writers)
                on_run()
            accounts = standing(records)
            for writer in writers:
                writer.client(client, accounts, records)
    for writer in writers:
        writer.end()


def _show(run: ArchivedRun, writers: Sequence[Writer]) -> None:
    row = row_of(run)
    for writer in writers:
        writer.run(run, row)


def _is_wanted(run: ArchivedRun, since: datetime | None) -> bool:
    """Whether a run began late enough; one of which that is not known always does."""
    if since is None:
        return True
    if run.record is not None:
        return run.record.started >= since
    opening = opening_of(run.folder.run_id)
    return opening is None or opening[0] >= since
