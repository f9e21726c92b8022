from datetime import UTC, datetime

from o365lib.evidence.record import Change, Operator, Outcome, Record
from o365lib.runbook.opening import opening
from tests.service_account.example import make_client

NOW = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)


def record(run_id="r2", **changes):
    content = {
        "run_id": run_id,
        "client": "contoso",
        "runbook": "create_service_account",
        "package_version": "0",
        "operator": Operator(user_name="kim", host_name="desk"),
        "started": NOW,
    }
    return Record(**(content | changes))


def rows(shown):
    return dict(shown.rows)


def test_it_says_whose_tenant_it_is_and_in_which_cloud():
    shown = opening(
        record(ticket="INC-7"),
        make_client(
            cloud="china",
            sign_in={
                "method": "device-code",
                "application_id": "11111111-2222-4333-8444-555555555555",
            },
        ),
        [],
        at_work="",
    )
    assert rows(shown)["Cloud"] == "china"
    assert rows(shown)["Ticket"] == "INC-7"
    assert "contoso" in rows(shown)["Client"]
    assert "The run before" not in rows(shown)
    assert shown.notes == []


def test_the_sandbox_is_called_so():
    assert (
        "nothing here is real"
        in rows(opening(record(), make_client(cloud="sandbox"), [], at_work=""))["Cloud"]
    )


def test_who_is_at_work_is_told_and_that_one_can_look():
    shown = opening(record(), make_client(), [], at_work="Kim on desk has been at work")
    assert shown.notes[0].startswith("Kim on desk has been at work. You can look")


def test_what_the_run_before_did_and_left_is_told():
    change = {"target": "u", "started": NOW}
    broken = record(
        "r1",
        outcome=Outcome.UNVERIFIED,
        reason="the kernel was stopped",
        plan={
            "changes": [
                {"action": "create-user", "title": "Create the user"},
                {"action": "hand-over", "title": "Hand it over"},
                {"action": "assign-role", "title": "Assign the role"},
            ]
        },
        changes=[
            Change(action="create-user", detail="Create the user", status="accepted", **change),
            Change(action="hand-over", detail="Hand it over", status="unknown", **change),
        ],
    )
    shown = opening(record(), make_client(), [broken], at_work="")
    assert "unverified, the kernel was stopped" in rows(shown)["The run before"]
    (note,) = shown.notes
    assert "Create the user: done" in note
    assert "Hand it over: not known whether it took place" in note
    assert "was left: Hand it over; Assign the role." in note


def test_of_a_run_that_ended_well_nothing_is_left():
    shown = opening(record(), make_client(), [record("r1", outcome=Outcome.DONE)], at_work="")
    assert shown.notes == []
    assert "done" in rows(shown)["The run before"]
