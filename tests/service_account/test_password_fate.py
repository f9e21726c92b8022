"""Who changed the password that a run has set, as far as the log tells."""

from datetime import timedelta

import pytest

from o365lib.evidence.custody import password_custody
from o365lib.service_account.password_fate import password_fate
from tests.service_account.witness import (
    DAY,
    MINUTE,
    NAME,
    NOW,
    STRANGER,
    USER,
    audit,
    change,
    compare,
    record,
)

RESET, CHOSEN = "Reset user password", "Change user password"
PASSWORD_RESET_SERVICE = "93625bc8-bfe2-437a-97e0-3d0060024faa"


def fate(*audits, last_change=NOW + DAY, ours=True, records=None, read=NOW + 2 * DAY):
    records = [record(change())] if records is None else records
    custody = password_custody(
        records, user_id=USER, user_principal_name=NAME, created=NOW, last_change=last_change
    )
    found = compare([*([audit()] if ours else []), *audits], records, read=read)
    return password_fate(custody, found, user_id=USER.upper())


def by_holder(at=NOW + DAY, activity=CHOSEN, **fields):
    return audit(activity, at=at, by=USER, **fields)


def by_stranger(at=NOW + DAY, activity=RESET, **fields):
    return audit(activity, at=at, by=STRANGER, **fields)


@pytest.mark.parametrize(
    "activity", [CHOSEN, "Change password (self-service)", "Reset password (self-service)"]
)
@pytest.mark.parametrize("ours", [True, False])
def test_what_the_account_itself_has_changed_was_used(activity, ours):
    told = fate(by_holder(activity=activity), ours=ours)
    assert (told.became, told.is_used, told.date_time) == ("used", True, NOW + DAY)


@pytest.mark.parametrize("activity", [RESET, "Reset password (by admin)", CHOSEN])
@pytest.mark.parametrize("ours", [True, False])
def test_what_somebody_else_has_reset_was_replaced_and_by_whom_is_told(activity, ours):
    told = fate(by_stranger(activity=activity), ours=ours)
    assert (told.became, told.is_used) == ("replaced", False)
    assert told.by == f"{STRANGER[:4]}@contoso.com"


def test_a_reset_within_the_skew_of_the_clocks_counts_where_the_log_tells_of_both():
    soon = NOW + timedelta(seconds=20)
    assert fate(by_stranger(at=soon), last_change=soon).became == "replaced"
    assert fate(by_holder(at=soon), last_change=soon).became == "used"


def test_what_came_first_counts():
    late = NOW + DAY + MINUTE
    assert fate(by_stranger(), by_holder(at=late)).became == "replaced"
    assert fate(by_holder(), by_stranger(at=late)).became == "used"


def test_what_came_before_the_runs_own_password_does_not_count():
    again = record(change("set-password", at=NOW + DAY), run_id="run-2")
    audits = [audit(RESET, at=NOW + DAY), by_stranger(at=NOW + DAY - MINUTE)]
    told = fate(*audits, records=[record(change()), again], last_change=NOW + DAY)
    assert told.became == "unused"


def test_where_the_log_does_not_tell_by_whom_it_was_changed_and_no_more():
    service = audit(RESET, at=NOW + DAY, by="", app=PASSWORD_RESET_SERVICE)
    nobody = audit(RESET, at=NOW + DAY, initiatedBy={})
    refused = by_holder(result="failure")
    another = by_holder(activity="Update user")
    for audits in ([], [service], [nobody], [refused], [another]):
        told = fate(*audits)
        assert (told.became, told.is_used, told.by) == ("changed", None, "")


def test_what_was_not_changed_is_unused_and_what_is_not_known_is_not_told():
    assert fate(last_change=NOW).became == "unused"
    assert fate(last_change=None).became == "unknown"
    assert fate(records=[], ours=False).became == "unknown"
