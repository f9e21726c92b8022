"""Reading the second witness: the tenant's own audit log about the service account. Reads only.

- Asked about is every account that a run had to do with lately, that has the name, that was created
  under it or lies in the recycle bin under it: an account that was made again has another id.
- The log reaches back 7 days with Microsoft Entra ID Free and 30 with P1 or P2, and not beyond its
  own oldest entry: with Free it begins when somebody first looks at it.

https://learn.microsoft.com/entra/identity/monitoring-health/reference-reports-data-retention
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from o365lib import clock
from o365lib.errors import Forbidden, GraphError, Refused
from o365lib.evidence.record import Record
from o365lib.graph.audit_logs import find_oldest_directory_audit, list_directory_audits
from o365lib.graph.deleted_items import list_deleted_users
from o365lib.graph.models import AssignedPlan, DirectoryAudit, User
from o365lib.graph.organization import get_organization, list_assigned_plans
from o365lib.graph.read_batch import Answer, ReadBatch
from o365lib.graph.session import GraphSession
from o365lib.graph.users import find_user
from o365lib.parameters import Defaults
from o365lib.service_account.audit_entry import accounts_added
from o365lib.service_account.facts import Identity
from o365lib.service_account.look import initial_domain_of
from o365lib.service_account.permissions import WITNESS_READS, how_to_be_allowed
from o365lib.service_account.recorded_change import CLOCK_SKEW, accounts_of

T = TypeVar("T")

# The service plans of Entra ID P1 and P2, which every product with them has.
# https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
_PREMIUM = {
    "41781fb2-bc02-4b7c-bd55-b576c07bb09d",
    "eec0eb4f-6444-4f95-aba0-50c24d67f998",
}
_DAYS, _DAYS_PREMIUM = 7, 30

# The recycle bin's days, the log's, and some: what is older can have no entry.
_LONG_GONE = timedelta(days=70)


@dataclass(frozen=True)
class Witness:
    """What the tenant tells.

    Attributes:
        tenant_id: of the tenant.
        user_principal_name: the service account's.
        accounts: object ids of all accounts that were asked about.
        standing: those of them that are there now.
        audits: the log's entries about them; some may come twice.
        read: when the reading began.
        retention_days: for how long the log keeps its entries.
        is_retention_known: whether the tenant told its licences; else the shorter time is assumed.
        readable_from: from when on the log tells everything.
    """

    tenant_id: str
    user_principal_name: str
    accounts: tuple[str, ...]
    standing: tuple[User, ...]
    audits: tuple[DirectoryAudit, ...]
    read: datetime
    retention_days: int
    is_retention_known: bool
    readable_from: datetime


@dataclass(frozen=True)
class _Tenant:
    tenant_id: str
    user_principal_name: str
    standing: tuple[User, ...]
    deleted: tuple[str, ...]
    plans: tuple[AssignedPlan, ...] | None


def require_reader(identity: Identity) -> None:
    """Make sure, as far as the token tells, that the identity may read the log.

    Raises:
        Refused: `missing-permission`; nothing was read.
    """
    need = WITNESS_READS["read-audit-log"]
    if identity.claims_known and not set(need.permissions) & set(identity.permissions):
        raise _refused(identity, "its token lacks the permission AuditLog.Read.All")


def read_witness(
    session: GraphSession,
    identity: Identity,
    *,
    defaults: Defaults,
    records: Sequence[Record],
    since: datetime | None = None,
) -> Witness:
    """Return what the tenant and its log tell of the service account.

    Args:
        session: signed in to the tenant.
        identity: who is signed in.
        defaults: the account's names.
        records: of the client's runs.
        since: nothing earlier is wanted; None for all that the log has.

    Raises:
        Refused: `missing-permission`; the remedy names what to ask for.
        GraphError: the tenant could not be read.
    """
    begun = clock.now()
    # What was done just before belongs to a run that was opened in time.
    from_then = None if since is None else since - 2 * CLOCK_SKEW
    try:
        tenant = _read_tenant(session, defaults, accounts_of(records))
        oldest = session.fetch(find_oldest_directory_audit())
        added = session.fetch(
            list_directory_audits(activity_display_name="Add user", since=from_then)
        )
        lately = [each for each in records if each.started > begun - _LONG_GONE]
        accounts = {
            *accounts_of(lately),
            *(each.id.lower() for each in tenant.standing),
            *(each.lower() for each in tenant.deleted),
            *accounts_added(added, tenant.user_principal_name),
        }
        audits = [*added]
        for each in sorted(accounts):
            found = session.fetch(list_directory_audits(target_id=each, since=from_then))
            audits += found
    except Forbidden as error:
        raise _refused(identity, error.message) from error
    days, reaches_to = _retention(tenant.plans or (), begun)
    first = oldest.activity_date_time if oldest else begun
    return Witness(
        tenant_id=tenant.tenant_id,
        user_principal_name=tenant.user_principal_name,
        accounts=tuple(sorted(accounts)),
        standing=tenant.standing,
        audits=tuple(audits),
        read=begun,
        retention_days=days,
        is_retention_known=tenant.plans is not None,
        readable_from=max(first, reaches_to),
    )


def _read_tenant(session: GraphSession, defaults: Defaults, known: Collection[str]) -> _Tenant:
    with ReadBatch(session) as batch:
        asked = batch.add(get_organization())
        plans = batch.add(list_assigned_plans())
        deleted = batch.add(list_deleted_users(display_name=defaults.account.display_name))
        by_id = [batch.add(find_user(each)) for each in sorted(known)]
    organization = asked.value()
    name = f"{defaults.account.user_name}@{initial_domain_of(organization)}"
    # By key, since the index behind filters lags.
    named = session.fetch(find_user(name))
    standing = {each.id: each for each in _users(by_id)} | ({named.id: named} if named else {})
    return _Tenant(
        tenant_id=organization.id,
        user_principal_name=name,
        standing=tuple(standing.values()),
        deleted=tuple(
            each.id
            for each in _optional(deleted) or ()
            if each.user_principal_name.casefold().endswith(name.casefold())
        ),
        plans=_optional(plans),
    )


def _users(answers: Iterable[Answer[User | None]]) -> Iterable[User]:
    return (user for each in answers if (user := each.value()))


def _optional(answer: Answer[T]) -> T | None:
    try:
        return answer.value()
    except GraphError:
        return None


def _retention(plans: Iterable[AssignedPlan], now: datetime) -> tuple[int, datetime]:
    """Return for how many days the log keeps entries, and how far back it reaches by that."""
    premium = [
        each
        for each in plans
        if each.service_plan_id.lower() in _PREMIUM
        and each.capability_status.casefold() in {"enabled", "warning"}
    ]
    if not premium:
        return _DAYS, now - timedelta(days=_DAYS)
    # Who buys it later sees at first what the log had until then: seven days.
    bought = [each.assigned_date_time for each in premium if each.assigned_date_time is not None]
    earliest = min(bought) - timedelta(days=_DAYS) if len(bought) == len(premium) else None
    reaches_to = now - timedelta(days=_DAYS_PREMIUM)
    return _DAYS_PREMIUM, max(reaches_to, earliest) if earliest else reaches_to


def _refused(identity: Identity, why: str) -> Refused:
    return Refused(
        "missing-permission",
        f"{identity.name} may not read the tenant's audit log: {why}",
        remedy=how_to_be_allowed(*WITNESS_READS, identity=identity),
    )
