"""Changes that the runs' records tell of, as the service's own audit log should show them. Pure.

- What a record says of a change, and what its list of requests says of the service's answers, are
  put together: a role that was there already was accepted by nobody, and stands in no log.
- Handing credentials over changes nothing in the directory, so that its log does not show it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from o365lib.evidence.record import Change, Record
from o365lib.service_account.audit_entry import COMPANIONS, Entry

# How far the service's clock may be from that of the machine which ran the runbook, and how long a
# change may take whose end no record tells.
CLOCK_SKEW = timedelta(minutes=5)
_LONGEST_CHANGE = timedelta(minutes=10)

# The list of requests tells instants by the millisecond.
_ROUNDING = timedelta(seconds=1)

_ASSIGNMENTS = "/v1.0/roleManagement/directory/roleAssignments"

# By which request a change is made: the method, and the path before and after the object's id.
_REQUESTS = {
    "create-user": ("POST", "/v1.0/users", ""),
    "set-password": ("PATCH", "/v1.0/users/", ""),
    "enable-user": ("PATCH", "/v1.0/users/", ""),
    "disable-user": ("PATCH", "/v1.0/users/", ""),
    "assign-role": ("POST", _ASSIGNMENTS, ""),
    "remove-role": ("DELETE", f"{_ASSIGNMENTS}/", ""),
    "revoke-sign-in-sessions": ("POST", "/v1.0/users/", "/revokeSignInSessions"),
    "delete-user": ("DELETE", "/v1.0/users/", ""),
}


class Certainty(Enum):
    """Whether the service did what it was asked for."""

    DONE = "it said so"
    UNKNOWN = "its answer was lost"
    NOT_DONE = "it refused, or found it so already"


@dataclass(frozen=True)
class RecordedChange:
    """One change of one run.

    Attributes:
        record: the run's.
        change: as the record keeps it.
        certainty: whether it took place, by the record and the service's answers.
        tries: how often it may have taken place: one that was sent again may stand there twice.
    """

    record: Record
    change: Change
    certainty: Certainty
    tries: int

    @property
    def begin(self) -> datetime:
        """Before this the service cannot have done it, by its own clock."""
        return self.change.started - CLOCK_SKEW

    @property
    def end(self) -> datetime:
        """After this the service cannot have done it, by its own clock."""
        return (self.change.ended or self.change.started + _LONGEST_CHANGE) + CLOCK_SKEW

    def is_witnessed_by(self, entry: Entry) -> bool:
        """Whether an entry of the log can be this very change."""
        return (
            entry.action == self.change.action
            and self.is_about(entry)
            and self.is_by_same(entry)
            and self._is_about_same_role(entry)
        )

    def comes_with(self, entry: Entry) -> bool:
        """Whether an entry is what the service writes down besides for such a change."""
        by_it = self.is_by_same(entry) or entry.is_by_microsoft
        is_companion = self.change.action in COMPANIONS.get(entry.key, ())
        return is_companion and by_it and self.is_about(entry)

    def is_about(self, entry: Entry) -> bool:
        """Whether an entry is about the same account, at about the same time."""
        names = {entry.account_id, entry.user_principal_name.casefold()}
        return self.change.target.casefold() in names and self.begin <= entry.date_time <= self.end

    def is_by_same(self, entry: Entry) -> bool:
        """Whether it was done by the identity that the run was signed in as."""
        operator = self.record.operator
        if operator.object_id:
            if entry.by_id:
                return entry.by_id == operator.object_id.lower()
        elif not entry.by_application_id:
            return bool(entry.by_id) and entry.by.casefold() == operator.signed_in_as.casefold()
        name = f"application {entry.by_application_id}"
        return bool(entry.by_application_id) and operator.signed_in_as.casefold() == name

    def is_correlated_with(self, entry: Entry) -> bool:
        """Whether the log names a request of this run, by the id that was sent along with it."""
        return bool(entry.correlation_id) and any(
            str(each.get("client_request_id", "")).lower() == entry.correlation_id
            for each in self.record.requests
        )

    def _is_about_same_role(self, entry: Entry) -> bool:
        if not entry.roles or self.change.action not in {"assign-role", "remove-role"}:
            return True
        is_assigned = self.change.action == "assign-role"
        named = self.change.after if is_assigned else self.change.before
        wanted = {str(named).casefold()}
        if is_assigned:
            wanted.add(str((self.record.plan or {}).get("role_definition_id", "")).casefold())
        return not wanted.isdisjoint(entry.roles)


def recorded_changes(records: Sequence[Record]) -> tuple[RecordedChange, ...]:
    """Return the changes of the directory that the records tell of, by their beginning."""
    found = [
        _recorded(record, change)
        for record in records
        for change in record.changes
        if change.action in _REQUESTS
    ]
    return tuple(sorted(found, key=lambda each: (each.change.started, each.record.run_id)))


def accounts_of(records: Sequence[Record]) -> set[str]:
    """Return the object ids of all accounts that these runs found, made or changed."""
    found: set[str] = set()
    for record in records:
        found |= {change.target for change in record.changes}
        for part, *path in (
            (record.plan, "user_id"),
            (record.undo, "id"),
            (record.facts, "account", "user", "id"),
        ):
            value: object = part
            for name in path:
                value = value.get(name) if isinstance(value, dict) else None
            found |= {value} if isinstance(value, str) else set()
    return {each.lower() for each in found if each and "@" not in each}


def _recorded(record: Record, change: Change) -> RecordedChange:
    statuses = [_status(each) for each in _requests(record, change)]
    maybe = [each for each in statuses if not 400 <= each < 500]  # noqa: PLR2004 -- HTTP's refusals
    if change.status == "failed" or (statuses and not maybe):
        certainty = Certainty.NOT_DONE
    elif change.status == "accepted" and (
        not statuses or any(200 <= each < 300 for each in statuses)  # noqa: PLR2004 -- HTTP's yes
    ):
        certainty = Certainty.DONE
    else:
        certainty = Certainty.UNKNOWN
    return RecordedChange(record, change, certainty, tries=max(1, len(maybe)))


def _requests(record: Record, change: Change) -> Iterator[dict[str, object]]:
    method, before, after = _REQUESTS[change.action]
    is_list = not before.endswith("/")
    for each in record.requests:
        path = str(each.get("path", "")).partition("?")[0]
        is_path = path == before if is_list else path.startswith(before) and path.endswith(after)
        if each.get("method") == method and is_path and _is_within(each, change):
            yield dict(each)


def _is_within(request: Mapping[str, object], change: Change) -> bool:
    try:
        instant = datetime.fromisoformat(str(request.get("started")))
    except ValueError:
        return False
    is_after = instant >= change.started - _ROUNDING
    return is_after and (change.ended is None or instant <= change.ended + _ROUNDING)


def _status(request: dict[str, object]) -> int:
    status = request.get("status")
    return status if isinstance(status, int) else 0
