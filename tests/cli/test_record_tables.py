from datetime import UTC, datetime

from o365lib.cli.record_tables import tables
from o365lib.evidence.record import Approval, ErrorRecord, HandOverRecord, Operator, Record

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def make(**fields) -> dict:
    told = {"run_id": "1", "client": "alpine-books", "runbook": "create", **fields}
    record = Record(
        package_version="1",
        operator=Operator(user_name="kim", host_name="desk"),
        started=NOW,
        **told,
    )
    return {title: rows for title, _, rows in tables(record)}


def test_a_record_that_has_just_begun_has_its_head_only():
    assert list(make()) == ["Run 1"]


def test_the_head_says_who_approved_what_and_how_the_credentials_went():
    head = dict(
        make(
            approval=Approval(approved_by="Kim", how="form", plan_digest="3b34", date_time=NOW),
            hand_over=HandOverRecord(
                method="mail",
                recipient="support@example.com",
                user_id="1",
                status="accepted",
                date_time=NOW,
            ),
            dry_run=True,
        )["Run 1"]
    )
    assert head["Approved by"] == "Kim (form)"
    assert head["Approved plan"] == "3b34"
    assert head["Hand-over"] == "mail to support@example.com"
    assert head["Handed over"] == "accepted"
    assert head["Dry run"] == "yes"
    assert "Ended" not in head


def test_a_signed_approval_is_shown_with_its_id_and_the_key():
    head = dict(
        make(
            approval=Approval(
                approved_by="Ana",
                how="signed",
                plan_digest="3b34",
                date_time=NOW,
                approval_id="20261123T110000000Z-approve-00aa11",
                key_id="4c" * 32,
            )
        )["Run 1"]
    )
    assert head["Approved by"] == "Ana (signed)"
    assert head["Approval"] == "20261123T110000000Z-approve-00aa11"
    assert head["Approver's key"].startswith("SHA256:4c4c 4c4c")


def test_a_refusal_shows_its_guard_and_the_way_out():
    error = ErrorRecord(type="Refused", message="m", state="s", remedy="r", guard="federated")
    head = dict(make(error=error)["Run 1"])
    assert (head["Guard"], head["In the tenant"], head["What to do"]) == ("federated", "s", "r")


def test_a_plan_of_an_unknown_shape_breaks_nothing():
    assert make(plan={"changes": "none", "refusals": None, "already": []}).get("Plan") is None
    refusals = make(plan={"refusals": [{"code": "last-administrator", "message": "m"}]})["Plan"]
    assert refusals == [("refusal", "last-administrator", "m")]


def test_the_summary_of_a_batch_is_archived_and_of_no_client():
    head = dict(make(client="o365-batches")["Run 1"])
    assert head["Archived as"] == "o365-batches"
    assert "Client" not in head
