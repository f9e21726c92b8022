"""What the confirmation asks: the changes in short, and which account is meant. Pure."""

from o365lib import clock
from o365lib.graph.models import User
from o365lib.plain_text import one_line
from o365lib.runbook.panels.confirmation import AccountChoice, Question
from o365lib.runbook.panels.markup import safe
from o365lib.service_account.facts import Facts
from o365lib.service_account.plan import Plan


def question(plan: Plan, facts: Facts) -> Question:
    """Return what is to be confirmed; for a removal, which account it is for is to be picked."""
    is_removal = plan.runbook == "remove"
    return Question(
        html=_html(plan),
        client=plan.client,
        is_dangerous=is_removal,
        choices=_choices(facts) if is_removal and plan.user_id else (),
        object_id=plan.user_id,
    )


def _choices(facts: Facts) -> tuple[AccountChoice, ...]:
    """Return every account that could be taken for the one that is meant.

    In the order of their ids, so that the right one is not always the first.
    """
    account = (facts.account.user,) if facts.account else ()
    found = sorted({each.id: each for each in (*account, *facts.namesakes)}.items())
    return tuple(
        AccountChoice(object_id=user_id, label=_recognised_by(user)) for user_id, user in found
    )


def _recognised_by(user: User) -> str:
    created = user.created_date_time
    when = f"created {clock.iso(created)}" if created else "creation date not told"
    return one_line(
        f"{user.id}, {when}, {user.user_principal_name}, {user.display_name}", longest=300
    )


def _html(plan: Plan) -> str:
    rows = "".join(
        f"<li><b>{safe(change.title)}</b>: {safe(change.before)} → {safe(change.after)}</li>"
        for change in plan.changes
    )
    is_removal = plan.runbook == "remove"
    what = "removes" if is_removal else "creates or completes"
    identifier = f" (object id {safe(plan.user_id)})" if plan.user_id else ""
    pick = "Confirm that it is the correct account: pick it. Then type" if is_removal else "Type"
    return (
        # Widgets have lines as high as their buttons.
        '<div style="line-height: 1.5; overflow-wrap: anywhere">'
        f"<p>This {what} <b>{safe(plan.user_principal_name)}</b>{identifier} in the tenant "
        f"{safe(plan.tenant_id)}:</p><ol>{rows}</ol>"
        f"<p>{pick} <b>{safe(plan.client)}</b> to confirm.</p></div>"
    )
