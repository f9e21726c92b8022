"""The plan that a run's record shows: for whoever is to approve it without having made it.

A plan's digest covers the client's parameters, the tenant's state and the changes. It is worked out
again from what the record shows, so that nobody approves another plan than the one on the screen:
a record in which a change was reworded has another digest than it says.
"""

from pydantic import ValidationError

from o365lib.errors import EvidenceError
from o365lib.evidence.record import Record
from o365lib.service_account.facts import Facts
from o365lib.service_account.plan import Plan, sealed


def plan_shown(record: Record) -> tuple[Plan, Facts]:
    """Return the plan that a record shows, and the tenant as it was read for it.

    Raises:
        EvidenceError: it shows none, or one that is not of the digest that it says.
    """
    try:
        plan = Plan.model_validate(record.plan)
        facts = Facts.model_validate(record.facts)
    except ValidationError as error:
        raise EvidenceError(
            f"The record of run {record.run_id} of {record.client} shows no plan that this version "
            "can read.",
            remedy="Make the plan again: `o365 run ... --dry-run`.",
        ) from error
    again = sealed(plan, facts, record.parameters_digest)
    is_of_this_run = (plan.client, plan.tenant_id) == (record.client, record.tenant_id)
    if again.digest != plan.digest or not is_of_this_run:
        raise EvidenceError(
            f"The plan that the record of run {record.run_id} of {record.client} shows is not the "
            "plan of its digest: the record was edited.",
            remedy="Do not approve it. `o365 evidence verify` tells what else is wrong; make the "
            "plan again with `o365 run ... --dry-run`.",
        )
    return plan, facts
