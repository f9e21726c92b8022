"""Writes the report for machines, run by run; its schema is `docs/report.schema.json`."""

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from typing import IO, Any

from o365lib.evidence.record import Record
from o365lib.evidence.standing_accounts import StandingAccount
from o365lib.reports.reading import ArchivedRun
from o365lib.reports.report import Wanted
from o365lib.reports.run_row import Report, RunRow, StandingRow


class JsonWriter:
    """Writes one JSON document as the runs come; `close` it, however that ends.

    Args:
        stream: text. What is in it before `end` is no whole document.
        wanted: what is reported.
    """

    def __init__(self, stream: IO[str], wanted: Wanted) -> None:
        self._stream, self._outcomes = stream, Counter[str]()
        # Accounts come between the runs and stand after them; they wait on the disk, unnamed.
        self._accounts = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 -- `close` does
        self._has_runs = self._has_accounts = False
        head = Report(
            made=wanted.now,
            evidence=str(wanted.archive.root),
            client=wanted.client or "",
            since=wanted.since,
            runs=(),
            standing=(),
            counts={},
        )
        first = head.model_dump(mode="json", exclude={"runs", "standing", "counts"})
        stream.write(json.dumps(first, indent=2, ensure_ascii=False).removesuffix("\n}"))
        stream.write(',\n  "runs": [')

    def run(self, run: ArchivedRun, row: RunRow) -> None:  # noqa: ARG002 -- the row says it all
        """Write a run."""
        self._outcomes[row.outcome] += 1
        self._stream.write(_element(row.model_dump(mode="json"), is_first=not self._has_runs))
        self._has_runs = True

    def client(
        self,
        client: str,  # noqa: ARG002 -- each account names it
        standing: Sequence[StandingAccount],
        records: Sequence[Record],  # noqa: ARG002 -- for writers that tell a story
    ) -> None:
        """Keep a client's accounts."""
        for account in standing:
            row = StandingRow.model_validate(vars(account)).model_dump(mode="json")
            self._accounts.write(_element(row, is_first=not self._has_accounts))
            self._has_accounts = True

    def end(self) -> None:
        """Write what follows the runs, and end the document."""
        self._stream.write('\n  ],\n  "standing": [')
        self._accounts.seek(0)
        shutil.copyfileobj(self._accounts, self._stream)
        counts = json.dumps(dict(sorted(self._outcomes.items())))
        self._stream.write(f'\n  ],\n  "counts": {counts}\n}}\n')

    def close(self) -> None:
        """Let go of the accounts that wait."""
        self._accounts.close()


def _element(value: dict[str, Any], *, is_first: bool) -> str:
    return f"{'' if is_first else ','}\n    {json.dumps(value, ensure_ascii=False)}"
