"""Why a change is planned, in a sentence for whoever is asked to confirm it. Pure."""

from o365lib.service_account.plan import Plan, PlannedChange

_CREATING = {
    "create-user": "The vendor works with an account of its own, and there is none yet",
    "set-password": "Nobody has, or has used, the password that is in force",
    "enable-user": "Its sign-in was blocked by an earlier run, and it is to be used again",
    "disable-user": "Nobody has used the password that was handed over, and blocking was asked for",
    "hand-over": "The vendor signs in with it; nobody else gets to see it",
}
_REMOVING = {
    "remove-role": (
        "Deleting an administrator takes a higher role, and a restored account would come back "
        "with it"
    ),
    "revoke-sign-in-sessions": "Whoever is signed in with it would stay so for up to an hour",
    "delete-user": "Onboarding is over, and nobody needs the account any more",
}


def why(change: PlannedChange, plan: Plan, purpose: str) -> str:
    """Return why a plan makes a change.

    Args:
        change: one of the plan's.
        plan: which it is part of.
        purpose: what the account is for, as in the client's file.
    """
    if plan.runbook == "remove":
        return _REMOVING.get(change.action, "")
    if change.action == "assign-role":
        return f"{purpose} takes this role"
    if change.action == "remove-role":
        return f"{purpose} takes {plan.role_name} and nothing else"
    return _CREATING.get(change.action, "")
