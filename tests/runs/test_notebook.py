import json
import sys

from o365lib.evidence.archive import RunFolder
from o365lib.evidence.record import Outcome
from o365lib.runs.execution import Listener
from o365lib.runs.notebook import run_notebook


def cells_of(result) -> dict:
    archived = json.loads(result.notebook_file.read_text("utf-8"))
    return {cell["id"]: cell for cell in archived["cells"]}


def record_of(result):
    return RunFolder(result.record_file.parent).read_record()


def texts(cell) -> str:
    return "".join("".join(output.get("text", [])) for output in cell["outputs"])


def test_a_run_leaves_the_executed_notebook_and_the_record_that_the_runbook_closed(
    make_request, archive, tiny
):
    steps, prompts = [], []
    look = """
import sys
from IPython import get_ipython
publish = get_ipython().display_pub.publish
publish(data={"text/plain": ""}, metadata={}, transient={"o365": {"step": "look"}})
publish(data={"text/plain": "GXQ-code"}, metadata={}, transient={"o365": {"prompt": "GXQ-code"}})
print(sys.executable, client, dry_run, ticket, os.environ["O365_DRIVER"])
print(os.environ["O365_PARAMETERS"], os.environ["O365_SANDBOX"])
print("cell", get_ipython().kernel.get_parent("shell")["metadata"]["cellId"])
"""
    request = make_request(tiny["open"], look, tiny["close"], dry_run=True, ticket="T-1")
    listener = Listener(on_step=steps.append, on_prompt=prompts.append)
    result = run_notebook(request, archive=archive, listener=listener)
    assert (result.outcome, result.reason) == ("done", "As planned.")
    assert record_of(result).closed_by == "runbook"
    assert (steps, prompts) == (["look"], ["GXQ-code"])
    cells = cells_of(result)
    assert f"{sys.executable} alpine-books True T-1 1" in texts(cells["step-2"])
    assert f"{request.places.parameters} {request.places.sandbox_file}" in texts(cells["step-2"])
    assert "cell step-2" in texts(cells["step-2"])
    assert "GXQ-code" not in json.dumps([cell["outputs"] for cell in cells.values()])
    assert result.run_id == result.record_file.parent.name
    assert result.seconds > 0


def test_the_connection_to_the_kernel_is_encrypted_and_on_loopback(make_request, archive, tiny):
    look = """
import json
from ipykernel.connect import get_connection_file
connection = json.loads(Path(get_connection_file()).read_text())
print(connection["transport"], connection["ip"], bool(connection.get("curve_publickey")))
"""
    result = run_notebook(make_request(tiny["open"], look, tiny["close"]), archive=archive)
    assert "tcp 127.0.0.1 True" in texts(cells_of(result)["step-2"])


def test_widget_state_is_not_saved(make_request, archive, tiny):
    typed = "import ipywidgets\nbox = ipywidgets.Password(value='canary-4711')\nbox"
    result = run_notebook(make_request(tiny["open"], typed, tiny["close"]), archive=archive)
    archived = json.loads(result.notebook_file.read_text("utf-8"))
    assert "widgets" not in archived["metadata"]
    assert result.outcome == "done"


def test_a_failing_cell_ends_the_run_and_keeps_its_error_in_the_archive(
    make_request, archive, tiny
):
    result = run_notebook(
        make_request(tiny["open"], "1/0", "print('not reached')"), archive=archive
    )
    assert result.outcome == Outcome.FAILED
    assert result.reason == "division by zero (step step-2)"
    cells = cells_of(result)
    assert [output["ename"] for output in cells["step-2"]["outputs"]] == ["ZeroDivisionError"]
    assert cells["step-3"]["outputs"] == []
    record = record_of(result)
    assert record.closed_by == "driver"
    assert (record.error.type, record.error.step) == ("ZeroDivisionError", "step-2")
    assert [step.status for step in record.steps] == ["failed"]
    assert record.ended >= record.started


def test_the_archived_notebook_has_the_cells_that_ran_and_none_that_papermill_adds(
    make_request, archive, tiny
):
    result = run_notebook(make_request(tiny["open"], "1/0"), archive=archive)
    names = list(cells_of(result))
    injected = [name for name in names if not name.startswith(("step-", "parameters"))]
    assert len(names) == 4
    assert len(injected) == 1
    assert "papermill-error-cell" not in result.notebook_file.read_text("utf-8")


def test_an_archive_that_cannot_be_written_fails_the_run_and_raises_nothing(make_request, archive):
    archive.root.write_text("a file where the archive should be")
    result = run_notebook(make_request(), archive=archive)
    assert result.outcome == Outcome.FAILED
    assert "cannot be written" in result.reason
    assert "name another archive" in result.remedy
    assert result.remedy not in result.reason
    assert (result.record_file, result.notebook_file, result.run_id) == (None, None, "")


def test_an_archive_that_vanishes_in_mid_run_fails_the_run_and_raises_nothing(
    make_request, archive, tiny
):
    vanish = "import shutil\nshutil.rmtree(folder.path)"
    result = run_notebook(make_request(tiny["open"], vanish, tiny["close"]), archive=archive)
    assert result.outcome == Outcome.FAILED
    assert "cannot be written" in result.reason
    assert result.record_file is None
