import json
import os
import runpy
from pathlib import Path

import jsonschema
import pytest
from pydantic import ValidationError

from o365lib import secret
from o365lib.evidence.record import (
    Approval,
    Operator,
    Outcome,
    Record,
    schema,
)
from o365lib.secret import MASK, Secret
from tests.evidence.small_records import NOW, change, handed_over, make

ROOT = Path(__file__).parent.parent.parent


def test_a_records_json_is_the_same_whether_there_was_something_to_mask_or_not(monkeypatch):
    record = make(
        changes=[change()],
        hand_over=handed_over(),
        facts={"ü\u2028\x7f\x1b": [1, 2.5, None, {"a": True, "b": [], "c": {}}], "d": '"\\\n'},
        reason="",
    )
    quick = record.to_json()
    monkeypatch.setattr(secret, "may_stand_in_json", lambda _text: True)
    assert record.to_json() == quick


def test_half_a_character_is_no_worse_than_it_was():
    record = make(reason="\udc80")
    with pytest.raises(ValueError, match="surrogates"):
        record.to_json().encode()


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
