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

from o365lib.evidence.archive import opening_of
from o365lib.evidence.record import Change, Record

# The check that a new password is in force.
PASSWORD_CHECK = "password"  # noqa: S105 -- a check's name

# The check that an account is there, or that it is not.
_ACCOUNT_CHECK = "account"

# How far the service's clock may be from ours, and how long a creation may take until it shows.
_CLOCK_SKEW = timedelta(minutes=5)
_LONGEST_CREATION = timedelta(minutes=10)

# How long a run may wait at its form, over night say, between its opening and its first change.
_LONGEST_WAIT = timedelta(days=1)

# The first word of the runbook that sets no password.
_REMOVAL = "remove"

_SETS_PASSWORD = {"create-user", "set-password"}
_COMPLETES = {"assign-role", "set-password"}


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

    return [change for change in record.changes if _may_set_password(change) and is_its(change)]


def _may_set_password(change: Change) -> bool:
    return change.action in _SETS_PASSWORD and change.may_have_happened


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


def may_have_set_password(run_id: str, *, created: datetime | None) -> bool:
    """Return whether a run of which only the id is known may have set an account's password.

    A removal sets none, and a run that was over before the account was created has set none of
    this account. An id that is not of our form tells neither: then it may have.

    Args:
        run_id: of a run whose record cannot be read.
        created: when the account was created; None where the tenant does not tell.
    """
    opening = opening_of(run_id)
    if opening is None:
        return True
    opened, runbook = opening
    if runbook == _REMOVAL:
        return False
    longest = _LONGEST_WAIT + _LONGEST_CREATION + _CLOCK_SKEW
    return created is None or opened + longest >= created


@dataclass(frozen=True)
class HandledAccount:
    """An account that an earlier run created, or completed where it was there already.

    Attributes:
        user_id: its object id, which it keeps for ever.
        user_principal_name: its name at that time; it may have been renamed since.
        run_id: the first run that did so.
    """

    user_id: str
    user_principal_name: str
    run_id: str


def accounts_handled(records: Sequence[Record]) -> tuple[HandledAccount, ...]:
    """Return the accounts that these runs created or completed and none deleted, oldest first.

    - A creation that the service accepted counts, whatever its verification said.
    - A creation whose end is unknown counts where a record found the account by its name, created
      at that time. An account that no record ever found has no id here, and is left out.
    - An account that was there, and got a role or a password by its object id, counts: it has what
      the runbook gives, whoever created it.
    - A deletion counts where it was accepted and the account was not found standing afterwards, or
      where it was lost and the account was seen gone. As an object id is never used again, it does
      not matter which record comes first. An account that was restored by hand stays left out.

    Whether an account still stands is for the tenant to say.

    Args:
        records: of one client, oldest first.
    """
    deleted = {change.target for record in records for change in _deletions(record)}
    handled: dict[str, HandledAccount] = {}
    for record in records:
        for account in _handled(record, records):
            handled.setdefault(account.user_id, account)
    return tuple(account for account in handled.values() if account.user_id not in deleted)


def _handled(record: Record, records: Sequence[Record]) -> Iterator[HandledAccount]:
    name = _text(record.plan, "user_principal_name")
    for change in record.changes:
        if not change.may_have_happened:
            continue
        is_created = change.action == "create-user" and change.status == "accepted"
        if is_created or change.action in _COMPLETES:
            yield HandledAccount(change.target, name, record.run_id)
        elif change.action == "create-user":
            # Its target is still the name: the id was never learnt.
            for user in map(user_found, records):
                if _is_of(change, user):
                    yield HandledAccount(_text(user, "id"), change.target, record.run_id)


def _is_of(change: Change, user: dict[str, JsonValue]) -> bool:
    if _text(user, "user_principal_name").lower() != change.target.lower():
        return False
    created = _text(user, "created_date_time")
    return _at_its_time(change, datetime.fromisoformat(created) if created else None)


def _deletions(record: Record) -> Iterator[Change]:
    """Yield the deletions that took place, for all that the run saw afterwards."""
    checks = [check.passed for check in record.verification if check.name == _ACCOUNT_CHECK]
    for change in record.changes:
        is_certain = change.status == "accepted" and all(checks)
        is_seen = change.may_have_happened and any(checks) and all(checks)
        if change.action == "delete-user" and (is_certain or is_seen):
            yield change


def user_found(record: Record) -> dict[str, JsonValue]:
    """Return the account that the run found under the name; nothing where it found none."""
    account = (record.facts or {}).get("account")
    user = account.get("user") if isinstance(account, dict) else None
    return user if isinstance(user, dict) else {}


def _text(data: dict[str, JsonValue] | None, key: str) -> str:
    value = (data or {}).get(key)
    return value if isinstance(value, str) else ""


def has_pending_credentials(records: Sequence[Record]) -> bool:
    """Return whether `pending_credentials` may name a run for an account of this client.

    - An account does not count once it is gone, by the last that any record tells of it: a run
      deleted it, or found none, or another one, under its name.
    - What was set under a name only, by a run that never learnt the id, may be of any account that
      stands, or of one that no record has found yet.

    Args:
        records: the client's runs, oldest first.
    """
    targets = {
        change.target
        for record in records
        for change in record.changes
        if _may_set_password(change)
    }
    standing = {target for target in targets if not is_gone(target, records)}
    names = {target for target in standing if "@" in target}
    return any(
        pending_credentials(records, user_id=account, user_principal_name=name, created=None)
        for account in standing - names or names
        for name in names or {""}
    )


def is_gone(target: str, records: Sequence[Record]) -> bool:
    """Return whether the last that the records tell of an account is that it is not there.

    An account that no record tells of is not gone: it never was one.

    Args:
        target: its object id; or a name, which stands for whatever account has it.
        records: oldest first.
    """
    sightings = [each for record in records for each in _sightings(target, record)]
    sightings.sort(key=lambda each: each[0])  # of one instant the later record is the last
    return bool(sightings) and not sightings[-1][1]


def _sightings(target: str, record: Record) -> Iterator[tuple[datetime, bool]]:
    """Yield when the run learnt whether the account is there: from its look to its last change."""
    is_name = "@" in target
    if record.facts is not None:
        read = _text(record.facts, "read")
        found = {_text(user_found(record), "id"), *_renamed(record)} - {""}
        instant = datetime.fromisoformat(read) if read else record.started
        yield instant, bool(found) if is_name else target in found
    for change in record.changes:
        if _may_set_password(change) and change.target == target:
            yield change.started, True
    for change in _deletions(record):
        if is_name or change.target == target:
            yield change.ended or change.started, False


def _renamed(record: Record) -> Iterator[str]:
    renamed = (record.facts or {}).get("renamed")
    for each in renamed if isinstance(renamed, list) else []:
        if isinstance(each, dict):
            yield _text(each, "user_id")
