"""The guards of permissions and directory roles: who may read, and change, what a run needs to.

Pure, like the other guards. What is missing is told all at once and by name, so that it is granted
once; before the tenant is read, and before it is changed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from o365lib.parameters import Client
from o365lib.service_account.facts import Facts, Identity
from o365lib.service_account.permissions import (
    AS_THE_USER,
    MAY_CHANGE,
    NEEDED_READS,
    NEEDS,
    PRIVILEGED_TARGET_ROLES,
    READS,
    ROLE_NAMES,
    SENSITIVE,
    Need,
)
from o365lib.service_account.plan import PlannedChange, Refusal, Runbook

_DOING = {
    "set-password": "to set the password of",
    "enable-user": "to allow the sign-in of",
    "disable-user": "to block the sign-in of",
}


@dataclass(frozen=True)
class _Missing:
    """A permission or directory role that is missing; `names` are those of which any one does."""

    names: str
    doing: str
    is_role: bool = False

    def __str__(self) -> str:
        what = "directory role" if self.is_role else "permission"
        return f"{what} {self.names} {self.doing}"


def missing_to_read(
    identity: Identity, client: Client, runbook: Runbook, *, dry_run: bool
) -> Refusal | None:
    """The signed-in identity lacks a permission without which the tenant cannot be read.

    What the runbook may change is not known yet, and may be nothing: what that takes stops no run
    here, but is told where reading is missing anyway.

    Args:
        identity: who is signed in. Its directory roles are not judged: the service alone knows
            all of those that may read.
        client: how credentials are handed over.
        runbook: what it may change.
        dry_run: it changes nothing.
    """
    if not identity.claims_known:
        return None
    lacking = [
        _Missing(READS[read].permissions[0], f"(to {read.replace('-', ' ')})")
        for read in NEEDED_READS
        if not set(READS[read].permissions) & set(identity.permissions)
    ]
    if not lacking:
        return None
    told = "; ".join(f"{each.names} {each.doing}" for each in lacking)
    message = f"{identity.name} lacks the permissions to read the tenant: {told}."
    actions = () if dry_run else MAY_CHANGE[runbook]
    if to_change := _missing(actions, identity, client, privileged=False):
        message += f" To change it, it would lack as well: {'; '.join(map(str, to_change))}."
    remedy = _ask_for(identity, [*lacking, *to_change])
    return Refusal(code="missing-permission", message=message, remedy=remedy)


def lacking_to_change(
    identity: Identity, client: Client, runbook: Runbook, *, dry_run: bool
) -> str:
    """Return what an identity lacks of all that the runbook may have to change, in a sentence.

    A plan may need less of it, and says itself what it lacks. Empty where nothing is lacking.
    """
    if dry_run or not identity.claims_known:
        return ""
    missing = _missing(MAY_CHANGE[runbook], identity, client, privileged=False)
    if not missing:
        return ""
    told = "; ".join(map(str, missing))
    return f"{identity.name} lacks, should the plan need it: {told}. {_ask_for(identity, missing)}"


def missing_permission(
    facts: Facts, client: Client, changes: Iterable[PlannedChange]
) -> Refusal | None:
    """The signed-in identity lacks a permission or role that the plan needs."""
    identity = facts.identity
    if not identity.claims_known:
        return None
    privileged = facts.account is not None and bool(facts.account.roles)
    actions = [change.action for change in changes if change.action in NEEDS]
    if "create-user" in actions:
        # Where the answer to a creation is lost, the password has to be set once more.
        actions.append("set-password")
    missing = _missing(actions, identity, client, privileged=privileged)
    if not missing:
        return None
    return Refusal(
        code="missing-permission",
        message=f"{identity.name} lacks what the plan needs: {'; '.join(map(str, missing))}.",
        remedy=_ask_for(identity, missing),
    )


def _missing(
    actions: Iterable[str], identity: Identity, client: Client, *, privileged: bool
) -> list[_Missing]:
    found = dict.fromkeys(
        each
        for action in actions
        if not (action == "hand-over" and client.hand_over.method != "mail")
        for each in _missing_for(action, identity, privileged=privileged)
    )
    return list(found)


def _missing_for(action: str, identity: Identity, *, privileged: bool) -> Iterable[_Missing]:
    need: Need = NEEDS[action]
    doing = f"(to {action.replace('-', ' ')})"
    is_application, roles = identity.kind == "application", need.directory_roles
    permissions = [need.permissions]
    if action in SENSITIVE and privileged:
        doing = f"({_DOING[action]} an account that holds a role)"
        roles = PRIVILEGED_TARGET_ROLES
        permissions += [] if is_application else [(AS_THE_USER,)]
    elif is_application:
        roles = ()
    for names in permissions:
        if not identity.asked_to_read and not set(names) & set(identity.permissions):
            yield _Missing(" or ".join(names), doing)
    if roles and not set(roles) & set(identity.directory_roles):
        yield _Missing(" or ".join(ROLE_NAMES[role] for role in roles), doing, is_role=True)


def _ask_for(identity: Identity, missing: Sequence[_Missing]) -> str:
    """Return the way out; a role is assigned, and no consent gives it.

    No name of a client's stands in it, so that one advice serves all clients of a batch.
    """
    names = list(dict.fromkeys(each.names for each in missing if each.is_role))
    roles = f"the directory role{'s' if len(names) > 1 else ''} {', and '.join(names)}"
    lacks_permissions = not all(each.is_role for each in missing)
    asked, way_in = [], ""
    if identity.kind == "application":
        if lacks_permissions:
            asked.append("to grant the application these permissions with admin consent")
        if names:
            asked.append(f"to assign {roles} to the application")
        return f"Ask the client's administrator {' and '.join(asked)}, and run again."
    if names:
        way_in = f"Sign in as somebody who holds {roles}, or ask"
        asked.append(f"to assign {'them' if len(names) > 1 else 'it'} to you")
    if lacks_permissions:
        asked.append("to consent to these permissions")
    return (
        f"{way_in or 'Ask'} the client's administrator {' and '.join(asked)}; then run again from"
        f" the sign-in on{', which asks for them' if lacks_permissions else ''}."
    )
