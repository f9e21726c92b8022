from datetime import UTC, date, datetime, timedelta

import icalendar

from o365lib.reports.calendar import calendar
from o365lib.service_account.due import due_accounts
from tests.service_account.example import DEFAULTS, make_client
from tests.service_account.test_due import account

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)


def written(*accounts, **changes):
    files = {"contoso": make_client(**changes)}
    due = due_accounts(accounts, files, DEFAULTS, today=NOW.date(), within_days=14)
    return calendar(due, now=NOW)


def events(content):
    return icalendar.Calendar.from_ical(content).walk("VEVENT")


def test_each_account_with_a_day_has_an_entry_for_that_day_and_an_alarm_a_week_before():
    (event,) = events(written(account(), account("fabrikam")))
    assert event.decoded("dtstart") == date(2026, 11, 24)
    assert event.decoded("dtend") == date(2026, 11, 25)
    (alarm,) = event.walk("VALARM")
    assert alarm.decoded("trigger") == timedelta(days=-7)
    assert "o365 run remove contoso" in event["description"]


def test_imported_again_an_entry_is_the_same_on_its_new_day():
    before, after = events(written(account())), events(written(account(), remove_by="2027-01-31"))
    assert before[0]["uid"] == after[0]["uid"]
    assert after[0].decoded("dtstart") == date(2027, 1, 31)


def test_text_that_means_harm_stays_in_its_place():
    wild = "Contoso; Ltd, \\ BEGIN:VALARM"
    content = written(
        account(user_principal_name="p@x\r\nBEGIN:VEVENT\r\n\u202e"), display_name=wild
    )
    (event,) = events(content)
    assert event["summary"] == f"Remove p@x BEGIN:VEVENT  of {wild}"
    assert content.count(b"\r\nBEGIN:VALARM") == 1


def test_lines_are_no_longer_than_calendars_bear():
    content = written(account(), display_name="ü" * 250)
    assert max(len(line) for line in content.split(b"\r\n")) <= 75
