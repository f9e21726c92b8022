import logging
import os
import pickle
import signal

import psutil
import pytest

from o365lib.runs.local.frames import Frame, Kind
from o365lib.runs.local.spawned_worker import SpawnedWorker, levels
from o365lib.runs.local.worker_process import Begin
from tests.runs.local import little_tasks

PATIENCE = 60


def read(content):
    return pickle.loads(content)  # noqa: S301 -- our own process's bytes


@pytest.fixture
def make_worker():
    made = []

    def make(function=little_tasks.answer, prepare=None):
        made.append(SpawnedWorker(Begin(function, prepare, {})))
        return made[-1]

    yield make
    for worker in made:
        worker.kill()
        worker.end()


def test_a_process_gets_ready_answers_and_ends_when_its_driver_hangs_up(make_worker):
    worker = make_worker()
    said = worker.frames()
    assert next(said) == Frame(Kind.READY)
    worker.send(Frame(Kind.TASK, 5, pickle.dumps("task")))
    kind, number, content = next(said)
    assert (kind, number) == (Kind.RESULT, 5)
    assert read(content) == ("task", worker.process_id)
    worker.hang_up()
    assert list(said) == []
    assert worker.wait(PATIENCE)
    assert worker.end() == "ended with status 0"


def test_a_process_that_is_killed_says_by_what(make_worker):
    worker = make_worker()
    said = worker.frames()
    next(said)
    assert not worker.wait(0)
    os.kill(worker.process_id, signal.SIGKILL)
    assert list(said) == []
    assert worker.end() == "was killed by SIGKILL"
    assert not psutil.pid_exists(worker.process_id)


def test_a_process_that_does_not_get_ready_leaves_its_last_words(make_worker):
    worker = make_worker(prepare=little_tasks.never_ready)
    assert list(worker.frames()) == []
    assert worker.end() == "ended with status 1: there is no such module"


def test_what_a_ready_process_says_on_standard_error_is_not_kept(make_worker):
    worker = make_worker(little_tasks.print_much)
    said = worker.frames()
    next(said)
    worker.send(Frame(Kind.TASK, 1, pickle.dumps("task")))
    assert next(said).kind == Kind.RESULT
    worker.hang_up()
    assert list(said) == []
    assert worker.end() == "ended with status 0"


def test_a_function_that_cannot_be_sent_starts_no_process():
    before = psutil.Process().children()
    with pytest.raises(Exception, match="pickle"):
        SpawnedWorker(Begin(lambda *_: None, None, {}))
    assert psutil.Process().children() == before


def test_workers_log_what_their_driver_logs():
    logger = logging.getLogger("o365lib.runs")
    before = logger.level
    try:
        logger.setLevel(logging.INFO)
        assert levels()["o365lib.runs"] == logging.INFO
    finally:
        logger.setLevel(before)
    assert levels()[""] == logging.getLogger().level
    assert all(not name or name.startswith("o365lib") for name in levels())
