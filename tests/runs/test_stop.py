import os
import signal

import pytest

from o365lib.runs.stop import Stop, stopped_by_signals


def test_an_interruption_goes_one_stage_further_each_time():
    stop = Stop()
    before = signal.getsignal(signal.SIGINT)
    with stopped_by_signals(stop):
        assert stop.stage == 0
        signal.raise_signal(signal.SIGINT)
        assert (stop.no_more.is_set(), stop.now.is_set(), stop.stage) == (True, False, 1)
        signal.raise_signal(signal.SIGINT)
        assert stop.now.is_set()
        assert stop.stage == 2
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.skipif(os.name == "nt", reason="Windows terminates without a signal")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_termination_goes_through_both_stages_at_once(name):
    stop = Stop()
    number = getattr(signal, name)
    # Whoever started the tests may have had it ignored (`nohup`).
    before = signal.signal(number, signal.SIG_DFL)
    try:
        with stopped_by_signals(stop):
            signal.raise_signal(number)
    finally:
        signal.signal(number, before)
    assert stop.no_more.is_set()
    assert stop.now.is_set()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_a_terminal_that_is_gone_stops_nothing_that_was_told_to_ignore_it():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = Stop()
    try:
        with stopped_by_signals(stop):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert stop.stage == 0
