import threading
from concurrent.futures import Future

import pytest

from o365lib.evidence.archive import RunFolder, opening_of
from o365lib.evidence.batches.folder import BatchFolder
from o365lib.runs.execution import Execution, Problem
from o365lib.runs.stop import Stop
from o365lib.runs.summary import NOT_STARTED
from o365lib.runs.task import execute_task
from o365lib.runs.workers import WorkerLost

THREE = ("alpine-books", "bayside-legal", "cedar-dental")
SAY = (
    'get_ipython().display_pub.publish(data={"text/plain": ""}, metadata={},'
    ' transient={"o365": {"step": "middle"}})\n'
)
TRAFFIC = (
    'get_ipython().display_pub.publish(data={"text/plain": ""}, metadata={},'
    ' transient={"o365": {"requests": 7, "throttled": 2}})\n'
)


def test_one_clients_failure_never_stops_the_others_and_the_order_is_kept(run_tiny, tiny):
    failing = "import os\nif client == 'bayside-legal': os._exit(1)\n"
    late = "import time\nif client == 'alpine-books': time.sleep(2)\n"
    events = []
    done = run_tiny(
        failing + late + tiny["open"], tiny["close"], clients=THREE, jobs=2, tell=events.append
    )
    assert [(each.client, each.outcome) for each in done.results] == [
        ("alpine-books", "done"),
        ("bayside-legal", "failed"),
        ("cedar-dental", "done"),
    ]
    assert sorted(each.client for each in events if each.kind == "started") == list(THREE)
    assert [each.result for each in events if each.kind == "ended"] != []
    assert {each.result for each in events if each.kind == "ended"} == set(done.results)


def test_what_a_run_tells_of_its_requests_is_passed_on_and_added_up(run_tiny, tiny):
    events = []
    done = run_tiny(tiny["open"], TRAFFIC, tiny["close"], clients=THREE[:2], tell=events.append)
    told = [(each.requests, each.throttled) for each in events if each.kind == "traffic"]
    assert told == [(7, 2), (7, 2)]
    assert (done.batch_file.requests, done.batch_file.throttled) == (14, 4)


def test_after_the_first_stop_runs_under_way_finish_and_no_further_run_starts(
    run_tiny, evidence, tiny
):
    stop, told = Stop(), []

    def press(event):
        if event.kind == "step":
            stop.press()
        if event.kind == "told":
            told.append(event.text)

    done = run_tiny(tiny["open"], SAY, tiny["close"], clients=THREE, stop=stop, tell=press)
    assert [each.outcome for each in done.results] == ["done", NOT_STARTED, NOT_STARTED]
    assert [run.client for run in evidence.archive.runs()] == ["alpine-books"]
    batch_id = done.batch_file.batch_id
    resume = f"`o365 run --resume {batch_id}` runs those that were not started."
    assert [each.remedy for each in done.results] == ["", resume, resume]
    assert "Ctrl-C again" in told[0]
    assert done.left == 2


def test_after_the_second_stop_runs_under_way_end_with_readable_records(run_tiny, tiny):
    stop, told = Stop(), []
    begun = threading.Barrier(2, action=lambda: (stop.press(), stop.press()))

    def press(event):
        if event.kind == "step":
            threading.Thread(target=begun.wait).start()
        if event.kind == "told":
            told.append(event.text)

    waiting = SAY + "import time; time.sleep(600)"
    done = run_tiny(
        tiny["open"], tiny["change"], waiting, clients=THREE, jobs=2, stop=stop, tell=press
    )
    assert [each.outcome for each in done.results] == ["unverified", "unverified", NOT_STARTED]
    for result in done.results[:2]:
        record = RunFolder(result.record_file.parent).read_record()
        assert record.closed_by == "driver"
        assert record.reason.startswith("The run was stopped: it was interrupted.")
    assert any("Interrupting" in each for each in told)


def test_failures_of_one_kind_in_a_row_stop_the_line_and_it_is_told_why(run_tiny, tiny):
    events = []
    clients = [f"client-{number}" for number in range(5)]
    done = run_tiny(tiny["open"], "1/0", clients=clients, stop_after=2, tell=events.append)
    assert [each.outcome for each in done.results] == ["failed"] * 2 + [NOT_STARTED] * 3
    [told] = [each.text for each in events if each.kind == "told"]
    assert "2" in told
    assert done.results[-1].reason == told
    assert done.batch_file.drives[-1].interrupted == told


def test_progress_that_cannot_be_shown_ends_no_run(run_tiny, tiny, caplog):
    def torn(event):
        raise OSError("the terminal is gone")

    done = run_tiny(tiny["open"], tiny["close"], tell=torn)
    assert [each.outcome for each in done.results] == ["done"]
    assert "progress could not be shown" in caplog.text


class Losing:
    """Workers that execute, or do not, and are lost before they can answer."""

    slots, lost = 2, ""

    def __init__(self, hear, *, executes):
        self.hear, self.executes = hear, executes

    def submit(self, task):
        if self.executes:
            execute_task(task, self.hear, threading.Event())
        future = Future()
        future.set_exception(WorkerLost("The process was killed."))
        return future

    def interrupt(self):
        pass

    def close(self):
        pass


@pytest.mark.parametrize("executes", [True, False], ids=["after the run", "before it"])
def test_a_lost_workers_runs_are_closed_sealed_and_not_begun_again(run_tiny, tiny, executes):
    done = run_tiny(
        tiny["open"],
        tiny["close"],
        clients=THREE[:2],
        new_workers=lambda hear: Losing(hear, executes=executes),
    )
    assert [each.outcome for each in done.results] == ["done" if executes else NOT_STARTED] * 2
    assert done.batch_file.counts == {"done" if executes else NOT_STARTED: 2}
    assert all(each.seal_file for each in done.results)
    if not executes:
        assert "The process was killed." in done.results[0].reason
        assert done.left == 2


class Unforeseen(Losing):
    """Workers that raise what nobody foresaw, for one client."""

    def submit(self, task):
        future = Future()
        if task.request.client == "alpine-books":
            future.set_exception(ZeroDivisionError("nobody foresaw this"))
        else:
            future.set_result(execute_task(task, self.hear, threading.Event()))
        return future


def test_what_nobody_foresaw_fails_one_client_only(run_tiny, tiny):
    done = run_tiny(
        tiny["open"],
        tiny["close"],
        clients=THREE[:2],
        new_workers=lambda hear: Unforeseen(hear, executes=True),
    )
    first, second = done.results
    assert (first.outcome, second.outcome) == ("failed", "done")
    assert "nobody foresaw this" in first.reason
    assert "for this client alone" in first.remedy


class WithoutScheduler(Losing):
    """Workers of a cluster whose scheduler is lost with the first task."""

    def submit(self, task):
        self.lost = "The scheduler cannot be reached any more."
        return super().submit(task)


def test_where_nothing_can_be_executed_any_more_no_further_run_is_begun(run_tiny, tiny):
    done = run_tiny(
        tiny["open"],
        tiny["close"],
        clients=("first", "second", "third", "fourth"),
        new_workers=lambda hear: WithoutScheduler(hear, executes=False),
    )
    assert [each.outcome for each in done.results] == [NOT_STARTED] * 4
    assert done.results[-1].reason == "The scheduler cannot be reached any more."


def test_a_runs_id_tells_when_it_was_begun_and_not_when_its_batch_was(run_tiny, tiny):
    done = run_tiny(tiny["open"], tiny["close"], clients=THREE[:2])
    first, second = [opening_of(each.run_id)[0] for each in done.results]
    assert first < second
    records = [RunFolder(each.record_file.parent).read_record() for each in done.results]
    assert second >= records[0].started


class Refusing(Losing):
    """Workers that can be given nothing."""

    def submit(self, task):
        raise RuntimeError("can't start new thread")


def test_a_run_that_cannot_be_handed_out_is_told_and_the_batch_ends(run_tiny, tiny):
    done = run_tiny(
        tiny["open"],
        tiny["close"],
        clients=THREE[:2],
        new_workers=lambda hear: Refusing(hear, executes=False),
    )
    assert [each.outcome for each in done.results] == [NOT_STARTED] * 2
    assert "can't start new thread" in done.results[0].reason
    assert done.left == 2


class Forestalled(Losing):
    """Workers before whom another process has claimed the attempt."""

    def submit(self, task):
        folder = BatchFolder(task.request.places.evidence, task.batch_id)
        assert folder.claim(task.request.client, task.attempt, "another-run")
        future = Future()
        future.set_result(execute_task(task, self.hear, threading.Event()))
        return future


def test_an_attempt_that_another_process_has_claimed_is_told_as_such(run_tiny, tiny):
    done = run_tiny(
        tiny["open"],
        tiny["close"],
        new_workers=lambda hear: Forestalled(hear, executes=False),
    )
    [result] = done.results
    assert "Another process has claimed this attempt, for the run another-run." in result.reason
    assert result.seal_file is not None


def test_what_came_of_runs_is_told_though_the_batchs_file_cannot_be_written(run_tiny, tiny, places):
    takes_claims_away = (
        "import shutil\n"
        'for each in Path(os.environ["O365_EVIDENCE"]).glob("_batches/*/claims"):\n'
        "    shutil.rmtree(each)\n"
    )
    done = run_tiny(tiny["open"], takes_claims_away, tiny["close"])
    assert [each.outcome for each in done.results] == ["done"]
    [problem] = done.problems
    assert "could not be put on file whole" in problem


class WithoutRoom(Losing):
    """Workers whose machine has no room for what a run needs."""

    def submit(self, task):
        future = Future()
        problem = Problem(message="No room for the run's files.", remedy="Make room.")
        future.set_result(Execution(record_problem=problem))
        return future


def test_a_run_that_a_worker_could_not_begin_has_a_sealed_record_and_is_left_to_do(run_tiny, tiny):
    done = run_tiny(
        tiny["open"],
        tiny["close"],
        new_workers=lambda hear: WithoutRoom(hear, executes=False),
    )
    [result] = done.results
    assert (result.outcome, done.left) == (NOT_STARTED, 1)
    assert "No room for the run's files." in result.reason
    assert result.record_file.exists()
    assert result.seal_file is not None
