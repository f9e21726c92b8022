"""The record of one run: what `record.json` holds.

- Complete at every moment: it is written before the first change and after each step, so a run that
  is killed leaves what it had done and what it was about to do.
- `outcome` is `unfinished` until the run is closed, by the runbook or, where its kernel died, by
  the command that started it.
- No field ever holds a secret; writing masks every secret that the process knows all the same, in
  what is free text.
- The JSON schema stands in `docs/record.schema.json` and is generated from these models.
"""

import contextlib
import getpass
import json
import socket
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import PydanticSerializationError

from o365lib import secret
from o365lib.evidence.masking import Identifier, masked

# A reason is one line for a table, of so many characters at most: for what a stranger may send.
# What we or Microsoft write is far shorter.
LONGEST_REASON = 2000

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
    how: Literal["form", "parameter", "signed"] = Field(
        description="typed into a form or given as a parameter by the operator, or signed by the "
        "approver"
    )
    plan_digest: Identifier = Field(
        description="the plan that was approved; a changed plan voids it"
    )
    date_time: datetime = Field(description="when it was given")
    approval_id: Identifier = Field(
        default="", description="of a signed approval, which lies beside as approval.json"
    )
    key_id: Identifier = Field(default="", description="the approver's key, where it was signed")


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

    @property
    def may_have_happened(self) -> bool:
        """Whether it took place, or nobody knows that it did not."""
        return self.status in _MAY_HAVE_HAPPENED


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


class Quarantined(Model):
    """A file that was put into quarantine, because a secret was found in the run's files."""

    name: Identifier = Field(description="as it was in the run's folder")
    sha256: Identifier
    kinds: list[str] = Field(description="of the secrets in this file; none where it had none")


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
    purpose: Identifier = Field(
        default="", description="what the account is for, as in the client's file"
    )
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
    quarantined: list[Quarantined] = Field(
        default_factory=list, description="the files that a secret was found among, if one was"
    )
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
        # A record is written again and again, and nearly always there is nothing to mask.
        with contextlib.suppress(PydanticSerializationError):  # half a character, say
            text = self.model_dump_json(indent=2) + "\n"
            if not secret.may_stand_in_json(text):
                return text
        return json.dumps(masked(self), indent=2, ensure_ascii=False) + "\n"

    @property
    def is_changed(self) -> bool:
        """Whether the tenant was, or may have been, changed."""
        return any(change.may_have_happened for change in self.changes)


def schema() -> dict[str, Any]:
    """Return the JSON schema of `record.json`."""
    return Record.model_json_schema()
