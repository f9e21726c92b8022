import json
import os
import pickle
import platform
import threading
from contextlib import suppress

import pytest

import o365lib
from o365lib.runs.cluster import worker as cluster_worker
from o365lib.runs.cluster.worker import (
    RunsPlugin,
    event_in,
    execute_here,
    interrupt,
    look,
    take_prompt,
)
from o365lib.runs.events import Event


@pytest.fixture
def under_way():
    """Two runs of one driver, and one of another."""
    flags = {name: threading.Event() for name in ("one", "two", "other")}
    for name, flag in flags.items():
        session = "theirs" if name == "other" else "ours"
        cluster_worker._under_way[name] = session, flag
    yield flags
    cluster_worker._under_way.clear()
    cluster_worker._interrupted.clear()


def are_stopped(flags):
    return sorted(name for name, flag in flags.items() if flag.is_set())


@pytest.mark.parametrize(
    "event",
    [
        Event(kind="step", client="acme", text="create-user"),
        Event(kind="traffic", client="acme", requests=7, throttled=2),
    ],
)
def test_an_event_survives_the_way_to_the_driver(event):
    assert event_in(cluster_worker._message(event, "run-1")) == event


class _Evil:
    def __reduce__(self):
        return os.mkdir, ("executed",)


def of(**changed):
    plain = {"kind": "step", "client": "acme", "text": "", "requests": 0, "throttled": 0}
    return {"event": json.dumps(plain | changed)}


@pytest.mark.parametrize(
    "message",
    [
        {"event": pickle.dumps(_Evil())},
        {"event": "no JSON"},
        {"event": "[]"},
        {"event": "{}"},
        {"event": 7},
        {"event": "[" * 100_000},
        {"prompt": "x"},
        {"prompt": [1]},
        {},
        [],
        None,
        of(kind="ended"),
        of(kind="prompt"),
        of(kind=["step"]),
        of(text=7),
        of(client=None),
        of(requests=-1),
        of(throttled=True),
    ],
)
def test_what_is_no_event_is_refused_and_nothing_in_it_is_executed(message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ValueError):
        event_in(message)

    assert not (tmp_path / "executed").exists()


def test_what_a_person_must_do_is_fetched_once_and_is_in_no_message():
    event = Event(kind="prompt", client="acme", text="code ABCD1234")
    message = cluster_worker._message(event, "run-1")

    assert "ABCD1234" not in str(message)
    number = event_in(message)
    assert take_prompt(number) == "code ABCD1234"
    assert take_prompt(number) == ""


class _Worker:
    def __init__(self):
        self.logged = []

    def log_event(self, topic, message):
        self.logged.append(message)


@pytest.mark.parametrize("does_fail", [False, True])
def test_what_nobody_fetched_is_forgotten_when_its_run_ends(monkeypatch, does_fail):
    worker = _Worker()
    monkeypatch.setattr(cluster_worker, "get_worker", lambda: worker)
    others = cluster_worker._message(Event(kind="prompt", text="another's"), "run-2")

    def ask(task, tell, stop):
        tell(Event(kind="prompt", client="acme", text="code ABCD1234"))
        if does_fail:
            raise ValueError(task)

    with suppress(ValueError):
        execute_here(ask, "task", session="ours", task_key="run-1")

    assert take_prompt(event_in(worker.logged[0])) == ""
    assert take_prompt(event_in(others)) == "another's"
    assert cluster_worker._prompts == {}


def test_a_run_that_comes_after_its_drivers_interruption_is_told_to_stop(monkeypatch, under_way):
    monkeypatch.setattr(cluster_worker, "get_worker", _Worker)
    interrupt("ours")

    stopped = execute_here(lambda _, __, stop: stop.is_set(), "", session="ours", task_key="late")

    assert stopped


def test_interrupted_drivers_of_old_are_forgotten(under_way):
    for number in range(10_000):
        interrupt(f"session-{number}")

    assert len(cluster_worker._interrupted) <= 256
    assert "session-9999" in cluster_worker._interrupted


def test_an_interruption_is_for_one_drivers_runs(under_way):
    interrupt("ours")

    assert are_stopped(under_way) == ["one", "two"]


@pytest.mark.parametrize("state", ["cancelled", "released", "forgotten"])
def test_a_run_that_nobody_waits_for_is_told_to_stop(under_way, state):
    plugin = RunsPlugin()
    plugin.transition("one", "executing", "memory")
    plugin.transition("unknown", "executing", state)
    assert are_stopped(under_way) == []

    plugin.transition("one", "executing", state)

    assert are_stopped(under_way) == ["one"]


def test_a_worker_that_ends_tells_all_its_runs(under_way):
    RunsPlugin().teardown(None)

    assert are_stopped(under_way) == ["one", "other", "two"]


def test_a_second_driver_of_the_same_version_changes_nothing():
    assert RunsPlugin.idempotent
    assert RunsPlugin.name.endswith(o365lib.__version__)


def test_a_machine_says_what_it_is_and_what_it_sees(tmp_path):
    (tmp_path / "probe").write_text("seen")

    told = look(probe=str(tmp_path / "probe"), store_url="")

    assert told["version"] == o365lib.__version__
    assert platform.python_version().startswith(told["python"])
    assert (told["probe"], told["store"]) == ("seen", "")


def test_a_machine_says_that_it_sees_no_folder_and_no_store(tmp_path):
    told = look(probe=str(tmp_path / "probe"), store_url=(tmp_path / "store").as_uri())

    assert told["probe"] == ""
    assert told["store"].startswith("There is no folder")
