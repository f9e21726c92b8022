"""Changes that records tell of: when, by whom, and whether the service did them."""

import pytest

from o365lib.service_account.audit_entry import WITNESSES
from o365lib.service_account.permissions import NEEDS
from o365lib.service_account.recorded_change import Certainty, accounts_of, recorded_changes
from tests.service_account.witness import MINUTE, NAME, NOW, USER, change, record, request

OTHER = "11111111-0000-4000-8000-000000000001"


def only(run):
    (found,) = recorded_changes([run])
    return found


def test_every_change_that_a_run_can_make_has_its_witness():
    # The hand-over changes nothing in the directory.
    assert set(WITNESSES.values()) == set(NEEDS) - {"hand-over"}
    for action in NEEDS:
        assert len(recorded_changes([record(change(action))])) == (action != "hand-over")


def test_changes_come_by_their_beginning_whatever_the_order_of_the_records():
    runs = [record(change(at=NOW + MINUTE), run_id="2"), record(change(), run_id="1")]
    assert [each.record.run_id for each in recorded_changes(runs)] == ["1", "2"]


@pytest.mark.parametrize(
    ("action", "method", "path"),
    [
        ("create-user", "POST", "/users"),
        ("set-password", "PATCH", f"/users/{USER}"),
        ("disable-user", "PATCH", f"/users/{USER}"),
        ("assign-role", "POST", "/roleManagement/directory/roleAssignments"),
        ("remove-role", "DELETE", "/roleManagement/directory/roleAssignments/abc"),
        ("revoke-sign-in-sessions", "POST", f"/users/{USER}/revokeSignInSessions"),
        ("delete-user", "DELETE", f"/users/{USER}"),
    ],
)
def test_the_requests_of_a_change_are_found(action, method, path):
    for status, certainty in ((204, Certainty.DONE), (404, Certainty.NOT_DONE)):
        run = record(change(action), requests=[request(method, path, status)])
        assert only(run).certainty is certainty
    other = record(change(action), requests=[request("GET", path, 404)])
    assert only(other).certainty is Certainty.DONE


@pytest.mark.parametrize("started", ["", "yesterday", None])
def test_a_request_without_its_instant_is_of_no_change(started):
    broken = request("POST", "/users", 404) | {"started": started}
    assert only(record(change(), requests=[broken])).certainty is Certainty.DONE


def test_a_change_that_nobody_ended_may_take_ten_minutes():
    assert only(record(change(status="started"))).end == NOW + 15 * MINUTE


def test_all_accounts_that_runs_had_to_do_with_are_known_by_their_ids():
    runs = [
        record(change(target=USER.upper())),
        record(change(target=NAME)),
        record(plan={"user_id": OTHER}, undo={"id": "undone"}),
        record(facts={"account": {"user": {"id": "found"}}}),
        record(facts={"account": None}, plan={}),
    ]
    assert accounts_of(runs) == {USER, OTHER, "undone", "found"}
