"""Making the account and giving it its role, as planned.

- Everything is found again by object id; the name is used once, to create or to find it.
- A lost answer is followed by reading back, never by a blind repetition.
- Running again is safe at each point: a second creation is refused by Graph itself, because a user
  principal name is unique, and an assignment that exists is reported as a conflict.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from o365lib import clock
from o365lib.errors import AnswerLost, ChangeFailed, Conflict, Forbidden, NotFound
from o365lib.evidence.record import Change
from o365lib.graph.models import User
from o365lib.graph.role_management import (
    create_role_assignment,
    delete_role_assignment,
    list_role_assignments,
)
from o365lib.graph.session import GraphSession
from o365lib.graph.users import create_user as post_user
from o365lib.graph.users import find_user, get_user, set_account_enabled, set_password
from o365lib.parameters import Account as AccountNames
from o365lib.parameters import Defaults
from o365lib.secret import Secret, generate_password
from o365lib.service_account import conflict as conflicts
from o365lib.service_account.changes import ChangeLog
from o365lib.service_account.facts import Facts, Identity
from o365lib.service_account.permissions import how_to_change_sensitively
from o365lib.service_account.plan import Plan, PlannedChange
from o365lib.service_account.waiting import Wait, pauses

_LOOKS_AFTER_LOST_ANSWER_SECONDS = (1, 2, 3)
_WHOLE_SECOND = 1


@dataclass(frozen=True)
class Created:
    """The account, and its password where this run has set it.

    Attributes:
        user_id: the object id.
        password: None where the account's password was left alone.
        sentence: what was done.
    """

    user_id: str
    password: Secret | None
    sentence: str


def create_user(
    session: GraphSession,
    plan: Plan,
    *,
    facts: Facts,
    defaults: Defaults,
    change_log: ChangeLog,
) -> Created:
    """Create the user, set a new password where nobody has the last one, or block the sign-in.

    Raises:
        GraphError: Graph refused; no user was created.
        AnswerLost: whether the user was created could not be found out.
        ChangeFailed: somebody else created the account in the meantime, or another object has its
            address; no user was created.
    """
    for planned in plan.of("create-user"):
        return _create(session, planned, facts=facts, defaults=defaults, change_log=change_log)
    for planned in plan.of("set-password"):
        password = replace_password(
            session, planned, facts=facts, defaults=defaults, change_log=change_log
        )
        switch_sign_in(session, plan, identity=facts.identity, change_log=change_log)
        return Created(plan.user_id, password, "The account has a new password")
    if switch_sign_in(session, plan, identity=facts.identity, change_log=change_log):
        return Created(plan.user_id, None, f"The sign-in of {plan.user_principal_name} is blocked")
    return Created(plan.user_id, None, f"{plan.user_principal_name} exists; it is left as it is")


def switch_sign_in(
    session: GraphSession, plan: Plan, *, identity: Identity, change_log: ChangeLog
) -> bool:
    """Allow or block the sign-in as planned; return whether there was anything to do.

    Raises:
        GraphError: Graph refused; the sign-in is as it was.
        AnswerLost: twice no answer; the next run reads what became of it.
    """
    switches = plan.of("enable-user", "disable-user")
    for planned in switches:
        enabled = planned.action == "enable-user"
        try:
            with change_log.change(planned) as change:
                try:
                    set_account_enabled(session, planned.target, enabled=enabled)
                except AnswerLost:
                    # Saying it twice does no harm.
                    change.status = "unknown"
                    set_account_enabled(session, planned.target, enabled=enabled)
        except Forbidden as error:
            error.remedy = how_to_change_sensitively(planned.action, identity)
            raise
    return bool(switches)


def replace_password(
    session: GraphSession,
    planned: PlannedChange,
    *,
    facts: Facts,
    defaults: Defaults,
    change_log: ChangeLog,
) -> Secret:
    """Set a new password, to be changed at first sign-in, and return it.

    `planned.target` is the account's object id. Setting it twice does no harm, so a lost answer is
    answered by setting the same one again.

    Raises:
        GraphError: Graph refused; the password is as it was.
        AnswerLost: twice no answer; the next run sets another one.
    """
    password = new_password(facts, defaults)
    _put_in_force(session, planned, password, identity=facts.identity, change_log=change_log)
    return password


def _put_in_force(
    session: GraphSession,
    planned: PlannedChange,
    password: Secret,
    *,
    identity: Identity,
    change_log: ChangeLog,
) -> None:
    instant = session.fetch(get_user(planned.target)).last_password_change_date_time
    # Verification compares the tenant's instants, which are whole seconds: a password that was set
    # just before this one must not pass for it.
    clock.sleep(_WHOLE_SECOND)
    planned = planned.model_copy(update={"argument": clock.iso(instant) if instant else ""})
    try:
        with change_log.change(planned) as change:
            try:
                set_password(session, planned.target, password)
            except AnswerLost:
                change.status = "unknown"
                set_password(session, planned.target, password)
    except Forbidden as error:
        # What it takes depends on the roles that the account holds by now.
        error.remedy = how_to_change_sensitively("set-password", identity)
        raise


def new_password(facts: Facts, defaults: Defaults) -> Secret:
    """Return a password that contains no name of the account, the vendor or the tenant."""
    account = defaults.account
    return generate_password(
        banned_words=(
            account.user_name,
            account.given_name,
            account.surname,
            account.display_name,
            facts.display_name,
            facts.initial_domain.partition(".")[0],
            defaults.vendor.name,
            *defaults.banned_words,
        ),
        length=defaults.password_length,
    )


def _create(
    session: GraphSession,
    planned: PlannedChange,
    *,
    facts: Facts,
    defaults: Defaults,
    change_log: ChangeLog,
) -> Created:
    password = new_password(facts, defaults)
    post = partial(_post, session, planned, defaults.account, password)
    try:
        with change_log.change(planned) as change:
            try:
                user_id = post()
            except (AnswerLost, Conflict) as lost:
                if isinstance(lost, Conflict) and not _was_tried_before(change_log, change):
                    raise
                # From here on nothing but success makes it certain what became of it.
                change.status = "unknown"
                user = _find_or_post(session, planned.target, post, change)
                if user is None:
                    raise
                if not _has_names(user, defaults.account):
                    change.status = "failed"
                    raise conflicts.made_by_somebody_else(planned.target) from lost
                # Only a password that we know to be in force can be handed over.
                _put_in_force(
                    session,
                    _certain_password(user.id),
                    password,
                    identity=facts.identity,
                    change_log=change_log,
                )
                user_id = user.id
                change.note = "the answer was lost; the account was found again by its name"
            change.target = user_id
    except Conflict as conflict:
        if change.status == "failed":
            raise conflicts.explain(session, conflict, planned.target) from conflict
        raise
    sentence = f"{planned.target} was created with the object id {user_id}"
    return Created(user_id, password, f"{sentence} (found again)" if change.note else sentence)


def _certain_password(user_id: str) -> PlannedChange:
    return PlannedChange(
        action="set-password",
        target=user_id,
        title="Set the password of the account that was found again",
        before="the one it was created with, if this run created it",
        after="one that is certain, to be changed at first sign-in",
    )


def _was_tried_before(change_log: ChangeLog, this: Change) -> bool:
    # An earlier try in this very run may have made the account without our learning of it.
    return any(
        change.action == this.action and change.status != "failed" and change is not this
        for change in change_log.record.changes
    )


def _post(
    session: GraphSession, planned: PlannedChange, account: AccountNames, password: Secret
) -> str:
    return post_user(
        session,
        user_principal_name=planned.target,
        display_name=account.display_name,
        given_name=account.given_name,
        surname=account.surname,
        mail_nickname=account.user_name,
        usage_location=planned.argument,
        password=password,
    ).id


def _find_or_post(
    session: GraphSession, user_principal_name: str, post: Callable[[], str], change: Change
) -> User | None:
    user = _find_after_lost_answer(session, user_principal_name)
    if user is not None:
        return user
    refusal: Conflict | None = None
    try:
        post()
    except Conflict as conflict:
        # It was created after all, and the directory shows it late; or it never can be.
        refusal = conflict
    user = _find_after_lost_answer(session, user_principal_name)
    if user is None and refusal is not None and conflicts.blames_another_property(refusal):
        change.status = "failed"
        raise refusal
    return user


def _find_after_lost_answer(session: GraphSession, user_principal_name: str) -> User | None:
    for pause in _LOOKS_AFTER_LOST_ANSWER_SECONDS:
        user = session.fetch(find_user(user_principal_name))
        if user is not None:
            return user
        clock.sleep(pause)
    return None


def _has_names(user: User, account: AccountNames) -> bool:
    found = (user.display_name, user.given_name, user.surname)
    return found == (account.display_name, account.given_name, account.surname)


def assign_roles(
    session: GraphSession,
    plan: Plan,
    user_id: str,
    *,
    patience_seconds: float,
    change_log: ChangeLog,
) -> list[str]:
    """Assign the role, then take away what is more than wanted; return a sentence for each.

    Args:
        session: signed in to the tenant.
        plan: as confirmed.
        user_id: the account's object id.
        patience_seconds: how long the directory may take to know a new user.
        change_log: keeps the changes.

    Raises:
        GraphError: Graph refused; what was done before stands in the record.
        AnswerLost: the assignment could not be found out.
    """
    sentences = []
    for planned in plan.of("assign-role"):
        with change_log.change(planned, target=user_id) as change:
            _assign(
                session,
                planned.argument,
                change,
                waits=pauses(patience_seconds),
                wait=change_log.wait,
            )
        sentences.append(f"{plan.role_name} was assigned")
    for planned in plan.of("remove-role"):
        take_role_away(session, planned, change_log=change_log)
        sentences.append(f"{planned.before} was taken away")
    return sentences or [f"{plan.role_name} is assigned already"]


def _assign(
    session: GraphSession,
    role_definition_id: str,
    change: Change,
    *,
    waits: Iterator[float],
    wait: Wait,
) -> None:
    user_id = change.target
    while True:
        try:
            create_role_assignment(
                session, principal_id=user_id, role_definition_id=role_definition_id
            )
        except Conflict:
            return  # it is there already; verification will tell
        except NotFound:
            # The directory does not know the new user yet: wait until it shows, then ask again.
            _wait_until_visible(session, user_id, waits, wait)
        except AnswerLost:
            change.status = "unknown"
            held = session.fetch(list_role_assignments(principal_id=user_id))
            if any(each.role_definition_id == role_definition_id for each in held):
                return
            # An assignment cannot be made twice: a second one is answered by Conflict.
            pause = next(waits, None)
            if pause is None:
                raise
            wait("until it shows whether the role was assigned", pause)
        else:
            return


def _wait_until_visible(
    session: GraphSession, user_id: str, waits: Iterator[float], wait: Wait
) -> None:
    for pause in waits:
        wait("until the directory knows the new user (replication)", pause)
        try:
            session.fetch(get_user(user_id))
        except NotFound:
            continue
        return
    raise ChangeFailed(
        f"The directory still does not know the new user {user_id}; its role was not assigned.",
        state="The account exists without the role.",
        remedy="Wait some minutes and run the runbook again: it assigns the role.",
    )


def take_role_away(session: GraphSession, planned: PlannedChange, *, change_log: ChangeLog) -> None:
    """Delete a role assignment; one that is gone already is as good.

    Raises:
        GraphError: Graph refused; the assignment stands.
        AnswerLost: twice no answer.
    """
    with change_log.change(planned) as change:
        try:
            try:
                delete_role_assignment(session, planned.argument)
            except AnswerLost:
                change.status = "unknown"
                # Deleting by id twice does no harm.
                delete_role_assignment(session, planned.argument)
        except NotFound:
            return
