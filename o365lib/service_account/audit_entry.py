"""Entries of the directory's audit log, as far as they concern a service account. Pure.

- One entry for each user that an entry of the log has among its targets.
- The names of activities are those of Microsoft's reference, and those that the log itself shows
  where they differ (`Reset password` there, `Reset user password` here).
- What a change of ours looks like in the log, and what may come along with it, stands here as data.

https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities
https://learn.microsoft.com/graph/api/resources/directoryaudit
"""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from o365lib.graph.models import AuditedTarget, DirectoryAudit

# Which of our actions an activity bears witness to.
WITNESSES = {
    "add user": "create-user",
    "reset user password": "set-password",
    "reset password": "set-password",
    "reset password (by admin)": "set-password",
    "add member to role": "assign-role",
    "remove member from role": "remove-role",
    "enable account": "enable-user",
    "disable account": "disable-user",
    "update stsrefreshtokenvalidfrom timestamp": "revoke-sign-in-sessions",
    "delete user": "delete-user",
}

# What the service may write down besides, for one and the same request of ours.
COMPANIONS = {
    "update user": {"create-user", "set-password", "enable-user", "disable-user", "delete-user"},
    "set force change user password": {"create-user", "set-password"},
    "enable account": {"create-user"},
    "update stsrefreshtokenvalidfrom timestamp": {"set-password", "disable-user", "delete-user"},
    "remove member from role": {"delete-user"},
    # Privileged Identity Management tells once more what was assigned without it.
    "add member to role outside of pim (permanent)": {"assign-role"},
    "remove member from role outside of pim (permanent)": {"remove-role"},
}

# What the holder of an account does to it: choose a password, register for multi-factor sign-in.
# Only where the account itself is the initiator.
BY_HOLDER = {
    "change user password",
    "change password (self-service)",
    "reset password (self-service)",
    "self-service password reset flow activity progress",
    "unlock user account (self-service)",
    "update user",
    "update stsrefreshtokenvalidfrom timestamp",
    "set force change user password",
    "user registered security info",
    "user registered all required security info",
    "user started security info registration",
    "user changed default security info",
    "user deleted security info",
    "user reviewed security info",
}

# What a service of Microsoft's does to a user of itself, without being a person's tool. An
# application's id cannot be taken by anybody else; its name can.
# https://learn.microsoft.com/troubleshoot/entra/entra-id/governance/verify-first-party-apps-sign-in
MICROSOFTS = {
    "00000002-0000-0ff1-ce00-000000000000": "Office 365 Exchange Online",
    "00000003-0000-0ff1-ce00-000000000000": "Office 365 SharePoint Online",
    "00000006-0000-0ff1-ce00-000000000000": "Microsoft Office 365 Portal",
    "cc15fd57-2c6c-4117-a88c-83b1d56b4bbe": "Microsoft Teams Services",
    "93625bc8-bfe2-437a-97e0-3d0060024faa": "Microsoft password reset service",
    "01fc33a7-78ba-4d2f-a4b7-768e336e890e": "MS-PIM",
}

# What such a service does to a user by itself in the course of its work. Nothing of this gives or
# takes a right, a password, a licence or the account.
BY_MICROSOFT = {"update user", "update stsrefreshtokenvalidfrom timestamp"} | {
    each for each in COMPANIONS if each.endswith("outside of pim (permanent)")
}
HARD_DELETION = "hard delete user"

# The role's name in the log, where it is another one than in the admin centre.
_OTHER_NAMES = {"company administrator": "global administrator"}


@dataclass(frozen=True)
class Entry:
    """One entry of the log about one user.

    Attributes:
        id: the service's own id of the entry.
        account_id: the user's object id.
        user_principal_name: the user's, at that time.
        date_time: when it was done, by the service's clock.
        activity: what was done, as the service names it.
        by_id: the object id of the person, or of the application's service principal.
        by_application_id: the application (client) id, where an application did it by itself.
        by: whoever did it, in words for people; text of the tenant. Empty: the log names nobody.
        is_success: whether it took place.
        roles: names and template ids of the roles that it is about, in lower case.
        properties: the names of the properties that it changed.
        correlation_id: which may be the `client-request-id` of the request; no page says so.
        service: which of Microsoft's services wrote it down.
        reason: why it failed.
    """

    id: str
    account_id: str
    user_principal_name: str
    date_time: datetime
    activity: str
    by_id: str
    by_application_id: str
    by: str
    is_success: bool
    roles: frozenset[str]
    properties: tuple[str, ...]
    correlation_id: str
    service: str
    reason: str

    @property
    def key(self) -> str:
        """The activity's name for comparing."""
        return self.activity.strip().casefold()

    @property
    def action(self) -> str:
        """Which of our actions it bears witness to; empty for any other."""
        return WITNESSES.get(self.key, "")

    @property
    def is_by_microsoft(self) -> bool:
        """Whether one of Microsoft's own services did it by itself, or the log names nobody."""
        return self.by_application_id in MICROSOFTS or not self.by

    @property
    def detail(self) -> str:
        """What it is about besides the account, for people: roles or properties."""
        return ", ".join(sorted(self.roles) or self.properties)


def entries_of(audits: Iterable[DirectoryAudit], accounts: Collection[str]) -> tuple[Entry, ...]:
    """Return the entries about these accounts, oldest first, none twice.

    Args:
        audits: in any order; lists that overlap may be joined.
        accounts: object ids.
    """
    wanted = {each.lower() for each in accounts}
    found = {
        (entry.id, entry.account_id): entry
        for audit in audits
        for entry in _entries(audit)
        if entry.account_id in wanted
    }
    return tuple(sorted(found.values(), key=lambda each: (each.date_time, each.id)))


def accounts_added(audits: Iterable[DirectoryAudit], user_principal_name: str) -> set[str]:
    """Return the object ids of users who were created under this name, as the log tells."""
    name = user_principal_name.casefold()
    return {
        entry.account_id
        for audit in audits
        for entry in _entries(audit)
        # Of one that was deleted since, the log may show the name with the id in front.
        if entry.action == "create-user"
        and entry.user_principal_name.casefold().endswith(name)
        and entry.user_principal_name.casefold().removesuffix(name)
        in {"", entry.account_id.replace("-", "")}
    }


def _entries(audit: DirectoryAudit) -> Iterator[Entry]:
    user, app = audit.initiated_by.user, audit.initiated_by.app
    by_id, by_application_id, by = "", "", ""
    if user is not None and (user.id or user.user_principal_name):
        by_id, by = user.id.lower(), user.user_principal_name or user.id
    elif app is not None:
        by_id, by_application_id = app.service_principal_id.lower(), app.app_id.lower()
        by = f"application {app.display_name or 'without a name'}"
        by += f" ({app.app_id})" if app.app_id else ""
    for target in audit.target_resources:
        if target.type.casefold() not in {"user", ""} or not target.id:
            continue
        yield Entry(
            id=audit.id,
            account_id=target.id.lower(),
            user_principal_name=target.user_principal_name,
            date_time=audit.activity_date_time,
            activity=audit.activity_display_name,
            by_id=by_id,
            by_application_id=by_application_id,
            by=by,
            # `timeout` and values that are not known yet may have taken place.
            is_success=audit.result.casefold() != "failure",
            roles=frozenset(_roles(target)),
            properties=tuple(each.display_name for each in target.modified_properties),
            correlation_id=audit.correlation_id.lower(),
            service=audit.logged_by_service,
            reason=audit.result_reason,
        )


def _roles(target: AuditedTarget) -> Iterator[str]:
    for each in target.modified_properties:
        if each.display_name in {"Role.DisplayName", "Role.TemplateId"}:
            for value in (each.new_value, each.old_value):
                if text := _plain(value).casefold():
                    yield _OTHER_NAMES.get(text, text)


def _plain(value: str) -> str:
    """Return the text in a property's value, which is JSON: a text, or a list of one."""
    try:
        found = json.loads(value) if value else ""
    except ValueError:
        return value
    if isinstance(found, list) and len(found) == 1:
        (found,) = found
    return found if isinstance(found, str) else ""
