"""What a runbook will change, or why it will not: a pure function of facts and parameters.

- No I/O, no clock, no chance: the same facts and parameters give the same plan and digest.
- A plan with refusals has no changes; every guard that applies is listed, the gravest first.
- Changes stand in the order in which they are made.
- The digest covers the client's parameters, the tenant's state that the plan rests on and the
  changes. A confirmation names a digest, so it ends with the first thing that moves.
"""

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, JsonValue

from o365lib.service_account.facts import Facts

Runbook = Literal["create", "remove"]


class Part(BaseModel):
    """What all parts of a plan have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedChange(Part):
    """One change that will be made.

    Attributes:
        action: `create-user`, `set-password`, `enable-user`, `hand-over`, `assign-role`,
            `remove-role`, `disable-user`, `revoke-sign-in-sessions` or `delete-user`.
        target: object id, or user principal name where there is no object yet.
        title: the change in words.
        before: what is there now.
        after: what will be there.
        argument: what the action, or its verification, needs besides its target: the id of a role
            definition or assignment, the usage location, the fingerprint of the key to which
            credentials are encrypted; for a password, when the one before it was set, which is
            read just before it is replaced.
    """

    action: str
    target: str
    title: str
    before: str = ""
    after: str = ""
    argument: str = ""


class Refusal(Part):
    """A guard that applies: its code, the reason and the way out."""

    code: str
    message: str
    remedy: str


class Notice(Part):
    """Something a person should know, which stops nothing."""

    code: str
    message: str


class Plan(Part):
    """What will be changed, what is right already, and what stands against it."""

    runbook: Runbook
    client: str
    tenant_id: str
    user_principal_name: str
    user_id: str = ""
    role_definition_id: str = ""
    role_name: str = ""
    changes: tuple[PlannedChange, ...] = ()
    already: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    digest: str = ""

    def of(self, *actions: str) -> tuple[PlannedChange, ...]:
        """Return the changes with one of these actions, in order."""
        return tuple(change for change in self.changes if change.action in actions)


def sealed(plan: Plan, facts: Facts, parameters_digest: str) -> Plan:
    """Return the plan with its digest, and without changes where a guard refuses.

    Args:
        plan: a plan as drafted.
        facts: what it was made from.
        parameters_digest: sha256 of the client file and the defaults.
    """
    if plan.refusals:
        plan = plan.model_copy(update={"changes": ()})
    state: dict[str, JsonValue] = {
        "parameters": parameters_digest,
        "tenant": _state(facts),
        "plan": plan.model_dump(mode="json", exclude={"digest", "notices", "already"}),
    }
    text = json.dumps(state, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return plan.model_copy(update={"digest": hashlib.sha256(text.encode()).hexdigest()})


def _state(facts: Facts) -> JsonValue:
    # What moves without meaning (when it was read, who reads, how many administrators there are)
    # is left out; so is what only our own runs write.
    whole: JsonValue = facts.model_dump(
        mode="json",
        include={"tenant_id", "initial_domain", "federated_domains", "account"},
    )
    return whole
