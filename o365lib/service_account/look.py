"""Reading the tenant: everything that a plan decides on, in as few round trips as there can be.

- One `$batch` for what can be asked without knowing the tenant; a second one only where the first
  one found something to ask about: a federated domain, or an administrator of unknown standing.
- What could not be read becomes `unknown` or None, never a guess; what must be known (the
  organization, the account, the roles) raises, and says all that this identity lacks to read it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from o365lib import clock
from o365lib.errors import BadRequest, Forbidden, GraphError, Refused
from o365lib.graph.deleted_items import list_deleted_users
from o365lib.graph.domains import list_domains, list_federation_configurations
from o365lib.graph.models import (
    DeletedUser,
    Domain,
    FederationConfiguration,
    Organization,
    RoleAssignment,
    RoleDefinition,
    User,
)
from o365lib.graph.organization import get_organization
from o365lib.graph.policies import get_security_defaults
from o365lib.graph.read_batch import Answer, ReadBatch
from o365lib.graph.role_management import list_role_assignments, list_role_definitions
from o365lib.graph.session import GraphSession
from o365lib.graph.users import find_user, find_users_named, get_user
from o365lib.parameters import Defaults
from o365lib.service_account.facts import (
    GLOBAL_ADMINISTRATOR,
    Account,
    Facts,
    Identity,
    RenamedAccount,
    RoleHeld,
)
from o365lib.service_account.federation import federation_of
from o365lib.service_account.permissions import how_to_be_allowed

T = TypeVar("T")

# What `$expand=principal` calls a person; nothing where the service left the type out.
_USER = frozenset({"#microsoft.graph.user", ""})

PendingCredentials = Callable[[User], str]


@dataclass(frozen=True)
class _Answers:
    organization: Organization
    domains: tuple[Domain, ...]
    users: tuple[User, ...]
    handled: tuple[User, ...]
    deleted: tuple[DeletedUser, ...] | None
    assignments: tuple[RoleAssignment, ...]
    definitions: tuple[RoleDefinition, ...]
    security_defaults: bool | None


def read_facts(
    session: GraphSession,
    identity: Identity,
    *,
    tenant: str,
    defaults: Defaults,
    handled: Mapping[str, str],
    pending: PendingCredentials,
) -> Facts:
    """Return the tenant as it is now. Reads only.

    Args:
        session: signed in to the tenant.
        identity: who is signed in.
        tenant: as the client file names it, by id or by domain.
        defaults: the account's and the vendor's names.
        handled: the accounts that this client's runs made or completed, and did not delete: which
            run, by object id. They are read by it, because somebody may have renamed them.
        pending: tells from the archive which run set the account's password and could not hand it
            over; asked with the account.

    Raises:
        Refused: the identity may not read what must be known; the remedy has all to ask for.
        GraphError: what must be known could not be read.
    """
    # The instant before the first request: whatever changes from then on may be missing here.
    begun = clock.now()
    answers = _read(session, identity, defaults, tenant, handled)
    initial = initial_domain_of(answers.organization)
    user_principal_name = f"{defaults.account.user_name}@{initial}"
    named = {user.user_principal_name.lower(): user for user in answers.users}
    user = named.pop(user_principal_name.lower(), None)
    federated = sorted(_not_managed(answers))
    # The index behind filters lags: that there is no account is believed of a key only.
    is_sure = user is not None or tenant.lower() == initial.lower()
    doubtful = "" if is_sure else user_principal_name
    further = _read_further(
        session, identity, federated, answers.assignments, account=user, doubtful=doubtful
    )
    user, configurations, enabled = further.user, further.configurations, further.enabled
    return Facts(
        read=begun,
        tenant_id=answers.organization.id,
        display_name=answers.organization.display_name,
        country_letter_code=answers.organization.country_letter_code,
        initial_domain=initial,
        domains=tuple(sorted(_domain_names(answers))),
        federated_domains=tuple(
            federation_of(name, configurations[name], defaults.vendor) for name in federated
        ),
        user_principal_name=user_principal_name,
        account=_account(user, answers),
        renamed=_renamed(answers.handled, handled, user_principal_name),
        namesakes=tuple(each for each in named.values() if each.id not in handled),
        deleted=_deleted_under(user_principal_name, answers.deleted),
        other_global_administrators=_count_administrators(answers.assignments, user, enabled),
        security_defaults=answers.security_defaults,
        identity=identity,
        pending_credentials=pending(user) if user else "",
    )


def _read(
    session: GraphSession,
    identity: Identity,
    defaults: Defaults,
    tenant: str,
    handled: Iterable[str],
) -> _Answers:
    with ReadBatch(session) as batch:
        # Most client files name the initial domain: then this is the account's own name.
        own_name = f"{defaults.account.user_name}@{tenant}" if "." in tenant else ""
        by_key = batch.add(find_user(own_name)) if own_name else None
        organization = batch.add(get_organization())
        domains = batch.add(list_domains())
        users = batch.add(find_users_named(f"{defaults.account.user_name}@"))
        deleted = batch.add(list_deleted_users(display_name=defaults.account.display_name))
        assignments = batch.add(list_role_assignments(expand_principal=True))
        definitions = batch.add(list_role_definitions())
        security_defaults = batch.add(get_security_defaults())
        by_id = [batch.add(find_user(user_id)) for user_id in handled]
    about_users: list[Answer[Any]] = [users, *([by_key] if by_key else []), *by_id]
    _require_allowed(
        identity,
        {
            "read-organization": [organization],
            "read-domains": [domains],
            "read-users": about_users,
            "read-roles": [assignments, definitions],
        },
    )
    policy = _optional(security_defaults)
    standing = tuple(user for each in by_id if (user := each.value()))
    return _Answers(
        organization=organization.value(),
        domains=domains.value(),
        users=_with(users.value(), *([by_key.value()] if by_key else []), *standing),
        handled=standing,
        # Only told to the person, as are the security defaults, which take Policy.Read.All.
        deleted=_optional(deleted),
        assignments=assignments.value(),
        definitions=definitions.value(),
        security_defaults=policy.is_enabled if policy else None,
    )


def _require_allowed(identity: Identity, needed: Mapping[str, Iterable[Answer[Any]]]) -> None:
    # All that was refused is told at once, so that it is granted at once.
    refused = {
        read: answer.error
        for read, answers in needed.items()
        for answer in answers
        if isinstance(answer.error, Forbidden)
    }
    if not refused:
        return
    said = "; ".join(dict.fromkeys(error.message for error in refused.values()))
    what = ", ".join(read.removeprefix("read-").replace("-", " ") for read in refused)
    raise Refused(
        "missing-permission",
        f"The service does not let {identity.name} read {what}: {said}",
        remedy=how_to_be_allowed(*refused, identity=identity),
    ) from next(iter(refused.values()))


def _with(users: tuple[User, ...], *by_key: User | None) -> tuple[User, ...]:
    return tuple({each.id: each for each in (*users, *by_key) if each is not None}.values())


def _renamed(
    standing: Iterable[User], handled: Mapping[str, str], user_principal_name: str
) -> tuple[RenamedAccount, ...]:
    return tuple(
        RenamedAccount(
            user_id=user.id,
            user_principal_name=user.user_principal_name,
            run_id=handled[user.id],
        )
        for user in standing
        if user.user_principal_name.lower() != user_principal_name.lower()
    )


def _not_managed(answers: _Answers) -> set[str]:
    # Whatever is not said to be managed is asked about; the two lists can differ.
    return {
        each.id for each in answers.domains if each.authentication_type.lower() != "managed"
    } | {
        each.name
        for each in answers.organization.verified_domains
        if each.type.lower() == "federated"
    }


def _optional(answer: Answer[T]) -> T | None:
    try:
        return answer.value()
    except GraphError:
        return None


@dataclass(frozen=True)
class _Further:
    user: User | None
    configurations: dict[str, Sequence[FederationConfiguration] | GraphError]
    enabled: dict[str, bool]


def _read_further(
    session: GraphSession,
    identity: Identity,
    names: Sequence[str],
    assignments: Iterable[RoleAssignment],
    *,
    account: User | None,
    doubtful: str,
) -> _Further:
    unknown = {
        each.principal_id
        for each in _administrators(assignments)
        if each.principal is None
        or (each.principal.odata_type in _USER and each.principal.account_enabled is None)
        if account is None or each.principal_id != account.id
    }
    if not names and not unknown and not doubtful:
        return _Further(account, {}, {})
    with ReadBatch(session) as batch:
        by_key = batch.add(find_user(doubtful)) if doubtful else None
        asked = {name: batch.add(list_federation_configurations(name)) for name in names}
        users = {principal_id: batch.add(get_user(principal_id)) for principal_id in unknown}
    if by_key:
        _require_allowed(identity, {"read-users": [by_key]})
    configurations: dict[str, Sequence[FederationConfiguration] | GraphError] = {}
    for name, answer in asked.items():
        try:
            configurations[name] = answer.value()
        except GraphError as error:
            configurations[name] = error
    return _Further(
        user=by_key.value() if by_key else account,
        configurations=configurations,
        enabled={key: _is_enabled(answer) for key, answer in users.items()},
    )


def _is_enabled(answer: Answer[User]) -> bool:
    # A group or an application is no user: it is not counted as somebody who can sign in.
    try:
        user = answer.value()
        return user.account_enabled is True and user.user_type.lower() != "guest"
    except GraphError:
        return False


def _deleted_under(
    user_principal_name: str, deleted: Iterable[DeletedUser] | None
) -> tuple[DeletedUser, ...] | None:
    if deleted is None:
        return None
    # A deleted user's name is its id, without hyphens, and the name before.
    name = user_principal_name.lower()
    return tuple(each for each in deleted if each.user_principal_name.lower().endswith(name))


def initial_domain_of(organization: Organization) -> str:
    """Return the `onmicrosoft.com` domain that the tenant was made with.

    Raises:
        BadRequest: the tenant shows none.
    """
    for domain in organization.verified_domains:
        if domain.is_initial:
            return domain.name
    raise BadRequest(
        f"{organization.display_name} shows no initial domain.",
        remedy="Check that the sign-in may read the organization (Organization.Read.All).",
    )


def _domain_names(answers: _Answers) -> set[str]:
    return {each.id for each in answers.domains} | {
        each.name for each in answers.organization.verified_domains
    }


def _account(user: User | None, answers: _Answers) -> Account | None:
    if user is None:
        return None
    role_names = {each.id: each.display_name for each in answers.definitions}
    held = [
        RoleHeld(
            role_definition_id=each.role_definition_id,
            display_name=role_names.get(each.role_definition_id, each.role_definition_id),
            assignment_id=each.id,
            directory_scope_id=each.directory_scope_id,
        )
        for each in answers.assignments
        if each.principal_id == user.id
    ]
    return Account(user=user, roles=tuple(sorted(held, key=lambda role: role.assignment_id)))


def _administrators(assignments: Iterable[RoleAssignment]) -> Iterable[RoleAssignment]:
    return (each for each in assignments if each.role_definition_id == GLOBAL_ADMINISTRATOR)


def _count_administrators(
    assignments: Iterable[RoleAssignment], account: User | None, enabled: dict[str, bool]
) -> int:
    usable = {
        each.principal_id
        for each in _administrators(assignments)
        if enabled.get(each.principal_id, False)
        or (
            each.principal is not None
            # An enabled application is nobody who could help.
            and each.principal.odata_type in _USER
            and each.principal.account_enabled is True
            and each.principal.user_type.lower() != "guest"
        )
    }
    return len(usable - {account.id if account else ""})
