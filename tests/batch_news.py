"""What is told about the runs of a batch, and a clock that stands still."""

from datetime import UTC, datetime, timedelta

from o365lib.runs.events import Event
from o365lib.runs.summary import RunResult

BEGIN = datetime(2026, 8, 20, 10, 0, tzinfo=UTC)


class StillClock:
    """Moves when it is told to."""

    def __init__(self):
        self.seconds = 100.0

    def now(self):
        return BEGIN + timedelta(seconds=self.seconds - 100)

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


def started(client):
    return Event(kind="started", client=client)


def step(client, text):
    return Event(kind="step", client=client, text=text)


def prompt(client, text):
    return Event(kind="prompt", client=client, text=text)


def traffic(client, requests, throttled=0):
    return Event(kind="traffic", client=client, requests=requests, throttled=throttled)


def told(text):
    return Event(kind="told", text=text)


def ended(client, outcome="done", reason="As planned.", **others):
    result = RunResult(client=client, runbook="create", outcome=outcome, reason=reason, **others)
    return Event(kind="ended", client=client, result=result)
