"""Seals that somebody put on runs from before there were seals: since when they prove anything."""

from collections import Counter
from dataclasses import dataclass, field

from o365lib.evidence.statement import Statement
from o365lib.evidence.verification.findings import Findings

_MOST_DAYS = 10
_UNKNOWN = "a day that is not told"


@dataclass
class Adopted:
    """How many runs were adopted on which day, by the words of their seals."""

    _runs: Counter[str] = field(default_factory=Counter)

    def count(self, seal: Statement) -> None:
        """Count the run of a sound seal, if that says that it was adopted."""
        if "adopted" not in seal.predicate:
            return
        said = seal.predicate["adopted"]
        day = said[:10] if isinstance(said, str) and said.isprintable() else _UNKNOWN
        if day not in self._runs and len(self._runs) >= _MOST_DAYS:
            day = "other days"
        self._runs[day] += 1

    def tell(self, findings: Findings) -> None:
        """Add a note for each day."""
        for day, count in sorted(self._runs.items()):
            runs, says = f"{count:,} runs were", "they say"
            if count == 1:
                runs, says = "1 run was", "it says"
            findings.note(f"{runs} adopted on {day}: what {says} is vouched for from then on only.")
