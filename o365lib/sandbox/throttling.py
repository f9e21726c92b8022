"""The service's limits: who asks too much is told to wait, and how long.

- Limits are token buckets, to which each request adds its cost: those of the identity and access
  service, of an application in all tenants, of an application in one tenant, and of one tenant.
- A request that would exceed a limit is refused before any work. So is all that comes under this
  limit for a period: until half of it is free again. `Retry-After` says how long that is. How long
  the service's periods are is not documented. https://learn.microsoft.com/graph/throttling
- Reports (the audit log) and mail have limits of their own and are not counted here.
- The sign-in service's limits are not documented, but how it answers is.

https://learn.microsoft.com/graph/throttling-limits
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from .sandbox import Settings

WRITES = frozenset({"POST", "PATCH", "PUT", "DELETE"})

# What a request costs that is not 1, of those that the sandbox has; `me` stands for `users/{id}`.
_COSTS: dict[tuple[str, ...], int] = {("users",): 2, ("subscribedskus",): 3}
_COSTS_OF_A_USER = {"licensedetails": 2, "memberof": 2, "transitivememberof": 2}
_FEW_ROWS = 20

# Limits of writes: so many in so many seconds.
_WRITES_OF_APPLICATION = (70_000, 300.0)
_WRITES_OF_APPLICATION_IN_TENANT = (3_000, 150.0)
_WRITES_OF_TENANT = (18_000, 300.0)

# What an application may ask in one tenant, by how many users that has at most.
_UNITS_BY_USERS = ((49, 3_500), (500, 5_000))
_UNITS_OF_LARGE = 8_000

_WARNED_FROM = 0.8
_FREE_AGAIN = 0.5


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Who asks what.

    Attributes:
        users: how many the tenant has.
        units: what the request costs.
    """

    app_id: str
    tenant_id: str
    users: int
    units: int
    is_write: bool


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the limits say to a request.

    Attributes:
        wait_seconds: None where it may go on.
        headers: what the answer tells of it.
    """

    wait_seconds: float | None
    headers: Mapping[str, str]


@dataclass(frozen=True)
class _Limit:
    key: tuple[str, ...]
    quota: float
    seconds: float
    cost: float
    scope: str
    information: str


@dataclass
class _Bucket:
    """How much of a limit is used.

    Attributes:
        level: units that have not leaked yet.
        at: when that was.
        closed_until: until when everything is refused.
    """

    level: float
    at: datetime
    closed_until: datetime

    def admits(self, limit: _Limit, now: datetime) -> bool:
        """Whether a request fits; closes the bucket where it does not."""
        rate = limit.quota / limit.seconds
        passed = max(0.0, (now - self.at).total_seconds())
        self.level, self.at = max(0.0, self.level - passed * rate), now
        if now < self.closed_until:
            return False
        if self.level + limit.cost <= limit.quota:
            return True
        free = limit.quota * _FREE_AGAIN
        self.closed_until = now + timedelta(seconds=max(limit.cost, self.level - free) / rate)
        return False


class Throttling:
    """The buckets of one sandbox; to be used under its lock."""

    def __init__(self, settings: Settings) -> None:
        """Start with empty buckets; the settings are read at each request."""
        self._settings = settings
        self._buckets: dict[tuple[str, ...], _Bucket] = {}

    def ask(self, asked: Asked, now: datetime) -> Verdict:
        """Count a request to Graph and tell whether it may go on.

        Of several limits that it exceeds the first one is told.
        """
        limits = list(self._limits(asked))
        refused = [limit for limit in limits if not self._bucket(limit, now).admits(limit, now)]
        if refused:
            ends = max(self._bucket(limit, now).closed_until for limit in refused)
            wait = (ends - now).total_seconds()
            headers = {
                "retry-after": f"{wait:.3f}",
                "x-ms-throttle-scope": refused[0].scope,
                "x-ms-throttle-information": refused[0].information,
            }
            return Verdict(wait_seconds=wait, headers=headers)
        used = max(self._count(limit, now) for limit in limits)
        told = {"x-ms-throttle-limit-percentage": f"{used:.2f}"} if used > _WARNED_FROM else {}
        return Verdict(wait_seconds=None, headers=told)

    def may_sign_in(self, app_id: str, now: datetime) -> bool:
        """Count a token request of an application, in whatever tenant, and tell if it may go on.

        It may where there is no such limit.
        """
        settings = self._settings
        if not settings.throttle_sign_ins:
            return True
        limit = _Limit(
            key=("sign-in", app_id),
            quota=settings.throttle_sign_ins,
            seconds=settings.throttle_sign_in_seconds,
            cost=1,
            scope="",
            information="",
        )
        if not self._bucket(limit, now).admits(limit, now):
            return False
        self._count(limit, now)
        return True

    def _limits(self, asked: Asked) -> Iterator[_Limit]:
        settings, app, tenant = self._settings, asked.app_id, asked.tenant_id
        by_size = (quota for most, quota in _UNITS_BY_USERS if asked.users <= most)
        units = settings.throttle_tenant_units or next(by_size, _UNITS_OF_LARGE)
        everywhere = (settings.throttle_application_units, settings.throttle_application_seconds)
        here = (units, settings.throttle_tenant_seconds)
        for scope, key, (quota, seconds) in (
            ("Application", (app,), everywhere),
            ("Tenant_Application", (app, tenant), here),
        ):
            yield _Limit(
                ("units", *key),
                quota,
                seconds,
                asked.units,
                f"{scope}/ReadWrite/{app}/{tenant}",
                "ResourceUnitLimitExceeded",
            )
        if not asked.is_write:
            return
        for scope, key, (quota, seconds) in (
            ("Application", (app,), _WRITES_OF_APPLICATION),
            ("Tenant_Application", (app, tenant), _WRITES_OF_APPLICATION_IN_TENANT),
            ("Tenant", ("", tenant), _WRITES_OF_TENANT),
        ):
            yield _Limit(
                ("writes", *key),
                quota,
                seconds,
                1,
                f"{scope}/Write/{app}/{tenant}",
                "WriteLimitExceeded",
            )

    def _bucket(self, limit: _Limit, now: datetime) -> _Bucket:
        return self._buckets.setdefault(limit.key, _Bucket(0.0, now, now))

    def _count(self, limit: _Limit, now: datetime) -> float:
        """Count a request, and return which part of the limit is used."""
        bucket = self._bucket(limit, now)
        bucket.level += limit.cost
        return bucket.level / limit.quota


def resource_units(method: str, segments: tuple[str, ...], query: Mapping[str, str]) -> int:
    """Return what a request costs.

    Args:
        method: in capitals.
        segments: of the path after the version.
        query: its options.
    """
    names = tuple(segment.casefold() for segment in segments)
    cost = 1
    if method == "GET":
        cost = _COSTS.get(names, 1)
        of_user = names[1:] if names[:1] == ("me",) else names[2:]
        if names[:1] in {("me",), ("users",)} and len(of_user) == 1:
            cost = _COSTS_OF_A_USER.get(of_user[0], 1)
    cost -= "$select" in query
    cost += "$expand" in query
    cost -= query.get("$top", "").isdecimal() and int(query["$top"]) < _FEW_ROWS
    return max(1, cost)


def is_counted(segments: tuple[str, ...]) -> bool:
    """Tell whether a request is one of the identity and access service, which has these limits."""
    first, last = segments[:1], segments[-1:]
    return first != ("auditLogs",) and tuple(each.casefold() for each in last) != ("sendmail",)
