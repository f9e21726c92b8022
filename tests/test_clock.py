from datetime import UTC, datetime, timedelta, timezone

import pytest

from o365lib import clock


class Standing:
    """A clock that moves only when somebody sleeps."""

    def __init__(self):
        self.slept = 0.0

    def now(self):
        return datetime(2026, 8, 20, tzinfo=UTC) + timedelta(seconds=self.slept)

    def monotonic(self):
        return self.slept

    def sleep(self, seconds):
        self.slept += seconds


def test_now_is_aware_and_in_utc():
    assert clock.now().utcoffset() == timedelta(0)


def test_monotonic_never_runs_backwards():
    first = clock.monotonic()
    clock.sleep(0)
    assert clock.monotonic() >= first


def test_a_negative_sleep_is_none():
    clock.sleep(-1)


def test_another_clock_moves_now_and_monotonic_together():
    with clock.use(Standing()):
        clock.sleep(90)
        assert clock.now() == datetime(2026, 8, 20, 0, 1, 30, tzinfo=UTC)
        assert clock.monotonic() == 90


def test_the_clock_before_comes_back_also_after_an_error():
    with pytest.raises(KeyError), clock.use(Standing()):
        raise KeyError
    assert isinstance(clock._clock, clock.SystemClock)


def test_clocks_can_be_put_in_place_within_each_other():
    with clock.use(outer := Standing()):
        with clock.use(inner := Standing()):
            clock.sleep(5)
        clock.sleep(7)
    assert (outer.slept, inner.slept) == (7, 5)


def test_an_instant_is_written_in_utc_with_milliseconds():
    there = timezone(timedelta(hours=10))
    instant = datetime(2026, 8, 20, 20, 11, 12, 345678, tzinfo=there)
    assert clock.iso(instant) == "2026-08-20T10:11:12.345Z"
    assert datetime.fromisoformat(clock.iso(instant)).tzinfo is not None
