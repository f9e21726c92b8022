"""Runs executed in threads of this very process: for a few clients, where nothing is to be started.

Python lets one thread at a time compute, so that more than a few runs are better off in processes
of their own (`workers`).
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from o365lib.runs.events import Tell
from o365lib.runs.workers import Function


class ThreadWorkers:
    """Threads that execute tasks.

    Args:
        jobs: how many tasks at once, at least 1.
        hear: hears of what happens to them, in their threads.
        function: what is done with a task.
    """

    lost = ""  # this process is there as long as whoever asks

    def __init__(self, jobs: int, *, hear: Tell, function: Function) -> None:
        self._slots = max(1, jobs)
        self._hear, self._function = hear, function
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(self._slots, thread_name_prefix="run")

    @property
    def slots(self) -> int:
        """How many tasks are executed at once, at most."""
        return self._slots

    def submit(self, task: Any) -> Future[Any]:
        """Have a task executed, once, and return its future."""
        return self._pool.submit(self._function, task, self._hear, self._stop)

    def interrupt(self) -> None:
        """Tell all tasks that are under way to stop; each ends in its own time."""
        self._stop.set()

    def close(self) -> None:
        """Interrupt what is under way and wait for it."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)
