"""Which plans are of so much weight that somebody else has to sign them. Pure."""

from o365lib.parameters import ApprovalRules
from o365lib.service_account.facts import GLOBAL_ADMINISTRATOR, Facts
from o365lib.service_account.plan import Plan


def needs_signature(plan: Plan, facts: Facts, rules: ApprovalRules) -> bool:
    """Whether the defaults require a signed approval of a plan.

    Args:
        plan: what would be changed. Nothing to change needs nobody's approval.
        facts: what it was made from.
        rules: from the defaults.
    """
    if rules.required == "never" or not plan.changes:
        return False
    return rules.required == "always" or concerns_global_administrator(plan, facts)


def concerns_global_administrator(plan: Plan, facts: Facts) -> bool:
    """Whether the account gets, keeps or loses the role Global Administrator."""
    held = facts.account.roles if facts.account else ()
    roles = {plan.role_definition_id, *(each.role_definition_id for each in held)}
    return GLOBAL_ADMINISTRATOR in roles
