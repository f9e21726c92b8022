"""What the records and the tenant tell of the password that a run set."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib import clock
from o365lib.evidence.custody import blocked_by, password_custody
from o365lib.evidence.record import Change, Check, HandOverRecord
from tests.evidence.small_records import NAME, NOW, USER, change, handed_over, make

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def custody(*records, created=NOW, last_change=NOW):
    return password_custody(
        records, user_id=USER, user_principal_name=NAME, created=created, last_change=last_change
    )


def created_by(run_id="1", **fields):
    return make(run_id, changes=[change(target=USER)], **fields)


def set_by(run_id="2", *, at=NOW, checks=(), **fields):
    made = Change(action="set-password", target=USER, status="accepted", started=at, ended=at)
    return make(run_id, changes=[made], verification=list(checks), **fields)


def read_back(instant, *, passed=True):
    found = f"last changed {clock.iso(instant)}"
    return Check(name="password", wanted="changed", found=found, passed=passed)


def test_without_a_run_that_set_one_nothing_is_known():
    assert custody() is None
    assert custody(make("1", changes=[change(status="failed", target=USER)])) is None
    assert custody(make("1", changes=[change(target="somebody-else")])) is None
    assert custody(make("1", changes=[change("assign-role", target=USER)])) is None


def test_a_run_that_never_learnt_the_id_is_known_by_name_and_time():
    killed = make("1", changes=[change(target=NAME.upper(), status="started")])
    assert custody(killed).run_id == "1"
    assert custody(killed, created=NOW + timedelta(hours=1)) is None
    assert custody(killed, created=None) is None


def test_how_to_whom_when_and_by_which_request_it_went_is_told():
    letter = HandOverRecord(
        method="mail",
        recipient="a@example.com",
        user_id=USER,
        status="accepted",
        date_time=NOW,
        request_id="r-1",
    )
    found = custody(created_by(hand_over=letter))
    assert (found.method, found.recipient, found.handed_over) == ("mail", "a@example.com", NOW)
    assert (found.request_id, found.is_handed_over) == ("r-1", True)
    assert found.way == "handed over by mail to a@example.com on 2026-11-23"


@pytest.mark.parametrize("status", ["started", "failed", "unknown"])
def test_what_was_not_accepted_went_to_nobody(status):
    found = custody(created_by(hand_over=handed_over(status)))
    assert (found.is_handed_over, found.way) == (False, "handed over to nobody")


def test_an_earlier_hand_over_is_of_an_earlier_password():
    record = set_by(at=NOW + MINUTE, hand_over=handed_over())
    assert custody(record).status == ""


def test_the_newest_password_counts_whatever_the_order_of_the_records():
    records = [set_by("3", at=NOW + DAY), created_by("1"), set_by("2", at=NOW + MINUTE)]
    for order in (records, records[::-1]):
        assert custody(*order).run_id == "3"


@pytest.mark.parametrize(
    ("last_change", "is_changed"),
    [
        (NOW, False),
        (NOW + timedelta(seconds=2), False),
        (NOW + 2 * MINUTE, True),
        (NOW + DAY, True),
        (None, None),
    ],
)
def test_a_created_accounts_password_is_used_once_it_was_changed_after_the_creation(
    last_change, is_changed
):
    assert custody(created_by(), last_change=last_change).is_changed is is_changed


@pytest.mark.parametrize(
    ("checks", "last_change", "is_changed"),
    [
        ((), NOW + 4 * MINUTE, False),
        ((), NOW + 6 * MINUTE, True),
        ((), NOW - 4 * MINUTE, False),
        ((), NOW - 6 * MINUTE, None),
        ([read_back(NOW)], NOW, False),
        ([read_back(NOW)], NOW + timedelta(seconds=2), True),
        ([read_back(NOW, passed=False)], NOW + timedelta(seconds=2), False),
        ([read_back(NOW - DAY)], NOW - DAY, False),
    ],
)
def test_a_replaced_password_is_judged_by_the_tenants_clock_where_it_was_read_back(
    checks, last_change, is_changed
):
    record = set_by(checks=checks)
    assert custody(record, created=NOW - DAY, last_change=last_change).is_changed is is_changed


def test_days_are_counted_from_the_hand_over():
    found = custody(created_by(hand_over=handed_over()))
    assert found.days_unused(NOW + 7 * DAY) == 7
    assert found.days_unused(NOW + 7 * DAY - MINUTE) == 6
    assert found.days_unused(NOW - DAY) == 0
    assert custody(created_by(), last_change=NOW + DAY).days_unused(NOW + 9 * DAY) is None
    assert custody(created_by(), last_change=None).days_unused(NOW + 9 * DAY) is None


def switch(run_id, action, at, status="accepted", target=USER):
    return make(run_id, changes=[Change(action=action, target=target, status=status, started=at)])


def test_who_blocked_the_sign_in_is_known_until_somebody_allows_it_again():
    blocked, allowed = switch("1", "disable-user", NOW), switch("2", "enable-user", NOW + DAY)
    assert blocked_by([blocked], user_id=USER) == "1"
    assert blocked_by([blocked], user_id="user-2") == ""
    assert blocked_by([blocked, allowed], user_id=USER) == ""
    assert blocked_by([blocked, allowed, switch("3", "disable-user", NOW + 2 * DAY)], user_id=USER)
    assert blocked_by([switch("1", "disable-user", NOW, "failed")], user_id=USER) == ""
    assert blocked_by([], user_id=USER) == ""


@given(st.permutations([0, 1, 2, 3]), st.integers(min_value=-10_000, max_value=10_000))
def test_nothing_depends_on_the_order_of_the_records(order, seconds):
    records = [
        created_by("0", hand_over=handed_over()),
        set_by("1", at=NOW + MINUTE),
        set_by("2", at=NOW + 2 * MINUTE, checks=[read_back(NOW + 2 * MINUTE)]),
        make("3", changes=[change(status="failed", target=USER)]),
    ]
    last = NOW + timedelta(seconds=seconds)
    shuffled = [records[at] for at in order]
    assert custody(*shuffled, last_change=last) == custody(*records, last_change=last)
