"""The summary of a batch: what its notebook talks to."""

import importlib.util
import json
import subprocess
import sys

import pytest

from o365lib import runbook
from o365lib.errors import EvidenceError, StepOutOfOrder, StepTooLate, UsageError
from o365lib.evidence.archive import Archive
from o365lib.places import DRIVER_VARIABLE
from o365lib.reserved import BATCHES
from o365lib.runbook import batch_charts
from o365lib.runbook.batch_summary import NAME, drawn
from tests.ended_batch import Ran, end_batch

STEPS = (
    *("read", "outcomes", "needing_a_person", "remedies", "durations", "slowest", "steps"),
    *("requests", "attempts", "changed_files", "charts", "close"),
)
CLIENTS = {
    "alpine": [Ran("failed", 6, remedy="Again."), Ran()],
    "beta": [Ran("refused", remedy="End the federation first.")],
    "gamma": [],
}
RUN_ID = "20261123T210000000Z-summarize-abc123"


@pytest.fixture
def folder(summary_places, monkeypatch):
    """A batch that has ended, in the archive of the project that the environment names."""
    monkeypatch.setenv("O365_PARAMETERS", str(summary_places.parameters))
    monkeypatch.setenv("O365_EVIDENCE", str(summary_places.evidence))
    return end_batch(summary_places, CLIENTS, changed_files=["clients/beta.yaml"])


@pytest.fixture
def run(folder, summary_places, monkeypatch):
    """The summary as a command has it made, and its folder."""
    monkeypatch.setenv(DRIVER_VARIABLE, "1")
    made = Archive(summary_places.evidence).new_run(BATCHES, RUN_ID)
    opened = runbook.open_batch_summary(folder.batch_id, BATCHES, RUN_ID)
    yield opened, made
    opened._run_lock.remove()


def files(root):
    """Every file of an archive with its content, but for locks."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and ".lock" not in path.name
    }


def test_all_steps_are_shown_and_the_record_says_what_came_of_the_batch(run, folder):
    opened, made = run
    shown = {name: repr(getattr(opened, name)()) for name in STEPS}
    record = made.read_record()
    assert record.outcome == "done"
    assert record.closed_by == "runbook"
    assert record.runbook == NAME
    assert record.client == BATCHES
    assert record.reason == (
        f"batch {folder.batch_id}: 3 clients: 1 done, 1 refused, 1 not started"
    )
    assert record.parameters["batch_id"] == folder.batch_id
    assert len(record.runbook_digest) == 64
    assert [step.name.replace("-", "_") for step in record.steps] == list(STEPS)
    assert record.requests == []
    assert record.tenant_id == ""
    assert "End the federation first." in shown["needing_a_person"]
    assert "clients/beta.yaml" in shown["changed_files"]
    assert RUN_ID in shown["close"]


def test_the_batch_that_was_summed_up_lies_beside_the_record_byte_for_byte(run, folder):
    opened, made = run
    opened.read()
    assert (made.path / "batch.json").read_bytes() == (folder.path / "batch.json").read_bytes()


def test_the_record_is_there_before_anything_is_read(run):
    _, made = run
    record = made.read_record()
    assert record.outcome == "unfinished"
    assert record.steps == []


def test_a_run_that_is_there_already_is_not_written_again(run, folder):
    opened, _ = run
    opened._run_lock.remove()
    with pytest.raises(EvidenceError, match="already"):
        runbook.open_batch_summary(folder.batch_id, BATCHES, RUN_ID)


def test_a_look_in_jupyterlab_shows_the_same_and_writes_nothing(folder, summary_places):
    before = files(summary_places.evidence)
    opened = runbook.open_batch_summary(folder.batch_id[-6:], BATCHES, "")
    assert repr(opened) == f"Summary of the batch {folder.batch_id}"
    shown = [repr(getattr(opened, name)()) for name in STEPS]
    assert "1 done, 1 refused, 1 not started" in shown[0]
    assert "Nothing was archived" in shown[-1]
    assert files(summary_places.evidence) == before


def test_a_step_that_is_called_out_of_order_says_which_one_comes_first(run):
    opened, _ = run
    with pytest.raises(StepOutOfOrder, match="read"):
        opened.outcomes()


def test_a_summary_that_is_closed_is_closed(run):
    opened, _ = run
    for name in STEPS:
        getattr(opened, name)()
    with pytest.raises(StepTooLate):
        opened.read()


def test_a_batch_without_its_result_is_told_with_what_ends_it(run, folder):
    opened, made = run
    (folder.path / "batch.json").unlink()
    with pytest.raises(EvidenceError, match="not written yet") as caught:
        opened.read()
    assert f"o365 run --resume {folder.batch_id}" in caught.value.remedy
    record = made.read_record()
    assert record.outcome == "failed"
    assert record.error is not None
    assert record.error.step == "read"


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"schema_version": 2}'])
def test_a_result_that_cannot_be_read_is_told(run, folder, text):
    opened, _ = run
    (folder.path / "batch.json").write_text(text)
    with pytest.raises(EvidenceError, match=r"no `batch\.json`"):
        opened.read()


def test_a_batch_whose_claims_are_elsewhere_is_summed_up_and_says_so(run, folder):
    opened, _ = run
    for claim in (folder.path / "claims").iterdir():
        claim.unlink()
    (folder.path / "claims").rmdir()
    assert "✗ Who executed what is not known" in repr(opened.read())
    assert "not known" in [repr(getattr(opened, name)()) for name in STEPS[1:]][-4]


def test_what_does_not_add_up_is_told_in_the_first_step(run, folder, summary_places):
    opened, _ = run
    batch = folder.read_batch()
    Archive(summary_places.evidence).run("beta", batch.clients[1].run_id).record_file.unlink()
    assert (
        f"✗ Not in the figures, since the records cannot be read: beta/{batch.clients[1].run_id}"
        in (repr(opened.read()))
    )


def test_an_unknown_batch_names_those_that_come_near(folder):
    with pytest.raises(UsageError, match="There is no batch") as caught:
        runbook.open_batch_summary(f"{folder.batch_id[:-1]}x", BATCHES, "")
    assert folder.batch_id in caught.value.remedy


def test_where_no_batch_is_named_the_newest_are(folder):
    with pytest.raises(UsageError, match="No batch was named") as caught:
        runbook.open_batch_summary("", BATCHES, "")
    assert folder.batch_id in caught.value.remedy


def test_a_client_is_nobody_to_sum_up(folder):
    with pytest.raises(UsageError, match="made for no client"):
        runbook.open_batch_summary(folder.batch_id, "alpine", "")


def test_a_parameter_of_the_wrong_type_is_told(folder):
    with pytest.raises(UsageError, match="batch_id is 7, a int"):
        runbook.open_batch_summary(7, BATCHES, "")


@pytest.mark.skipif(
    importlib.util.find_spec("matplotlib") is None, reason="matplotlib is not installed"
)
def test_charts_are_a_picture_with_its_numbers_in_words(run):
    opened, _ = run
    results = {name: getattr(opened, name)() for name in STEPS}
    data, about = results["charts"]._repr_mimebundle_()
    assert set(data) == {"image/png", "text/plain"}
    assert "done 1, refused 1, not started 1" in about["image/png"]["alt"]
    assert about["image/png"]["width"] > 0
    assert len(data["text/plain"]) < 5000
    assert results["charts"]._repr_html_() is None


WITHOUT = """\
import json, sys
sys.modules["matplotlib"] = None
import importlib.util
real = importlib.util.find_spec
found = None if sys.argv[1] == "absent" else object()
def find_spec(name, *rest):
    return found if name == "matplotlib" else real(name, *rest)
importlib.util.find_spec = find_spec
from o365lib.runbook.batch_summary import drawn
from o365lib.runbook.charts import Bar, Chart
shown = drawn((
    Chart(title="Outcomes", bars=[Bar("done", 4), Bar("failed", 2, is_trouble=True)]),
    Chart(title="Waits", bars=[], nothing="None."),
))
print(json.dumps({"rows": shown.rows, "notes": shown.notes, "html": shown._repr_html_()}))
"""


@pytest.mark.parametrize("matplotlib", ["absent", "broken"])
def test_without_matplotlib_bars_of_characters_show_the_same(matplotlib):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT, matplotlib], check=True, capture_output=True, text=True
    )
    shown = json.loads(done.stdout)
    assert shown["rows"] == [
        ["Outcomes", "done", "4", "█" * 24],
        ["", "failed", "2", "█" * 12],
        ["Waits", "None.", "", ""],
    ]
    assert "o365-runbooks[charts]" in shown["notes"][0]
    assert "<table" in shown["html"]


def test_equal_batches_are_equal_pictures(run):
    opened, _ = run
    opened.read()
    charts = batch_charts.charts(opened._figures)
    assert drawn(charts) == drawn(charts)
