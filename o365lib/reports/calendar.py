"""Days on which accounts should be gone, as a calendar that any calendar program reads. Pure.

An account has one entry, under an id that stays: who imports the file again has it once, and on its
new day.

https://www.rfc-editor.org/rfc/rfc5545
"""

import hashlib
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from icalendar import Alarm, Calendar, Event

from o365lib.plain_text import one_line
from o365lib.service_account.due import DueAccount

_PRODUCT = "-//o365-runbooks//due//EN"
_ALARM = timedelta(days=-7)


def calendar(due: Iterable[DueAccount], *, now: datetime) -> bytes:
    """Return an iCalendar file with a day-long entry for each account that has a day.

    Args:
        due: the accounts; those without a day are left out.
        now: when it is written, in UTC.
    """
    made = Calendar()
    made.add("prodid", _PRODUCT)
    made.add("version", "2.0")
    made.add("method", "PUBLISH")
    made.add("x-wr-calname", "Service accounts to be removed")
    for each in due:
        if each.remove_by is not None:
            made.add_component(_event(each, each.remove_by, now))
    return bytes(made.to_ical())


def _event(due: DueAccount, day: date, now: datetime) -> Event:
    account = due.account
    whose = one_line(due.display_name or account.client)
    event = Event()
    event.add("uid", f"{_mark(due)}@o365-runbooks")
    event.add("dtstamp", now)
    event.add("dtstart", day)
    event.add("dtend", day + timedelta(days=1))
    event.add("transp", "TRANSPARENT")
    event.add("summary", f"Remove {one_line(account.user_principal_name)} of {whose}")
    event.add("description", _description(due))
    alarm = Alarm()
    alarm.add("action", "DISPLAY")
    alarm.add("trigger", _ALARM)
    alarm.add("description", f"In a week: remove the service account of {whose}")
    event.add_component(alarm)
    return event


def _mark(due: DueAccount) -> str:
    account = due.account
    named = f"{account.client}/{account.user_id or account.user_principal_name}"
    return hashlib.sha256(named.encode()).hexdigest()[:32]


def _description(due: DueAccount) -> str:
    account = due.account
    lines = [
        f"Client: {account.client}",
        f"Object id: {account.user_id or 'not known'}",
        f"Roles: {', '.join(account.roles) or 'none'}",
        f"Purpose: {account.purpose}, onboarding {due.onboarding or 'not known'}",
        due.why,
        f"o365 run remove {account.client}",
    ]
    return "\n".join(one_line(line) for line in lines)
