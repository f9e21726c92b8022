"""What became of the password that a run has set, as far as the tenant's own log tells. Pure.

- That a password was changed does not tell who did it: an administrator's reset changes it too, and
  then nobody may ever have used the one that was handed over.
- What came first after the run counts: once somebody else has set a password, the account itself
  speaks for whoever was given that one.
- What one of Microsoft's own services did, or nobody whom the log names, was done for somebody
  whom it does not tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from o365lib.evidence.custody import PasswordCustody
from o365lib.service_account.audit_entry import Entry
from o365lib.service_account.reconciliation import Reconciliation

Became = Literal["unknown", "unused", "used", "replaced", "changed"]

_OURS = {"create-user", "set-password"}
_BY_ITSELF = {
    "change user password",
    "change password (self-service)",
    "reset password (self-service)",
}


@dataclass(frozen=True)
class PasswordFate:
    """What became of it.

    Attributes:
        became: `used`: the account itself has chosen another one; `replaced`: somebody else has set
            another one outside the runbooks; `changed`: one of the two, and the log does not tell
            which; `unused`: neither; `unknown`: not even that is known.
        by: who replaced it; text of the tenant, else empty.
        date_time: when it was used or replaced, as the log tells; else None.
    """

    became: Became
    by: str = ""
    date_time: datetime | None = None

    @property
    def is_used(self) -> bool | None:
        """Whether the password was used; None where that is not known."""
        return {"used": True, "unused": False, "replaced": False}.get(self.became)


def password_fate(
    custody: PasswordCustody | None, found: Reconciliation, *, user_id: str
) -> PasswordFate:
    """Return what became of the last password that a run has set.

    Args:
        custody: what the records and the tenant's instants tell of it; None where no run set one.
        found: the log, compared with the records.
        user_id: the account's object id.
    """
    if custody is None:
        return PasswordFate("unknown")
    ours = _ours(custody, found, user_id.lower())
    if ours is not None or custody.is_changed:
        since = ours or custody.date_time
        later = [each for each in _changes(found, user_id.lower()) if each.date_time >= since]
        if later:
            first = min(later, key=lambda each: (each.date_time, each.id))
            if first.by_id == first.account_id:
                return PasswordFate("used", date_time=first.date_time)
            return PasswordFate("replaced", by=first.by, date_time=first.date_time)
    if custody.is_changed is None:
        return PasswordFate("unknown")
    return PasswordFate("changed" if custody.is_changed else "unused")


def _ours(custody: PasswordCustody, found: Reconciliation, user_id: str) -> datetime | None:
    """Return when the service wrote down that the run has set it; None where the log does not."""
    instants = [
        each.entries[0].date_time
        for each in found.matched
        if each.change.record.run_id == custody.run_id
        and each.change.change.action in _OURS
        and each.entries[0].account_id == user_id
    ]
    return max(instants, default=None)


def _changes(found: Reconciliation, user_id: str) -> Iterator[Entry]:
    """Yield what changed the account's password and was no run, where the log tells by whom."""
    for each in (*found.without_record, *(noted.entry for noted in found.noted)):
        if each.account_id != user_id or not each.is_success or each.is_by_microsoft:
            continue
        if each.action == "set-password" or each.key in _BY_ITSELF:
            yield each
