"""Real processes; what they do stands in `little_tasks`."""

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections import Counter
from concurrent.futures import CancelledError, wait
from pathlib import Path
from queue import Queue

import psutil
import pytest

from o365lib.errors import RunbookError
from o365lib.runs import machine
from o365lib.runs.events import Event
from o365lib.runs.local.workers import LocalWorkers
from o365lib.runs.workers import WorkerLost, Workers
from o365lib.secret import MASK
from tests.runs.local import little_tasks

PATIENCE = 60  # seconds until a test that hangs fails; none waits so long


@pytest.fixture
def heard():
    return Queue()


@pytest.fixture
def make_workers(heard):
    made = []

    def make(function, jobs=2, **options):
        made.append(LocalWorkers(jobs, function=function, hear=heard.put, **options))
        return made[-1]

    yield make
    for workers in made:
        workers.close()


def begun(heard, number):
    """Wait until so many tasks have begun, and return the processes that execute them."""
    return [int(heard.get(timeout=PATIENCE).text) for _ in range(number)]


def gone(process_id):
    try:
        psutil.Process(process_id).wait(PATIENCE)
    except psutil.NoSuchProcess:
        return True
    return not psutil.pid_exists(process_id)


def test_it_is_what_a_batch_expects_of_workers(make_workers):
    workers: Workers = make_workers(little_tasks.answer, jobs=3)
    assert workers.slots == 3
    assert [workers.submit(number).result(PATIENCE)[0] for number in range(5)] == [0, 1, 2, 3, 4]


def test_processes_are_started_only_as_there_are_tasks_for_them(make_workers):
    workers = make_workers(little_tasks.answer, jobs=8, processes=4)
    assert workers.process_ids == []
    workers.submit("one").result(PATIENCE)
    workers.submit("another").result(PATIENCE)
    assert len(workers.process_ids) == 1


def test_tasks_are_spread_evenly_and_none_waits_for_another(make_workers, heard, tmp_path):
    workers = make_workers(little_tasks.wait_for_file, jobs=6, processes=3)
    futures = [workers.submit(tmp_path / "go") for _ in range(9)]
    processes = begun(heard, 6)
    assert sorted(Counter(processes).values()) == [2, 2, 2]
    assert heard.empty()
    assert sum(future.running() for future in futures) == 6
    (tmp_path / "go").touch()
    assert {future.result(PATIENCE) for future in futures} == set(processes)


def test_there_are_no_more_processes_than_runs_at_once(make_workers, heard, tmp_path):
    workers = make_workers(little_tasks.wait_for_file, jobs=1, processes=3)
    futures = [workers.submit(tmp_path / "go") for _ in range(3)]
    begun(heard, 1)
    assert len(workers.process_ids) == 1
    (tmp_path / "go").touch()
    assert len({future.result(PATIENCE) for future in futures}) == 1


def test_news_of_a_task_come_in_their_order_and_before_its_end(make_workers):
    heard = []
    workers = LocalWorkers(
        2, function=little_tasks.tell_much, hear=lambda event: heard.append(int(event.text))
    )
    with workers:
        assert workers.submit(500).result(PATIENCE) == 500
        assert heard == list(range(500))


def test_news_of_many_processes_are_told_one_at_a_time():
    inside, most, heard = [], [], []

    def hear(event):
        inside.append(event)
        heard.append(event)
        time.sleep(0.0005)  # time for another thread to come in
        most.append(len(inside))
        inside.remove(event)

    with LocalWorkers(4, function=little_tasks.tell_much, hear=hear, processes=2) as workers:
        wait([workers.submit(200) for _ in range(8)], PATIENCE)
    assert len(heard) == 8 * 200
    assert set(most) == {1}


def test_a_listener_that_fails_ends_no_run(caplog):
    def hear(_event):
        raise OSError("the terminal is gone")

    with LocalWorkers(1, function=little_tasks.tell_much, hear=hear) as workers:
        assert workers.submit(2).result(PATIENCE) == 2
    assert "could not be passed on" in caplog.text


@pytest.mark.parametrize(
    ("task", "kind", "words"),
    [
        ("raises", LookupError, "not found"),
        ("exits", SystemExit, "3"),
        ("error that cannot be pickled", RunbookError, "ValueError: with a lock"),
        ("error that cannot be read", RunbookError, "Stubborn: salt and pepper"),
        ("result that cannot be pickled", TypeError, "pickle"),
        ("result that cannot be read", RunbookError, "ValueError: not here"),
        ("huge result", RunbookError, "bytes is too large"),
        ("huge error", RunbookError, "ValueError: xxx"),
        ("too many files", RunbookError, "Too many files are open.*--jobs"),
    ],
)
def test_whatever_a_task_does_its_future_says_it_and_the_others_go_on(
    make_workers, task, kind, words
):
    workers = make_workers(little_tasks.misbehave, processes=1)
    with pytest.raises(kind, match=words):
        workers.submit(task).result(PATIENCE)
    before = workers.process_ids
    assert workers.submit("").result(PATIENCE) == "survived"
    assert workers.process_ids == before


@pytest.mark.parametrize("task", ["event that cannot be pickled", "huge event"])
def test_news_that_cannot_be_told_are_logged_and_end_no_run(make_workers, heard, task, caplog):
    workers = make_workers(little_tasks.misbehave)
    assert workers.submit(task).result(PATIENCE) == "survived"
    assert heard.empty()
    assert "could not be sent" in caplog.text


def test_a_task_that_cannot_be_sent_fails_alone(make_workers):
    workers = make_workers(little_tasks.answer)
    with pytest.raises(RunbookError, match="cannot be sent: TypeError"):
        workers.submit(threading.Lock()).result(PATIENCE)
    assert workers.submit("fine").result(PATIENCE)[0] == "fine"


def test_a_function_that_cannot_be_sent_is_told(make_workers):
    workers = make_workers(lambda *_: None)
    with pytest.raises(RunbookError, match="No worker process can be started"):
        workers.submit("task").result(PATIENCE)


def test_a_killed_process_loses_its_tasks_and_no_other_and_is_replaced(make_workers, heard):
    workers = make_workers(little_tasks.obey, jobs=4, processes=2)
    futures = {name: workers.submit(name) for name in "abcdef"}
    events = [heard.get(timeout=PATIENCE) for _ in range(4)]
    victim = int(events[0].text)
    os.kill(victim, signal.SIGKILL)
    lost = {event.client for event in events if int(event.text) == victim}
    for name in lost:
        with pytest.raises(WorkerLost, match=rf"process id {victim}\) was killed by SIGKILL"):
            futures[name].result(PATIENCE)
    assert {heard.get(timeout=PATIENCE).client for _ in range(2)} == {"e", "f"}
    workers.interrupt()
    results = {
        name: future.result(PATIENCE) for name, future in futures.items() if name not in lost
    }
    assert results == dict.fromkeys(set("abcdef") - lost, "stopped")
    assert victim not in workers.process_ids
    assert heard.empty()  # nothing was executed again


def test_a_process_that_ends_by_itself_says_how(make_workers):
    workers = make_workers(little_tasks.end_abruptly)
    with pytest.raises(WorkerLost, match=r"ended with status 7.*reads the tenant first"):
        workers.submit("task").result(PATIENCE)


def test_processes_that_do_not_start_are_given_up_with_their_last_words(make_workers):
    workers = make_workers(little_tasks.answer, jobs=2, prepare=little_tasks.never_ready)
    futures = [workers.submit(number) for number in range(4)]
    for future in futures:
        with pytest.raises(WorkerLost, match=r"do not start.*there is no such module"):
            future.result(PATIENCE)


def test_tasks_on_their_way_to_a_process_that_never_got_ready_are_executed_by_another(
    make_workers, tmp_path, monkeypatch
):
    monkeypatch.setenv("O365_TEST_MARK", str(tmp_path / "died"))
    workers = make_workers(little_tasks.answer, processes=1, prepare=little_tasks.die_once)
    futures = [workers.submit(number) for number in range(3)]
    assert [future.result(PATIENCE)[0] for future in futures] == [0, 1, 2]
    assert (tmp_path / "died").exists()


def test_an_interruption_stops_what_is_under_way_and_cancels_the_rest(make_workers, heard):
    workers = make_workers(little_tasks.obey, jobs=3, processes=2)
    futures = [workers.submit(number) for number in range(5)]
    begun(heard, 3)
    workers.interrupt()
    assert [future.result(PATIENCE) for future in futures[:3]] == ["stopped"] * 3
    for future in futures[3:]:
        with pytest.raises(CancelledError):
            future.result(PATIENCE)
    again = workers.submit("later")  # the flag was those tasks' own
    begun(heard, 1)
    assert not again.done()


def test_a_task_is_cancelled_before_its_turn_and_not_after(make_workers, heard, tmp_path):
    workers = make_workers(little_tasks.wait_for_file, jobs=1)
    first, second, third = (workers.submit(tmp_path / "go") for _ in range(3))
    begun(heard, 1)
    assert (first.cancel(), second.cancel()) == (False, True)
    (tmp_path / "go").touch()
    assert third.result(PATIENCE) == first.result(PATIENCE)
    begun(heard, 1)
    assert heard.empty()


def test_closing_stops_tasks_and_leaves_no_process(make_workers, heard):
    workers = make_workers(little_tasks.obey, jobs=3, processes=2)
    futures = [workers.submit(number) for number in range(5)]
    processes = set(begun(heard, 3))
    workers.close()
    workers.close()
    assert [future.result(0) for future in futures[:3]] == ["stopped"] * 3
    assert all(future.cancelled() for future in futures[3:])
    assert all(gone(each) for each in processes)
    with pytest.raises(RuntimeError, match="closed"):
        workers.submit("too late")


def test_a_task_that_does_not_heed_the_end_is_ended_with_its_process(
    make_workers, heard, monkeypatch
):
    monkeypatch.setattr("o365lib.runs.local.workers.LINGER_SECONDS", 0.5)
    monkeypatch.setattr("o365lib.runs.local.workers._MARGIN_SECONDS", 0.0)
    workers = make_workers(little_tasks.ignore_everything)
    future = workers.submit("task")
    (process,) = begun(heard, 1)
    workers.close()
    with pytest.raises(WorkerLost, match="SIGKILL"):
        future.result(0)
    assert gone(process)


def test_a_process_that_is_held_up_holds_nobody_up(make_workers, heard):
    workers = make_workers(little_tasks.obey, jobs=64, processes=2)
    futures = [workers.submit("x" * 20_000) for _ in range(2)]
    held, other = begun(heard, 2)
    os.kill(held, signal.SIGSTOP)
    try:
        futures += [workers.submit("x" * 20_000) for _ in range(60)]
        assert set(begun(heard, 30)) == {other}
    finally:
        os.kill(held, signal.SIGKILL)
    workers.interrupt()
    wait(futures, PATIENCE)
    assert sum(future.exception() is None for future in futures) >= 31


DRIVER = """
import sys, time
from o365lib.runs.local.workers import LocalWorkers
from tests.runs.local import little_tasks
workers = LocalWorkers(4, function=little_tasks.{function}, processes=2)
for name in sys.argv[1:]:
    workers.submit(name)
time.sleep(600)
"""


def test_the_processes_of_a_driver_that_was_killed_end_at_once(tmp_path):
    names = [tmp_path / str(number) for number in range(3)]
    program = DRIVER.format(function="obey_and_note")
    root = Path(__file__).parents[3]
    with subprocess.Popen([sys.executable, "-c", program, *names], cwd=root) as driver:
        try:
            workers = _worker_ids(names)
        finally:
            driver.kill()
    assert all(gone(each) for each in workers)
    assert not any(name.with_suffix(".stopped").exists() for name in names)


def _worker_ids(names):
    while True:
        found = [name.with_suffix(".began") for name in names]
        if all(each.exists() and each.read_text() for each in found):
            return {int(each.read_text()) for each in found}


def test_what_workers_and_their_children_print_is_seen_by_nobody(make_workers, capfd):
    workers = make_workers(little_tasks.print_much)
    assert workers.submit("task").result(PATIENCE) == ("", b"")
    workers.close()
    assert capfd.readouterr() == ("", "")


def test_what_workers_log_is_logged_by_the_driver_and_masked(make_workers, caplog):
    workers = make_workers(little_tasks.log)
    with caplog.at_level(logging.DEBUG, "o365lib"):  # the workers have the levels of before
        workers.submit("Zk7#m-2v_Tx9wQ").result(PATIENCE)
    lines = {record.name: (record.levelname, record.getMessage()) for record in caplog.records}
    assert lines["o365lib.tests"] == ("WARNING", f"The password is {MASK}.")
    assert lines["py.warnings"][0] == "WARNING"
    assert "and this" in lines["py.warnings"][1]


def test_signals_of_the_terminal_reach_neither_workers_nor_spoil_their_childrens(make_workers):
    workers = make_workers(little_tasks.signal_oneself)
    assert workers.submit("task").result(PATIENCE) == "True"
    workers = make_workers(little_tasks.session)
    assert workers.submit("task").result(PATIENCE) != os.getsid(0)


def test_a_machine_that_is_full_is_told_in_words(make_workers, monkeypatch):
    """The real limit is lowered until nothing can be opened any more."""
    import resource

    workers = make_workers(little_tasks.answer)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = os.open(os.devnull, os.O_RDONLY)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (held + 1, hard))
        future = workers.submit("task")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(held)
    with pytest.raises(RunbookError, match=r"Too many files are open: .* at once.*ulimit"):
        future.result(PATIENCE)
    assert workers.submit("task").result(PATIENCE)[0] == "task"


def test_where_no_further_process_can_be_started_the_others_keep_their_share(
    make_workers, heard, caplog
):
    import resource

    workers = make_workers(little_tasks.obey, jobs=4, processes=2)
    workers.submit("first")
    first = begun(heard, 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = os.open(os.devnull, os.O_RDONLY)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (held + 1, hard))
        futures = [workers.submit(number) for number in range(3)]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        os.close(held)
    assert "Too many files are open" in caplog.text
    assert begun(heard, 1) == first
    assert [future.running() for future in futures] == [True, False, False]
    assert workers.process_ids == first


def test_the_limit_of_files_is_raised_for_the_workers_too():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        with LocalWorkers(1, function=little_tasks.file_limit) as workers:
            assert workers.submit("task").result(PATIENCE) > 256
            assert machine.file_limit() > 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_thousands_of_tasks_leave_nothing_behind(make_workers, heard):
    workers = make_workers(little_tasks.open_files, jobs=16, processes=2)
    here = psutil.Process()

    def rounds(number):
        return [workers.submit({"task": each}).result(PATIENCE) for each in range(number)]

    rounds(50)
    gc.collect()
    before, files, memory = here.num_threads(), here.num_fds(), here.memory_info().rss
    in_workers = rounds(2_000)
    assert (here.num_threads(), here.num_fds()) == (before, files)
    assert max(in_workers) - min(in_workers) <= 2
    assert here.memory_info().rss - memory < 5_000_000
    future = workers.submit(0)
    future.result(PATIENCE)
    alive = weakref.ref(future)
    del future
    gc.collect()
    assert alive() is None


def test_an_event_is_no_more_than_what_the_task_told(make_workers, heard):
    make_workers(little_tasks.tell_much).submit(1).result(PATIENCE)
    assert heard.get_nowait() == Event(kind="step", client="acme", text="0")
