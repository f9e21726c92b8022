import json
import os
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from o365lib.evidence.record import (
    Approval,
    Change,
    Check,
    HandOverRecord,
    MadeAccount,
    Operator,
    Outcome,
    Record,
    accounts_made,
    pending_credentials,
    schema,
)
from o365lib.secret import MASK, Secret

ROOT = Path(__file__).parent.parent.parent
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
USER, NAME = "user-1", "practiceprotect@contoso.onmicrosoft.com"


def make(run_id="1", **fields) -> Record:
    return Record(
        run_id=run_id,
        client="alpine-books",
        runbook="create_service_account",
        package_version="1",
        operator=Operator(user_name="kim", host_name="desk"),
        started=NOW,
        **fields,
    )


def change(action="create-user", status="accepted", target=NAME) -> Change:
    return Change(action=action, target=target, status=status, started=NOW)


def handed_over(status="accepted") -> HandOverRecord:
    return HandOverRecord(
        method="mail", recipient="a@example.com", user_id=USER, status=status, date_time=NOW
    )


def test_a_record_comes_back_from_its_json_as_it_was():
    record = make(
        changes=[change()],
        hand_over=handed_over(),
        approval=Approval(approved_by="Kim", how="form", plan_digest="3b34", date_time=NOW),
        facts={"ü": [1, None, {"a": True}]},
    )
    assert Record.from_json(record.to_json()) == record


def test_a_run_is_unfinished_until_it_is_closed():
    record = make()
    assert record.outcome is Outcome.UNFINISHED
    assert record.closed_by == ""


def test_a_known_secret_that_slipped_in_is_masked_in_every_spelling():
    Secret('corr"ect-horse')
    text = make(reason='it was corr"ect-horse', facts={"a": 'corr"ect-horse'}).to_json()
    assert "ect-horse" not in text
    assert text.count(MASK) == 2
    json.loads(text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"schema_version": 2},
        {"colour": "blue"},
        {"outcome": "splendid"},
        {"started": "yesterday"},
        {"operator": {}},
    ],
)
def test_what_is_not_of_the_schema_is_no_record(wrong):
    content = {**json.loads(make().to_json()), **wrong}
    with pytest.raises(ValidationError) as caught:
        Record.from_json(json.dumps(content))
    assert "splendid" not in str(caught.value)
    if "started" not in wrong:  # JSON schema takes formats for remarks
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(content, schema())


def test_a_wrong_value_cannot_be_assigned_either():
    with pytest.raises(ValidationError):
        make().outcome = "splendid"


def test_what_is_written_fits_the_schema_that_is_documented():
    documented = json.loads((ROOT / "docs" / "record.schema.json").read_text("utf-8"))
    record = make(changes=[change()], hand_over=handed_over(), outcome=Outcome.DONE)
    jsonschema.validate(json.loads(record.to_json()), documented)
    described = [
        name
        for name in ("run_id", "undo", "requests", "parameters_digest")
        if documented["properties"][name].get("description")
    ]
    assert len(described) == 4


def test_the_documented_schema_is_in_step_with_the_models():
    main = runpy.run_path(str(ROOT / "tools" / "write_record_schema.py"))["main"]
    assert main(["--check"]) == 0


@pytest.mark.parametrize(
    ("statuses", "is_changed"),
    [
        ([], False),
        (["failed"], False),
        (["started"], True),
        (["unknown"], True),
        (["failed", "accepted"], True),
    ],
)
def test_a_change_that_may_have_taken_place_counts_as_a_change(statuses, is_changed):
    record = make(changes=[change(status=status) for status in statuses])
    assert record.is_changed is is_changed


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


def made(run_id="1", *, status="accepted", target=USER) -> Record:
    plan = {"user_principal_name": NAME}
    return make(run_id, changes=[change(status=status, target=target)], plan=plan)


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
    ],
)
def test_an_account_that_a_run_created_and_none_deleted_is_told_with_its_run(records):
    assert accounts_made(records) == (MadeAccount(USER, NAME, "1"),)


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
        [make(changes=[change("set-password", target=USER)])],
        [found_later()],
        [make(facts={"account": None}), make(facts={"account": {}}), made(status="unknown")],
    ],
)
def test_no_account_is_told_that_no_run_made_or_one_deleted(records):
    assert accounts_made(records) == ()


def test_every_account_that_was_made_is_told_oldest_first():
    records = [made(), removed(), made("3", target="user-3"), made("4", target="user-4")]
    assert [account.user_id for account in accounts_made(records)] == ["user-3", "user-4"]


def test_who_runs_the_process_is_known_by_account_and_machine(monkeypatch):
    monkeypatch.setenv("LOGNAME", "kim")
    operator = Operator.here()
    assert operator.user_name == "kim"
    assert operator.host_name
    assert (operator.signed_in_as, operator.object_id) == ("", "")


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="accounts have names on Windows")
def test_an_account_without_a_name_is_no_error(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 3_000_000_017)
    assert Operator.here().user_name == ""
