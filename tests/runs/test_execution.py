import json
import threading

from o365lib.evidence.archive import RunFolder
from o365lib.evidence.record import Outcome
from o365lib.runs.execution import Listener
from o365lib.runs.kernel import runbook_client as kernel
from o365lib.runs.notebook import run_notebook


def cells_of(result) -> dict:
    archived = json.loads(result.notebook_file.read_text("utf-8"))
    return {cell["id"]: cell for cell in archived["cells"]}


def record_of(result):
    return RunFolder(result.record_file.parent).read_record()


def texts(cell) -> str:
    return "".join("".join(output.get("text", [])) for output in cell["outputs"])


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
