"""Rows as CSV that a spreadsheet shows and never calculates.

A cell that begins with `=`, `+`, `-`, `@`, a tab or a line break would be taken for a formula; it
gets an apostrophe before it. Control and direction characters are taken out, as everywhere.

https://owasp.org/www-community/attacks/CSV_Injection
"""

import csv
from collections.abc import Sequence
from datetime import datetime
from typing import IO, Any

from o365lib import clock
from o365lib.evidence.record import Record
from o365lib.evidence.standing_accounts import StandingAccount
from o365lib.plain_text import one_line
from o365lib.reports.reading import ArchivedRun
from o365lib.reports.run_row import RunRow

COLUMNS = tuple(RunRow.model_fields)

# With the full-width forms, which some spreadsheets take for the same.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001 -- look-alikes are the point


class CsvWriter:
    """Writes rows as they come.

    Args:
        stream: text, opened with `newline=""`; the heading is written at once.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(COLUMNS)

    def write(self, row: RunRow) -> None:
        """Write one row."""
        self._writer.writerow([cell(getattr(row, name)) for name in COLUMNS])


class CsvReport:
    """Writes all wanted runs; see `report.Writer`.

    Args:
        stream: as of `CsvWriter`.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._rows = CsvWriter(stream)

    def run(self, run: ArchivedRun, row: RunRow) -> None:  # noqa: ARG002 -- the row says it all
        """Write a run."""
        self._rows.write(row)

    def client(
        self, client: str, standing: Sequence[StandingAccount], records: Sequence[Record]
    ) -> None:
        """Write nothing: a row is a run."""

    def end(self) -> None:
        """Write nothing more."""


def cell(value: Any) -> str:
    """Return what stands in a cell for a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return clock.iso(value)
    if isinstance(value, int):
        return str(value)
    text = "; ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    # Looked at before and after: what is taken out may have hidden what follows it.
    shown = one_line(text)
    return f"'{shown}" if text.startswith(_FORMULA) or shown.startswith(_FORMULA) else shown
