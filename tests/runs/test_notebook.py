import json
import sys
import threading
from pathlib import Path

import pytest

from o365lib.errors import UsageError
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.record import Outcome
from o365lib.runs import kernel, summary
from o365lib.runs.execution import Listener
from o365lib.runs.notebook import run_notebook
from o365lib.runs.request import known_parameters


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


def test_a_run_that_had_begun_to_change_the_tenant_and_died_is_unverified(
    make_request, archive, tiny
):
    killed = (
        "import signal; os.kill(os.getpid(), 9)"
        if hasattr(__import__("signal"), "SIGKILL")
        else "os._exit(9)"
    )
    request = make_request(tiny["open"], tiny["change"], killed, "print('not reached')")
    result = run_notebook(request, archive=archive)
    assert result.outcome == Outcome.UNVERIFIED
    assert "The kernel ended in this step" in result.reason
    assert result.reason.endswith("(step step-3)")
    record = record_of(result)
    assert record.closed_by == "driver"
    assert [change.status for change in record.changes] == ["unknown"]
    assert record.error.state == "The tenant was, or may have been, changed."
    outputs = cells_of(result)["step-3"]["outputs"]
    assert "killed, or had no memory" in outputs[0]["evalue"]


def test_a_kernel_that_dies_before_any_record_still_leaves_one(make_request, archive):
    request = make_request("import os; os._exit(1)", dry_run=True, ticket="T-2")
    record = record_of(run_notebook(request, archive=archive))
    assert record.outcome == Outcome.FAILED
    assert record.runbook == "create_tiny"
    assert record.ticket == "T-2"
    assert record.dry_run is True
    assert record.parameters["client"] == "alpine-books"


def test_a_notebook_that_does_not_close_its_record_has_not_succeeded(make_request, archive, tiny):
    result = run_notebook(make_request(tiny["open"]), archive=archive)
    assert result.outcome == Outcome.FAILED
    assert result.reason == "The notebook ended without closing its record."


def test_a_run_over_its_time_is_interrupted(make_request, archive, tiny):
    sleep = "import time\ntry:\n    time.sleep(600)\nfinally:\n    print('put in order')"
    request = make_request(tiny["open"], sleep, timeout_seconds=4)
    result = run_notebook(request, archive=archive)
    assert result.outcome == Outcome.FAILED
    assert result.reason == "The run was stopped: its time was over. (step step-2)"
    cell = cells_of(result)["step-2"]
    assert "put in order" in texts(cell)
    assert cell["outputs"][-1]["ename"] == "KeyboardInterrupt"


def test_a_kernel_that_does_not_heed_an_interruption_is_killed(
    make_request, archive, tiny, monkeypatch
):
    monkeypatch.setattr(kernel, "GRACE_SECONDS", 0.5)
    deaf = (
        "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "publish = get_ipython().display_pub.publish\n"
        'publish(data={"text/plain": ""}, metadata={}, transient={"o365": {"step": "deaf"}})\n'
        "time.sleep(600)"
    )
    stop = threading.Event()
    request = make_request(tiny["open"], deaf)
    listener = Listener(on_step=lambda _: stop.set())
    result = run_notebook(request, archive=archive, stop=stop, listener=listener)
    assert result.outcome == Outcome.FAILED
    assert "it was interrupted" in result.reason
    assert "The kernel ended in this step" in cells_of(result)["step-2"]["outputs"][-1]["evalue"]


def test_a_run_that_is_stopped_before_it_begins_executes_nothing(make_request, archive, tiny):
    stop = threading.Event()
    stop.set()
    result = run_notebook(make_request(tiny["open"]), archive=archive, stop=stop)
    assert result.outcome == Outcome.FAILED
    assert "it was interrupted" in result.reason
    assert record_of(result).steps == []


def test_a_parameter_that_the_notebook_does_not_know_stops_everything_before_the_start(
    make_request, archive, tiny
):
    with pytest.raises(UsageError, match="has no parameter aproved_by") as caught:
        run_notebook(make_request(tiny["open"], aproved_by="Kim"), archive=archive)
    assert "approved_by" in caught.value.remedy
    assert archive.runs() == []


@pytest.mark.parametrize("content", ["", "{}", '{"cells": []}', "no notebook"])
def test_a_file_that_is_no_runbook_is_wrong_usage(make_request, archive, content):
    request = make_request()
    request.runbook.write_text(content)
    with pytest.raises(UsageError, match="is not a runbook"):
        run_notebook(request, archive=archive)
    with pytest.raises(UsageError, match="is not a runbook"):
        known_parameters(Path("nowhere.ipynb"))


def test_parameters_may_be_annotated_and_values_are_not_evaluated(make_request):
    request = make_request()
    source = 'client: str = ""\na, b = 1, 2\nrun_id = open("/nowhere")\nc = d = 1\n# e = 2\n'
    text = json.loads(request.runbook.read_text())
    text["cells"][0]["source"] = source
    request.runbook.write_text(json.dumps(text))
    assert known_parameters(request.runbook) == {"client", "run_id", "c", "d"}


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
    told = summary.to_json([result])
    assert (told["exit_status"], told["runs"][0]["problem"]) == (1, result.problem)
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


def test_the_operators_environment_reaches_the_kernel_and_is_written_nowhere(
    make_request, archive, tiny, monkeypatch
):
    monkeypatch.setenv("ALPINE_CLIENT_SECRET", "canary-0815")
    monkeypatch.setenv("JPY_SESSION_NAME", "another.ipynb")
    look = "print(len(os.environ['ALPINE_CLIENT_SECRET']), 'JPY_SESSION_NAME' in os.environ)"
    result = run_notebook(make_request(tiny["open"], look, tiny["close"]), archive=archive)
    assert "11 False" in texts(cells_of(result)["step-2"])
    for file in result.record_file.parent.iterdir():
        assert "canary-0815" not in file.read_text("utf-8")


def test_a_kernel_that_does_not_start_fails_the_run_and_raises_nothing(
    make_request, archive, tiny, monkeypatch
):
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    result = run_notebook(make_request(tiny["open"]), archive=archive)
    assert result.outcome == Outcome.FAILED
    assert "Kernel died" in result.reason
    assert record_of(result).closed_by == "driver"
    assert result.notebook_file.is_file()


def test_what_a_dead_kernel_had_begun_is_recorded_as_of_unknown_end(make_request, archive, tiny):
    begun = """
record.hand_over = HandOverRecord(
    method="mail", recipient="a@example.com", user_id="1", date_time=datetime.now(UTC))
record.steps.insert(0, Step(name="zero", started=datetime.now(UTC), status="completed"))
done = Change(action="create-user", target="1", started=datetime.now(UTC), status="accepted")
record.changes = [done, done.model_copy(update={"status": "failed"})]
folder.write_record(record)
os._exit(1)
"""
    record = record_of(run_notebook(make_request(tiny["open"], begun), archive=archive))
    assert record.hand_over.status == "unknown"
    assert [step.status for step in record.steps] == ["completed", "failed"]
    assert [change.status for change in record.changes] == ["accepted", "failed"]
    assert record.outcome == Outcome.UNVERIFIED
