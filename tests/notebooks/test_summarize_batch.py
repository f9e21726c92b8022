"""The notebook that sums up a batch, executed over what real runs left in the archive."""

import hashlib
import html
import re

import nbformat
import pytest

from o365lib.evidence.batches.batch_file import Attempt, BatchFile, ClientResult, Drive
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.evidence.batches.inputs import Inputs, Runbook
from o365lib.evidence.key_store import KeyStore
from o365lib.evidence.sealing import OpenBatch
from o365lib.runs.batch_summary_run import summarize
from tests.demo_project import ROOT
from tests.ended_batch import BEGUN

NOTEBOOK = ROOT / "notebooks" / "summarize_batch.ipynb"


@pytest.fixture(scope="module")
def summed_up(project):
    """A batch of one client that was looked at and one that is not there, and its summary."""
    evidence = OpenBatch.begin(project.archive, KeyStore(project.places.keys))
    inputs = Inputs.of(
        runbook=Runbook.of("create_service_account", "{}"),
        defaults="",
        clients={"alpine-books": "", "bayside-legal": ""},
    )
    folder = BatchFolder.begin(evidence, inputs)
    ran = project.execute("create", "alpine-books", dry_run=True)["alpine-books"].result
    assert folder.claim("alpine-books", 1, ran.run_id)
    attempt = Attempt(attempt=1, run_id=ran.run_id, outcome=ran.outcome, seconds=ran.seconds)
    folder.write_batch(
        BatchFile.of(
            inputs,
            drives=[Drive(started=BEGUN, user_name="kim", host_name="desk", jobs=2)],
            clients=[
                ClientResult(
                    client="alpine-books",
                    outcome=ran.outcome,
                    reason=ran.reason,
                    run_id=ran.run_id,
                    attempts=(attempt,),
                ),
                ClientResult(client="bayside-legal", outcome="not started"),
            ],
        )
    )
    seen = len(project.sandbox.journal)
    result = summarize(inputs.batch_id, project.places, evidence)
    evidence.close()
    assert result.notebook_file is not None, result.reason
    return result, nbformat.read(result.notebook_file, as_version=4), seen


def shown(notebook, name):
    (cell,) = [each for each in notebook.cells if each.id == name]
    return "\n".join(output.data["text/plain"] for output in cell.outputs)


def test_every_cell_was_executed_and_shows_something(summed_up):
    result, notebook, _ = summed_up
    assert result.outcome == "done"
    for cell in notebook.cells:
        if cell.cell_type == "code" and cell.id != "imports" and "run" in cell.source[:4]:
            assert cell.outputs, cell.id
            assert all(each.output_type == "execute_result" for each in cell.outputs), cell.id


def test_it_tells_of_the_runs_by_their_own_records(summed_up, project):
    _, notebook, _ = summed_up
    assert "1 planned, 1 not started" in shown(notebook, "outcomes")
    assert "bayside-legal" in shown(notebook, "needing-a-person")
    (record,) = project.records("alpine-books")
    assert [step.name for step in record.steps if step.status != "not done"] == re.findall(
        r"^([a-z-]+) ", shown(notebook, "steps"), re.MULTILINE
    )
    assert f"{len(record.requests)} requests" in shown(notebook, "requests")
    assert "✓ Counts, claims and records add up." in shown(notebook, "read")


def test_it_asks_no_tenant_anything(summed_up, project):
    _, _, seen = summed_up
    assert len(project.sandbox.journal) == seen


def test_its_record_names_the_notebook_that_was_executed(summed_up, project):
    (record,) = project.records("o365-batches")
    committed = hashlib.sha256(NOTEBOOK.read_bytes()).hexdigest()
    assert record.runbook_digest == committed
    assert record.closed_by == "runbook"


def test_it_has_no_secret_and_runs_nothing_in_the_readers_browser(summed_up, project):
    _, notebook, _ = summed_up
    text = nbformat.writes(notebook)
    assert project.leaks(text) == []
    assert "<script" not in html.unescape(text)
    assert "widgets" not in notebook.metadata
