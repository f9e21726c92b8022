"""What a client's records tell about its account: who made it, and whether anybody was handed it.

- Pure: records go in, and nothing is read or written.
- Told of an account by its object id wherever a run learnt it, and else by its name and the time
  at which it was created.
- What may have taken place counts as having taken place, where it could leave a password that
  nobody has.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from pydantic import JsonValue

from o365lib.evidence.record import Change, Record

# The check that a new password is in force.
PASSWORD_CHECK = "password"  # noqa: S105 -- a check's name

# The check that an account is there, or that it is not.
_ACCOUNT_CHECK = "account"

# How far the service's clock may be from ours, and how long a creation may take until it shows.
_CLOCK_SKEW = timedelta(minutes=5)
_LONGEST_CREATION = timedelta(minutes=10)


def pending_credentials(
    records: Sequence[Record],
    *,
    user_id: str,
    user_principal_name: str,
    created: datetime | None,
) -> str:
    """Return the run id that set the account's password and did not hand it over, or nothing.

    - The newest change of the password counts, by the instant at which it was begun; when its run
      was opened does not. Of two at one instant the one of the later run, or later in its run.
    - It was handed over if its own record says so, at or after that instant: both are told by the
      clock of one machine.
    - Instants of two machines are compared only beyond the skew of their clocks, five minutes.
      Within it, a run that had read of the other's pending password came after it. Where none had,
      either may be the newest, and one that was not handed over is pending: replacing a password
      once more does less harm than one that nobody knows.
    - A password that was handed over, and read back was not in force, counts as not handed over.

    Args:
        records: the client's earlier runs, oldest first.
        user_id: the account's object id.
        user_principal_name: by which a run that was killed before it learnt the id knows it.
        created: when the account was created; a run that never learnt the id has made only an
            account that was created at its own time.
    """
    its = partial(
        _password_changes,
        user_id=user_id,
        user_principal_name=user_principal_name,
        created=created,
    )
    found = [
        (max(instants), record)
        for record in records
        if (instants := [each.started for each in its(record)])
    ]
    for instant, record in _maybe_newest(found):
        if not _is_handed_over(record, since=instant):
            return record.run_id
    return ""


def handed_over_by(
    records: Sequence[Record], *, user_id: str, last_password_change: datetime | None
) -> str:
    """Return the run that handed over the very password that the tenant shows, or nothing.

    That is the proof which no other record can spoil: the newest change of the password that the
    tenant itself knows is one of this run, and the run handed that password over. Once somebody
    else has set another one, as the vendor must at the first sign-in, there is none.

    Args:
        records: those of the client's runs that can be read.
        user_id: the account's object id.
        last_password_change: the tenant's instant; None where it does not tell.
    """
    if last_password_change is None:
        return ""
    for record in records:
        changes = _password_changes(record, user_id=user_id, user_principal_name="", created=None)
        if not changes:
            continue
        newest = max(changes, key=lambda each: each.started)
        begun, ended = newest.started - _CLOCK_SKEW, (newest.ended or newest.started) + _CLOCK_SKEW
        is_the_one = begun <= last_password_change <= ended
        if is_the_one and _is_handed_over(record, since=newest.started):
            return record.run_id
    return ""


def _password_changes(
    record: Record, *, user_id: str, user_principal_name: str, created: datetime | None
) -> list[Change]:
    def is_its(change: Change) -> bool:
        return change.target == user_id or (
            change.target == user_principal_name and _at_its_time(change, created)
        )

    return [
        change
        for change in record.changes
        if change.action in {"create-user", "set-password"}
        and change.may_have_happened
        and is_its(change)
    ]


def _maybe_newest(found: list[tuple[datetime, Record]]) -> list[tuple[datetime, Record]]:
    """Return, of when each run last set the password, those that may be the newest."""
    if not found:
        return []
    newest, by = max(reversed(found), key=lambda each: each[0])  # of equals, the one opened later
    doubtful = [(newest, by)] + [
        (instant, record)
        for instant, record in found
        if record.operator.host_name != by.operator.host_name and newest - instant <= _CLOCK_SKEW
    ]
    replaced = {_text(record.facts, "pending_credentials") for _, record in doubtful}
    return [each for each in doubtful if each[1].run_id not in replaced] or doubtful


def _is_handed_over(record: Record, *, since: datetime) -> bool:
    hand_over = record.hand_over
    is_in_force = all(check.passed for check in record.verification if check.name == PASSWORD_CHECK)
    return bool(
        hand_over
        and hand_over.status == "accepted"
        and hand_over.date_time >= since
        # What was handed over is of no use where the tenant still shows the password before it.
        and is_in_force
    )


def _at_its_time(change: Change, created: datetime | None) -> bool:
    if created is None:
        return True
    return change.started - _CLOCK_SKEW <= created <= change.started + _LONGEST_CREATION


@dataclass(frozen=True)
class MadeAccount:
    """An account that an earlier run created.

    Attributes:
        user_id: its object id, which it keeps for ever.
        user_principal_name: its name when it was created; it may have been renamed since.
        run_id: the run that created it.
    """

    user_id: str
    user_principal_name: str
    run_id: str


def accounts_made(records: Sequence[Record]) -> tuple[MadeAccount, ...]:
    """Return the accounts that these runs created and none of them deleted, oldest first.

    - A creation that the service accepted counts, whatever its verification said.
    - A creation whose end is unknown counts where a record found the account by its name, created
      at that time. An account that no record ever found has no id here, and is left out.
    - A deletion counts where it was accepted and the account was not found standing afterwards, or
      where it was lost and the account was seen gone. As an object id is never used again, it does
      not matter which record comes first. An account that was restored by hand stays left out.

    Whether an account still stands is for the tenant to say.

    Args:
        records: of one client, oldest first.
    """
    deleted = {user_id for record in records for user_id in _deleted(record)}
    made: dict[str, MadeAccount] = {}
    for record in records:
        for account in _made(record, records):
            made.setdefault(account.user_id, account)
    return tuple(account for account in made.values() if account.user_id not in deleted)


def _made(record: Record, records: Sequence[Record]) -> Iterator[MadeAccount]:
    for change in record.changes:
        if change.action != "create-user" or not change.may_have_happened:
            continue
        if change.status == "accepted":
            name = _text(record.plan, "user_principal_name")
            yield MadeAccount(change.target, name, record.run_id)
            continue
        # Its target is still the name: the id was never learnt.
        for found in records:
            account = (found.facts or {}).get("account")
            user = account.get("user") if isinstance(account, dict) else None
            if isinstance(user, dict) and _is_of(change, user):
                yield MadeAccount(_text(user, "id"), change.target, record.run_id)


def _is_of(change: Change, user: dict[str, JsonValue]) -> bool:
    if _text(user, "user_principal_name").lower() != change.target.lower():
        return False
    created = _text(user, "created_date_time")
    return _at_its_time(change, datetime.fromisoformat(created) if created else None)


def _deleted(record: Record) -> Iterator[str]:
    checks = [check.passed for check in record.verification if check.name == _ACCOUNT_CHECK]
    for change in record.changes:
        is_certain = change.status == "accepted" and all(checks)
        is_seen = change.may_have_happened and any(checks) and all(checks)
        if change.action == "delete-user" and (is_certain or is_seen):
            yield change.target


def _text(data: dict[str, JsonValue] | None, key: str) -> str:
    value = (data or {}).get(key)
    return value if isinstance(value, str) else ""


def has_pending_credentials(records: Sequence[Record]) -> bool:
    """Return whether `pending_credentials` may name a run for an account of this client.

    An account that a run deleted does not count, until a later run finds it there again.

    Args:
        records: the client's runs, oldest first.
    """
    gone: set[str] = set()
    targets: set[str] = set()
    for record in records:
        gone.discard(_account_found(record))
        gone |= {each.target for each in record.changes if _is_deletion(each)}
        targets |= {each.target for each in record.changes if _sets_password(each)}
    names = {target for target in targets if "@" in target}
    # A name was written by a run that never learnt the id: it may stand for any of the accounts.
    accounts = targets - names or names
    return any(
        pending_credentials(records, user_id=account, user_principal_name=name, created=None)
        for account in accounts - gone
        for name in names or {""}
    )


def _account_found(record: Record) -> str:
    account = (record.facts or {}).get("account")
    user = account.get("user") if isinstance(account, dict) else None
    return str(user.get("id") or "") if isinstance(user, dict) else ""


def _is_deletion(change: Change) -> bool:
    return change.action == "delete-user" and change.status == "accepted"


def _sets_password(change: Change) -> bool:
    return change.action in {"create-user", "set-password"} and change.status != "failed"
