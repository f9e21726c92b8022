"""The log of changes: written before each is sent, so that a run that is killed tells what it did.

- A change enters the record as `started` and the record is saved; only then is it sent.
- What a person has still to do (to look at credentials) leaves it open, until `settle`.
- It leaves as `accepted` (the service said yes), `failed` (it said no: nothing changed) or
  `unknown` (no answer came). Whether it really took place is for verification alone.
- Once an answer was lost, a later refusal does not make it `failed`: the first try may have worked.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from o365lib import clock
from o365lib.errors import AnswerLost, RunbookError
from o365lib.evidence.record import Change, Record
from o365lib.ledger import Ledger
from o365lib.service_account.plan import PlannedChange
from o365lib.service_account.waiting import in_silence


class Onlooker(Protocol):
    """Whoever watches changes as they happen; nothing depends on it."""

    def change(self, change: Change) -> None:
        """A change has begun, or has ended."""

    def wait(self, until: str, seconds: float) -> object:
        """Wait so many seconds, and tell what for."""


class _Nobody:
    """The onlooker where there is none."""

    def change(self, change: Change) -> None:
        """Tell nobody."""

    def wait(self, until: str, seconds: float) -> None:
        """Wait in silence."""
        in_silence(until, seconds)


class ChangeLog:
    """Keeps a run's changes in its record.

    Args:
        record: where the changes are kept.
        save: writes the record; it raises EvidenceError when it cannot, and then nothing is sent.
        ledger: the requests of this run, for the service's request ids.
        onlooker: is told of each change, and waits.
    """

    def __init__(
        self,
        record: Record,
        save: Callable[[], None],
        ledger: Ledger,
        onlooker: Onlooker | None = None,
    ) -> None:
        self._onlooker: Onlooker = onlooker or _Nobody()
        self.record = record
        self.save = save
        self._ledger = ledger
        self._planned: list[tuple[PlannedChange, Change]] = []

    @contextmanager
    def change(
        self, planned: PlannedChange, *, target: str = "", stays_open: bool = False
    ) -> Iterator[Change]:
        """Keep one change, whatever its `with` block comes to.

        A block that goes on after a lost answer sets the change's status to `unknown` first.

        Args:
            planned: the change as planned.
            target: the object's id where the plan could only name the user principal name.
            stays_open: a block that ends well leaves the change `started`, for `settle`.

        Raises:
            EvidenceError: the record could not be saved. Before the block, the change was not sent
                and is not kept; after it, it is kept in memory as it ended.
        """
        change = Change(
            action=planned.action,
            target=target or planned.target,
            detail=planned.title,
            before=planned.before,
            after=planned.after,
            started=clock.now(),
        )
        given_up = self._give_up(planned)
        self.record.changes.append(change)
        self._planned.append((planned, change))
        try:
            self.save()
        except BaseException:
            # It is not sent, so that it is no change; and the try before it is as open as it was.
            self.record.changes.pop()
            self._planned.pop()
            for earlier in given_up:
                earlier.status, earlier.ended = "started", None
            raise
        self._onlooker.change(change)
        try:
            yield change
        except AnswerLost:
            change.status = "unknown"
            raise
        except RunbookError as error:
            if change.status != "unknown":
                change.status = "failed"
            change.note = error.message
            raise
        except BaseException:
            # A Ctrl-C between sending and reading: nobody knows.
            change.status = "unknown"
            raise
        else:
            if not stays_open:
                change.status = "accepted"
        finally:
            if change.status != "started":
                change.ended = clock.now()
                change.request_id = self.last_request_id()
            self._onlooker.change(change)
            self.save()

    def settle(self, change: Change) -> None:
        """Say that a change that stayed open has taken place.

        Raises:
            EvidenceError: the record could not be saved.
        """
        change.status, change.ended = "accepted", clock.now()
        self.save()

    def wait(self, until: str, seconds: float) -> None:
        """Wait for the directory, and let whoever watches know what for."""
        self._onlooker.wait(until, seconds)

    def made(self, action: str) -> list[PlannedChange]:
        """Return the changes of this action that took, or may have taken, place, oldest first.

        They are not only those of the plan: an account that was found again, or a hand-over that is
        uncertain, has its password set once more.
        """
        return [
            planned
            for planned, change in self._planned
            if change.action == action and change.status in {"accepted", "unknown"}
        ]

    def _give_up(self, planned: PlannedChange) -> list[Change]:
        # Begun anew: what became of the try before it, nobody will say any more.
        given_up = [
            earlier
            for earlier in self.record.changes
            if earlier.status == "started" and earlier.action == planned.action
        ]
        for earlier in given_up:
            earlier.status, earlier.ended = "unknown", clock.now()
        return given_up

    def last_request_id(self) -> str:
        """Return the service's id of the latest request, for Microsoft's support."""
        records = self._ledger.records()
        return records[-1].request_id if records else ""
