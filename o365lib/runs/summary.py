"""What came of runs: one row a client, what to do, counts, the exit status, JSON. Pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from o365lib.evidence.record import LONGEST_REASON, Outcome
from o365lib.plain_text import one_line

NOT_STARTED = "not started"

COLUMNS = ("Client", "Outcome", "Reason", "Run")

# In the order in which a table of counts names them: what needs a person comes last.
OUTCOMES = (
    Outcome.DONE.value,
    Outcome.NOTHING_TO_DO.value,
    Outcome.PLANNED.value,
    Outcome.REFUSED.value,
    Outcome.UNVERIFIED.value,
    Outcome.FAILED.value,
    NOT_STARTED,
)
_GOOD = set(OUTCOMES[:3])


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """What came of one run.

    Attributes:
        client: the customer.
        runbook: the notebook's name without its ending.
        run_id: empty where the run was not started.
        outcome: one of `OUTCOMES`.
        reason: one line.
        remedy: what to do now, in one line; empty where nothing is to be done or nobody knows.
        guard: the guard's code, where one refused.
        error_type: the name of the class of the error that ended it, where one did.
        step: in which it ended so.
        problem: what went wrong beside the outcome, in one line, and is not in the record: a run
            that is done, but whose executed notebook is not archived as a whole. It stands in the
            reason too.
        record_file: `None` where there is no record.
        notebook_file: `None` where there is no executed notebook.
        seal_file: `None` where the run is not sealed.
        seconds: from start to archived record.
    """

    client: str
    runbook: str
    run_id: str = ""
    outcome: str
    reason: str = ""
    remedy: str = ""
    guard: str = ""
    error_type: str = ""
    step: str = ""
    problem: str = ""
    record_file: Path | None = None
    notebook_file: Path | None = None
    seal_file: Path | None = None
    seconds: float = 0.0

    @property
    def is_good(self) -> bool:
        """Whether nobody has to look at it."""
        return is_good(self.outcome) and not self.problem

    def to_json(self) -> dict[str, Any]:
        """Return the result as what JSON can say; files as text, or null."""
        return {
            "client": self.client,
            "runbook": self.runbook,
            "run_id": self.run_id,
            "outcome": self.outcome,
            "reason": self.reason,
            "remedy": self.remedy,
            "guard": self.guard,
            "error_type": self.error_type,
            "step": self.step,
            "problem": self.problem,
            "record_file": str(self.record_file) if self.record_file else None,
            "notebook_file": str(self.notebook_file) if self.notebook_file else None,
            "seal_file": str(self.seal_file) if self.seal_file else None,
            "seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What to do about runs that did not end well.

    Attributes:
        remedy: the sentence that their records have.
        clients: whom it concerns, in the order of the results.
    """

    remedy: str
    clients: tuple[str, ...]


def is_good(outcome: str) -> bool:
    """Return whether a run that ended so was a success."""
    return outcome in _GOOD


def reason_of(text: object) -> str:
    """Return a text as a reason: one line of at most 2000 characters, fit to be shown."""
    return one_line(text, longest=LONGEST_REASON)


def needing_a_person(results: Iterable[RunResult]) -> list[RunResult]:
    """Return the results that are not good, in their order."""
    return [each for each in results if not each.is_good]


def advice(results: Iterable[RunResult]) -> list[Advice]:
    """Return what to do about the results that are not good: each remedy once, in their order."""
    clients: dict[str, list[str]] = {}
    for each in needing_a_person(results):
        if each.remedy:
            clients.setdefault(each.remedy, []).append(each.client)
    return [Advice(remedy=remedy, clients=tuple(names)) for remedy, names in clients.items()]


def rows(results: Iterable[RunResult]) -> list[tuple[str, str, str, str]]:
    """Return the table's rows under `COLUMNS`, in the order of the results."""
    return [(each.client, each.outcome, reason_of(each.reason), each.run_id) for each in results]


def counts(results: Iterable[RunResult]) -> dict[str, int]:
    """Return how many runs ended how, in the order of `OUTCOMES`; none that did not occur."""
    counted = Counter(result.outcome for result in results)
    return {outcome: counted[outcome] for outcome in OUTCOMES if counted[outcome]}


def problems(results: Iterable[RunResult]) -> int:
    """Return how many runs have a problem beside their outcome."""
    return sum(bool(each.problem) for each in results)


def counted(results: Sequence[RunResult]) -> str:
    """Return the counts as a sentence: `7 clients: 5 done, 2 refused.`.

    A problem beside the outcome changes no outcome, and is counted after them.
    """
    total = f"{len(results)} client{'' if len(results) == 1 else 's'}"
    parts = [f"{number} {outcome}" for outcome, number in counts(results).items()]
    if number := problems(results):
        parts.append(f"{number} of them with a problem")
    return f"{total}: {', '.join(parts)}." if parts else f"{total}."


def exit_status(results: Iterable[RunResult]) -> int:
    """Return 0 if all is well, 1 if any run failed or was not started, 3 if some were refused.

    A run with a problem beside its outcome counts as failed.
    """
    bad = needing_a_person(results)
    if any(each.problem or each.outcome != Outcome.REFUSED.value for each in bad):
        return 1
    return 3 if bad else 0


def totals(results: Sequence[RunResult]) -> dict[str, Any]:
    """Return for machines what the results come to: counts, problems, exit status."""
    return {
        "counts": counts(results),
        "problems": problems(results),
        "exit_status": exit_status(results),
    }
