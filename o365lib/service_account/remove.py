"""Removing the account, as planned: roles, then sessions, then the user by its object id.

- Each step may be done again: what is gone already is as good as taken away.
- Roles are seen gone before the user is deleted: deleting an administrator needs a higher role, and
  a restored account would come back with them.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import cast

from pydantic import JsonValue

from o365lib import clock
from o365lib.errors import AnswerLost, NotFound, NotVerified
from o365lib.evidence.record import Change, Record
from o365lib.graph.role_management import list_role_assignments
from o365lib.graph.session import GraphSession
from o365lib.graph.users import delete_user as delete
from o365lib.graph.users import get_user, revoke_sign_in_sessions
from o365lib.service_account.changes import ChangeLog
from o365lib.service_account.create import take_role_away
from o365lib.service_account.facts import Facts
from o365lib.service_account.plan import Plan, PlannedChange
from o365lib.service_account.waiting import Wait, pauses

# https://learn.microsoft.com/entra/fundamentals/users-restore
RECYCLE_BIN = timedelta(days=30)


def undo(facts: Facts, earlier: Iterable[Record] = ()) -> dict[str, JsonValue]:
    """Return what restoring the account needs: id, properties, roles, and until when.

    Args:
        facts: the tenant as read, before its roles are taken away.
        earlier: the client's earlier runs, oldest first: one that was broken off after it had
            taken the roles away has kept them.
    """
    if facts.account is None:
        return {}
    user = facts.account.user
    roles: list[JsonValue] = [
        {
            "role_definition_id": role.role_definition_id,
            "display_name": role.display_name,
            "directory_scope_id": role.directory_scope_id,
        }
        for role in facts.account.roles
    ]
    held = {role.role_definition_id for role in facts.account.roles}
    roles += [
        role
        for record in earlier
        if record.undo and record.undo.get("id") == user.id
        for role in cast("list[dict[str, JsonValue]]", record.undo.get("role_assignments", []))
        if role["role_definition_id"] not in held and _was_taken_away(record, role)
    ]
    return {
        "how": "POST /directory/deletedItems/{id}/restore within 30 days of the deletion",
        "id": user.id,
        "until": clock.iso(clock.now() + RECYCLE_BIN),
        "user": user.model_dump(mode="json", by_alias=True),
        "role_assignments": roles,
    }


def _was_taken_away(record: Record, role: dict[str, JsonValue]) -> bool:
    return any(
        change.action == "remove-role"
        and change.before == role["display_name"]
        and change.status != "failed"
        for change in record.changes
    )


def remove_roles(
    session: GraphSession, plan: Plan, *, patience_seconds: float, change_log: ChangeLog
) -> list[str]:
    """Take the roles away and see them gone; return a sentence for each.

    Raises:
        GraphError: Graph refused; the account stands.
        NotVerified: a role was taken away but still shows; the account stands.
    """
    sentences = []
    for planned in plan.of("remove-role"):
        take_role_away(session, planned, change_log=change_log)
        sentences.append(f"{planned.before} was taken away")
    if not sentences:
        return ["It holds no role"]
    _see_roles_gone(session, plan, patience_seconds, change_log.wait)
    return [*sentences, "Read back: it holds no role any more"]


def _see_roles_gone(session: GraphSession, plan: Plan, patience_seconds: float, wait: Wait) -> None:
    waits = pauses(patience_seconds)
    while session.fetch(list_role_assignments(principal_id=plan.user_id)):
        pause = next(waits, None)
        if pause is None:
            raise NotVerified(
                f"The roles of {plan.user_principal_name} were taken away, but still show.",
                state="The account stands; it was not deleted.",
                remedy="Wait some minutes and run the runbook again.",
            )
        wait("until the tenant shows it without roles (replication)", pause)


def revoke_sessions(session: GraphSession, plan: Plan, *, change_log: ChangeLog) -> None:
    """End the account's sign-in sessions. Doing it twice does no harm; one that is gone has none.

    Raises:
        GraphError: Graph refused; the account stands.
        AnswerLost: twice no answer.
    """
    for planned in plan.of("revoke-sign-in-sessions"):
        with change_log.change(planned) as change:
            try:
                _revoke(session, planned, change)
            except NotFound:
                change.note = "the account was gone already"


def _revoke(session: GraphSession, planned: PlannedChange, change: Change) -> None:
    try:
        revoke_sign_in_sessions(session, planned.target)
    except AnswerLost:
        change.status = "unknown"
        revoke_sign_in_sessions(session, planned.target)


def delete_user(session: GraphSession, plan: Plan, *, change_log: ChangeLog) -> None:
    """Delete the user by its object id; one that is gone already is as good.

    Raises:
        GraphError: Graph refused; the account stands, without roles.
        AnswerLost: whether it was deleted could not be found out.
    """
    for planned in plan.of("delete-user"):
        with change_log.change(planned) as change:
            try:
                delete(session, planned.target)
            except NotFound:
                change.note = "it was gone already"
            except AnswerLost:
                change.status = "unknown"
                _delete_again(session, planned)


def _delete_again(session: GraphSession, planned: PlannedChange) -> None:
    try:
        session.fetch(get_user(planned.target))
        # Still there. An object id names one object for ever, so this cannot meet another account.
        delete(session, planned.target)
    except NotFound:
        return
