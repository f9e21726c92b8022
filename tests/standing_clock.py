"""A clock that moves only when somebody sleeps, and remembers for how long."""

from datetime import UTC, datetime, timedelta


class StandingClock:
    def __init__(self, start=datetime(2026, 8, 20, 10, 11, 12, tzinfo=UTC)):
        self.start = start
        self.sleeps = []

    def now(self):
        return self.start + timedelta(seconds=self.monotonic())

    def monotonic(self):
        return float(sum(self.sleeps))

    def sleep(self, seconds):
        self.sleeps.append(seconds)
