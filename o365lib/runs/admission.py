"""How many runs may be under way: fewer where the service asks many to wait, more where it stops.

- Microsoft's limits are mostly of one application in one tenant, where parallel runs do not meet;
  some are of one application in all tenants, and so is the sign-in service's. Met together, they
  show as a part of the running runs that is told to wait.
  https://learn.microsoft.com/graph/throttling-limits
- One run alone that is told to wait slows no other: that is its tenant's own limit.
- Where many are told so, the number is cut by the part of them, at most in half, never under 1. It
  is not cut again before the last cut has had time to show, and has been carried out: runs under
  way are never stopped, so that more than are allowed may be there for a while.
- Where requests are answered and hardly anybody is told to wait, one more is allowed at a time; the
  longer it stays calm, the larger the steps.

Pure: it is told what time it is, in seconds of any clock that does not go back. For one thread.
"""

from dataclasses import dataclass

REACTION_SECONDS = 10.0
"""How long a cut or a step has to show before the next; the window of most of Graph's limits."""

# So many of the running runs must have been told to wait for a cut, and at most so many for a step.
_MANY = 0.25
_FEW = 0.1
_ALONE = 1

# How much is cut where all were told to wait. Half, where it is not known how far off it is; less,
# where it was found step by step and cannot be far.
_CUT_UNKNOWN = 0.5
_CUT_KNOWN = 0.3

# The part of the reaction time for which it is gathered who else is told to wait, once many are:
# that they are many says little of how many there will be.
_GATHERING = 0.2

# After so many calm steps the next ones are larger by one.
_STEPS_OF_A_SIZE = 3


@dataclass
class _Run:
    requests: int = 0
    throttled: int = 0
    told_to_wait: float | None = None


class Admission:
    """Decides how many runs may be under way.

    Args:
        slots: how many there may be at most, at least 1.
        reaction_seconds: how long a change has to show before the next one.
    """

    def __init__(self, slots: int, *, reaction_seconds: float = REACTION_SECONDS) -> None:
        self._slots = max(1, slots)
        self._reaction_seconds = reaction_seconds
        self._runs: dict[str, _Run] = {}
        self._allowed = self._slots
        self._changed: float | None = None
        self._was_changed = False
        self._many_since: float | None = None
        self._is_known = False
        self._calm_steps = 0
        # Since the last change: how many were under way at once, and how many answers were given.
        self._most = 0
        self._answered = 0
        self._lowest_told = self._slots
        self._sentence = ""

    @property
    def slots(self) -> int:
        """How many runs there may be at most; what executes them may grow or shrink."""
        return self._slots

    @slots.setter
    def slots(self, slots: int) -> None:
        slots = max(1, slots)
        is_whole = self._allowed == self._slots
        self._slots = slots
        self._allowed = slots if is_whole else min(self._allowed, slots)
        if self._allowed == slots:
            self._lowest_told = slots

    @property
    def is_held_back(self) -> bool:
        """Whether fewer runs are allowed than there are slots."""
        return self._allowed < self._slots

    def began(self, client: str, now: float) -> None:
        """Note that a run is under way; what an earlier run of this client did is forgotten."""
        self._changed = now if self._changed is None else self._changed
        self._runs[client] = _Run()
        self._most = max(self._most, len(self._runs))

    def ended(self, client: str, now: float) -> None:
        """Note that a run is no longer under way."""
        self._runs.pop(client, None)
        self._step_up_if_calm(now)

    def heard(self, client: str, requests: int, throttled: int, now: float) -> None:
        """Note what a run tells of its requests.

        Args:
            client: whose run; news of one that is not under way is late, and says nothing.
            requests: how many the run has made so far.
            throttled: how many of them were answered with a request to wait.
            now: the time.
        """
        run = self._runs.get(client)
        if run is None:
            return
        asked, waits = max(0, requests - run.requests), max(0, throttled - run.throttled)
        run.requests, run.throttled = max(requests, run.requests), max(throttled, run.throttled)
        self._answered += max(0, asked - waits)
        if waits:
            run.told_to_wait = now
            self._cut_if_many(now)

    def allowance(self, now: float) -> int:
        """Return how many runs may be under way now; at least 1.

        To be asked every second or so, also while nobody begins, ends or tells anything.
        """
        self._cut_if_many(now)
        self._step_up_if_calm(now)
        return self._allowed

    def sentence(self) -> str:
        """Return what to tell the operator, once; empty where there is nothing new.

        New is a number lower than any since all were allowed, and that all are allowed again.
        """
        sentence, self._sentence = self._sentence, ""
        return sentence

    def _told_to_wait(self, now: float) -> int:
        """How many of the running runs were told to wait lately.

        That is before it was known to be many: they may all have been silent since, waiting.
        """
        since = (now if self._many_since is None else self._many_since) - self._reaction_seconds
        times = (run.told_to_wait for run in self._runs.values())
        return sum(time is not None and time >= since for time in times)

    def _may_change(self, now: float) -> bool:
        return self._changed is not None and now - self._changed >= self._reaction_seconds

    def _cut_if_many(self, now: float) -> None:
        running = len(self._runs)
        # The first is not waited for: a batch may begin with far too many.
        is_time = self._may_change(now) or not self._was_changed
        if running > self._allowed or not is_time:
            return
        told = self._told_to_wait(now)
        if told <= _ALONE or told < _MANY * running:
            self._many_since = None
            return
        if self._many_since is None:
            self._many_since = now
        if now - self._many_since < self._reaction_seconds * _GATHERING:
            return
        cut = _CUT_KNOWN if self._is_known else _CUT_UNKNOWN
        self._allowed = max(1, round(running - cut * told))
        self._is_known = False
        self._calm_steps = 0
        self._note_change(now)
        if self._allowed < self._lowest_told:
            self._lowest_told = self._allowed
            self._sentence = (
                f"{told} of {running} running clients were asked by Microsoft to wait: for now at "
                f"most {self._allowed} of {self._slots} run at once."
            )

    def _step_up_if_calm(self, now: float) -> None:
        if not self.is_held_back or not self._may_change(now):
            return
        told = self._told_to_wait(now)
        if told > max(_ALONE, _FEW * len(self._runs)):
            self._calm_steps = 0
            return
        # Where nothing was answered, or fewer ran than were allowed, nothing is known of more.
        if not self._answered or self._most < self._allowed:
            return
        step = 1 + self._calm_steps // _STEPS_OF_A_SIZE
        self._calm_steps += 1
        self._allowed = min(self._slots, self._allowed + step)
        self._is_known = True
        self._note_change(now)
        if not self.is_held_back:
            self._lowest_told = self._slots
            self._sentence = f"Hardly anybody is asked to wait: {self._slots} run at once again."

    def _note_change(self, now: float) -> None:
        self._changed = now
        self._was_changed = True
        self._many_since = None
        self._most = len(self._runs)
        self._answered = 0
