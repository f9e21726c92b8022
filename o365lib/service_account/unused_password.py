"""What a run does about a password that was handed over and that nobody has used.

- `replace`: a new password is set and handed over, though the account is right; a sign-in that a
  run has blocked for this is allowed again.
- `disable`: the account's sign-in is blocked, and nothing else is changed.
- Neither touches a password that was changed since: somebody may work with it.

Pure, like the plans of which this is a part.
"""

from collections.abc import Iterable
from typing import Literal

from o365lib import clock
from o365lib.service_account.facts import Facts
from o365lib.service_account.plan import PlannedChange, Refusal

IfUnused = Literal["", "replace", "disable"]

CHOICES: tuple[IfUnused, ...] = ("", "replace", "disable")


def is_unused(facts: Facts) -> bool:
    """Whether the account's password is one of ours that nobody has used, or was given."""
    if facts.account is None:
        return False
    return bool(facts.pending_credentials) or (
        facts.custody is not None and facts.custody.is_changed is False
    )


def custody_unknown(facts: Facts, if_unused: IfUnused) -> Refusal | None:
    """Nothing tells whether the account's password was changed since."""
    if not if_unused or facts.account is None or facts.pending_credentials:
        return None
    if facts.custody is not None and facts.custody.is_changed is not None:
        return None
    why = "no run that this archive knows has set its password"
    if facts.custody is not None:
        why = f"the tenant does not show the password that the run {facts.custody.run_id} set"
    return Refusal(
        code="custody-unknown",
        message=f"Whether the password of {facts.user_principal_name} was used is unknown: {why}.",
        remedy=(
            "Ask whoever has the password. If nobody has it, remove the account with the remove "
            "runbook, and create it anew."
        ),
    )


def lifts_block(facts: Facts, if_unused: IfUnused) -> bool:
    """Whether a blocked sign-in does not stand against the plan: it is wanted, or was ours."""
    if if_unused == "replace":
        return bool(facts.blocked_by) and is_unused(facts)
    return if_unused == "disable"


def replacing(facts: Facts) -> Iterable[PlannedChange]:
    """Yield what replaces the password and allows the sign-in; the hand-over comes after it."""
    if facts.account is None or facts.custody is None or not is_unused(facts):
        return
    target = facts.account.user.id
    yield PlannedChange(
        action="set-password",
        target=target,
        title="Replace the password, which nobody has used",
        before=f"set by run {facts.custody.run_id}, {facts.custody.way}, not used",
        after="a new one, to be changed at first sign-in",
    )


def allowing(facts: Facts) -> Iterable[PlannedChange]:
    """Yield what allows the sign-in again that a run has blocked."""
    if facts.account is None or not _is_blocked(facts):
        return
    yield PlannedChange(
        action="enable-user",
        target=facts.account.user.id,
        title="Allow the sign-in again",
        before=f"blocked by run {facts.blocked_by}",
        after="allowed",
    )


def blocking(facts: Facts) -> Iterable[PlannedChange]:
    """Yield what blocks the sign-in of an account whose password nobody has used."""
    if facts.account is None or not is_unused(facts) or _is_blocked(facts):
        return
    way = facts.custody.way if facts.custody is not None else "handed over to nobody"
    yield PlannedChange(
        action="disable-user",
        target=facts.account.user.id,
        title="Block the sign-in: nobody has used the password",
        before=f"allowed; password {way}, not used",
        after="blocked",
    )


def already(facts: Facts, if_unused: IfUnused) -> Iterable[str]:
    """Yield why there is nothing to do about the password."""
    if not if_unused:
        return
    if facts.account is None:
        yield f"{facts.user_principal_name} does not exist: there is no password to {if_unused}"
    elif facts.custody is not None and facts.custody.is_changed and not is_unused(facts):
        instant = facts.custody.last_change
        yield (
            f"its password was changed on {clock.iso(instant) if instant else 'some day'}, after "
            f"the run {facts.custody.run_id} had set it"
        )
    elif if_unused == "disable" and _is_blocked(facts):
        yield "its sign-in is blocked"


def _is_blocked(facts: Facts) -> bool:
    return facts.account is not None and facts.account.user.account_enabled is False
