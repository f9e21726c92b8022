"""Clocks for tests: one that moves only when somebody sleeps, and one that runs ahead."""

from datetime import UTC, datetime, timedelta

from o365lib import clock


class StandingClock:
    """It remembers for how long somebody slept."""

    def __init__(self, start=datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)):
        self.start = start
        self.sleeps = []

    def now(self):
        return self.start + timedelta(seconds=self.monotonic())

    def monotonic(self):
        return float(sum(self.sleeps))

    def sleep(self, seconds):
        self.sleeps.append(seconds)


class LateClock(clock.SystemClock):
    """The machine's clock, some time later."""

    def __init__(self, **later):
        self.later = timedelta(**later)

    def now(self):
        return datetime.now(UTC) + self.later
