"""Stopping the line: where client after client fails for one reason, it is not the clients'.

- The order is the one in which runs ended, with however many at once: a success in between, or a
  failure of another kind, begins the count anew.
- `failed` and `unverified` count, and so does a run that ended well but could not be archived as a
  whole: an archive that is full is full for the next client as well.
- Refusals count too, but it takes `REFUSALS_FACTOR` times as many. They change nothing, and some
  clients are refused rightly; but where every client is refused by the same guard, it is mostly one
  wrong line in `defaults.yaml`, and nobody needs to read it ten thousand times.
- A run that was not started says nothing about the next client.
- It is a suggestion to whoever starts runs. Those under way are left to finish.

Pure.
"""

import re
from dataclasses import dataclass

from o365lib.evidence.record import Outcome
from o365lib.plain_text import one_line
from o365lib.runs.summary import RunResult, is_good

DEFAULT_AFTER = 5
"""So many failures of one kind in a row stop the line."""

REFUSALS_FACTOR = 4
"""So many times as many refusals do."""

_FAILURES = {Outcome.FAILED.value, Outcome.UNVERIFIED.value}
# Whatever broke a run off from outside is one of these: a dead kernel, time that was over.
_SAYS_NOTHING = {"", "RunError"}
_VERBS = {Outcome.REFUSED.value: "were refused", Outcome.UNVERIFIED.value: "ended unverified"}
_NAMED_CLIENTS = 5
_LONGEST_SENTENCE = 300

_SIGN_IN_CODE = re.compile(r"\bAADSTS\d+\b")
# What differs from client to client in a sentence that is otherwise the same.
_OF_THE_CLIENT = re.compile(r"\S*[\d@/\\]\S*")


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What failures have in common.

    Attributes:
        outcome: `failed`, `unverified` or `refused`; `problem` where the outcome was good.
        error_type: the name of the error's class, where one is known.
        step: of the runbook.
        guard: the guard's code, where one refused.
        code: the sign-in service's, where it said no.
        wording: what happened, without what differs between clients; only where no error is known
            that says it.
    """

    outcome: str
    error_type: str = ""
    step: str = ""
    guard: str = ""
    code: str = ""
    wording: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether a guard said no, and nothing was changed."""
        return self.outcome == Outcome.REFUSED.value


def kind_of(result: RunResult) -> Kind | None:
    """Return what kind of failure a run's result is; `None` where it is none.

    A result that is no failure is good, or of a run that was not started.
    """
    if result.outcome == Outcome.REFUSED.value:
        return Kind(outcome=result.outcome, guard=result.guard)
    if result.outcome in _FAILURES:
        is_telling = result.error_type not in _SAYS_NOTHING
        found = _SIGN_IN_CODE.search(result.reason)
        return Kind(
            outcome=result.outcome,
            error_type=result.error_type,
            step=result.step,
            code=found[0] if found else "",
            wording="" if is_telling else _wording(result.reason, result.client),
        )
    if is_good(result.outcome) and result.problem:
        return Kind(outcome="problem", wording=_wording(result.problem, result.client))
    return None


class StopLine:
    """Counts failures of one kind in a row.

    Args:
        after: how many stop the line; 0 is never.
    """

    def __init__(self, after: int = DEFAULT_AFTER) -> None:
        self._after = after
        self._kind: Kind | None = None
        self._row: list[str] = []
        self._is_stopped = False

    @property
    def is_stopped(self) -> bool:
        """Whether no further client should be started."""
        return self._is_stopped

    def ended(self, result: RunResult, client: str = "") -> str | None:
        """Note how a run ended, and return what to tell the operator if that stops the line.

        Args:
            result: what came of it.
            client: the customer, where it is not the result's.

        Returns:
            What the failures have in common, in a sentence or a few; once, and then no more.
        """
        client = client or result.client
        kind = kind_of(result)
        if kind is None:
            if is_good(result.outcome):
                self._kind, self._row = None, []
            return None
        if kind != self._kind:
            self._kind, self._row = kind, []
        self._row.append(client)
        enough = self._after * (REFUSALS_FACTOR if kind.is_refusal else 1)
        if self._is_stopped or not enough or len(self._row) < enough:
            return None
        self._is_stopped = True
        return self._sentence(kind, result)

    def _sentence(self, kind: Kind, result: RunResult) -> str:
        names = ", ".join(self._row[-_NAMED_CLIENTS:])
        more = len(self._row) - _NAMED_CLIENTS
        among = f"{names} and {more} more" if more > 0 else names
        said = _first_sentence(result.problem if kind.outcome == "problem" else result.reason)
        text = (
            f"No further client is started: {len(self._row)} in a row {_alike(kind)} "
            f"({among}). The last one said: {said}"
        )
        return f"{text} {result.remedy}".rstrip() if result.remedy else text


def _alike(kind: Kind) -> str:
    if kind.outcome == "problem":
        return "ended well, but could not be archived as a whole"
    parts = [_VERBS.get(kind.outcome, kind.outcome)]
    if kind.guard:
        parts.append(f"by the guard {kind.guard}")
    if kind.step:
        parts.append(f"in the step {kind.step}")
    if kind.error_type:
        parts.append(f"with {kind.error_type}")
    if kind.code:
        parts.append(kind.code)
    return " ".join(parts)


def _first_sentence(text: str) -> str:
    line = one_line(text, longest=_LONGEST_SENTENCE)
    return re.split(r"(?<=[.!?])\s", line, maxsplit=1)[0]


def _wording(text: str, client: str) -> str:
    sentence = _first_sentence(text).replace(client, "…") if client else _first_sentence(text)
    return _OF_THE_CLIENT.sub("…", sentence)
