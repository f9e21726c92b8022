"""The record of one run: what `record.json` holds.

- Complete at every moment: it is written before the first change and after each step, so a run that
  is killed leaves what it had done and what it was about to do.
- `outcome` is `unfinished` until the run is closed, by the runbook or, where its kernel died, by
  the command that started it.
- No field ever holds a secret; writing masks every secret that the process knows all the same, in
  what is free text.
- The JSON schema stands in `docs/record.schema.json` and is generated from these models.
"""

import getpass
import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from o365lib.evidence.masking import Identifier, masked

# How far the service's clock may be from ours, and how long a creation may take until it shows.
_CLOCK_SKEW = timedelta(minutes=5)
_LONGEST_CREATION = timedelta(minutes=10)


# The check that a new password is in force.
PASSWORD_CHECK = "password"  # noqa: S105 -- a check's name

# The check that an account is there, or that it is not.
_ACCOUNT_CHECK = "account"

_MAY_HAVE_HAPPENED = {"started", "accepted", "unknown"}


class Outcome(StrEnum):
    """How a run ended."""

    DONE = "done"
    NOTHING_TO_DO = "nothing to do"
    PLANNED = "planned"
    REFUSED = "refused"
    FAILED = "failed"
    UNVERIFIED = "unverified"
    UNFINISHED = "unfinished"


class Model(BaseModel):
    """What all parts have in common: known fields only, so that a typing error shows."""

    model_config = ConfigDict(extra="forbid", validate_assignment=True, hide_input_in_errors=True)


class Operator(Model):
    """Who ran the runbook."""

    user_name: str = Field(description="account on the machine that ran it")
    host_name: str = Field(description="that machine")
    signed_in_as: str = Field(default="", description="user principal name or application id")
    object_id: Identifier = Field(default="", description="directory object id of that identity")

    @classmethod
    def here(cls) -> Self:
        """Return who runs this process, and where; an account may have no name."""
        try:
            user_name = getpass.getuser()
        except (OSError, KeyError, ImportError):  # a container's user may be a number only
            user_name = ""
        return cls(user_name=user_name, host_name=socket.gethostname())


class Approval(Model):
    """Who approved which plan, and how."""

    approved_by: str
    how: Literal["form", "parameter"]
    plan_digest: Identifier = Field(
        description="the plan that was approved; a changed plan voids it"
    )
    date_time: datetime


class Step(Model):
    """One step of the runbook, named as its cell."""

    name: Identifier
    started: datetime
    ended: datetime | None = None
    status: Literal["running", "completed", "not done", "failed"] = "running"
    note: str = ""


class Change(Model):
    """One change in the tenant. Written as `started` before it is sent."""

    action: Identifier = Field(
        description="as in the plan: create-user, assign-role, delete-user, ..."
    )
    target: Identifier = Field(description="object id, or user principal name before there is one")
    detail: str = ""
    before: JsonValue = None
    after: JsonValue = None
    status: Literal["started", "accepted", "failed", "unknown"] = "started"
    started: datetime
    ended: datetime | None = None
    request_id: str = ""
    note: str = ""


class HandOverRecord(Model):
    """How the credentials reached their recipient; never the credentials."""

    method: Literal["mail", "file", "screen"]
    recipient: str
    user_id: Identifier = Field(description="the account whose password it is")
    status: Literal["started", "accepted", "failed", "unknown"] = "started"
    date_time: datetime
    request_id: str = ""
    note: str = ""


class Check(Model):
    """One thing read back after the changes: the verdict is made of these alone."""

    name: Identifier
    wanted: str
    found: str
    passed: bool


class ErrorRecord(Model):
    """The error that ended the run."""

    type: Identifier
    message: str
    state: str = ""
    remedy: str = ""
    step: Identifier = ""
    guard: Identifier = Field(default="", description="the guard's code, where a guard refused")
    status: int = Field(default=0, description="HTTP status, where Graph answered")
    code: str = Field(default="", description="Graph's or the sign-in service's error code")
    request_id: str = ""


class Record(Model):
    """Everything about one run."""

    schema_version: Literal[1] = 1
    run_id: Identifier = Field(description="sorts by time")
    client: Identifier = Field(description="the customer, as its file is named")
    client_display_name: str = ""
    cloud: Identifier = ""
    tenant_id: Identifier = Field(default="", description="from the token, once signed in")
    runbook: Identifier = Field(description="the notebook's name without its ending")
    runbook_digest: Identifier = Field(
        default="", description="sha256 of the notebook's file as it was found, edited or not"
    )
    package_version: Identifier
    parameters: dict[str, JsonValue] = Field(default_factory=dict)
    parameters_digest: Identifier = Field(
        default="", description="sha256 of client file, the key it names, and defaults"
    )
    operator: Operator
    ticket: str = ""
    dry_run: bool = False
    approval: Approval | None = None
    started: datetime
    ended: datetime | None = None
    steps: list[Step] = Field(default_factory=list)
    facts: dict[str, JsonValue] | None = Field(default=None, description="the tenant as read")
    plan: dict[str, JsonValue] | None = Field(default=None, description="with its digest")
    changes: list[Change] = Field(default_factory=list)
    hand_over: HandOverRecord | None = None
    verification: list[Check] = Field(default_factory=list)
    undo: dict[str, JsonValue] | None = Field(
        default=None, description="what restoring a removed account needs, and until when"
    )
    outcome: Outcome = Outcome.UNFINISHED
    reason: str = Field(default="", description="one line for a table")
    error: ErrorRecord | None = None
    closed_by: Literal["", "runbook", "driver"] = ""
    requests: list[dict[str, JsonValue]] = Field(
        default_factory=list, description="every HTTP request, with the service's request ids"
    )

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the record in a `record.json`.

        Raises:
            pydantic.ValidationError: it is not of this schema.
        """
        return cls.model_validate_json(text)

    def to_json(self) -> str:
        """Return the record as indented JSON, every known secret masked in what is free text."""
        return json.dumps(masked(self), indent=2, ensure_ascii=False) + "\n"

    @property
    def is_changed(self) -> bool:
        """Whether the tenant was, or may have been, changed."""
        return any(change.status in _MAY_HAVE_HAPPENED for change in self.changes)


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

    def sets_its_password(change: Change) -> bool:
        is_its = change.target == user_id or (
            change.target == user_principal_name and _at_its_time(change, created)
        )
        is_setting = change.action in {"create-user", "set-password"}
        return is_its and is_setting and change.status in _MAY_HAVE_HAPPENED

    found = [
        (max(instants), record)
        for record in records
        if (instants := [each.started for each in record.changes if sets_its_password(each)])
    ]
    for instant, record in _maybe_newest(found):
        if not _is_handed_over(record, since=instant):
            return record.run_id
    return ""


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
        if change.action != "create-user" or change.status not in _MAY_HAVE_HAPPENED:
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
        is_seen = change.status in _MAY_HAVE_HAPPENED and any(checks) and all(checks)
        if change.action == "delete-user" and (is_certain or is_seen):
            yield change.target


def _text(data: dict[str, JsonValue] | None, key: str) -> str:
    value = (data or {}).get(key)
    return value if isinstance(value, str) else ""


def schema() -> dict[str, Any]:
    """Return the JSON schema of `record.json`."""
    return Record.model_json_schema()
