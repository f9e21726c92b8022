"""Which accounts are overdue, or due soon, to be removed. Pure.

- An account that stands by the records is never left out: where its client's file is gone or wrong,
  that is said, and the account is told as one whose day is not known.
- Days are days in UTC. An account is overdue from the day after its last one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from o365lib.evidence.standing_accounts import StandingAccount
from o365lib.parameters import Client, Defaults
from o365lib.service_account.removal_date import RemovalDate, removal_date

State = Literal["overdue", "soon", "later", "unknown", "stays"]

_ORDER: tuple[State, ...] = ("overdue", "unknown", "soon", "later", "stays")


@dataclass(frozen=True, kw_only=True)
class DueAccount:
    """An account that stands, and by when it should be gone.

    Attributes:
        account: as the records have it.
        display_name: the client's name for people; empty where its file is not to be had.
        onboarding: as the client's file has it; empty likewise.
        remove_by: the last day on which it may be there; None where there is none or it is unknown.
        source: who says so: `client-file`, `policy` or `nobody`.
        state: `overdue`; `soon`; `later`; `unknown`, where a person has to look; or `stays`.
        days: from today to that day; negative where it is over.
        why: in a sentence.
    """

    account: StandingAccount
    display_name: str
    onboarding: str
    remove_by: date | None
    source: str
    state: State
    days: int | None
    why: str


def due_accounts(
    accounts: Iterable[StandingAccount],
    clients: Mapping[str, Client],
    defaults: Defaults,
    *,
    today: date,
    within_days: int,
) -> list[DueAccount]:
    """Return every account with its day, the most overdue first.

    Args:
        accounts: that stand by the records.
        clients: the client files that are right, by name.
        defaults: the policy.
        today: in UTC.
        within_days: how near a day must be to be soon.
    """
    found = [
        _due(each, clients.get(each.client), defaults, today=today, within_days=within_days)
        for each in accounts
    ]
    return sorted(found, key=_place)


def _due(
    account: StandingAccount,
    client: Client | None,
    defaults: Defaults,
    *,
    today: date,
    within_days: int,
) -> DueAccount:
    if client is None:
        return DueAccount(
            account=account,
            display_name="",
            onboarding="",
            remove_by=None,
            source="nobody",
            state="unknown",
            days=None,
            why="The client has no file, or a wrong one: `o365 check` tells what is wrong.",
        )
    by = removal_date(client, defaults, created=account.since)
    days = (by.day - today).days if by.day else None
    return DueAccount(
        account=account,
        display_name=client.display_name,
        onboarding=client.onboarding,
        remove_by=by.day,
        source=by.source,
        state=_state(by, today, within_days),
        days=days,
        why=_why(by, client, defaults),
    )


def _state(by: RemovalDate, today: date, within_days: int) -> State:
    if by.day is None:
        return "stays" if by.source == "nobody" else "unknown"
    if by.day < today:
        return "overdue"
    return "soon" if by.day <= today + timedelta(days=within_days) else "later"


def _why(by: RemovalDate, client: Client, defaults: Defaults) -> str:
    if by.source == "client-file":
        return "The client's file says so."
    if by.source == "nobody":
        return f"The defaults name no time for {client.purpose}: it stays until it is not needed."
    days = defaults.purposes[client.purpose].remove_after_days
    rule = f"{days} days after it was created, by the defaults for {client.purpose}"
    return f"{rule}." if by.day else f"{rule}; but no record tells when that was."


def _place(due: DueAccount) -> tuple[int, date, str, str]:
    account = due.account
    return _ORDER.index(due.state), due.remove_by or date.max, account.client, account.user_id
