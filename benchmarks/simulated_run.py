"""A run without a kernel: it waits as long as the network would, and tells what a run tells.

With it the scheduler, the driver's handling of tasks and the news of runs are measured for more
machines than there are.
"""

import threading

from o365lib.runs.events import Event, Tell

REQUESTS = 8
SECONDS_A_REQUEST = 0.25
SECONDS = REQUESTS * SECONDS_A_REQUEST


def execute(task: str, tell: Tell, stop: threading.Event) -> str:
    """Wait for as many answers as a create run does; tell each step and each request."""
    tell(Event(kind="started", client=task))
    for number in range(1, REQUESTS + 1):
        tell(Event(kind="step", client=task, text=f"step {number}"))
        stop.wait(SECONDS_A_REQUEST)
        tell(Event(kind="traffic", client=task, requests=number))
    return task
