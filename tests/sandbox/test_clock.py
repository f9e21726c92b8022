from datetime import UTC, datetime, timedelta

import pytest

from o365lib.sandbox.clock import SandboxClock, parse_date_time, wire_date_time

MOMENT = datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)


def test_it_runs_with_the_machines_clock_until_it_is_moved():
    before = datetime.now(UTC)
    assert before <= SandboxClock().now() <= datetime.now(UTC)


def test_advancing_moves_it_by_seconds_and_days():
    clock = SandboxClock()
    clock.set(MOMENT)
    clock.stop()
    start = clock.now()
    assert clock.advance(seconds=5, days=30) == start + timedelta(days=30, seconds=5)


def test_a_stopped_clock_stays_where_it_is_even_when_it_is_set():
    clock = SandboxClock()
    clock.stop()
    clock.set(MOMENT)
    assert clock.now() == clock.now() == MOMENT


def test_a_resumed_clock_goes_on_from_where_it_stood():
    clock = SandboxClock()
    clock.stop()
    clock.set(MOMENT)
    clock.resume()
    assert MOMENT <= clock.now() < MOMENT + timedelta(minutes=1)
    clock.resume()
    assert clock.now() < MOMENT + timedelta(minutes=1)


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="aware"):
        SandboxClock().set(MOMENT.replace(tzinfo=None))


def test_instants_are_written_and_read_as_graph_does():
    assert wire_date_time(MOMENT) == "2026-08-20T10:11:12Z"
    assert parse_date_time("2026-08-20T10:11:12Z") == MOMENT
    assert parse_date_time("2026-08-20T10:11:12") == MOMENT
