from datetime import UTC, datetime

from o365lib.runbook.confirming import question
from tests.service_account.example import (
    EXCHANGE,
    USER_ID,
    make_account,
    make_facts,
    make_plan,
    make_user,
)


def test_every_change_is_shown_escaped():
    account = make_account(EXCHANGE, user_principal_name="<b>p@x</b>\u202e")
    plan = make_plan("remove", make_facts(account))
    asked = question(plan, make_facts(account))
    assert "This removes" in asked.html
    assert USER_ID in asked.html
    assert asked.html.count("<li>") == len(plan.changes) == 3
    assert "<b>p@x" not in asked.html
    assert "&lt;b&gt;p@x&lt;/b&gt;" in asked.html
    assert "\u202e" not in asked.html


def test_for_a_removal_the_account_and_its_namesakes_can_be_picked_by_id_and_date():
    created = datetime(2026, 5, 1, 10, tzinfo=UTC)
    account = make_account(EXCHANGE, created_date_time=created)
    other = make_user(id="0000", user_principal_name="practiceprotect@<i>other", display_name="P")
    facts = make_facts(account, namesakes=(other,))
    asked = question(make_plan("remove", facts), facts)
    assert [each.object_id for each in asked.choices] == ["0000", USER_ID]
    assert asked.object_id == USER_ID
    assert "created 2026-05-01T10:00:00.000Z" in asked.choices[1].label
    assert asked.is_dangerous


def test_where_something_is_made_there_is_nothing_to_pick():
    asked = question(make_plan("create"), make_facts())
    assert (asked.choices, asked.is_dangerous) == ((), False)
    assert "This creates or completes" in asked.html
