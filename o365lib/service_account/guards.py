"""The guards: reasons not to change a tenant. Pure functions of facts and parameters.

Each returns a refusal with its code, the reason and the way out, or None. Codes are part of the
record's vocabulary and never change their meaning. Names and ids stand in the reason: a way out is
the same sentence for all clients, so that a batch says it once.
"""

from collections.abc import Iterable

from o365lib.parameters import Client, Defaults
from o365lib.service_account.facts import (
    GLOBAL_ADMINISTRATOR,
    Account,
    Facts,
    FederatedDomain,
    Identity,
)
from o365lib.service_account.permissions import how_to_be_allowed
from o365lib.service_account.plan import PlannedChange, Refusal
from o365lib.service_account.roles import roles_in_use

_AGAINST_ONESELF = {"remove-role", "delete-user", "set-password", "disable-user"}


def wrong_tenant(facts: Facts, client: Client) -> Refusal | None:
    """The token's tenant, the tenant's domains and the client file do not agree."""
    names = {facts.tenant_id.lower(), *(domain.lower() for domain in facts.domains)}
    if facts.identity.tenant_id.lower() == facts.tenant_id.lower() and client.tenant in names:
        return None
    return Refusal(
        code="wrong-tenant",
        message=(
            f"The file of {client.client} names the tenant {client.tenant}, but signed in was to "
            f"{facts.display_name} ({facts.tenant_id}, {facts.initial_domain})."
        ),
        remedy="Sign in to the client's own tenant, or correct `tenant` in the client's file.",
    )


def federated_with_vendor(facts: Facts, defaults: Defaults) -> Refusal | None:
    """A domain is federated with the vendor: its way back needs this very account."""
    domains = [each for each in facts.federated_domains if each.federated_with == "vendor"]
    if not domains:
        return None
    listed = "; ".join(f"{each.name} ({each.evidence})" for each in domains)
    vendor = defaults.vendor.name
    return Refusal(
        code="federated-with-vendor",
        message=(
            f"Federated with {vendor}: {listed}. Ending the federation needs this account "
            "with Global Administrator, so it must stay as it is."
        ),
        remedy=(
            f"End the federation with {vendor} first; when every domain reads Managed, "
            "run this runbook again."
        ),
    )


def federation_unreadable(facts: Facts, client: Client) -> Refusal | None:
    """A domain is federated and with whom cannot be read, and nobody has answered for it.

    A written reason answers for what was read and says nothing. It does not for what the service
    did not tell: that domain may be the vendor's, and a right or another try would show it.
    """
    is_answered_for = client.federation_override is not None
    domains = [
        each
        for each in facts.federated_domains
        if each.federated_with == "unknown" and (each.unread or not is_answered_for)
    ]
    if not domains:
        return None
    listed = "; ".join(f"{each.name} ({each.evidence})" for each in domains)
    return Refusal(
        code="federation-unreadable",
        message=f"Federated, and with whom could not be read: {listed}.",
        remedy=" ".join(_ways_to_know(domains, facts.identity)),
    )


def _ways_to_know(domains: Iterable[FederatedDomain], identity: Identity) -> Iterable[str]:
    unread = {each.unread for each in domains}
    if "refused" in unread:
        yield how_to_be_allowed("read-federation", identity=identity)
    if "failed" in unread:
        yield "The service may be able to tell later: run again."
    if unread & {"refused", "failed"}:
        yield "`federation_override` does not stand in for reading it."
    if "" in unread:
        yield (
            "If you know that a domain about which the service answered is not federated with the "
            "vendor, write `federation_override: {reason: ...}` into the client's file."
        )


def not_our_account(facts: Facts, defaults: Defaults) -> Refusal | None:
    """The account found is not the one that the runbook makes."""
    if facts.account is None:
        return None
    differences = list(_differences(facts.account, defaults))
    if not differences:
        return None
    return Refusal(
        code="not-our-account",
        message=(
            f"{facts.user_principal_name} is not the account that this runbook makes: "
            f"{'; '.join(differences)}."
        ),
        remedy=(
            "Find out with the client's administrator whose account it is. Give it another user "
            "principal name and take the old one out of its e-mail addresses too (a rename leaves "
            "it there as an alias, and then no user can be created under it), or take away what "
            "does not belong to it. Then run again."
        ),
    )


def _differences(account: Account, defaults: Defaults) -> Iterable[str]:
    user, wanted = account.user, defaults.account
    names = (
        ("given name", user.given_name, wanted.given_name),
        ("surname", user.surname, wanted.surname),
        ("display name", user.display_name, wanted.display_name),
    )
    for label, found, expected in names:
        if found != expected:
            yield f"its {label} is {found!r} instead of {expected!r}"
    if user.assigned_licenses:
        yield f"it has {len(user.assigned_licenses)} licence(s)"
    if user.user_type not in {"", "Member"}:
        yield f"it is a {user.user_type.lower()}"
    if user.on_premises_sync_enabled or user.on_premises_immutable_id:
        yield "it is synchronised from on-premises"
    known = roles_in_use(defaults)
    for role in account.roles:
        if role.role_definition_id not in known:
            yield f"it holds the role {role.display_name}"
        elif role.directory_scope_id != "/":
            yield f"its role {role.display_name} is limited to {role.directory_scope_id}"


def account_renamed(facts: Facts) -> Refusal | None:
    """An account that an earlier run made or completed stands under another name, roles and all.

    Found by its name, it would seem to be gone: nothing would be removed, or a second one made.
    """
    if not facts.renamed:
        return None
    listed = "; ".join(
        f"{each.user_principal_name} (object id {each.user_id}, of run {each.run_id})"
        for each in facts.renamed
    )
    message = (
        f"An account that was made or completed for this client as {facts.user_principal_name} "
        f"stands under another name: {listed}."
    )
    remedy = (
        "Have the client's administrator give it back the name that it had, or delete it in the "
        "admin centre if nobody needs it. Then run again."
    )
    if facts.account is not None:
        # Two accounts cannot have one name.
        message += " Another account has its name by now."
        remedy = (
            "Have the client's administrator delete the renamed account in the admin centre, its "
            "roles first, if nobody needs it. Then run again."
        )
    return Refusal(code="account-renamed", message=message, remedy=remedy)


def account_disabled(facts: Facts) -> Refusal | None:
    """The account is switched off; on again only if a run did it, and with a new password."""
    if facts.account is None or facts.account.user.account_enabled is not False:
        return None
    if facts.blocked_by:
        return Refusal(
            code="account-disabled",
            message=(
                f"{facts.user_principal_name} exists, but the run {facts.blocked_by} has blocked "
                "its sign-in, because nobody had used its password."
            ),
            remedy=(
                "Run create with --unused-password replace: it sets a new password, allows the "
                "sign-in and hands the password over. Or remove the account."
            ),
        )
    return Refusal(
        code="account-disabled",
        message=f"{facts.user_principal_name} exists, but somebody has blocked its sign-in.",
        remedy=(
            "Ask the client's administrator why. Unblock it in the admin centre, or remove it with "
            "the remove runbook, and run again."
        ),
    )


def records_unreadable(facts: Facts, client: Client) -> Refusal | None:
    """A run whose record cannot be read may have set the password and handed it to nobody.

    Nothing is hidden where a readable record leaves a password to be replaced anyway, or proves
    that the password which the tenant shows was handed over.
    """
    if facts.account is None or facts.pending_credentials or facts.handed_over_by:
        return None
    override = client.records_override
    answered_for = override.run_ids if override else ()
    doubtful = [each for each in facts.unreadable_records if each not in answered_for]
    if not doubtful:
        return None
    runs = ", ".join(doubtful)
    return Refusal(
        code="records-unreadable",
        message=(
            f"{facts.user_principal_name} exists, and the record of {runs} cannot be read: it may "
            "have set the account's password and handed it to nobody, and no other record proves "
            "that somebody has the password which is in force."
        ),
        remedy=(
            "Restore the `record.json` of the runs named above from a backup of the archive. If "
            "you know that the vendor has the password, write `records_override: {run_ids: [...], "
            "reason: ...}` with these runs into the client's file. If nobody has it, remove the "
            "account with the remove runbook, and create it anew."
        ),
    )


def last_global_administrator(facts: Facts, changes: Iterable[PlannedChange]) -> Refusal | None:
    """Removal would leave the tenant without a usable Global Administrator."""
    account = facts.account
    holds = account is not None and any(
        role.role_definition_id == GLOBAL_ADMINISTRATOR for role in account.roles
    )
    loses = any(
        change.action in {"delete-user", "disable-user"}
        or (change.action == "remove-role" and _is_global(facts, change.argument))
        for change in changes
    )
    if not holds or not loses or facts.other_global_administrators > 0:
        return None
    return Refusal(
        code="last-global-administrator",
        message=(
            f"{facts.user_principal_name} is the only enabled user with the Global Administrator "
            "role; without it nobody could administer the tenant."
        ),
        remedy=(
            "Have the client give Global Administrator to an enabled user of its own (Microsoft "
            "advises two emergency accounts), and run again."
        ),
    )


def _is_global(facts: Facts, assignment_id: str) -> bool:
    roles = facts.account.roles if facts.account else ()
    return any(
        role.assignment_id == assignment_id and role.role_definition_id == GLOBAL_ADMINISTRATOR
        for role in roles
    )


def signed_in_as_the_account(facts: Facts, changes: Iterable[PlannedChange]) -> Refusal | None:
    """The account itself is signed in, and would lose in mid-way what it works with.

    Graph lets nobody take the own Global Administrator away; ending the own sessions or setting the
    own password ends the sign-in that the next steps need.
    """
    account, identity = facts.account, facts.identity
    if account is None or identity.object_id.lower() != account.user.id.lower():
        return None
    if not any(each.action in _AGAINST_ONESELF for each in changes):
        return None
    return Refusal(
        code="signed-in-as-the-account",
        message=(
            f"Signed in is {identity.name}, which is the very account that would be changed: it "
            "cannot take its own role away, and the run would break off half-way."
        ),
        remedy="Sign in as another administrator of the client's tenant, and run again.",
    )


def onboarding_in_progress(facts: Facts, client: Client) -> Refusal | None:
    """The client file says that the vendor still works with the account."""
    if facts.account is None or client.onboarding == "completed":
        return None
    return Refusal(
        code="onboarding-in-progress",
        message=f"The file of {client.client} says that onboarding is in progress.",
        remedy="When the vendor has finished, write `onboarding: completed` into its file.",
    )


def recipient_not_allowed(
    client: Client, defaults: Defaults, changes: Iterable[PlannedChange]
) -> Refusal | None:
    """The credentials would go to somebody who is not on the allow-list."""
    hand_over = client.hand_over
    if hand_over.method != "mail" or not any(each.action == "hand-over" for each in changes):
        return None
    if defaults.permits_recipient(hand_over.recipient):
        return None
    return Refusal(
        code="recipient-not-allowed",
        message=f"{hand_over.recipient} is not on the list of recipients of credentials.",
        remedy=(
            "Correct the recipient in the client's file, or have the address added to "
            "`recipients` in defaults.yaml by whoever answers for it."
        ),
    )


def sender_is_somebody_else(
    facts: Facts, client: Client, changes: Iterable[PlannedChange]
) -> Refusal | None:
    """A signed-in person would have to send from another person's mailbox."""
    hand_over, identity = client.hand_over, facts.identity
    if hand_over.method != "mail" or hand_over.sender is None or identity.kind != "user":
        return None
    if not any(each.action == "hand-over" for each in changes):
        return None
    if hand_over.sender.lower() == identity.user_principal_name.lower():
        return None
    return Refusal(
        code="sender-is-somebody-else",
        message=(
            f"The credentials would be sent from {hand_over.sender}, but signed in is "
            f"{identity.name}, who may send from the own mailbox only."
        ),
        remedy="Leave `sender` out of the client's file, or sign in as that person.",
    )
