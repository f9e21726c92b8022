"""The log and the records, compared: what both tell, and what only one of them does."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from o365lib.service_account.reconciliation import LAG
from tests.service_account.witness import (
    ACTIVITIES,
    APPLICATION,
    DAY,
    MINUTE,
    NOW,
    OPERATOR,
    STRANGER,
    USER,
    audit,
    change,
    compare,
    record,
    request,
    whole_life,
)

OTHER = "11111111-0000-4000-8000-000000000001"


def strangers(found):
    return [(entry.activity, entry.by_id) for entry in found.without_record]


def missing(found):
    return [(each.change.change.action, each.is_alarming) for each in found.without_change]


def test_a_whole_life_matches_and_nothing_is_left():
    records, audits = whole_life()
    found = compare(audits, records)
    assert [(each.change.record.run_id, each.change.change.action) for each in found.matched] == [
        ("create-1", "create-user"),
        ("create-1", "assign-role"),
        ("remove-1", "remove-role"),
        ("remove-1", "revoke-sign-in-sessions"),
        ("remove-1", "delete-user"),
    ]
    assert sum(len(each.entries) for each in found.matched) == len(audits)
    assert found.is_clean
    assert (found.without_record, found.without_change, found.noted) == ((), (), ())


@pytest.mark.parametrize("number", range(5))
def test_each_entry_that_is_lacking_leaves_its_change_without_a_witness(number):
    records, audits = whole_life()
    witness = audits.pop(number)
    found = compare(audits, records)
    assert [is_alarming for _, is_alarming in missing(found)] == [True]
    assert ACTIVITIES[missing(found)[0][0]] == witness.activity_display_name
    assert not found.is_clean


@pytest.mark.parametrize("number", [0, 1])
def test_a_run_that_is_lacking_leaves_its_entries_without_a_record(number):
    records, audits = whole_life()
    lacking = records.pop(number)
    found = compare(audits, records)
    assert {entry.activity for entry in found.without_record} >= {
        ACTIVITIES[each.action] for each in lacking.changes if each.action in ACTIVITIES
    }
    assert not found.is_clean


@pytest.mark.parametrize("activity", [*ACTIVITIES.values(), "Restore user", "Hard Delete user"])
def test_whatever_somebody_else_does_is_told(activity):
    records, audits = whole_life()
    audits.append(audit(activity, at=NOW + 10 * MINUTE, by=STRANGER))
    assert strangers(compare(audits, records)) == [(activity, STRANGER)]


@pytest.mark.parametrize(
    "activity", ["Update user", "Change user license", "Add member to group", "Something new"]
)
def test_what_no_runbook_does_needs_no_known_name_to_be_told(activity):
    records, audits = whole_life()
    audits.append(audit(activity, at=NOW + 10 * MINUTE, by=STRANGER))
    assert strangers(compare(audits, records)) == [(activity, STRANGER)]


def test_at_the_very_time_of_a_run_somebody_else_is_still_somebody_else():
    records, audits = whole_life()
    audits[0] = audit("Add user", by=STRANGER)
    found = compare(audits, records)
    assert strangers(found)[0] == ("Add user", STRANGER)
    assert missing(found) == [("create-user", True)]


@pytest.mark.parametrize("activity", ["Update user", "Set force change user password"])
def test_what_comes_along_with_a_change_does_so_for_the_same_identity_or_microsofts(activity):
    run = record(change())
    exchange = "00000002-0000-0ff1-ce00-000000000000"
    for words, is_clean in (
        ({}, True),
        ({"app": exchange, "by": STRANGER}, True),
        ({"by": STRANGER}, False),
        ({"app": APPLICATION, "by": STRANGER}, False),
    ):
        assert compare([audit(), audit(activity, **words)], [run]).is_clean is is_clean, words


def test_the_same_person_at_another_time_did_it_by_hand():
    records, audits = whole_life()
    audits.append(audit("Reset user password", at=NOW + 30 * MINUTE, by=OPERATOR))
    assert strangers(compare(audits, records)) == [("Reset user password", OPERATOR)]


def test_the_same_person_at_the_same_time_with_another_role_did_it_by_hand():
    records, audits = whole_life()
    at = NOW + 2 * MINUTE
    audits.append(audit("Add member to role", at=at, role="Global Administrator"))
    found = compare(audits, records)
    assert [entry.detail for entry in found.without_record] == ["global administrator"]
    assert missing(found) == []


def test_a_role_is_known_by_its_old_name_and_by_its_template_too():
    role_id = "62e90394-69f5-4237-9190-012177145e10"
    made = change("assign-role", after="Global Administrator")
    for role in ("Company Administrator", "Global Administrator", role_id):
        run = record(made, plan={"role_definition_id": role_id})
        assert compare([audit("Add member to role", role=role)], [run]).is_clean, role


def test_another_account_is_another_account():
    records, audits = whole_life()
    audits.append(audit("Add user", target=OTHER))
    assert compare(audits, records).is_clean
    found = compare(audits, records, accounts=(USER, OTHER))
    assert [entry.account_id for entry in found.without_record] == [OTHER]


def test_an_account_that_was_made_again_has_its_own_entries():
    records, audits = whole_life()
    again = change("create-user", at=NOW + 3 * DAY, target=OTHER)
    records.append(record(again, run_id="create-2"))
    audits.append(audit("Add user", at=again.started, target=OTHER))
    found = compare(audits, records, accounts=(USER, OTHER), read=NOW + 4 * DAY)
    assert found.is_clean
    assert {each.entries[0].account_id for each in found.matched} == {USER, OTHER}


def test_a_run_that_never_learnt_the_id_is_matched_by_name_and_time():
    killed = record(change(target="PracticeProtect@contoso.onmicrosoft.com", status="started"))
    assert compare([audit()], [killed]).is_clean
    late = compare([audit(at=NOW + 3 * 60 * MINUTE)], [killed])
    assert len(late.without_record) == 1


@pytest.mark.parametrize(
    ("minutes", "is_clean"), [(-6, False), (-4, True), (0, True), (4, True), (6, False)]
)
def test_clocks_may_be_five_minutes_apart(minutes, is_clean):
    found = compare([audit(at=NOW + minutes * MINUTE)], [record(change())])
    assert found.is_clean is is_clean


# ---- who did it ----------------------------------------------------------------------------------


def test_an_application_is_known_by_either_of_its_ids():
    run = record(change(), object_id=OPERATOR, signed_in_as=f"application {APPLICATION}")
    for by, app in ((OPERATOR, APPLICATION), ("", APPLICATION), (OPERATOR, "")):
        assert compare([audit(by=by, app=app)], [run]).is_clean, (by, app)
    for by, app in ((STRANGER, APPLICATION), ("", OTHER), ("", "")):
        assert not compare([audit(by=by, app=app)], [run]).is_clean, (by, app)


def test_a_person_whose_token_could_not_be_read_is_known_by_name():
    run = record(change(), object_id="", signed_in_as="C1D2@contoso.com")
    assert compare([audit()], [run]).is_clean
    assert not compare([audit(by=STRANGER)], [run]).is_clean
    assert not compare([audit()], [record(change(), object_id="", signed_in_as="")]).is_clean


@pytest.mark.parametrize("activity", ["Change user password", "User registered security info"])
def test_what_its_holder_does_is_noted_only(activity):
    found = compare([audit(), audit(activity, at=NOW + DAY / 2, by=USER)], [record(change())])
    assert found.is_clean
    assert [(each.entry.activity, each.why) for each in found.noted] == [
        (activity, "the account's holder did it")
    ]
    assert strangers(compare([audit(activity, by=STRANGER)], [])) == [(activity, STRANGER)]


@pytest.mark.parametrize(
    "activity", ["Add member to role", "Reset user password", "Enable account"]
)
def test_an_account_that_gives_itself_rights_is_told(activity):
    assert strangers(compare([audit(activity, by=USER)], [])) == [(activity, USER)]


def test_microsofts_services_may_update_a_user_and_no_more():
    exchange = "00000002-0000-0ff1-ce00-000000000000"
    for words in ({"app": exchange, "by": STRANGER}, {"initiatedBy": {}}):
        found = compare([audit("Update user", **words)], [])
        assert [each.why for each in found.noted] == ["one of Microsoft's own services did it"]
        assert found.is_clean
        assert not compare([audit("Add member to role", **words)], []).is_clean
        assert not compare([audit("Restore user", **words)], []).is_clean
    assert not compare([audit("Update user", app=APPLICATION, by=STRANGER)], []).is_clean


def test_an_application_that_only_has_a_name_is_not_taken_for_microsofts():
    nameless = {"app": {"displayName": "Office 365 Exchange Online"}}
    assert not compare([audit("Update user", initiatedBy=nameless)], []).is_clean


def test_the_recycle_bin_empties_itself():
    found = compare([audit("Hard Delete user", initiatedBy={})], [])
    assert [each.why for each in found.noted] == ["the 30 days of the recycle bin were over"]


def test_what_was_refused_is_noted_whoever_tried_it():
    refused = audit("Add member to role", by=STRANGER, result="failure")
    found = compare([refused], [])
    assert [each.why for each in found.noted] == ["the service refused it: nothing was changed"]
    assert found.is_clean
    found = compare([audit(result="failure")], [record(change())])
    assert missing(found) == [("create-user", True)]


# ---- what came of it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "statuses", "expected"),
    [
        ("accepted", [], [("assign-role", True)]),
        ("accepted", [201], [("assign-role", True)]),
        ("accepted", [503, 201], [("assign-role", True)]),
        ("accepted", [409], []),
        ("accepted", [0, 409], [("assign-role", False)]),
        ("accepted", [0], [("assign-role", False)]),
        ("unknown", [], [("assign-role", False)]),
        ("unknown", [0], [("assign-role", False)]),
        ("started", [], [("assign-role", False)]),
        ("failed", [], []),
        ("failed", [403], []),
    ],
)
def test_what_a_record_tells_of_the_answers_decides_what_the_log_should_show(
    status, statuses, expected
):
    path = "/roleManagement/directory/roleAssignments"
    requests = [request("POST", path, each) for each in statuses]
    # Not of this change: another method, another path, another time.
    requests += [
        request("GET", path, 200),
        request("POST", "/users", 201),
        request("POST", path, 201, at=NOW - MINUTE),
    ]
    run = record(change("assign-role", status=status), requests=requests)
    assert missing(compare([], [run])) == expected
    found = compare([audit("Add member to role")], [run])
    assert (len(found.matched), found.is_clean) == (1, True)


def test_handing_over_is_no_change_of_the_directory():
    assert missing(compare([], [record(change("hand-over"))])) == []


@pytest.mark.parametrize(("sent", "written", "left"), [(1, 2, 1), (2, 2, 0), (2, 3, 1)])
def test_a_request_that_was_sent_again_may_stand_in_the_log_again(sent, written, left):
    requests = [request("PATCH", f"/users/{USER}", 0) for _ in range(sent)]
    run = record(change("set-password"), requests=requests)
    audits = [audit("Reset user password", entry_id=f"{each}") for each in range(written)]
    assert len(compare(audits, [run]).without_record) == left


@pytest.mark.parametrize("minutes", [(-4, 4), (4, 10), (4, 5)])
def test_two_runs_share_their_entries_as_fits_both(minutes):
    early, late = record(change(), run_id="1"), record(change(at=NOW + 8 * MINUTE), run_id="2")
    first, second = (NOW + each * MINUTE for each in minutes)
    found = compare([audit(at=second), audit(at=first)], [late, early])
    assert {each.change.record.run_id: each.entries[0].date_time for each in found.matched} == {
        "1": first,
        "2": second,
    }


def test_what_may_not_have_taken_place_takes_no_witness_from_what_did():
    lost = record(change("set-password", status="unknown"), run_id="1")
    done = record(change("set-password", at=NOW + MINUTE), run_id="2")
    found = compare([audit("Reset user password")], [lost, done])
    assert [each.change.record.run_id for each in found.matched] == ["2"]
    assert missing(found) == [("set-password", False)]


def test_the_clients_own_id_in_the_log_is_told_and_not_needed():
    own = "99999999-0000-4000-8000-000000000001"
    run = record(change(), requests=[request("POST", "/users", 201, client_request_id=own)])
    for correlation_id, is_correlated in ((own.upper(), True), ("", False), (OTHER, False)):
        (matched,) = compare([audit(correlationId=correlation_id)], [run]).matched
        assert matched.is_correlated is is_correlated


# ---- how far the log reaches ---------------------------------------------------------------------


def test_what_lies_before_the_log_cannot_be_witnessed_and_does_not_alarm():
    found = compare([], [record(change())], read=NOW + 8 * DAY)
    assert missing(found) == [("create-user", False)]
    assert "can be read from 2026-11-24T12:00:00.000Z on only" in found.without_change[0].why
    assert found.is_clean


def test_what_is_too_recent_for_the_log_does_not_alarm():
    run = record(change())
    ended = run.changes[0].ended
    assert missing(compare([], [run], read=ended + LAG - timedelta(seconds=1))) == [
        ("create-user", False)
    ]
    assert missing(compare([], [run], read=ended + LAG)) == [("create-user", True)]


def test_since_leaves_out_what_lies_before():
    records, audits = whole_life()
    audits.append(audit("Restore user", by=STRANGER, at=NOW - MINUTE))
    found = compare(audits, records, since=NOW + 30 * MINUTE)
    assert {each.change.record.run_id for each in found.matched} == {"remove-1"}
    assert found.is_clean
    assert not compare(audits, records).is_clean


# ---- whatever comes ------------------------------------------------------------------------------


def shape(found):
    return (
        [(each.change.record.run_id, each.change.change.action) for each in found.matched],
        [[entry.id for entry in each.entries] for each in found.matched],
        [entry.id for entry in found.without_record],
        [(each.change.record.run_id, each.why) for each in found.without_change],
        [(each.entry.id, each.why) for each in found.noted],
    )


@given(st.data())
def test_order_and_repetition_change_nothing(data):
    records, audits = whole_life()
    audits += [
        audit("Reset user password", at=NOW + 3 * MINUTE, by=STRANGER),
        audit("Change user password", at=NOW + 4 * MINUTE, by=USER),
    ]
    whole = compare(audits, records)
    again = data.draw(st.lists(st.sampled_from(audits)))
    shuffled = data.draw(st.permutations([*audits, *again]))
    assert shape(compare(shuffled, data.draw(st.permutations(records)))) == shape(whole)


@given(st.integers(min_value=0, max_value=7 * 24 * 3600), st.data())
def test_a_log_that_lags_never_accuses_the_runs(seconds, data):
    records, audits = whole_life()
    read = NOW + timedelta(seconds=seconds)
    lag = timedelta(seconds=data.draw(st.integers(min_value=0, max_value=25 * 60)))
    shown = [each for each in audits if each.activity_date_time + lag <= read]
    begun = [run for run in records if run.changes[0].started <= read]
    found = compare(shown, begun, read=read)
    assert [each for each in found.without_change if each.is_alarming] == []
    assert [entry for entry in found.without_record if entry.by_id != OPERATOR] == []


moments = st.integers(min_value=-60, max_value=24 * 60).map(lambda minutes: NOW + minutes * MINUTE)
some_audits = st.lists(
    st.builds(
        lambda activity, at, by, number: audit(activity, at=at, by=by, entry_id=f"e{number}"),
        st.sampled_from([*ACTIVITIES.values(), "Update user", "Change user password", "New one"]),
        moments,
        st.sampled_from([OPERATOR, STRANGER, USER]),
        st.integers(min_value=0, max_value=10_000),
    ),
    max_size=12,
    unique_by=lambda each: each.id,
)
some_records = st.lists(
    st.builds(
        lambda action, at, status: change(action, at=at, status=status),
        st.sampled_from([*ACTIVITIES, "hand-over"]),
        moments,
        st.sampled_from(["started", "accepted", "failed", "unknown"]),
    ),
    max_size=8,
).map(lambda made: [record(each, run_id=f"run-{at}") for at, each in enumerate(made)])


@given(some_audits, some_records)
def test_every_entry_and_every_change_is_in_exactly_one_place(audits, records):
    found = compare(audits, records)
    entries = [entry.id for each in found.matched for entry in each.entries]
    entries += [entry.id for entry in found.without_record]
    entries += [each.entry.id for each in found.noted]
    assert sorted(entries) == sorted(each.id for each in audits)
    told = [each.change.record.run_id for each in (*found.matched, *found.without_change)]
    assert len(told) == len(set(told))
    silent = {run.run_id for run in records} - set(told)
    for run in records:
        if run.run_id in silent:
            assert run.changes[0].status == "failed" or run.changes[0].action == "hand-over"


@given(some_audits, some_records)
def test_a_stranger_is_never_matched(audits, records):
    for matched in compare(audits, records).matched:
        assert {entry.by_id for entry in matched.entries} == {OPERATOR}
