"""Which accounts stand by the records of one client, since when, with which roles. Pure.

- An account stands if the last that any record tells of it is that it is there. Whether it stands
  today, only the tenant can say.
- Roles are those that were read, with what the runs have given and taken since. What may have
  been given counts as given: too much told is looked at, too little is not.
- What was sent without an answer, and never looked at again, is told as uncertain.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from o365lib.evidence.accounts import is_gone, user_found
from o365lib.evidence.instants import instant_of
from o365lib.evidence.record import Record

_NEEDED_FACTS = ("read", "account", "renamed")
_NEEDED_PLAN = ("user_principal_name", "role_name")
_NEEDED_UNDO = ("id", "until")


@dataclass(frozen=True, kw_only=True)
class StandingAccount:
    """One account that stands by the records.

    Attributes:
        client: whose tenant it is in.
        user_id: its object id; empty where no record learnt it.
        user_principal_name: its name when it was last seen.
        roles: names, in order.
        since: when it was created; None where no record tells.
        purpose: what it is for, as the client's file said; empty where no record tells.
        run_id: the last run that tells of it.
        seen: when that was.
        is_certain: False where a creation was sent and its answer never came.
    """

    client: str
    user_id: str
    user_principal_name: str
    roles: tuple[str, ...]
    since: datetime | None
    purpose: str
    run_id: str
    seen: datetime
    is_certain: bool


def slim(record: Record) -> Record:
    """Return what is told of a client over all its runs, so that many can be held at once."""
    facts, plan, undo = record.facts, record.plan, record.undo
    return record.model_copy(
        update={
            "steps": [],
            "requests": [],
            "parameters": {},
            "undo": undo and {name: undo[name] for name in _NEEDED_UNDO if name in undo},
            "error": None,
            "facts": facts and {name: facts[name] for name in _NEEDED_FACTS if name in facts},
            "plan": plan and {name: plan[name] for name in _NEEDED_PLAN if name in plan},
        }
    )


def standing(records: Sequence[Record]) -> list[StandingAccount]:
    """Return a client's accounts that stand by its records, in the order of their creation.

    Args:
        records: of one client, oldest first; `slim` ones will do.
    """
    ids = dict.fromkeys(each for record in records for each in _ids(record))
    found = [_account(each, records) for each in ids if not is_gone(each, records)]
    names = dict.fromkeys(each for record in records for each in _names_alone(record))
    found += [
        _nameless(name, records)
        for name in names
        if not any(each.user_principal_name.lower() == name.lower() for each in found)
        and not is_gone(name, records)
    ]
    far = max((account.seen for account in found), default=None)
    return sorted(found, key=lambda account: account.since or far or account.seen)


def _ids(record: Record) -> Iterator[str]:
    """Yield the object ids that a record knows to be, or to have been, there."""
    if found := user_found(record).get("id"):
        yield str(found)
    for change in record.changes:
        if change.action == "create-user" and change.status == "accepted":
            yield change.target


def _names_alone(record: Record) -> Iterator[str]:
    """Yield the names of accounts that may have been created, and whose id was not learnt."""
    for change in record.changes:
        if change.action == "create-user" and "@" in change.target and change.may_have_happened:
            yield change.target


def _account(user_id: str, records: Sequence[Record]) -> StandingAccount:
    roles: dict[str, None] = {}
    name, since, purpose, last = "", None, "", records[-1]
    for record in records:
        user = user_found(record)
        is_found = user.get("id") == user_id
        changes = [change for change in record.changes if change.target == user_id]
        if not is_found and not changes:
            continue
        last, purpose = record, record.purpose or purpose
        if is_found:
            name = str(user.get("user_principal_name") or name)
            since = instant_of(user.get("created_date_time")) or since
            roles = dict.fromkeys(_roles_read(record))
        for change in changes:
            if change.action == "create-user":
                name = name or _planned(record, "user_principal_name")
                since = since or change.ended or change.started
            elif change.action == "assign-role" and change.may_have_happened:
                roles[str(change.after or _planned(record, "role_name"))] = None
            elif change.action == "remove-role" and change.status == "accepted":
                roles.pop(str(change.before), None)
    return StandingAccount(
        client=last.client,
        user_id=user_id,
        user_principal_name=name,
        roles=tuple(sorted(roles)),
        since=since,
        purpose=purpose,
        run_id=last.run_id,
        seen=last.ended or last.started,
        is_certain=True,
    )


def _nameless(name: str, records: Sequence[Record]) -> StandingAccount:
    last = next(record for record in reversed(records) if name in _names_alone(record))
    return StandingAccount(
        client=last.client,
        user_id="",
        user_principal_name=name,
        roles=(),
        since=None,
        purpose=last.purpose,
        run_id=last.run_id,
        seen=last.ended or last.started,
        is_certain=False,
    )


def _roles_read(record: Record) -> Iterator[str]:
    account: Any = (record.facts or {}).get("account")
    roles = account.get("roles") if isinstance(account, dict) else None
    for role in roles if isinstance(roles, list) else ():
        if isinstance(role, dict):
            yield str(role.get("display_name") or role.get("role_definition_id") or "")


def _planned(record: Record, key: str) -> str:
    value = (record.plan or {}).get(key)
    return value if isinstance(value, str) else ""
