"""By which day an account should be gone. Pure.

The client's file says it, or else the policy does: so many days after the account was created, for
what it is for. Where neither does, the account stays: one for federation for as long as that lasts.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from o365lib.parameters import Client, Defaults


@dataclass(frozen=True, kw_only=True)
class RemovalDate:
    """The last day on which the account may be there.

    Attributes:
        day: in UTC; None where there is none, or where it is not known when it began to count.
        source: who says so: the `client-file`, the `policy` of the defaults, or `nobody`.
    """

    day: date | None
    source: Literal["client-file", "policy", "nobody"]


def removal_date(client: Client, defaults: Defaults, *, created: datetime | None) -> RemovalDate:
    """Return by which day a client's account should be gone.

    Args:
        client: the client's file.
        defaults: the policy.
        created: when the account was; None where that is not known.
    """
    if client.remove_by is not None:
        return RemovalDate(day=client.remove_by, source="client-file")
    purpose = defaults.purposes.get(client.purpose)
    days = purpose.remove_after_days if purpose else None
    if days is None:
        return RemovalDate(day=None, source="nobody")
    day = created.astimezone(UTC).date() + timedelta(days=days) if created else None
    return RemovalDate(day=day, source="policy")
