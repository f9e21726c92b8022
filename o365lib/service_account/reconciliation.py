"""The service's own audit log compared with what the runs' records say. Pure.

- An entry of the log is matched with a change of a run: the same account by its object id, the same
  activity, the same role, the same identity, and a time within the skew of the clocks.
- Each change is matched once, and as often more as its request was sent again. What the service
  writes down besides for the same change goes with it.
- What is left of the log was done outside the runbooks, unless it is the holder's own doing, one of
  Microsoft's own services', or was refused: that is named, and does not alarm.
- What is left of the records should stand in the log and does not, unless the log does not reach
  back so far, lags still, or nobody knows whether the change took place.

The order of entries and records, and entries that come twice, change nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from o365lib import clock
from o365lib.evidence.record import Record
from o365lib.service_account.audit_entry import BY_HOLDER, BY_MICROSOFT, HARD_DELETION, Entry
from o365lib.service_account.recorded_change import (
    CLOCK_SKEW,
    Certainty,
    RecordedChange,
    recorded_changes,
)

# How long an entry may take until the log shows it. Microsoft tells no bound; minutes are usual.
LAG = timedelta(minutes=30)


@dataclass(frozen=True)
class Matched:
    """A change with its entries in the log, the one that bears witness first."""

    change: RecordedChange
    entries: tuple[Entry, ...]

    @property
    def is_correlated(self) -> bool:
        """Whether the log names the very request, too; no page of Microsoft's promises it."""
        return any(self.change.is_correlated_with(each) for each in self.entries)


@dataclass(frozen=True)
class Noted:
    """An entry without a record that does not alarm, and why not."""

    entry: Entry
    why: str


@dataclass(frozen=True)
class Missing:
    """A change of a run that the log does not show, and why it may be so."""

    change: RecordedChange
    why: str
    is_alarming: bool


@dataclass(frozen=True)
class Reconciliation:
    """What came of the comparison.

    Attributes:
        matched: changes that both tell of.
        without_record: what somebody did outside the runbooks.
        without_change: what only a record tells of.
        noted: entries that need no record.
    """

    matched: tuple[Matched, ...]
    without_record: tuple[Entry, ...]
    without_change: tuple[Missing, ...]
    noted: tuple[Noted, ...]

    @property
    def is_clean(self) -> bool:
        """Whether log and records tell the same, as far as both reach."""
        alarms = any(each.is_alarming for each in self.without_change)
        return not (self.without_record or alarms)


def reconcile(
    entries: Iterable[Entry],
    records: Sequence[Record],
    *,
    readable_from: datetime,
    read: datetime,
    since: datetime | None = None,
) -> Reconciliation:
    """Compare the log with the records.

    Args:
        entries: what the log says about the client's accounts.
        records: all of the client's runs that can be read.
        readable_from: from when on the log tells everything, by the service's clock.
        read: when the log was read.
        since: leave out what was done before; None leaves nothing out.
    """
    unique = {(each.id, each.account_id): each for each in entries}
    in_time = sorted(unique.values(), key=lambda each: (each.date_time, each.id, each.account_id))
    matching = _Matching(
        changes=recorded_changes(records), left=[each for each in in_time if each.is_success]
    )
    matching.match_all()
    begin = readable_from if since is None else max(readable_from, since)
    noted, alarming = [], []
    for entry in [*(each for each in in_time if not each.is_success), *matching.left]:
        if since is not None and entry.date_time < since:
            continue
        why = _why_harmless(entry)
        if why:
            noted.append(Noted(entry, why))
        else:
            alarming.append(entry)
    return Reconciliation(
        matched=tuple(
            Matched(change, tuple(found))
            for change, found in zip(matching.changes, matching.found, strict=True)
            if found and (since is None or found[0].date_time >= since)
        ),
        without_record=tuple(alarming),
        without_change=tuple(
            _missing(change, readable_from=readable_from, read=read)
            for change, found in zip(matching.changes, matching.found, strict=True)
            if not found and change.certainty is not Certainty.NOT_DONE
            if since is None or change.end >= begin
        ),
        noted=tuple(sorted(noted, key=lambda each: (each.entry.date_time, each.entry.id))),
    )


class _Matching:
    """Which entries belong to which change; `left` are those that belong to none."""

    def __init__(self, changes: Sequence[RecordedChange], left: list[Entry]) -> None:
        self.changes = changes
        self.left = left
        self.found: list[list[Entry]] = [[] for _ in changes]

    def match_all(self) -> None:
        """Match certain changes first: what may not have taken place takes what is left."""
        for certainty in Certainty:
            self._match(certainty)
        self._take(self._has_another_try)
        self._take(lambda at, entry: self.changes[at].comes_with(entry))

    def _match(self, certainty: Certainty) -> None:
        left = []
        for entry in self.left:
            fitting = [
                at
                for at, change in enumerate(self.changes)
                if not self.found[at] and change.certainty is certainty
                if change.is_witnessed_by(entry)
            ]
            if fitting:
                # Entries come by time: whichever change ends first can wait least.
                self.found[min(fitting, key=self._by_end)].append(entry)
            else:
                left.append(entry)
        self.left = left

    def _take(self, belongs: Callable[[int, Entry], bool]) -> None:
        left = []
        for entry in self.left:
            fitting = [at for at, found in enumerate(self.found) if found and belongs(at, entry)]
            if fitting:
                nearest = min(
                    fitting, key=lambda at: (abs(self.found[at][0].date_time - entry.date_time), at)
                )
                self.found[nearest].append(entry)
            else:
                left.append(entry)
        self.left = left

    def _has_another_try(self, at: int, entry: Entry) -> bool:
        change = self.changes[at]
        return len(self.found[at]) < change.tries and change.is_witnessed_by(entry)

    def _by_end(self, at: int) -> tuple[datetime, datetime, int]:
        return (self.changes[at].end, self.changes[at].begin, at)


def _why_harmless(entry: Entry) -> str:
    if not entry.is_success:
        return "the service refused it: nothing was changed"
    if entry.by_id == entry.account_id and entry.key in BY_HOLDER:
        return "the account's holder did it"
    if entry.is_by_microsoft and entry.key in BY_MICROSOFT:
        return "one of Microsoft's own services did it"
    if entry.is_by_microsoft and entry.key == HARD_DELETION:
        return "the 30 days of the recycle bin were over"
    return ""


def _missing(change: RecordedChange, *, readable_from: datetime, read: datetime) -> Missing:
    if change.begin < readable_from:
        why = f"the log can be read from {clock.iso(readable_from)} on only"
    elif change.end - CLOCK_SKEW > read - LAG:
        why = "it is too recent: the log lags by minutes; reconcile again later"
    elif change.certainty is Certainty.UNKNOWN:
        why = "no answer came, so that it may not have taken place"
    else:
        return Missing(change, "the log has no such entry, and should have", is_alarming=True)
    return Missing(change, why, is_alarming=False)
