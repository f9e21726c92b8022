import os
import signal
import subprocess
import sys
from concurrent.futures import CancelledError, wait
from pathlib import Path

import pytest

from o365lib.runs.cluster import news, patience
from o365lib.runs.task import execute_task
from o365lib.runs.workers import WorkerLost
from tests.runs.cluster import cluster_tasks
from tests.runs.cluster.dask_cluster import ROOT, Cluster, until

CALM = 2


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler, and a worker with two threads that no test kills."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    made.start_worker("calm", threads=CALM)
    yield made
    made.end()


@pytest.fixture
def heard():
    return []


@pytest.fixture
def connect(cluster, heard):
    """Return a driver's workers, as soon as there are so many slots; closed after the test."""
    opened = []

    def make(function, *, slots=CALM, **options):
        workers = cluster.workers(heard.append, function=function, **options)
        opened.append(workers)
        until(lambda: workers.slots == slots)
        return workers

    yield make
    for workers in opened:
        workers.close()
        workers.close()


def texts(heard, kind):
    return [event.text for event in heard if event.kind == kind]


def test_tasks_are_executed_on_the_cluster(connect):
    workers = connect(cluster_tasks.answer)

    answers = [future.result() for future in [workers.submit(number) for number in range(9)]]

    assert [number for number, _ in answers] == list(range(9))
    assert os.getpid() not in {process for _, process in answers}


def test_a_worker_executes_as_many_tasks_at_once_as_it_has_threads(connect, heard, tmp_path):
    workers = connect(cluster_tasks.note_and_wait)
    go = tmp_path / "go"
    futures = [workers.submit((str(tmp_path / str(number)), str(go))) for number in range(3)]

    until(lambda: len(texts(heard, "started")) == CALM)
    assert not (tmp_path / "2").exists()
    go.touch()

    assert len({future.result() for future in futures}) == 1


def test_what_happens_is_heard_in_order_and_before_the_end(connect, heard):
    workers = connect(cluster_tasks.tell_much)
    future = workers.submit(50)
    told_at_the_end = []
    future.add_done_callback(lambda _: told_at_the_end.extend(texts(heard, "step")))

    assert future.result() == 50
    assert told_at_the_end == [str(number) for number in range(50)]


def test_an_error_of_the_task_comes_back(connect):
    future = connect(cluster_tasks.fail).submit("wrong")

    with pytest.raises(ValueError, match="wrong"):
        future.result()


def test_what_a_person_must_do_is_heard_and_not_kept_by_the_scheduler(connect, heard):
    workers = connect(cluster_tasks.ask_to_sign_in)

    workers.submit("enter the code ABCD1234").result()

    assert [(event.kind, event.client, event.text) for event in heard] == [
        ("prompt", "acme", "enter the code ABCD1234"),
        ("step", "acme", "signed in"),
    ]
    kept = str(workers._client.get_events())
    assert workers._session in kept
    assert "ABCD1234" not in kept


def test_what_cannot_be_sent_is_lost_alone(connect):
    workers = connect(cluster_tasks.answer)

    for _ in range(CALM + 1):
        with pytest.raises(WorkerLost, match="given up the run"):
            workers.submit(cluster_tasks.Poison()).result()

    assert workers.submit(1).result()[0] == 1
    assert workers.lost == ""


def test_a_client_of_dasks_that_is_closed_loses_all_and_raises_nothing(connect):
    workers = connect(cluster_tasks.answer)
    workers._client.close()

    with pytest.raises(WorkerLost, match="cannot be reached"):
        workers.submit(1).result()

    until(lambda: workers.lost)
    assert workers._news.thread.is_alive()
    with pytest.raises(WorkerLost, match="cannot be reached"):
        workers.submit(2).result()


def test_news_that_nobody_understands_ends_nothing(connect, heard):
    workers = connect(cluster_tasks.tell_much)

    for message in ("nonsense", {"event": b"\x80"}, {"key": 1}, None, {"prompt": 1}):
        workers._news.put(lambda message=message: workers._tell_of(message))
    for message in ("nonsense", {"action": "remove-worker"}, {"action": []}):
        workers._heard_of_workers((0.0, message))

    assert workers.submit(3).result() == 3
    assert texts(heard, "step") == ["0", "1", "2"]


def test_nothing_that_is_done_stays_on_the_cluster(connect):
    workers = connect(cluster_tasks.answer)
    wait([workers.submit(number) for number in range(4)])

    def left():
        held = workers._client.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
        return [key for key in held if key.startswith("run-")]

    until(lambda: not left())


def test_a_killed_worker_costs_its_own_tasks_alone_and_none_is_executed_twice(
    cluster, connect, heard, tmp_path
):
    doomed = [cluster.start_worker(f"doomed-{number}", threads=3) for number in range(2)]
    workers = connect(cluster_tasks.note_and_wait, slots=CALM + 6)
    go = tmp_path / "go"
    # Some are done on all three before two of them die, some wait for their turn.
    done = [workers.submit((str(tmp_path / f"done-{number}"), "")) for number in range(16)]
    where = {future.result() for future in done}
    assert {each.pid for each in doomed} <= where
    futures = [workers.submit((str(tmp_path / f"later-{number}"), str(go))) for number in range(20)]
    until(lambda: len(list(tmp_path.glob("later-*"))) == CALM + 6)

    for each in doomed:
        each.send_signal(signal.SIGKILL)
    until(lambda: workers.slots == CALM)
    go.touch()
    wait(futures)

    lost = [future for future in futures if future.exception() is not None]
    assert len(lost) == 6
    for future in lost:
        with pytest.raises(WorkerLost, match=r"The worker doomed-\d that executed it is lost\."):
            future.result()
    executed = [file.read_text() for file in tmp_path.glob("*-*")]
    assert executed == ["executed\n"] * 36
    assert sum("doomed" in text and "has left" in text for text in texts(heard, "told")) == 2


def test_a_worker_that_joins_is_used(cluster, connect, heard, tmp_path):
    workers = connect(cluster_tasks.note_and_wait)
    go = tmp_path / "go"
    futures = [workers.submit((str(tmp_path / str(number)), str(go))) for number in range(3)]

    joined = cluster.start_worker("joined", threads=1)
    until((tmp_path / "2").exists)
    assert workers.slots == CALM + 1
    until(lambda: texts(heard, "told") == ["The worker joined has joined."])
    go.touch()

    assert joined.pid in {future.result() for future in futures}
    joined.terminate()
    until(lambda: workers.slots == CALM)


def test_an_interruption_reaches_the_tasks_under_way_and_begins_no_other(connect, tmp_path):
    workers = connect(cluster_tasks.obey)
    futures = [workers.submit(str(tmp_path / str(number))) for number in range(3)]
    until(lambda: len(list(tmp_path.glob("*.began"))) == CALM)

    workers.interrupt()

    assert [future.result() for future in futures[:2]] == ["stopped", "stopped"]
    with pytest.raises(CancelledError):
        futures[2].result()
    assert not (tmp_path / "2.began").exists()


def test_an_interruption_leaves_the_tasks_of_another_driver_alone(connect, tmp_path):
    other, workers = connect(cluster_tasks.obey), connect(cluster_tasks.obey)
    others, own = other.submit(str(tmp_path / "other")), workers.submit(str(tmp_path / "own"))
    until(lambda: len(list(tmp_path.glob("*.began"))) == 2)

    workers.interrupt()

    assert own.result() == "stopped"
    assert not (tmp_path / "other.stopped").exists()
    other.interrupt()
    assert others.result() == "stopped"


def test_the_tasks_of_a_killed_driver_are_told_to_stop(cluster, tmp_path):
    task, tls = tmp_path / "run", cluster.tls
    driver = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.runs.cluster.cluster_tasks", cluster.address),
            *map(str, (tls.authority, tls.certificate, tls.key, task)),
        ],
        cwd=ROOT,
    )
    until(Path(f"{task}.began").exists)

    driver.kill()
    driver.wait()

    until(Path(f"{task}.stopped").exists)


def test_a_worker_that_is_told_to_end_ends_its_runs_first(cluster, connect, tmp_path):
    leaving = cluster.start_worker("leaving", threads=4)
    workers = connect(cluster_tasks.obey, slots=CALM + 4)
    futures = [workers.submit(str(tmp_path / str(number))) for number in range(CALM + 4)]
    until(lambda: len(list(tmp_path.glob("*.began"))) == CALM + 4)

    leaving.terminate()

    until(lambda: len(list(tmp_path.glob("*.stopped"))) == 4)
    leaving.wait()
    until(lambda: sum(future.done() for future in futures) == 4)


def test_closing_ends_what_is_under_way(connect, tmp_path):
    workers = connect(cluster_tasks.obey)
    future = workers.submit(str(tmp_path / "run"))
    until((tmp_path / "run.began").exists)

    workers.close()

    assert future.result() == "stopped"
    with pytest.raises(WorkerLost):
        workers.submit("more").result()


def test_a_worker_that_joins_and_does_not_see_the_archive_is_not_used(
    cluster, connect, heard, tmp_path, monkeypatch
):
    # A path that leads each process to its own working folder.
    monkeypatch.chdir(cluster.folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    workers = connect(cluster_tasks.answer, archive=Path("/proc/self/cwd/archive"))

    strange = cluster.start_worker("strange", folder=elsewhere)
    until(lambda: texts(heard, "told"))

    assert workers.slots == CALM
    [told] = texts(heard, "told")
    assert told.startswith("The worker strange on ")
    assert "does not see the archive's folder /proc/self/cwd/archive" in told
    assert told.endswith("It is not used.")
    strange.kill()
    strange.wait()


def test_a_batch_is_executed_by_the_cluster_and_sealed_by_its_driver(
    cluster, run_tiny, tiny, places, heard
):
    clients = [f"client-{number}" for number in range(5)]

    done = run_tiny(
        *(tiny["open"], tiny["close"]),
        clients=clients,
        new_workers=lambda tell: cluster.workers(
            tell, function=execute_task, archive=places.evidence
        ),
        tell=heard.append,
    )

    assert [(each.client, each.outcome) for each in done.results] == [
        (client, "done") for client in clients
    ]
    assert all(each.seal_file for each in done.results)
    assert [each.name for each in places.evidence.glob(".pending/cluster-*")] == []


def test_a_cluster_that_has_no_worker_is_told_of_and_given_up_by_who_wants_that(
    tmp_path, heard, monkeypatch
):
    monkeypatch.setattr(news, "_IDLE_SECONDS", 0.01)
    monkeypatch.setattr(patience, "_TOLD_AFTER_SECONDS", 0.05)
    alone = Cluster(tmp_path)
    try:
        patient = alone.workers(heard.append, function=cluster_tasks.answer)
        waiting = patient.submit(1)
        until(lambda: heard)
        assert "no worker" in heard[0].text
        assert patient.lost == ""
        assert not waiting.done()

        hasty = alone.workers(lambda _: None, function=cluster_tasks.answer, patience_seconds=0.1)
        with pytest.raises(WorkerLost, match="no worker for"):
            hasty.submit(1).result()
        assert "no worker for" in hasty.lost
        for workers in (hasty, patient):
            workers.close()
    finally:
        alone.end()


def test_a_lost_scheduler_loses_what_is_under_way_and_ends_it(tmp_path, heard):
    alone = Cluster(tmp_path)
    try:
        alone.start_worker("only", threads=1)
        workers = alone.workers(heard.append, function=cluster_tasks.obey)
        until(lambda: workers.slots == 1)
        under_way, waiting = (workers.submit(str(tmp_path / name)) for name in ("run", "later"))
        until((tmp_path / "run.began").exists)

        alone.scheduler.kill()

        for future in (under_way, waiting, workers.submit(str(tmp_path / "more"))):
            with pytest.raises(WorkerLost, match=f"scheduler at {alone.address} cannot be reached"):
                future.result()
        assert workers.lost
        assert workers.slots == 0
        until((tmp_path / "run.stopped").exists)
        workers.close()
    finally:
        alone.end()
