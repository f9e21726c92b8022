import platform
import threading

import pytest

import o365lib
from o365lib.runs import cluster_worker
from o365lib.runs.cluster_worker import RunsPlugin, event_in, interrupt, look, take_prompt
from o365lib.runs.events import Event
from o365lib.runs.summary import RunResult


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


def test_an_event_survives_the_way_to_the_driver():
    result = RunResult(client="acme", runbook="create", outcome="done", seconds=1.5)
    event = Event(kind="ended", client="acme", result=result)

    assert event_in(cluster_worker._message(event)) == event


def test_what_a_person_must_do_is_fetched_once_and_is_in_no_message():
    message = cluster_worker._message(Event(kind="prompt", client="acme", text="code ABCD1234"))

    assert "ABCD1234" not in str(message)
    number = event_in(message)
    assert take_prompt(number) == "code ABCD1234"
    assert take_prompt(number) == ""


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
