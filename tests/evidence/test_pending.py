"""A password that nobody was given, known of a client before it is known of which account."""

from datetime import UTC, datetime, timedelta

import pytest

from o365lib.evidence.pending import has_pending_credentials
from o365lib.evidence.record import Change, HandOverRecord, Operator, Record

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
USER, OTHER, NAME = "user-1", "user-2", "practiceprotect@contoso.onmicrosoft.com"


def run(number, action="create-user", target=USER, status="accepted", *, to="", found=""):
    """A record with one change; `to` is whose password was handed over, `found` who was there."""
    begun = NOW + timedelta(hours=number)
    handed_over = HandOverRecord(
        method="mail",
        recipient="a@example.com",
        user_id=to,
        status="accepted",
        date_time=begun + timedelta(seconds=2),
    )
    return Record(
        run_id=str(number),
        client="alpine-books",
        runbook="create_service_account",
        package_version="1",
        operator=Operator(user_name="kim", host_name="desk"),
        started=begun,
        facts={"account": {"user": {"id": found}} if found else None},
        changes=[Change(action=action, target=target, status=status, started=begun)],
        hand_over=handed_over if to else None,
    )


# a client's records, oldest first: whether a password may still be to be handed over
CLIENTS = [
    ([], False),
    ([run(1, to=USER)], False),
    ([run(1)], True),
    ([run(1, status="started")], True),
    ([run(1, status="unknown")], True),
    ([run(1, status="failed")], False),
    ([run(1, "assign-role")], False),
    ([run(1, target=NAME, status="started")], True),
    # Who it was is learnt by the next run, which hands over.
    ([run(1, target=NAME, status="unknown"), run(2, "set-password", to=USER)], False),
    ([run(1, to=USER), run(2, "set-password")], True),
    ([run(1, to=USER), run(2, target=NAME, status="started")], True),
    # The account that was handed over says nothing of the other one.
    ([run(1), run(2, target=OTHER, to=OTHER)], True),
    # An account that a run deleted does not count, unless a later one finds it.
    ([run(1), run(2, "delete-user", found=USER)], False),
    ([run(1), run(2, "delete-user", status="failed", found=USER)], True),
    ([run(1), run(2, "delete-user"), run(3, "assign-role", found=USER)], True),
    ([run(1), run(2, "delete-user"), run(3, target=OTHER, to=OTHER)], False),
]


@pytest.mark.parametrize(("records", "pending"), CLIENTS)
def test_a_password_that_nobody_was_given_is_known_before_the_account_is(records, pending):
    assert has_pending_credentials(records) is pending
