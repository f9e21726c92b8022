"""Custody of a password: which run set it, who was handed it, and whether it was changed since.

- Pure: records and the tenant's own instants go in, and nothing is read or written.
- A temporary password has to be changed at the first sign-in, so that one which was not changed
  was not used. One that was changed was used, or replaced by somebody else; these instants do not
  tell which: https://learn.microsoft.com/graph/api/resources/passwordprofile
- Where the tenant's own instant of our password is known, its clock alone counts. Else it is
  compared with the clock of the machine that ran the runbook, beyond the skew of five minutes.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from o365lib.evidence.accounts import PASSWORD_CHECK
from o365lib.evidence.record import Change, Record

# How far the service's clock may be from ours, and how long a creation may take until it shows.
_CLOCK_SKEW = timedelta(minutes=5)
_LONGEST_CREATION = timedelta(minutes=10)

# The service writes the two instants of a new user one after the other.
_SAME_MOMENT = timedelta(minutes=1)
# Instants that were read at two times may be written with and without fractions.
_WHOLE_SECOND = timedelta(seconds=1)

_SETS_PASSWORD = {"create-user", "set-password"}
_SWITCHES = {"disable-user", "enable-user"}
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


class PasswordCustody(BaseModel):
    """The last password that a run of ours set for an account; never the password.

    Attributes:
        run_id: the run that set it.
        date_time: when, by the clock of the machine that ran it.
        method: how it was handed over; empty where no hand-over of it stands in the record.
        recipient: to whom: an address, a key or the screen.
        status: of the hand-over, as in the record.
        handed_over: when.
        request_id: the service's id of the accepted mail.
        last_change: the tenant's own instant of the last change of the account's password; None
            where it does not tell.
        is_changed: whether it was changed since, by whomever; if not, nobody has used it. None
            where that cannot be known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    date_time: datetime
    method: str = ""
    recipient: str = ""
    status: str = ""
    handed_over: datetime | None = None
    request_id: str = ""
    last_change: datetime | None = None
    is_changed: bool | None = None

    @property
    def is_handed_over(self) -> bool:
        """Whether the recipient has it, as far as anybody can tell at this end."""
        return self.status == "accepted"

    @property
    def way(self) -> str:
        """How and to whom it went, in words."""
        if not self.is_handed_over or self.handed_over is None:
            return "handed over to nobody"
        to = "" if self.method == "screen" else f" to {self.recipient}"
        return f"handed over by {self.method}{to} on {self.handed_over:%Y-%m-%d}"

    def days_unused(self, at: datetime) -> int | None:
        """Return for how many whole days it has gone unused; None if it was changed or unknown."""
        if self.is_changed is not False:
            return None
        return max(0, (at - (self.handed_over or self.date_time)).days)


def password_custody(
    records: Sequence[Record],
    *,
    user_id: str,
    user_principal_name: str,
    created: datetime | None,
    last_change: datetime | None,
) -> PasswordCustody | None:
    """Return what is known of the last password that a run set; None where no run set one.

    Args:
        records: of the client, oldest first.
        user_id: the account's object id.
        user_principal_name: by which a run that was killed before it learnt the id knows it.
        created: the tenant's instant of the account's creation.
        last_change: the tenant's instant of the last change of its password.
    """
    found = [
        (change, record)
        for record in records
        for change in record.changes
        if change.action in _SETS_PASSWORD
        and change.may_have_happened
        and _is_of(change, user_id, user_principal_name, created)
    ]
    if not found:
        return None
    change, record = max(reversed(found), key=lambda each: each[0].started)
    hand_over = record.hand_over
    if hand_over is not None and hand_over.date_time < change.started:
        hand_over = None  # of a password before this one
    return PasswordCustody(
        run_id=record.run_id,
        date_time=change.started,
        method=hand_over.method if hand_over else "",
        recipient=hand_over.recipient if hand_over else "",
        status=hand_over.status if hand_over else "",
        handed_over=hand_over.date_time if hand_over else None,
        request_id=hand_over.request_id if hand_over else "",
        last_change=last_change,
        is_changed=_is_changed(change, record, created=created, last_change=last_change),
    )


def blocked_by(records: Sequence[Record], *, user_id: str) -> str:
    """Return the run that blocked the account's sign-in, if none has allowed it since.

    Args:
        records: of the client, oldest first.
        user_id: the account's object id.
    """
    switches = [
        (change, record.run_id)
        for record in records
        for change in record.changes
        if change.action in _SWITCHES and change.may_have_happened and change.target == user_id
    ]
    if not switches:
        return ""
    change, run_id = max(reversed(switches), key=lambda each: each[0].started)
    return run_id if change.action == "disable-user" else ""


def _is_of(change: Change, user_id: str, name: str, created: datetime | None) -> bool:
    if change.target == user_id:
        return True
    if change.target.lower() != name.lower() or created is None:
        return False
    return change.started - _CLOCK_SKEW <= created <= change.started + _LONGEST_CREATION


def _is_changed(
    change: Change, record: Record, *, created: datetime | None, last_change: datetime | None
) -> bool | None:
    if last_change is None:
        return None
    own = _own_instant(change, record, created)
    if own is not None:
        return last_change > own
    if last_change < change.started - _CLOCK_SKEW:
        return None  # the tenant does not show ours
    return last_change > (change.ended or change.started) + _CLOCK_SKEW


def _own_instant(change: Change, record: Record, created: datetime | None) -> datetime | None:
    """Return until when, by the tenant's clock, a change of the password is this one of ours."""
    if change.action == "create-user":
        return created + _SAME_MOMENT if created else None
    for check in record.verification:
        told = _INSTANT.search(check.found)
        if check.name == PASSWORD_CHECK and check.passed and told:
            return datetime.fromisoformat(told[0]) + _WHOLE_SECOND
    return None
