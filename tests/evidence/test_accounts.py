"""What a client's records tell about its account: who made it, and who was handed it."""

from datetime import UTC, datetime, timedelta

import pytest

from o365lib.evidence.accounts import (
    HandledAccount,
    accounts_handled,
    handed_over_by,
    has_pending_credentials,
    is_gone,
    may_have_set_password,
    pending_credentials,
    user_found,
)
from o365lib.evidence.record import Change, Check, HandOverRecord, Operator, Record
from tests.evidence.small_records import NAME, NOW, USER, change, handed_over, make

OTHER = "user-2"


@pytest.mark.parametrize(
    ("records", "pending"),
    [
        ([], ""),
        ([make("1", changes=[change()], hand_over=handed_over())], ""),
        ([make("1", changes=[change()])], "1"),
        ([make("1", changes=[change(status="started")])], "1"),
        ([make("1", changes=[change(status="failed")])], ""),
        ([make("1", changes=[change(target="somebody-else")])], ""),
        ([make("1", changes=[change("assign-role")])], ""),
        ([make("1", changes=[change()], hand_over=handed_over("unknown"))], "1"),
        ([make("1", changes=[change()], hand_over=handed_over("failed"))], "1"),
        (
            [
                make("1", changes=[change()]),
                make("2", changes=[change("set-password", target=USER)], hand_over=handed_over()),
            ],
            "",
        ),
        (
            [
                make("1", changes=[change()], hand_over=handed_over()),
                make("2", changes=[change("set-password", target=USER)]),
            ],
            "2",
        ),
        (
            [
                make("1", changes=[change()]),
                make("2", changes=[change("assign-role", target=USER)]),
            ],
            "1",
        ),
        *(
            (
                [
                    make(
                        "1",
                        changes=[change("set-password", target=USER)],
                        hand_over=handed_over(),
                        verification=[Check(name=name, wanted="changed", found="x", passed=passed)],
                    )
                ],
                pending,
            )
            for name, passed, pending in (
                ("password", False, "1"),
                ("password", True, ""),
                ("roles", False, ""),
            )
        ),
    ],
)
def test_a_password_that_was_set_and_not_handed_over_is_pending(records, pending):
    found = pending_credentials(records, user_id=USER, user_principal_name=NAME, created=NOW)
    assert found == pending


def set_at(run_id, minute, *, action="set-password", host="desk", seen=None, **handed) -> Record:
    """Return the record of a run that set the password at a minute.

    `seen` is the run whose password it had read to be pending; `handed` says at which minute a
    hand-over ended how.
    """
    hand_overs = [
        handed_over(status).model_copy(update={"date_time": NOW + timedelta(minutes=at)})
        for status, at in handed.items()
    ]
    made = make(
        run_id,
        changes=[
            change(action, target=USER).model_copy(
                update={"started": NOW + timedelta(minutes=minute)}
            )
        ],
        hand_over=hand_overs[0] if hand_overs else None,
        facts=None if seen is None else {"pending_credentials": seen},
    )
    made.operator.host_name = host
    return made


# Runs are listed in the order in which they were opened.
BY_INSTANT = {
    "opened first, handed over last": (
        [set_at("a", 20, accepted=21), set_at("b", 10, action="create-user", failed=11)],
        "",
    ),
    "opened first, set last, not handed over": (
        [set_at("a", 20, failed=21), set_at("b", 10, action="create-user", accepted=11)],
        "a",
    ),
    "one instant: the run opened later": ([set_at("a", 0, accepted=0), set_at("b", 0)], "b"),
    "one instant: the run opened later, the other way": (
        [set_at("a", 0), set_at("b", 0, accepted=0)],
        "",
    ),
    "handed over at the instant of the change": ([set_at("a", 0, accepted=0)], ""),
    "handed over before the password was set again": ([set_at("a", 5, accepted=4)], "a"),
    "shown and not yet looked at": ([set_at("a", 5, started=6)], "a"),
    "set again on one machine within the skew": (
        [set_at("a", 0), set_at("b", 1, accepted=1)],
        "",
    ),
    "two machines within the skew, neither knows": (
        [set_at("a", 0), set_at("b", 1, host="lab", accepted=1)],
        "a",
    ),
    "two machines within the skew, both handed over": (
        [set_at("a", 0, accepted=0), set_at("b", 1, host="lab", accepted=1)],
        "",
    ),
    "two machines beyond the skew": (
        [set_at("a", 0), set_at("b", 6, host="lab", accepted=6)],
        "",
    ),
    "two machines, the newer knew": (
        [set_at("a", 0), set_at("b", 1, host="lab", accepted=1, seen="a")],
        "",
    ),
    "two machines, the slow clock knew and handed over": (
        [set_at("a", 1), set_at("b", 0, host="lab", accepted=0, seen="a")],
        "",
    ),
    "two machines, the slow clock knew and did not": (
        [set_at("a", 1, accepted=1), set_at("b", 0, host="lab", seen="a")],
        "b",
    ),
    "two machines, each says that it knew": (
        [set_at("a", 1, seen="b", accepted=1), set_at("b", 0, host="lab", seen="a")],
        "b",
    ),
    "beyond the skew what a run knew is of no weight": (
        [set_at("a", 9), set_at("b", 0, host="lab", seen="a", accepted=0)],
        "a",
    ),
}


@pytest.mark.parametrize(("records", "pending"), BY_INSTANT.values(), ids=BY_INSTANT)
def test_the_newest_password_counts_whenever_its_run_was_opened(records, pending):
    found = pending_credentials(records, user_id=USER, user_principal_name=NAME, created=None)
    assert found == pending


def test_of_two_passwords_of_one_run_the_later_one_must_have_been_handed_over():
    record = set_at("a", 0, accepted=1)
    again = change("set-password", "unknown", USER)
    record.changes.append(again.model_copy(update={"started": NOW + timedelta(minutes=2)}))
    found = pending_credentials([record], user_id=USER, user_principal_name=NAME, created=None)
    assert found == "a"


@pytest.mark.parametrize(
    ("target", "created", "pending"),
    [
        (NAME, NOW + timedelta(minutes=1), "1"),
        (NAME, None, "1"),
        (NAME, NOW + timedelta(days=30), ""),
        (NAME, NOW - timedelta(days=30), ""),
        (USER, NOW - timedelta(days=30), "1"),
    ],
)
def test_a_run_that_never_learnt_the_id_has_made_only_an_account_of_its_own_time(
    target, created, pending
):
    records = [make("1", changes=[change(status="unknown", target=target)])]
    found = pending_credentials(records, user_id=USER, user_principal_name=NAME, created=created)
    assert found == pending


# what the readable records tell, the minute of the tenant's newest password: who handed it over
PROOFS = {
    "its own password": ([set_at("a", 0, accepted=1)], 0, "a"),
    "one that was created": ([set_at("a", 0, action="create-user", accepted=1)], 0, "a"),
    "of an earlier run": ([set_at("a", 0, accepted=1), make("b")], 0, "a"),
    "within the skew of the service's clock": ([set_at("a", 0, accepted=1)], 5, "a"),
    "somebody set another one since": ([set_at("a", 0, accepted=1)], 6, ""),
    "what was handed over is not in force": ([set_at("a", 10, accepted=11)], 4, ""),
    "the mail was refused": ([set_at("a", 0, failed=1)], 0, ""),
    "the mail may have been sent": ([set_at("a", 0, unknown=1)], 0, ""),
    "handed over before it was set again": ([set_at("a", 5, accepted=4)], 5, ""),
    "the tenant does not tell": ([set_at("a", 0, accepted=1)], None, ""),
    "no run has set it": ([make("a")], 0, ""),
    "no record is left": ([], 0, ""),
}


@pytest.mark.parametrize(("records", "minute", "proof"), PROOFS.values(), ids=PROOFS)
def test_a_hand_over_is_proved_of_the_password_that_the_tenant_shows(records, minute, proof):
    instant = None if minute is None else NOW + timedelta(minutes=minute)
    assert handed_over_by(records, user_id=USER, last_password_change=instant) == proof
    assert handed_over_by(records, user_id=OTHER, last_password_change=instant) == ""


def made(run_id="1", *, status="accepted", target=USER) -> Record:
    plan = {"user_principal_name": NAME}
    return make(run_id, changes=[change(status=status, target=target)], plan=plan)


def completed(run_id="1", *, action="assign-role", status="accepted") -> Record:
    plan = {"user_principal_name": NAME}
    return make(run_id, changes=[change(action, status=status, target=USER)], plan=plan)


def removed(run_id="2", *, status="accepted", target=USER, gone=None) -> Record:
    checks = [] if gone is None else [Check(name="account", wanted="", found="", passed=gone)]
    changes = [change("delete-user", status=status, target=target)]
    return make(run_id, changes=changes, verification=checks)


def found_later(run_id="2", *, name=NAME, created=NOW) -> Record:
    user = {"id": USER, "user_principal_name": name, "created_date_time": created.isoformat()}
    return make(run_id, facts={"account": {"user": user}})


@pytest.mark.parametrize(
    "records",
    [
        [made()],
        [made(), removed(target="somebody-else")],
        [made(), removed(status="failed")],
        [made(), removed(status="failed", gone=True)],
        [made(), removed(status="unknown")],
        [made(), removed(status="accepted", gone=False)],
        [made(), found_later()],
        [made(status="unknown", target=NAME), found_later()],
        [made(status="started", target=NAME), found_later()],
        [made(status="unknown", target=NAME), found_later(name=NAME.upper())],
        [made(status="unknown", target=NAME), found_later(), found_later("3")],
        [made(), made("2")],
        [made(), completed("2")],
        [completed("1")],
        [completed("1", action="set-password")],
        [completed("1", status="unknown")],
        [completed("1"), completed("2")],
    ],
)
def test_an_account_that_a_run_made_or_completed_and_none_deleted_is_told_with_its_run(records):
    assert accounts_handled(records) == (HandledAccount(USER, NAME, "1"),)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [made(), removed()],
        [made(), removed(gone=True)],
        [made(), removed(status="unknown", gone=True)],
        [made(), removed(status="started", gone=True)],
        [removed("0"), made()],
        [made(status="failed")],
        [made(status="failed", target=NAME), found_later()],
        [made(status="unknown", target=NAME)],
        [made(status="unknown", target=NAME), found_later(created=NOW - timedelta(days=30))],
        [made(status="unknown", target=NAME), found_later(name="other@contoso.onmicrosoft.com")],
        [completed(action="remove-role")],
        [completed(action="revoke-sign-in-sessions")],
        [completed(status="failed")],
        [completed(), removed()],
        [found_later()],
        [make(facts={"account": None}), make(facts={"account": {}}), made(status="unknown")],
    ],
)
def test_no_account_is_told_that_no_run_made_or_completed_or_one_deleted(records):
    assert accounts_handled(records) == ()


def test_every_account_that_was_handled_is_told_oldest_first():
    records = [made(), removed(), made("3", target="user-3"), made("4", target="user-4")]
    assert [account.user_id for account in accounts_handled(records)] == ["user-3", "user-4"]


def run(
    number, action="", target=USER, status="accepted", *, to="", found=None, gone=None, renamed=()
):
    """A record of an hour, with one change or none.

    `to` is whose password was handed over, `found` who was there when it looked ("" for nobody),
    `renamed` who was there under another name, and `gone` whether a deletion was seen to be one.
    """
    begun = NOW + timedelta(hours=number)
    handed_over = HandOverRecord(
        method="mail",
        recipient="a@example.com",
        user_id=to,
        status="accepted",
        date_time=begun + timedelta(seconds=2),
    )
    facts = {
        "read": begun.isoformat(),
        "account": {"user": {"id": found}} if found else None,
        "renamed": [{"user_id": each} for each in renamed],
    }
    checks = [] if gone is None else [Check(name="account", wanted="", found="", passed=gone)]
    return Record(
        run_id=str(number),
        client="alpine-books",
        runbook="create_service_account",
        package_version="1",
        operator=Operator(user_name="kim", host_name="desk"),
        started=begun,
        facts=None if found is None else facts,
        changes=[Change(action=action, target=target, status=status, started=begun)]
        if action
        else [],
        hand_over=handed_over if to else None,
        verification=checks,
    )


def creation(number, target=USER, status="accepted", **more):
    return run(number, "create-user", target, status, **more)


def waited(hours, record):
    """A run that was opened first of all, and only looked and acted at its hour."""
    return record.model_copy(update={"started": record.started - timedelta(hours=hours)})


# a client's records, oldest first: whether a password may still be to be handed over
CLIENTS = {
    "no run": ([], False),
    "handed over": ([creation(1, to=USER)], False),
    "not handed over": ([creation(1)], True),
    "killed": ([creation(1, status="started")], True),
    "lost": ([creation(1, status="unknown")], True),
    "failed": ([creation(1, status="failed")], False),
    "no password": ([run(1, "assign-role")], False),
    "killed before it learnt the id": ([creation(1, NAME, "started")], True),
    "who it was is learnt by the next run, which hands over": (
        [creation(1, NAME, "unknown"), run(2, "set-password", to=USER, found=USER)],
        False,
    ),
    "another password": ([creation(1, to=USER), run(2, "set-password", found=USER)], True),
    "lost under the name": ([creation(1, to=USER), creation(2, NAME, "started", found="")], True),
    "handed over is another account's": ([creation(1), creation(2, OTHER, to=OTHER)], True),
    "deleted": ([creation(1), run(2, "delete-user", found=USER)], False),
    "not deleted": ([creation(1), run(2, "delete-user", status="failed", found=USER)], True),
    "perhaps deleted": ([creation(1), run(2, "delete-user", status="unknown", found=USER)], True),
    "perhaps deleted, seen gone": (
        [creation(1), run(2, "delete-user", status="unknown", found=USER, gone=True)],
        False,
    ),
    "deleted, seen standing": ([creation(1), run(2, "delete-user", found=USER, gone=False)], True),
    "another one deleted": ([creation(1), run(2, "delete-user", OTHER)], True),
    "deleted and restored": (
        [creation(1), run(2, "delete-user", found=USER), run(3, "assign-role", found=USER)],
        True,
    ),
    "deleted and made anew": (
        [creation(1), run(2, "delete-user", found=USER), creation(3, OTHER, to=OTHER, found="")],
        False,
    ),
    "deleted by hand": ([creation(1), run(2, found="")], False),
    "deleted by hand and made anew": ([creation(1), creation(2, OTHER, to=OTHER, found="")], False),
    "deleted by hand, another one found": ([creation(1), run(2, found=OTHER)], False),
    "deleted by hand, made anew, restored": (
        [creation(1), creation(2, OTHER, to=OTHER, found=""), run(3, found=USER)],
        True,
    ),
    "renamed": ([creation(1), run(2, found="", renamed=[USER])], True),
    "not there before it was created": ([run(1, found=""), creation(2, found="")], True),
    "not there when a run looked that was opened later": (
        [waited(2, creation(3, found="")), run(2, found="")],
        True,
    ),
    "deleted, then lost under the name": (
        [
            creation(1, to=USER),
            run(2, "delete-user", found=USER),
            creation(3, NAME, "unknown", found=""),
        ],
        True,
    ),
    "deleted by hand, then lost under the name": (
        [creation(1, to=USER), creation(2, NAME, "unknown", found="")],
        True,
    ),
    "lost under the name and deleted by hand": (
        [creation(1, NAME, "unknown", found=""), run(2, found="")],
        False,
    ),
    "lost under the name, learnt, and deleted": (
        [
            creation(1, NAME, "unknown", found=""),
            run(2, "set-password", to=USER, found=USER),
            run(3, "delete-user", found=USER),
        ],
        False,
    ),
    "lost under the name, and found": (
        [creation(1, NAME, "unknown", found=""), run(2, found=USER)],
        True,
    ),
}


@pytest.mark.parametrize(("records", "pending"), CLIENTS.values(), ids=CLIENTS)
def test_a_password_that_nobody_was_given_is_known_before_the_account_is(records, pending):
    assert has_pending_credentials(records) is pending


CREATED = datetime(2026, 11, 23, 12, tzinfo=UTC)

# the id of a run whose record cannot be read: whether it may have set the password of an account
# that was created at that time
IDS = {
    "20261123T115900000Z-create-7f3a9c": True,
    "20261124T115900000Z-create-7f3a9c": True,
    "20261123T090000000Z-create-7f3a9c": True,  # it may have waited at its form
    "20261122T120000000Z-create-7f3a9c": True,
    "20261122T114500000Z-create-7f3a9c": True,
    "20261122T114459999Z-create-7f3a9c": False,
    "20250101T000000000Z-create-7f3a9c": False,
    "20261123T115900000Z-remove-7f3a9c": False,
    "20250101T000000000Z-remove-7f3a9c": False,
    "20250101T000000000Z-another-7f3a9c": False,
    "20251301T000000000Z-remove-7f3a9c": True,  # no such month: not an id of ours
    "20250101-remove": True,
    "remove": True,
    "run-1": True,
}


@pytest.mark.parametrize(("run_id", "may"), IDS.items())
def test_a_lost_record_is_of_a_run_that_may_have_set_the_password_unless_its_id_tells(run_id, may):
    assert may_have_set_password(run_id, created=CREATED) is may


@pytest.mark.parametrize("run_id", IDS)
def test_where_the_age_of_an_account_is_not_known_only_removals_are_left_out(run_id):
    is_removal = run_id.endswith("Z-remove-7f3a9c") and not run_id.startswith("202513")
    assert may_have_set_password(run_id, created=None) is not is_removal


def test_an_account_is_gone_where_the_last_that_is_told_of_it_says_so():
    found = {"account": {"user": {"id": USER}}, "read": NOW.isoformat()}
    made, seen = make("1", changes=[change(target=USER)]), make("2", facts=found)
    deletion = [change("delete-user", target=USER)]
    assert not is_gone(USER, [made])
    assert not is_gone(USER, [made, seen])
    assert is_gone(USER, [made, make("2", changes=deletion)])
    assert is_gone(USER, [make("1", facts={"account": None, "read": NOW.isoformat()})])
    assert not is_gone("another", [])
    assert (user_found(seen), user_found(made)) == ({"id": USER}, {})
