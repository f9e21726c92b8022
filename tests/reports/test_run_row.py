import json
import runpy
from pathlib import Path

import jsonschema
import pytest

from o365lib.evidence.archive import NOTEBOOK_FILE, RECORD_FILE
from o365lib.evidence.standing_accounts import standing
from o365lib.reports.run_row import Report, StandingRow, row_of
from o365lib.reports.seal_status import SealStatus
from tests.reports.examples import NAME, NOW, ROLE, archived, creation, refusal, removal

ROOT = Path(__file__).parents[2]


def test_a_row_tells_who_what_when_and_with_what_result(tmp_path):
    run = archived(tmp_path, creation())
    row = row_of(run)
    assert (row.client, row.runbook, row.outcome) == ("alpine-books", run.record.runbook, "done")
    assert (row.operator, row.host, row.signed_in_as) == ("kim", "desk", "kim@msp.example")
    assert (row.approved_by, row.approved_how) == ("Demo Approver", "parameter")
    assert (row.account, row.role, row.purpose) == (NAME, ROLE, "mail-redirection")
    assert (row.changes, row.checks_passed, row.checks_failed, row.requests) == (3, 1, 0, 2)
    assert (row.hand_over_method, row.hand_over_status) == ("mail", "accepted")
    assert row.hand_over_recipient == "onboarding@example.com"
    assert (row.seal, row.seal_number, row.seal_fingerprint) == ("sealed", 1, "SHA256:abab")
    assert row.record_sha256 == run.sha256_of(RECORD_FILE)
    assert row.notebook_sha256 == run.sha256_of(NOTEBOOK_FILE)


def test_a_refusal_names_its_guard_and_a_removal_until_when_it_can_be_undone(tmp_path):
    assert row_of(archived(tmp_path, refusal())).guard == "federated-with-vendor"
    row = row_of(archived(tmp_path / "other", removal()))
    assert row.restorable_until == "2026-12-23T12:00:00+00:00"
    assert (row.hand_over_method, row.hand_over_date_time) == ("", None)


def test_a_run_that_cannot_be_read_has_a_row_too(tmp_path):
    run = archived(tmp_path, creation())
    run.folder.record_file.write_text("{")
    again = type(run)(
        folder=run.folder, record=None, problem="why", record_sha256="", seals=run.seals
    )
    row = row_of(again)
    assert (row.outcome, row.reason, row.started, row.runbook) == ("unreadable", "why", None, "")
    assert (row.run_id, row.client) == (run.folder.run_id, "alpine-books")


@pytest.mark.parametrize("number", [None, 7])
def test_what_is_printed_fits_the_schema_that_is_documented(tmp_path, number):
    schema = json.loads((ROOT / "docs" / "report.schema.json").read_text("utf-8"))
    status = SealStatus(state="invalid", number=number, problems=("edited",))
    report = Report(
        made=NOW,
        evidence="evidence",
        client="",
        since=None,
        runs=(row_of(archived(tmp_path, creation(), status)),),
        standing=tuple(StandingRow.model_validate(vars(each)) for each in standing([creation()])),
        counts={"done": 1},
    )
    printed = json.loads(report.model_dump_json())
    jsonschema.validate(printed, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**printed, "more": 1}, schema)


def test_the_documented_schema_is_in_step_with_the_models():
    main = runpy.run_path(str(ROOT / "tools" / "write_record_schema.py"))["main"]
    assert main(["--check"]) == 0
