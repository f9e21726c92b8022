import pickle
import shutil
import tempfile
import threading

from o365lib.evidence.archive import Archive
from o365lib.runs.task import execute_task
from tests.runs.conftest import begin_tiny

GATED = "import os\nprint(os.getcwd())\n"


def task_of(places, evidence, make_request, *cells):
    make_request(*cells)
    begun = begin_tiny(places, evidence, "create_tiny", ["alpine-books"])
    [task] = begun.tasks()
    begun.folder.release_driver_lock()
    evidence.begin_run("alpine-books", task.run_id, "create_tiny")
    return task, begun.folder


def test_a_task_is_executed_once_however_often_it_is_given_out(
    places, evidence, make_request, tiny
):
    task, folder = task_of(places, evidence, make_request, tiny["open"], tiny["close"])
    sent = pickle.loads(pickle.dumps(task))  # noqa: S301 -- as a worker gets it
    first = execute_task(sent, lambda event: None, threading.Event())
    assert not first.is_repeated
    assert first.problem.message == first.record_problem.message == ""
    run = Archive(places.evidence).run("alpine-books", task.run_id)
    before = run.record_file.read_bytes(), run.notebook_file.read_bytes()

    again = execute_task(sent, lambda event: None, threading.Event())
    assert again.is_repeated
    assert (run.record_file.read_bytes(), run.notebook_file.read_bytes()) == before
    assert folder.claim_of("alpine-books", 1).run_id == task.run_id


def test_the_claim_is_taken_before_a_kernel_starts(places, evidence, make_request, tiny):
    looks = (
        "from pathlib import Path\n"
        'claims = Path(os.environ["O365_EVIDENCE"]) / "_batches"\n'
        'record.ticket = str([each.name for each in claims.glob("*/claims/*")])\n'
    )
    task, _ = task_of(places, evidence, make_request, tiny["open"], looks, tiny["close"])
    execute_task(task, lambda event: None, threading.Event())
    [record] = evidence.archive.records("alpine-books")
    assert record.ticket == "['alpine-books.1.json']"


def test_where_no_claim_can_be_made_no_kernel_starts(places, evidence, make_request, tiny):
    task, folder = task_of(places, evidence, make_request, tiny["open"], tiny["close"])
    claims = folder.path / "claims"
    claims.rmdir()
    claims.write_text("in the way")
    execution = execute_task(task, lambda event: None, threading.Event())
    assert execution.record_problem.message
    assert evidence.archive.records("alpine-books") == []


def test_what_happens_is_told_with_the_clients_name(places, evidence, make_request, tiny):
    say = (
        'get_ipython().display_pub.publish(data={"text/plain": ""}, metadata={},'
        ' transient={"o365": {"step": "middle"}})\n'
    )
    task, _ = task_of(places, evidence, make_request, tiny["open"], say, tiny["close"])
    events = []
    execute_task(task, events.append, threading.Event())
    assert [(each.kind, each.client, each.text) for each in events] == [
        ("step", "alpine-books", "middle")
    ]


def test_without_a_temporary_folder_nothing_is_claimed(
    places, evidence, make_request, tiny, tmp_path, monkeypatch
):
    task, folder = task_of(places, evidence, make_request, tiny["open"], tiny["close"])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "not there"))
    execution = execute_task(task, lambda event: None, threading.Event())
    assert "temporary folder cannot be made (No such file" in execution.record_problem.message
    assert folder.claims() == {}


def test_a_folder_that_cannot_be_removed_does_not_lose_the_result(
    places, evidence, make_request, tiny, monkeypatch
):
    task, _ = task_of(places, evidence, make_request, tiny["open"], tiny["close"])
    remove = shutil.rmtree

    def refuse(path, **given):
        remove(path, **given)
        error = OSError(5, "Input/output error")
        if "onexc" in given:  # from Python 3.12 on
            given["onexc"](shutil.rmtree, path, error)
        else:
            given["onerror"](shutil.rmtree, path, (OSError, error, None))

    monkeypatch.setattr(tempfile._shutil, "rmtree", refuse)
    execution = execute_task(task, lambda event: None, threading.Event())
    assert execution.problem.message == execution.record_problem.message == ""
