"""How a batch is getting on, from what is heard of its runs: counts, rates, the time left. Pure.

- Time comes in: seconds on a clock that never runs backwards.
- What there is nothing to go by for is `None`, and no guess.
- A run that has ended stays ended, whatever is still heard of it; what is heard before its start
  is its start.
"""

import math
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from o365lib.plain_text import one_line
from o365lib.runs.events import Event
from o365lib.runs.summary import NOT_STARTED, OUTCOMES, RunResult

REQUESTS_WITHIN_SECONDS = 10
ENDED_WITHIN_SECONDS = 60
WAITING_WITHIN_SECONDS = 30

# Fewer ends than these say nothing of the next ones.
_FEWEST_ENDED = 3
# Where the last minute had fewer, the time that so many took counts instead of the minute.
_ENDED_TO_GO_BY = 20
_LATEST_PROBLEMS = 5

_MINUTE, _HOUR = 60, 3600
# From here on, minutes are no longer what one thinks in.
_LONG = 90 * _MINUTE


@dataclass(frozen=True, kw_only=True)
class Running:
    """A run that is under way.

    Attributes:
        client: the customer.
        step: where it is; empty before its first step.
        seconds: since it was started.
    """

    client: str
    step: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Figures:
    """How a batch stands at one moment.

    Attributes:
        elapsed_seconds: since the watch began.
        total: how many clients the batch has.
        waiting: clients whose run has not been started yet.
        running: runs under way.
        outcomes: how many runs ended how, each of `OUTCOMES`, and others as they come.
        problems: how many of those that ended have a problem beside their outcome.
        requests: how many the runs have made in all.
        throttled: how many of them were answered with a request to wait.
        requests_per_second: over the last `REQUESTS_WITHIN_SECONDS`.
        told_to_wait: of the runs under way, how many were told to wait within the last
            `WAITING_WITHIN_SECONDS`.
        clients_per_minute: how many ended a minute, of late; None before there is a rate.
        seconds_left: at least and at most, as the rate goes, give or take its chance; None before
            there is a rate.
        is_stopping: no further run starts, so what waits takes no time.
    """

    elapsed_seconds: float
    total: int
    waiting: int
    running: int
    outcomes: Mapping[str, int]
    problems: int
    requests: int
    throttled: int
    requests_per_second: float
    told_to_wait: int
    clients_per_minute: float | None
    seconds_left: tuple[float, float] | None
    is_stopping: bool

    @property
    def ended(self) -> int:
        """How many clients are over with, those included that were not started."""
        return sum(self.outcomes.values())

    def to_json(self) -> dict[str, Any]:
        """Return the figures as what JSON can say; what is not known is null."""
        rate, left = self.clients_per_minute, self.seconds_left
        return {
            "elapsed_seconds": round(self.elapsed_seconds, 1),
            "total": self.total,
            "waiting": self.waiting,
            "running": self.running,
            "ended": self.ended,
            "counts": dict(self.outcomes),
            "problems": self.problems,
            "requests": self.requests,
            "requests_per_second": round(self.requests_per_second, 1),
            "throttled": self.throttled,
            "told_to_wait": self.told_to_wait,
            "clients_per_minute": None if rate is None else round(rate, 1),
            "seconds_left_at_least": None if left is None else round(left[0]),
            "seconds_left_at_most": None if left is None else round(left[1]),
            "stopping": self.is_stopping,
        }


class _Recent:
    """Counts what happened within the last seconds, a number for each."""

    def __init__(self, seconds: int, began: float) -> None:
        self._seconds, self._began = seconds, began
        self._numbers: deque[list[int]] = deque(maxlen=seconds)

    def add(self, number: int, at: float) -> None:
        second = math.floor(at)
        if self._numbers and self._numbers[-1][0] >= second:
            self._numbers[-1][1] += number
        else:
            self._numbers.append([second, number])

    def within(self, at: float) -> tuple[int, float]:
        """Return how many, and in how many seconds: at least one."""
        first = math.floor(at) - self._seconds + 1
        number = sum(number for second, number in self._numbers if second >= first)
        return number, max(1.0, at - max(first, self._began))


@dataclass(kw_only=True)
class _Run:
    started: float
    step: str = ""
    requests: int = 0
    throttled: int = 0
    told_to_wait: float = -math.inf  # when, the last time


class Watch:
    """Hears what happens to the runs of a batch, and says how it stands.

    Of a client that has ended it keeps the name alone. Not for several threads at once.
    """

    def __init__(self, total: int, *, at: float) -> None:
        """Begin to watch.

        Args:
            total: how many clients the batch has.
            at: the present, in seconds.
        """
        self._total, self._began = total, at
        self._running: dict[str, _Run] = {}  # in the order of their start
        self._ended: set[str] = set()
        self._outcomes = Counter[str]()
        self._with_problem = self._requests = self._throttled = 0
        self._made = _Recent(REQUESTS_WITHIN_SECONDS, at)
        self._over = _Recent(ENDED_WITHIN_SECONDS, at)
        self._latest_ends: deque[float] = deque(maxlen=_ENDED_TO_GO_BY + 1)
        self._problems: deque[RunResult] = deque(maxlen=_LATEST_PROBLEMS)

    @property
    def ended(self) -> int:
        """How many clients are over with."""
        return len(self._ended)

    @property
    def problems(self) -> tuple[RunResult, ...]:
        """The latest results that somebody has to look at, the latest last."""
        return tuple(self._problems)

    def hear(self, event: Event, *, at: float) -> None:
        """Take in what happened to a run; `at` is the present, in seconds."""
        client = event.client
        if event.kind == "told" or client in self._ended:
            return
        if event.result:
            self._end(event.result, client, at)
            return
        run = self._running.get(client)
        if run is None:
            run = self._running[client] = _Run(started=at)
        if event.kind == "step":
            run.step = event.text
        elif event.kind == "traffic":
            self._count(run, event, at)

    def longest(self, most: int, *, at: float) -> list[Running]:
        """Return the runs that have been under way longest, the longest first."""
        return [
            Running(client=client, step=run.step, seconds=at - run.started)
            for client, run in islice(self._running.items(), most)
        ]

    def figures(self, *, at: float, is_stopping: bool = False) -> Figures:
        """Return how the batch stands.

        Args:
            at: the present, in seconds.
            is_stopping: no further run starts.
        """
        running, made = len(self._running), self._made.within(at)
        ended, seconds = self._pace(at)
        has_pace = ended >= _FEWEST_ENDED
        total = max(self._total, self.ended + running)
        waiting = total - self.ended - running
        left = running if is_stopping else running + waiting
        since = at - WAITING_WITHIN_SECONDS
        return Figures(
            elapsed_seconds=at - self._began,
            total=total,
            waiting=waiting,
            running=running,
            outcomes={**dict.fromkeys(OUTCOMES, 0), **self._outcomes},
            problems=self._with_problem,
            requests=self._requests,
            throttled=self._throttled,
            requests_per_second=made[0] / made[1],
            told_to_wait=sum(run.told_to_wait >= since for run in self._running.values()),
            clients_per_minute=ended / seconds * _MINUTE if has_pace else None,
            seconds_left=_left(left, ended, seconds) if has_pace or not left else None,
            is_stopping=is_stopping,
        )

    def _end(self, result: RunResult, client: str, at: float) -> None:
        self._running.pop(client, None)
        self._ended.add(client)
        self._outcomes[result.outcome] += 1
        self._with_problem += bool(result.problem)
        if result.outcome == NOT_STARTED:
            return  # it took no time, and is told as a whole
        self._over.add(1, at)
        self._latest_ends.append(at)
        if not result.is_good:
            self._problems.append(result)

    def _count(self, run: _Run, event: Event, at: float) -> None:
        # What a run tells is a sum, and may come late: the sums of the batch never go back.
        more = max(0, event.requests - run.requests)
        waits = max(0, event.throttled - run.throttled)
        run.requests += more
        run.throttled += waits
        self._requests += more
        self._throttled += waits
        self._made.add(more, at)
        if waits:
            run.told_to_wait = at

    def _pace(self, at: float) -> tuple[int, float]:
        """Return how many runs ended of late, and in how many seconds."""
        ended, seconds = self._over.within(at)
        known = len(self._latest_ends)
        if ended >= _ENDED_TO_GO_BY or not known:
            return ended, seconds
        if known > _ENDED_TO_GO_BY:
            return _ENDED_TO_GO_BY, max(1.0, at - self._latest_ends[0])
        return known, max(1.0, at - self._began)


def _left(runs: int, ended: int, seconds: float) -> tuple[float, float]:
    """Return the seconds that so many runs take at least and at most, if so many took these.

    A count of what comes by chance is right within about its square root.
    """
    if not runs:
        return 0.0, 0.0
    chance = math.sqrt(ended)
    return runs * seconds / (ended + chance), runs * seconds / (ended - chance)


def time_left(figures: Figures) -> str:
    """Return the time left in words: `7 to 9 min`, `about 2 h`; `-` where it is not known."""
    if figures.seconds_left is None:
        return "-"
    least, most = figures.seconds_left
    if most < _MINUTE:
        return "less than a minute"
    if most < _LONG:
        low, high = f"{max(1, round(least / _MINUTE))}", f"{round(most / _MINUTE)}"
        unit = "min"
    else:
        low, high, unit = f"{least / _HOUR:.1f}", f"{most / _HOUR:.1f}", "h"
    return f"about {high} {unit}" if low == high else f"{low} to {high} {unit}"


def duration(seconds: float) -> str:
    """Return a time as clocks show it: `0:07`, `1:02:03`."""
    minutes, rest = divmod(int(seconds), _MINUTE)
    hours, minutes = divmod(minutes, _MINUTE)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def counts(figures: Figures) -> list[str]:
    """Return how many runs stand how, a phrase each; of outcomes only those that occurred."""
    phrases = [f"{figures.running:,} running", f"{figures.waiting:,} waiting"]
    phrases += [f"{number:,} {outcome}" for outcome, number in figures.outcomes.items() if number]
    if figures.problems:
        phrases.append(f"{figures.problems:,} of them with a problem")
    return phrases


def pace(figures: Figures) -> list[str]:
    """Return how fast it goes, a phrase each: requests, who is told to wait, clients."""
    rate = figures.clients_per_minute
    phrases = [f"{figures.requests_per_second:,.0f} requests/s"]
    if figures.throttled:
        phrases.append(
            f"{figures.told_to_wait:,} of {figures.running:,} told to wait"
            f" ({figures.throttled:,} times in all)"
        )
    else:
        phrases.append("none told to wait")
    phrases.append(f"{'-' if rate is None else f'{rate:,.0f}'} clients/min")
    return phrases


def ending(result: RunResult) -> str:
    """Return what came of a run, on one line that can steer no terminal."""
    return one_line(f"{result.outcome}: {result.reason}" if result.reason else result.outcome)
