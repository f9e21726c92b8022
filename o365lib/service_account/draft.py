"""Drafting the plans: which changes lead from the facts to what the client file wants.

Pure, like the plan itself. A plan is drafted in full first and judged by the guards then, so that
a refusal is about the changes that would really have been made.
"""

from collections.abc import Iterable

from o365lib import clock
from o365lib.parameters import Client, Defaults
from o365lib.service_account import authorization, guards, unused_password
from o365lib.service_account.facts import GLOBAL_ADMINISTRATOR, Account, Facts
from o365lib.service_account.permissions import how_to_be_allowed
from o365lib.service_account.plan import Notice, Plan, PlannedChange, Refusal, Runbook, sealed
from o365lib.service_account.roles import role_of
from o365lib.service_account.unused_password import IfUnused


def plan_creation(
    facts: Facts,
    client: Client,
    defaults: Defaults,
    *,
    parameters_digest: str,
    if_unused: IfUnused = "",
) -> Plan:
    """Return what creating the account takes, or completing one that is there.

    Args:
        facts: the tenant as read.
        client: what is wanted.
        defaults: the vendor's names, roles and recipients.
        parameters_digest: sha256 of client and defaults; it is part of the plan's digest.
        if_unused: what to do about a password that was handed over and that nobody has used.
    """
    role_id, role_name = role_of(client, defaults)
    changes = _changes_of_creation(facts, client, defaults, if_unused)
    lifts_block = unused_password.lifts_block(facts, if_unused)
    refusals = _first(
        guards.wrong_tenant(facts, client),
        guards.account_renamed(facts),
        guards.not_our_account(facts, defaults),
        None if lifts_block else guards.account_disabled(facts),
        guards.records_unreadable(facts, client),
        unused_password.custody_unknown(facts, if_unused),
        *_loses_way_back(facts, client, defaults, changes),
        guards.last_global_administrator(facts, changes),
        guards.signed_in_as_the_account(facts, changes),
        guards.recipient_not_allowed(client, defaults, changes),
        guards.sender_is_somebody_else(facts, client, changes),
        authorization.missing_permission(facts, client, changes),
    )
    plan = Plan(
        runbook="create",
        client=client.client,
        tenant_id=facts.tenant_id,
        user_principal_name=facts.user_principal_name,
        user_id=facts.account.user.id if facts.account else "",
        role_definition_id=role_id,
        role_name=role_name,
        changes=changes,
        already=(
            *_already(facts, defaults, role_id),
            *unused_password.already(facts, if_unused),
        ),
        notices=tuple(_creation_notices(facts, client, defaults, changes)),
        refusals=refusals,
    )
    return sealed(plan, facts, parameters_digest)


def plan_removal(
    facts: Facts, client: Client, defaults: Defaults, *, parameters_digest: str
) -> Plan:
    """Return what removing the account takes; nothing where there is none.

    Args:
        facts: the tenant as read.
        client: whose account it is.
        defaults: the vendor's names, roles and hosts.
        parameters_digest: sha256 of client and defaults; it is part of the plan's digest.
    """
    changes = tuple(_removal_changes(facts))
    refusals = [guards.wrong_tenant(facts, client), guards.account_renamed(facts)]
    if facts.account is not None:
        refusals += [
            guards.federated_with_vendor(facts, defaults),
            guards.federation_unreadable(facts, client),
            guards.not_our_account(facts, defaults),
            guards.last_global_administrator(facts, changes),
            guards.signed_in_as_the_account(facts, changes),
            guards.onboarding_in_progress(facts, client),
            authorization.missing_permission(facts, client, changes),
        ]
    plan = Plan(
        runbook="remove",
        client=client.client,
        tenant_id=facts.tenant_id,
        user_principal_name=facts.user_principal_name,
        user_id=facts.account.user.id if facts.account else "",
        changes=changes,
        already=() if facts.account else (f"{facts.user_principal_name} does not exist",),
        notices=tuple(_removal_notices(facts, client, defaults)),
        refusals=_first(*refusals),
    )
    return sealed(plan, facts, parameters_digest)


def draft(
    runbook: Runbook,
    facts: Facts,
    client: Client,
    defaults: Defaults,
    *,
    parameters_digest: str,
    if_unused: IfUnused = "",
) -> Plan:
    """Return the plan of this runbook; `if_unused` is for the create runbook only."""
    if runbook == "remove":
        return plan_removal(facts, client, defaults, parameters_digest=parameters_digest)
    return plan_creation(
        facts, client, defaults, parameters_digest=parameters_digest, if_unused=if_unused
    )


def _first(*refusals: Refusal | None) -> tuple[Refusal, ...]:
    return tuple(refusal for refusal in refusals if refusal is not None)


def _changes_of_creation(
    facts: Facts, client: Client, defaults: Defaults, if_unused: IfUnused
) -> tuple[PlannedChange, ...]:
    if if_unused and facts.account is None:
        return ()  # asked for was a change of an account that is there
    if if_unused == "disable":
        return tuple(unused_password.blocking(facts))
    return _creation_changes(facts, client, defaults, if_unused)


def _creation_changes(
    facts: Facts, client: Client, defaults: Defaults, if_unused: IfUnused
) -> tuple[PlannedChange, ...]:
    role_id, role_name = role_of(client, defaults)
    target = facts.account.user.id if facts.account else facts.user_principal_name
    changes: list[PlannedChange] = []
    if facts.account is None:
        changes += [_creation(facts, client, defaults), _hand_over(target, client)]
    elif facts.pending_credentials:
        changes.append(
            PlannedChange(
                action="set-password",
                target=target,
                title="Replace the password, which nobody was given",
                before=f"set by run {facts.pending_credentials}, not handed over",
                after="a new one, to be changed at first sign-in",
            )
        )
    elif if_unused:
        changes += unused_password.replacing(facts)
    if changes and facts.account is not None:
        changes += [*unused_password.allowing(facts), _hand_over(target, client)]
    held = facts.account.roles if facts.account else ()
    if role_id not in {each.role_definition_id for each in held}:
        changes.append(
            PlannedChange(
                action="assign-role",
                target=target,
                title=f"Assign {role_name}",
                before=", ".join(each.display_name for each in held) or "no role",
                after=role_name,
                argument=role_id,
            )
        )
    changes += [
        _role_removal(target, each.display_name, each.assignment_id)
        for each in held
        if each.role_definition_id != role_id
    ]
    return tuple(changes)


def _creation(facts: Facts, client: Client, defaults: Defaults) -> PlannedChange:
    location = client.usage_location or defaults.usage_location
    return PlannedChange(
        action="create-user",
        target=facts.user_principal_name,
        title="Create the user",
        before="does not exist",
        after=(
            f"{defaults.account.display_name}, sign-in allowed, no licence, usage location "
            f"{location}, password to be changed at first sign-in"
        ),
        argument=location,
    )


def _hand_over(target: str, client: Client) -> PlannedChange:
    key = getattr(client.hand_over, "public_key_sha256", "")
    ways = {
        "mail": f"by mail to {getattr(client.hand_over, 'recipient', '')}",
        "file": f"as a file, encrypted to the key SHA256:{key}",
        "screen": "on the screen, once",
    }
    return PlannedChange(
        action="hand-over",
        target=target,
        title="Hand the credentials over",
        before="nobody has them",
        after=ways[client.hand_over.method],
        # A path names whatever file is there when it is used; the fingerprint names the key.
        argument=key,
    )


def _role_removal(target: str, name: str, assignment_id: str) -> PlannedChange:
    return PlannedChange(
        action="remove-role",
        target=target,
        title=f"Take the role {name} away",
        before=name,
        after="without it",
        argument=assignment_id,
    )


def _loses_way_back(
    facts: Facts, client: Client, defaults: Defaults, changes: Iterable[PlannedChange]
) -> tuple[Refusal | None, ...]:
    # Lowering the role of a federated domain's account, or blocking it, takes the vendor's way back
    # as well.
    account = facts.account
    global_assignments = {
        role.assignment_id
        for role in (account.roles if account else ())
        if role.role_definition_id == GLOBAL_ADMINISTRATOR
    }
    if not any(
        (change.action == "remove-role" and change.argument in global_assignments)
        or (change.action == "disable-user" and global_assignments)
        for change in changes
    ):
        return ()
    return (
        guards.federated_with_vendor(facts, defaults),
        guards.federation_unreadable(facts, client),
    )


def _already(facts: Facts, defaults: Defaults, role_id: str) -> Iterable[str]:
    if facts.account is None:
        return
    yield f"{facts.user_principal_name} exists as {defaults.account.display_name}"
    if not facts.account.user.assigned_licenses:
        yield "it has no licence"
    for role in facts.account.roles:
        if role.role_definition_id == role_id:
            yield f"it holds {role.display_name}"


def _creation_notices(
    facts: Facts, client: Client, defaults: Defaults, changes: Iterable[PlannedChange]
) -> Iterable[Notice]:
    purpose = defaults.purposes[client.purpose]
    if purpose.role != purpose.least_role:
        yield Notice(
            code="more-than-needed",
            message=(
                f"{purpose.role} is more than {client.purpose} needs; "
                f"{purpose.least_role} is enough."
            ),
        )
    if facts.account is not None and not any(each.action == "set-password" for each in changes):
        yield Notice(
            code="credentials-left-alone",
            message="The account was there already; its password is left as it is.",
        )
    if client.records_override is not None:
        yield Notice(
            code="records-override",
            message=(
                "Answered for in writing that the vendor has the password, whatever "
                f"{', '.join(client.records_override.run_ids)} did: "
                f"{client.records_override.reason}"
            ),
        )
    if facts.account is None:
        yield Notice(
            code="multi-factor",
            message=(
                "Microsoft demands multi-factor sign-in in its admin centres: whoever signs in "
                "first registers the method. Conditional Access policies are not read; they may "
                "keep the vendor out."
            ),
        )
    yield from _common_notices(facts)
    if facts.deleted is None:
        yield Notice(
            code="recycle-bin-unread",
            message=(
                "The recycle bin could not be read: whether an earlier account is in it is not "
                f"known. {how_to_be_allowed('read-deleted-users', identity=facts.identity)}"
            ),
        )
    for deleted in facts.deleted or ():
        yield Notice(
            code="deleted-namesake",
            message=(
                f"An earlier account is in the recycle bin ({deleted.id}); it cannot be restored "
                "under its name while this one exists."
            ),
        )


def _removal_changes(facts: Facts) -> Iterable[PlannedChange]:
    account: Account | None = facts.account
    if account is None:
        return
    target = account.user.id
    for role in account.roles:
        yield _role_removal(target, role.display_name, role.assignment_id)
    yield PlannedChange(
        action="revoke-sign-in-sessions",
        target=target,
        title="End its sign-in sessions",
        before="may be signed in",
        after="signed out everywhere",
    )
    yield PlannedChange(
        action="delete-user",
        target=target,
        title="Delete the user",
        before=f"{account.user.user_principal_name}, created {_created(account)}",
        after="in the recycle bin for 30 days",
    )


def _created(account: Account) -> str:
    created = account.user.created_date_time
    return clock.iso(created) if created else "at a time not told"


def _removal_notices(facts: Facts, client: Client, defaults: Defaults) -> Iterable[Notice]:
    vendor = [each.name for each in facts.federated_domains if each.federated_with == "vendor"]
    if facts.account is None and vendor:
        yield Notice(
            code="missing-while-federated",
            message=(
                f"{', '.join(vendor)} is federated with {defaults.vendor.name}, and the account "
                "that would end the federation does not exist."
            ),
        )
    if client.federation_override is not None:
        yield Notice(
            code="federation-override",
            message=f"Federation answered for in writing: {client.federation_override.reason}",
        )
    yield from _common_notices(facts)


def _common_notices(facts: Facts) -> Iterable[Notice]:
    for namesake in facts.namesakes:
        yield Notice(
            code="namesake",
            message=(
                f"{namesake.user_principal_name} has the same name on another domain; "
                "this runbook does not touch it."
            ),
        )
    if facts.unreadable_records and facts.account is None:
        yield Notice(
            code="unreadable-records",
            message=(
                f"Runs that cannot be read: {', '.join(facts.unreadable_records)}. If one of them "
                "made an account that was renamed since, this run does not know of it."
            ),
        )
    if facts.security_defaults:
        yield Notice(
            code="security-defaults",
            message=(
                "Security defaults are on: the account must register for multi-factor sign-in "
                "when it first signs in."
            ),
        )
    if not facts.identity.claims_known:
        yield Notice(
            code="permissions-unknown",
            message="The token does not show what it permits; a missing permission shows late.",
        )
