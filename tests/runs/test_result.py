import json

import pytest

from o365lib.evidence.archive import RunFolder
from o365lib.evidence.record import Outcome
from o365lib.runs import summary
from o365lib.runs.notebook import run_notebook


def cells_of(result) -> dict:
    archived = json.loads(result.notebook_file.read_text("utf-8"))
    return {cell["id"]: cell for cell in archived["cells"]}


def record_of(result):
    return RunFolder(result.record_file.parent).read_record()


def texts(cell) -> str:
    return "".join("".join(output.get("text", [])) for output in cell["outputs"])


# In place of a full disk: nothing can replace a folder by a file.
UNWRITABLE = "folder.notebook_file.unlink()\nfolder.notebook_file.mkdir()\n"


def test_a_run_that_is_done_but_not_archived_as_a_whole_is_not_good(make_request, archive, tiny):
    request = make_request(tiny["open"], tiny["close"] + UNWRITABLE)
    result = run_notebook(request, archive=archive)
    assert (result.outcome, record_of(result).outcome) == ("done", Outcome.DONE)
    assert record_of(result).reason == "As planned."
    assert result.reason.startswith("As planned. But: The executed notebook of run")
    assert result.problem in result.reason
    assert "\n" not in result.problem
    assert "Make room" in result.remedy
    assert summary.totals([result])["exit_status"] == 1
    assert result.to_json()["problem"] == result.problem
    assert result.problem in summary.rows([result])[0][2]


def test_a_cell_that_fails_after_the_record_was_closed_as_done_is_told(make_request, archive, tiny):
    request = make_request(tiny["open"], tiny["close"], "raise ValueError('one cell more')")
    result = run_notebook(request, archive=archive)
    assert (result.outcome, result.problem) == ("done", "ValueError: one cell more")
    assert summary.exit_status([result]) == 1


REFUSE = """
record.outcome, record.reason, record.closed_by = Outcome.REFUSED, "Federated.", "runbook"
folder.write_record(record)
"""


@pytest.mark.parametrize(("more", "status"), [("", 3), (UNWRITABLE, 1)])
def test_the_error_of_a_run_that_the_runbook_closed_is_told_once(
    make_request, archive, tiny, more, status
):
    request = make_request(tiny["open"], REFUSE + more + "raise ValueError('Federated.')")
    result = run_notebook(request, archive=archive)
    assert result.outcome == "refused"
    assert (result.reason == "Federated.") is (not more)
    assert bool(result.problem) is bool(more)
    assert summary.exit_status([result]) == status


def test_what_the_driver_has_put_on_file_is_told_once(make_request, archive, tiny):
    result = run_notebook(make_request(tiny["open"], UNWRITABLE), archive=archive)
    assert (result.outcome, result.problem) == ("failed", "")
    assert result.reason == record_of(result).reason


def test_a_result_names_the_error_that_ended_the_run_and_its_step(make_request, archive, tiny):
    fail = """
record.outcome, record.reason, record.closed_by = Outcome.FAILED, "No.", "runbook"
record.error = ErrorRecord(type="Forbidden", message="no", step="create-user")
folder.write_record(record)
raise SystemExit("failed")
"""
    result = run_notebook(make_request(tiny["open"], fail), archive=archive)
    assert (result.error_type, result.step) == ("Forbidden", "create-user")
    result = run_notebook(make_request(tiny["open"], tiny["close"]), archive=archive)
    assert (result.error_type, result.step) == ("", "")


def test_a_result_says_what_to_do_as_the_record_does(make_request, archive, tiny):
    refuse = """
record.outcome, record.reason, record.closed_by = Outcome.REFUSED, "Federated.", "runbook"
remedy = "End it\\n first, " + "x" * 3000
record.error = ErrorRecord(type="Refused", message="no", remedy=remedy)
folder.write_record(record)
raise SystemExit("refused")
"""
    result = run_notebook(make_request(tiny["open"], refuse), archive=archive)
    assert (result.outcome, result.reason) == (Outcome.REFUSED, "Federated.")
    assert result.remedy == f"End it first, {'x' * 3000}"


def test_a_record_that_cannot_be_read_is_left_as_it_is(make_request, archive, tiny):
    spoil = "folder.record_file.write_text('{')"
    result = run_notebook(make_request(tiny["open"], spoil), archive=archive)
    assert result.outcome == Outcome.FAILED
    assert "cannot be read" in result.reason
    assert result.record_file.read_text() == "{"
