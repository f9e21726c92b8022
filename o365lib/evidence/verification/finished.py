"""Runs that a later command sealed, since their own process had ended before it could."""

from o365lib.evidence.statement import Statement
from o365lib.evidence.verification.findings import Findings, some

_MOST_NAMES = 5


class Finished:
    """How many there are, and which came first."""

    def __init__(self) -> None:
        self._count = 0
        self._first: list[str] = []

    def count(self, seal: Statement) -> None:
        """Count the run of a sound seal, if that says so."""
        if not isinstance(seal.predicate.get("finished"), dict):
            return
        self._count += 1
        if len(self._first) < _MOST_NAMES:
            self._first.append(f"{seal.predicate['client']}/{seal.predicate['run_id']}"[:200])

    def tell(self, findings: Findings) -> None:
        """Add a note, if there is any."""
        if self._count:
            more = self._count - len(self._first)
            names = some(self._first) + (f" and {more} more" if more else "")
            what = "1 run was" if self._count == 1 else f"{self._count:,} runs were"
            findings.note(f"{what} sealed by a later command than the one that ran it: {names}.")
