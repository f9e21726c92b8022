"""Reading back: the only source of a run's outcome. One `$batch` a look.

- Each check compares what the tenant shows with what was wanted; nothing is taken from the answers
  to the changes.
- The directory may lag, so a look that does not satisfy is repeated, within a bound.
"""

from collections.abc import Callable, Sequence

from o365lib import clock
from o365lib.errors import GraphError, NotFound, NotVerified
from o365lib.evidence.accounts import PASSWORD_CHECK
from o365lib.evidence.record import Check
from o365lib.graph.deleted_items import get_deleted_user
from o365lib.graph.models import DeletedUser, RoleAssignment, User
from o365lib.graph.read_batch import Answer, ReadBatch
from o365lib.graph.role_management import list_role_assignments
from o365lib.graph.session import GraphSession
from o365lib.graph.users import find_user, get_user
from o365lib.parameters import Defaults
from o365lib.service_account.plan import Plan, PlannedChange
from o365lib.service_account.waiting import Wait, in_silence, pauses

_ABSENT = "does not exist"


def verify_creation(
    session: GraphSession,
    plan: Plan,
    *,
    user_id: str,
    passwords: Sequence[PlannedChange],
    defaults: Defaults,
    patience_seconds: float,
    wait: Wait = in_silence,
) -> list[Check]:
    """Return what the tenant shows of the account: existence, names, sign-in, licences, roles.

    Args:
        session: signed in to the tenant.
        plan: as carried out.
        user_id: the account's object id.
        passwords: the passwords that were set after the account was created, each with the instant
            of the password before it as its argument: the tenant must show a later one.
        defaults: the account's names.
        patience_seconds: how long to go on looking.
        wait: waits between two looks.

    Raises:
        NotVerified: the tenant could not be read.
    """

    def look() -> list[Check]:
        with ReadBatch(session) as batch:
            user = batch.add(get_user(user_id))
            assignments = batch.add(list_role_assignments(principal_id=user_id))
        found = _user_or_none(user)
        checks = _creation_checks(plan, found, assignments.value(), defaults)
        return checks + [_password_check(planned, found) for planned in passwords if found]

    return _until_passed(look, patience_seconds, wait)


def verify_blocked(
    session: GraphSession, plan: Plan, *, patience_seconds: float, wait: Wait = in_silence
) -> list[Check]:
    """Return what the tenant shows of an account whose sign-in is to be blocked.

    Raises:
        NotVerified: the tenant could not be read.
    """

    def look() -> list[Check]:
        user = session.fetch(find_user(plan.user_id))
        if user is None:
            return [_check("account", "exists", _ABSENT)]
        return [
            _check("user principal name", plan.user_principal_name, user.user_principal_name),
            _check("sign-in", "blocked", _sign_in(user)),
        ]

    return _until_passed(look, patience_seconds, wait)


def verify_absent(
    session: GraphSession, plan: Plan, *, patience_seconds: float, wait: Wait = in_silence
) -> list[Check]:
    """Return whether there is still no account under its name.

    Raises:
        NotVerified: the tenant could not be read.
    """

    def look() -> list[Check]:
        found = session.fetch(find_user(plan.user_principal_name))
        return [_check("account", _ABSENT, _ABSENT if found is None else "exists")]

    return _until_passed(look, patience_seconds, wait)


def verify_removal(
    session: GraphSession, plan: Plan, *, patience_seconds: float, wait: Wait = in_silence
) -> list[Check]:
    """Return what the tenant shows of the removed account: gone by id, and in the recycle bin.

    Where there was no account, that there is none under its name.

    Raises:
        NotVerified: the tenant could not be read.
    """

    def look_by_id() -> list[Check]:
        with ReadBatch(session) as batch:
            user = batch.add(get_user(plan.user_id))
            deleted = batch.add(get_deleted_user(plan.user_id))
        found, bin_entry = _user_or_none(user), deleted.value()
        return [
            _check("account", _ABSENT, _ABSENT if found is None else "exists"),
            Check(
                name="recycle bin",
                wanted="there",
                found=_in_recycle_bin(bin_entry),
                passed=bin_entry is not None,
            ),
        ]

    if not plan.user_id:
        return verify_absent(session, plan, patience_seconds=patience_seconds, wait=wait)
    return _until_passed(look_by_id, patience_seconds, wait)


def _in_recycle_bin(entry: DeletedUser | None) -> str:
    if entry is None:
        return "not there"
    instant = entry.deleted_date_time
    return f"there, deleted {clock.iso(instant)}" if instant else "there"


def _until_passed(
    look: Callable[[], list[Check]], patience_seconds: float, wait: Wait
) -> list[Check]:
    try:
        checks = look()
        for pause in pauses(patience_seconds):
            missing = [check.name for check in checks if not check.passed]
            if not missing:
                break
            wait(f"until the tenant shows as wanted: {', '.join(missing)} (replication)", pause)
            checks = look()
    except GraphError as error:
        # What was written may well be there: that is not a failure, only not seen.
        raise NotVerified(
            f"The tenant could not be read back: {error}",
            state="What was accepted by the service stands in the record; it was not seen.",
            remedy="Run the runbook again: it reads the tenant and does only what is left.",
        ) from error
    return checks


def _creation_checks(
    plan: Plan, user: User | None, assignments: Sequence[RoleAssignment], defaults: Defaults
) -> list[Check]:
    if user is None:
        return [_check("account", "exists", _ABSENT)]
    account = defaults.account
    names = {role_id: name for name, role_id in defaults.roles.items()}
    role_ids = [each.role_definition_id for each in assignments]
    held = sorted(names.get(role_id, role_id) for role_id in role_ids)
    scopes = sorted({each.directory_scope_id for each in assignments})
    return [
        _check("user principal name", plan.user_principal_name, user.user_principal_name),
        _check("given name", account.given_name, user.given_name),
        _check("surname", account.surname, user.surname),
        _check("display name", account.display_name, user.display_name),
        _check("sign-in", "allowed", _sign_in(user)),
        _check("licences", "0", str(len(user.assigned_licenses))),
        _check("roles", plan.role_name, ", ".join(held) or "none"),
        _check("scope of the role", "/", ", ".join(scopes) or "none"),
        *(
            _check("usage location", planned.argument, user.usage_location)
            for planned in plan.of("create-user")
        ),
    ]


def _sign_in(user: User) -> str:
    return "blocked" if user.account_enabled is False else "allowed"


def _password_check(planned: PlannedChange, user: User) -> Check:
    # The tenant's own two instants are compared, so that no clock of ours counts.
    instant = user.last_password_change_date_time
    found = clock.iso(instant) if instant else ""
    return Check(
        name=PASSWORD_CHECK,
        wanted=f"changed since {planned.argument}" if planned.argument else "changed once",
        found=f"last changed {found or 'never'}",
        passed=found > planned.argument,
    )


def _check(name: str, wanted: str, found: str) -> Check:
    return Check(name=name, wanted=wanted, found=found, passed=wanted.lower() == found.lower())


def _user_or_none(answer: Answer[User]) -> User | None:
    try:
        return answer.value()
    except NotFound:
        return None
