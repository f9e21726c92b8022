"""What a batch came to, counted from `batch.json`, the claims, and the records of its runs.

- Each record is read once, one at a time, and nothing of it is kept but figures: ten thousand take
  seconds and little memory.
- What cannot be read is counted and told; it hides nothing else.
- Only what is asked for here is checked: a record of a later version is read as far as it goes.
"""

import heapq
import stat
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.evidence.batches.batch_file import BatchFile, ClientResult
from o365lib.evidence.batches.claims import Claim
from o365lib.evidence.record import Outcome
from o365lib.plain_text import one_line

# What nobody has to look at.
GOOD = (Outcome.DONE.value, Outcome.NOTHING_TO_DO.value, Outcome.PLANNED.value)

NOT_STARTED = "not started"

# In the order in which they are told: what needs a person comes last.
_ORDER = (
    *GOOD,
    Outcome.REFUSED.value,
    Outcome.UNVERIFIED.value,
    Outcome.FAILED.value,
    Outcome.UNFINISHED.value,
    NOT_STARTED,
)

# Far more than any run writes: what is larger is not ours, and is not read into memory.
_LARGEST_RECORD_BYTES = 64_000_000
_LONGEST_REMEDY = 2000
_LONGEST_STEP = 40
_MOST_STEPS = 40
_MOST_SLOWEST = 10
_MOST_NAMES = 5

# The answer that asks for patience: https://learn.microsoft.com/graph/throttling
_TOO_MANY = 429
_NO_ANSWER, _FIRST_ERROR = 0, 400

# The status of a step that a dry run, say, has nothing to do in: it takes no time.
_LEFT_OUT = "not done"


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class _Step(_Part):
    name: str
    started: AwareDatetime
    ended: AwareDatetime | None = None
    status: str = ""


class _Error(_Part):
    remedy: str = ""


class _Request(_Part):
    started: str = ""
    status: int = 0
    retry_after_seconds: float | None = None

    @property
    def is_told_to_wait(self) -> bool:
        return self.status == _TOO_MANY or self.retry_after_seconds is not None


class _Record(_Part):
    """What is wanted of a record."""

    started: AwareDatetime
    ended: AwareDatetime | None = None
    steps: list[_Step] = []
    error: _Error | None = None
    requests: list[_Request] = []


@dataclass(frozen=True, order=True)
class TimedRun:
    """One run and how long it took."""

    seconds: float
    client: str
    run_id: str
    outcome: str
    longest_step: str


@dataclass
class BatchFigures:
    """What a batch came to.

    Attributes:
        batch: its `batch.json`.
        claims: by client.
        remedies: for each client that needs a person what its record advises.
        seconds: how long each run took, earlier attempts too.
        slowest: the slowest of them, slowest first.
        steps: how long each took, by name, in the order in which they first came.
        requests: how many each run made.
        minutes: requests by minute, as `2026-11-23T20:31`.
        told_to_wait: those that were answered so, by minute.
        waiting_clients: how often each client was told to wait.
        longest_wait: in seconds, as a service asked for it.
        errors: answers that were errors by HTTP status; 0 where no answer came.
        ended: when each client's last run ended.
        unread: runs whose record cannot be read, as `client/run id`.
    """

    batch: BatchFile
    claims: Mapping[str, Sequence[Claim]]
    remedies: dict[str, str] = field(default_factory=dict)
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    steps: dict[str, "array[float]"] = field(default_factory=dict)
    requests: "array[int]" = field(default_factory=lambda: array("L"))
    minutes: Counter[str] = field(default_factory=Counter)
    told_to_wait: Counter[str] = field(default_factory=Counter)
    waiting_clients: Counter[str] = field(default_factory=Counter)
    longest_wait: float = 0.0
    errors: Counter[int] = field(default_factory=Counter)
    ended: list[datetime] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    _slowest: list[TimedRun] = field(default_factory=list)

    @property
    def slowest(self) -> list[TimedRun]:
        """The slowest runs, slowest first."""
        return sorted(self._slowest, reverse=True)

    @property
    def outcomes(self) -> list[tuple[str, int]]:
        """How many clients ended how, in the order in which outcomes are told."""
        return outcome_counts(self.batch)

    @property
    def needing_a_person(self) -> list[ClientResult]:
        """The clients that did not end well, in their order."""
        return [each for each in self.batch.clients if each.outcome not in GOOD]

    @property
    def repeated(self) -> list[ClientResult]:
        """The clients for whom more than one attempt was made, in their order."""
        return [each for each in self.batch.clients if len(each.attempts) > 1]

    def add(self, result: ClientResult, archive: Archive) -> None:
        """Read the records of a client's runs, and count what they tell."""
        for attempt in result.attempts:
            record = read_record(archive, result.client, attempt.run_id)
            if record is None:
                self.unread.append(f"{result.client}/{attempt.run_id}")
                continue
            is_last = attempt is result.attempts[-1]
            longest = self._add_steps(record.steps)
            self._add_requests(result.client, record.requests)
            seconds = attempt.seconds
            if seconds is None and record.ended is not None:
                seconds = (record.ended - record.started).total_seconds()
            if seconds is not None:
                self.seconds.append(seconds)
                timed = TimedRun(seconds, result.client, attempt.run_id, attempt.outcome, longest)
                keep = heapq.heappush if len(self._slowest) < _MOST_SLOWEST else heapq.heappushpop
                keep(self._slowest, timed)
            if is_last and record.ended is not None:
                self.ended.append(record.ended)
            if is_last and result.outcome not in GOOD and record.error is not None:
                self.remedies[result.client] = one_line(
                    record.error.remedy, longest=_LONGEST_REMEDY
                )

    def _add_steps(self, steps: Sequence[_Step]) -> str:
        """Count a run's steps, and return the longest of them."""
        longest, most = "", -1.0
        for step in steps:
            if step.ended is None or step.status == _LEFT_OUT:
                continue
            seconds = (step.ended - step.started).total_seconds()
            name = step.name[:_LONGEST_STEP]
            if name in self.steps or len(self.steps) < _MOST_STEPS:
                self.steps.setdefault(name, array("d")).append(seconds)
            if seconds > most:
                longest, most = f"{name} ({seconds:,.1f} s)", seconds
        return longest

    def _add_requests(self, client: str, requests: Sequence[_Request]) -> None:
        self.requests.append(len(requests))
        for request in requests:
            minute = request.started[:16]
            self.minutes[minute] += 1
            if request.is_told_to_wait:
                self.told_to_wait[minute] += 1
                self.waiting_clients[client] += 1
                self.longest_wait = max(self.longest_wait, request.retry_after_seconds or 0.0)
            if request.status == _NO_ANSWER or request.status >= _FIRST_ERROR:
                self.errors[request.status] += 1


def outcome_counts(batch: BatchFile) -> list[tuple[str, int]]:
    """Return how many of a batch's clients ended how, in the order in which outcomes are told."""
    found = Counter(each.outcome for each in batch.clients)
    return sorted(found.items(), key=lambda each: (place_of(each[0]), each[0]))


def place_of(outcome: str) -> int:
    """Return an outcome's place in the order in which they are told: the worst comes last."""
    return _ORDER.index(outcome) if outcome in _ORDER else len(_ORDER)


def read_batch_figures(
    archive: Archive, batch: BatchFile, claims: Mapping[str, Sequence[Claim]]
) -> BatchFigures:
    """Read the records of a batch's runs, each once, and return what they come to.

    Args:
        archive: where they are.
        batch: which they are.
        claims: by client, for who executed what.
    """
    figures = BatchFigures(batch, claims)
    for result in batch.clients:
        figures.add(result, archive)
    return figures


def read_record(archive: Archive, client: str, run_id: str) -> _Record | None:
    """Return what is wanted of a run's record; None where it cannot be read."""
    try:
        raw = _bytes_of(archive.run(client, run_id).record_file)
        return _Record.model_validate_json(raw)
    except (EvidenceError, OSError, ValidationError):
        return None


def _bytes_of(path: Path) -> bytes:
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST_RECORD_BYTES:
        raise OSError
    return path.read_bytes()


def faults_of(figures: BatchFigures, *, has_claims: bool) -> Iterator[str]:
    """Yield what does not add up in a batch, each as a sentence.

    Args:
        figures: of the batch.
        has_claims: whether its claims are at hand.
    """
    yield from figures.batch.adds_up(claims=figures.claims if has_claims else None)
    if figures.unread:
        some = ", ".join(figures.unread[:_MOST_NAMES])
        more = ", ..." if len(figures.unread) > _MOST_NAMES else ""
        yield f"Not in the figures, since the records cannot be read: {some}{more}."
