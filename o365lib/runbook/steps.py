"""A runbook's steps: their order, their place in the record, and what an error leaves behind.

- A step that is called out of order says which one comes first, and changes nothing. Repeating a
  step makes those after it outstanding again: nothing is changed by a plan that is not in force.
- A step that would alter what stands is refused likewise; `standing` has the rule.
- Whatever ends a step (an error, a Ctrl-C, an unexpected exception) is in the record before it
  reaches the notebook. That a step has begun is on file with its first change, before that is sent,
  or with its end: what only reads leaves nothing behind that a record would have to explain. A
  record that was closed is opened again on file before the step does anything.
- A step that failed may be called again: it looks first and does only what is left.
"""

import copy
import functools
import traceback
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from o365lib import clock, secret
from o365lib.errors import GraphError, Refused, RunbookError, RunError, SignInError, StepOutOfOrder
from o365lib.evidence.record import ErrorRecord, Outcome, Record, Step
from o365lib.runbook import standing
from o365lib.runbook.results import Pending, StepResult

_LAST_FRAMES = 6
_COMPLETED = ("completed", "not done")
_LAST = "close"
_ANEW = "begun anew"


@dataclass(frozen=True)
class Place:
    """A step's place among the steps.

    Attributes:
        name: as the notebook's cell is named.
        after: the step that comes before it; empty for the first.
        changes: whether it changes the tenant.
        prepares: whether it comes before the changes, and says what they are.
    """

    name: str
    after: str
    changes: bool
    prepares: bool


def step(
    name: str, *, after: str = "", changes: bool = False, prepares: bool = False
) -> Callable[[Callable[..., StepResult]], Callable[..., StepResult]]:
    """Make a method of `SteppedRun` a step.

    Args:
        name: as the notebook's cell is named.
        after: the step that comes before it.
        changes: whether it changes the tenant; a dry run leaves such steps out.
        prepares: whether it says what the changes are; after the first of them it is refused.
    """
    place = Place(name, after, changes, prepares)

    def decorate(method: Callable[..., StepResult]) -> Callable[..., StepResult]:
        @functools.wraps(method)
        def call(run: "SteppedRun", *arguments: str) -> StepResult:
            return run.perform(place, functools.partial(method, run, *arguments))

        vars(call)["place"] = place
        return call

    return decorate


class SteppedRun(ABC):
    """The machinery of steps; what a step does is its subclass's.

    Subclasses provide `record`, `save`, `announce`, `show`, `skip_reason` and `finish`.
    """

    record: Record
    places_of_steps: ClassVar[dict[str, Place]] = {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        found = [getattr(value, "place", None) for value in vars(cls).values()]
        own = {place.name: place for place in found if isinstance(place, Place)}
        cls.places_of_steps = cls.places_of_steps | own

    @abstractmethod
    def save(self) -> None:
        """Write the record."""

    @abstractmethod
    def announce(self, name: str) -> None:
        """Say that a step begins."""

    @abstractmethod
    def show(self, name: str, result: StepResult | RunbookError) -> None:
        """Keep what a step shows, where nobody else keeps it."""

    def before_step(self, name: str) -> None:  # noqa: B027 -- most have nothing to do
        """Take note of what has happened since the last cell, before a step is judged."""

    def tell(self, error: RunbookError) -> None:  # noqa: B027 -- not everybody has somebody to tell
        """Let whoever sits in front of the notebook see an error that ends a step."""

    @abstractmethod
    def skip_reason(self, *, changes: bool) -> str:
        """Return why the step has nothing to do in this run; empty where it has."""

    @abstractmethod
    def finish(self, outcome: Outcome, reason: str, error: ErrorRecord | None = None) -> None:
        """Close the record."""

    def perform(self, place: Place, act: Callable[[], StepResult]) -> StepResult:
        """Run one step and keep it in the record.

        Raises:
            StepTooLate: it would alter what stands; nothing was done.
            StepOutOfOrder: the step before it was not completed; nothing was done.
            EvidenceError: the record could not be written: to open it again, and nothing was done;
                before a change, which was not sent then; or at the step's end.
            RunbookError: what the step raised; it is in the record.
        """
        try:
            return self._perform(place, act)
        except RunbookError as error:
            self.tell(error)
            raise

    def _perform(self, place: Place, act: Callable[[], StepResult]) -> StepResult:
        name = place.name
        self.before_step(name)
        self.require_alterable(name)
        self._require(place.after, name)
        self.announce(name)
        if reason := self.skip_reason(changes=place.changes):
            return self._leave_out(name, reason)
        entry, before = Step(name=name, started=clock.now()), self._as_it_is()
        with self.or_as_before():
            for earlier in self._running(name):
                earlier.status, earlier.ended, earlier.note = "not done", entry.started, _ANEW
            self.record.steps.append(entry)
            if self.record.outcome is not Outcome.UNFINISHED:
                self._reopen()
                self.save()
        return self._carry_out(entry, act, before)

    def settle(self, name: str, act: Callable[[], StepResult]) -> StepResult:
        """Bring a step to its end that was left pending, by what it came to.

        Raises:
            StepOutOfOrder: no step of this name is pending; nothing was done.
            EvidenceError: the record could not be written.
            RunbookError: what it came to; it is in the record.
        """
        running = self._running(name)
        if not running:
            raise StepOutOfOrder(
                f"{_words(name)} is not under way.",
                remedy=f"Execute the cell {_words(name)!r}.",
            )
        return self._carry_out(running[-1], act, self._as_it_is())

    def _running(self, name: str) -> list[Step]:
        return [
            entry for entry in self.record.steps if entry.name == name and entry.status == "running"
        ]

    def _carry_out(
        self, entry: Step, act: Callable[[], StepResult], before: dict[str, Any]
    ) -> StepResult:
        name = entry.name
        try:
            result = act()
        except StepOutOfOrder:
            # It did not take place: a form is not filled in yet, say. How the run stood, it stands.
            self._put_back(before)
            self.save()
            raise
        except RunbookError as error:
            self._fail(entry, error)
            raise
        except KeyboardInterrupt:
            interrupted = RunError(
                f"Interrupted in the step {name}.",
                state="What was changed until then stands in the record.",
                remedy="Run the runbook again: it reads the tenant first and does what is left.",
            )
            self._fail(entry, interrupted)
            raise interrupted from None
        except Exception as error:
            unexpected = _unexpected(name, error)
            self._fail(entry, unexpected)
            raise unexpected from error
        if isinstance(result, Pending):
            self.save()
            return result
        entry.status, entry.ended = "completed", clock.now()
        self.save()
        self.show(name, result)
        return result

    def completed(self, name: str) -> bool:
        """Whether a step was done, or left out for a reason, and is so still.

        It is not when the step itself, or one that comes before it, has been begun anew since.
        """
        latest = {entry.name: number for number, entry in enumerate(self.record.steps)}
        later = len(self.record.steps)
        while name:
            number = latest.get(name, later)
            if number >= later or self.record.steps[number].status not in _COMPLETED:
                return False
            later, name = number, self._before(name)
        return True

    @property
    def is_closed(self) -> bool:
        """Whether nothing more can be executed in this run."""
        return self.completed(_LAST)

    @property
    def outstanding(self) -> str:
        """The step with which the run goes on; empty after the last."""
        left, name = "", _LAST
        while name and not self.completed(name):
            left, name = name, self._before(name)
        return left

    def require_alterable(self, name: str) -> None:
        """Make sure that a step would alter nothing that stands.

        Raises:
            StepTooLate: the run is closed, or has begun to change what the step prepares.
        """
        standing.require_alterable(
            self.record,
            _words(name),
            prepares=self.places_of_steps[name].prepares,
            is_closed=self.is_closed,
            outstanding=_words(self.outstanding),
        )

    @contextmanager
    def or_as_before(self) -> Iterator[None]:
        """Put the record back as it was where what is done to it cannot be written."""
        before = self._as_it_is()
        try:
            yield
        except BaseException:
            self._put_back(before)
            raise

    def _as_it_is(self) -> dict[str, Any]:
        # Lists are copied, and what stands in them is not: a change under way is told of its end.
        return {
            name: copy.copy(value) if isinstance(value, list | dict) else value
            for name, value in self.record
        }

    def _put_back(self, before: dict[str, Any]) -> None:
        for name, value in before.items():
            setattr(self.record, name, value)

    def _before(self, name: str) -> str:
        return self.places_of_steps[name].after

    def _require(self, after: str, name: str) -> None:
        if after and not self.completed(after):
            raise StepOutOfOrder(
                f"{_words(name)} comes after {_words(after)}, which is outstanding.",
                remedy=f"Execute the cell {_words(after)!r} first, then go on from there.",
            )

    def _leave_out(self, name: str, reason: str) -> StepResult:
        now = clock.now()
        entry = Step(name=name, started=now, ended=now, status="not done", note=reason)
        with self.or_as_before():
            self.record.steps.append(entry)
            self.save()
        result = StepResult(title=f"Not done: {reason}")
        self.show(name, result)
        return result

    def _reopen(self) -> None:
        # An engineer goes on after a failed step; what failed stays in the list of steps.
        self.record.outcome, self.record.error = Outcome.UNFINISHED, None
        self.record.ended, self.record.reason, self.record.closed_by = None, "", ""

    def _fail(self, entry: Step, error: RunbookError) -> None:
        standing.tell_all(self.record, error)
        entry.status, entry.ended, entry.note = "failed", clock.now(), error.message
        outcome = self._outcome_of(error, entry.name)
        self.finish(outcome, first_line(error.message), _error_record(entry, error))
        self.show(entry.name, error)

    def _outcome_of(self, error: RunbookError, step_name: str) -> Outcome:
        outcome, changed = Outcome(error.kind), self.record.is_changed
        if outcome is Outcome.REFUSED and changed:
            outcome = Outcome.FAILED
        if outcome is not Outcome.FAILED:
            return outcome
        uncertain = any(change.status in {"started", "unknown"} for change in self.record.changes)
        # Something was sent and nobody knows what became of it, or nobody could read it back.
        is_unseen = changed and step_name == "verify"
        return Outcome.UNVERIFIED if uncertain or is_unseen else Outcome.FAILED


def first_line(text: str) -> str:
    """Return a text's first line, for a table."""
    return text.strip().splitlines()[0].rstrip() if text.strip() else ""


def _words(name: str) -> str:
    return name.replace("-", " ")


def _unexpected(name: str, error: Exception) -> RunError:
    frames = traceback.extract_tb(error.__traceback__)[-_LAST_FRAMES:]
    where = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return RunError(
        secret.mask(f"The step {name} met an error that nobody foresaw: {error!r}"),
        state="What was changed until then stands in the record.",
        remedy=(
            "Run the runbook again: it reads the tenant first and does what is left. If it comes "
            f"back, report it with this: {where}"
        ),
    )


def _error_record(entry: Step, error: RunbookError) -> ErrorRecord:
    code = ""
    if isinstance(error, SignInError):
        code = f"AADSTS{error.code}" if error.code else error.error
    return ErrorRecord(
        type=type(error).__name__,
        message=error.message,
        state=error.state,
        remedy=error.remedy,
        step=entry.name,
        guard=error.code if isinstance(error, Refused) else "",
        status=error.status if isinstance(error, GraphError) else 0,
        code=error.code if isinstance(error, GraphError) else code,
        request_id=error.request_id if isinstance(error, GraphError) else "",
    )
