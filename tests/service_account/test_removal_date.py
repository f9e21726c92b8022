from datetime import UTC, date, datetime

from o365lib.service_account.removal_date import RemovalDate, removal_date
from tests.service_account.example import DEFAULTS, make_client

CREATED = datetime(2026, 5, 1, 23, 30, tzinfo=UTC)


def by(created=CREATED, **changes):
    return removal_date(make_client(**changes), DEFAULTS, created=created)


def test_the_clients_file_has_the_first_word():
    day = date(2026, 12, 31)
    assert by(remove_by="2026-12-31") == RemovalDate(day=day, source="client-file")
    assert by(None, remove_by="2026-12-31").day == day


def test_else_the_policy_counts_from_the_creation():
    assert by() == RemovalDate(day=date(2026, 7, 30), source="policy")


def test_days_are_counted_in_utc():
    from datetime import timedelta, timezone

    late = CREATED.astimezone(timezone(timedelta(hours=10)))
    assert late.date() == date(2026, 5, 2)
    assert by(late).day == date(2026, 7, 30)


def test_where_nobody_knows_when_it_was_made_there_is_no_day():
    assert by(None) == RemovalDate(day=None, source="policy")


def test_an_account_for_federation_stays():
    assert by(purpose="federation") == RemovalDate(day=None, source="nobody")
