"""The summary of a batch, executed and archived like a run."""

import json
from pathlib import Path

import pytest

from o365lib.errors import UsageError
from o365lib.evidence.seal import read_seal
from o365lib.places import SUMMARY_NOTEBOOK, Places
from o365lib.reserved import BATCHES
from o365lib.runs.batch_summary_run import require_runbook_of_clients, summarize
from tests.demo_project import ROOT
from tests.ended_batch import Ran, end_batch

CLIENTS = {"alpine": [Ran()], "beta": [Ran("refused", remedy="End the federation first.")]}


@pytest.fixture
def project(places: Places) -> Places:
    """A project whose own notebooks are older than the summary: the package's is taken."""
    (places.notebooks / "create_service_account.ipynb").write_text("{}")
    return places


def test_a_batch_is_summed_up_sealed_and_covered_by_the_digest(project, evidence, archive):
    folder = end_batch(project, CLIENTS, evidence=evidence)
    result = summarize(folder.batch_id, project, evidence)
    assert result.outcome == "done", result.reason
    assert result.client == BATCHES
    assert result.runbook == "summarize_batch"
    assert result.reason == f"batch {folder.batch_id}: 2 clients: 1 done, 1 refused"
    (run,) = archive.runs(BATCHES)
    assert run.read_record().outcome == "done"
    assert result.seal_file is not None
    seal = json.loads(result.seal_file.read_text())
    assert seal
    assert read_seal(result.seal_file).predicate["run_id"] == run.run_id
    assert {path.name for path in run.path.iterdir()} == {
        "batch.json", "record.json", "runbook.ipynb"
    }  # fmt: skip
    shown = run.notebook_file.read_text("utf-8")
    assert "End the federation first." in shown
    assert "Traceback" not in shown
    assert evidence.close() is not None
    assert evidence.problems == []


def test_a_batch_that_is_not_there_fails_as_a_result(project, evidence):
    result = summarize("20261123T000000000Z-batch-000000", project, evidence)
    assert result.outcome == "failed"
    assert "There is no batch" in result.reason


def test_a_notebook_that_is_no_summary_fails_as_a_result(project, evidence):
    (project.notebooks / SUMMARY_NOTEBOOK).write_text("{}")
    result = summarize("any", project, evidence)
    assert (result.client, result.outcome, result.run_id) == (BATCHES, "failed", "")
    assert "is not a runbook" in result.reason
    assert result.remedy


def test_the_summary_is_run_for_no_client():
    with pytest.raises(UsageError, match="run for no client"):
        require_runbook_of_clients(ROOT / "notebooks" / SUMMARY_NOTEBOOK)
    require_runbook_of_clients(Path("create_service_account.ipynb"))
