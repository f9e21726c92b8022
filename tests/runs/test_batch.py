import os
import signal
import threading

import pytest

from o365lib.errors import UsageError
from o365lib.evidence.archive import RunFolder
from o365lib.runs.batch import Event, Stop, run_batch, stopped_by_signals
from o365lib.runs.summary import NOT_STARTED

SAY = (
    'get_ipython().display_pub.publish(data={"text/plain": ""}, metadata={},'
    ' transient={"o365": {"step": "middle"}})\n'
)


def test_one_clients_failure_never_stops_the_others_and_the_order_is_kept(
    make_request, evidence, tiny
):
    failing = "import os\nif client == 'bayside-legal': os._exit(1)\n"
    late = "import time\nif client == 'alpine-books': time.sleep(2)\n"
    clients = ["alpine-books", "bayside-legal", "cedar-dental"]
    requests = [
        make_request(failing + late + tiny["open"], tiny["close"], client=client)
        for client in clients
    ]
    events: list[Event] = []
    results = run_batch(requests, evidence=evidence, jobs=2, on_event=events.append)
    assert [(each.client, each.outcome) for each in results] == [
        ("alpine-books", "done"),
        ("bayside-legal", "failed"),
        ("cedar-dental", "done"),
    ]
    assert sorted(each.client for each in events if each.kind == "started") == clients
    assert {each.result for each in events if each.kind == "ended"} == set(results)


def test_an_unknown_parameter_stops_the_batch_before_the_first_run(make_request, evidence, tiny):
    good = make_request(tiny["open"], tiny["close"])
    bad = make_request(tiny["open"], tiny["close"], client="bayside-legal", tickte="T")
    with pytest.raises(UsageError, match="tickte"):
        run_batch([good, bad], evidence=evidence)
    assert evidence.archive.runs() == []


def test_after_the_first_stop_runs_under_way_finish_and_no_further_run_starts(
    make_request, evidence, tiny
):
    stop = Stop()
    requests = [
        make_request(tiny["open"], SAY, tiny["close"], client=client)
        for client in ("alpine-books", "bayside-legal", "cedar-dental")
    ]

    def press(event):
        if event.kind == "step":
            stop.press()

    results = run_batch(requests, evidence=evidence, stop=stop, on_event=press)
    assert [each.outcome for each in results] == ["done", NOT_STARTED, NOT_STARTED]
    assert [run.client for run in evidence.archive.runs()] == ["alpine-books"]
    assert [each.remedy for each in results] == [
        "",
        *["Run the same command again for those that were not started."] * 2,
    ]


def test_after_the_second_stop_runs_under_way_end_with_readable_records(
    make_request, evidence, tiny
):
    stop = Stop()
    requests = [
        make_request(tiny["open"], tiny["change"], SAY + "import time; time.sleep(600)", client=one)
        for one in ("alpine-books", "bayside-legal", "cedar-dental")
    ]
    begun = threading.Barrier(2, action=lambda: (stop.press(), stop.press()))

    def press(event):
        if event.kind == "step":
            threading.Thread(target=begun.wait).start()

    results = run_batch(requests, evidence=evidence, jobs=2, stop=stop, on_event=press)
    assert [each.outcome for each in results] == ["unverified", "unverified", NOT_STARTED]
    for result in results[:2]:
        record = RunFolder(result.record_file.parent).read_record()
        assert record.closed_by == "driver"
        assert record.reason.startswith("The run was stopped: it was interrupted.")


def test_what_nobody_foresaw_fails_one_client_only(make_request, evidence, tiny, places):
    requests = [
        make_request(tiny["open"], tiny["close"], client=client, name=f"create_{number}")
        for number, client in enumerate(("alpine-books", "bayside-legal"))
    ]

    def take_away(event):
        if (event.kind, event.client) == ("started", "alpine-books"):
            (places.notebooks / "create_0.ipynb").unlink()

    first, second = run_batch(requests, evidence=evidence, on_event=take_away)
    assert (first.outcome, second.outcome) == ("failed", "done")
    assert "is not a runbook" in first.reason
    assert first.remedy == "A runbook is a notebook with one cell tagged `parameters`."
    assert first.remedy not in first.reason


def test_progress_that_cannot_be_shown_ends_no_run(make_request, evidence, tiny, caplog):
    def torn(event):
        raise OSError("the terminal is gone")

    request = make_request(tiny["open"], tiny["close"])
    results = run_batch([request], evidence=evidence, on_event=torn)
    assert [each.outcome for each in results] == ["done"]
    assert "progress could not be shown" in caplog.text


def test_an_interruption_goes_one_stage_further_each_time():
    stop = Stop()
    before = signal.getsignal(signal.SIGINT)
    with stopped_by_signals(stop):
        signal.raise_signal(signal.SIGINT)
        assert (stop.no_more.is_set(), stop.now.is_set()) == (True, False)
        signal.raise_signal(signal.SIGINT)
        assert stop.now.is_set()
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name == "nt", reason="Windows terminates without a signal")
def test_a_termination_goes_through_both_stages_at_once():
    stop = Stop()
    with stopped_by_signals(stop):
        signal.raise_signal(signal.SIGTERM)
    assert stop.no_more.is_set()
    assert stop.now.is_set()


def test_what_a_stop_means_is_said_at_each_stage(make_request, evidence, tiny):
    stop, said = Stop(), []

    def say(text):
        said.append(text)
        if len(said) == 1:
            stop.press()

    def pressed_in_the_middle(event):
        if event.kind == "step":
            stop.press()

    waiting = SAY + "import time\ntime.sleep(60)\n"
    request = make_request(tiny["open"], waiting, tiny["close"], client="alpine-books")
    [result] = run_batch(
        [request], evidence=evidence, stop=stop, on_event=pressed_in_the_middle, say=say
    )
    assert result.outcome in {"failed", "unverified"}
    assert "Ctrl-C again" in said[0]
    assert "Interrupting" in said[1]
