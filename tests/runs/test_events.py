import pickle

from o365lib.runs.events import Event, ignore
from o365lib.runs.summary import RunResult


def test_an_event_reaches_another_process_as_it_was():
    result = RunResult(client="acme", runbook="create_service_account", outcome="done")
    event = Event(kind="ended", client="acme", result=result)

    assert pickle.loads(pickle.dumps(event)) == event  # noqa: S301 -- our own bytes


def test_whoever_ignores_events_returns_nothing():
    assert ignore(Event(kind="told", text="nothing")) is None
