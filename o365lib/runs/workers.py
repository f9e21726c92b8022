"""What executes runs: processes on this machine, or a cluster's. The batch does not see which.

Both hand out futures of `concurrent.futures`, execute what is submitted at most once, and tell what
happens by events.
"""

from collections.abc import Callable
from concurrent.futures import Future
from threading import Event as Flag
from typing import Any, Protocol

from o365lib.errors import RunbookError
from o365lib.runs.events import Tell


class WorkerLost(RunbookError):
    """The process that executed a run has ended, or cannot be reached any more.

    Whether the run changed anything is told by its record and by the tenant.
    """


Function = Callable[[Any, Tell, Flag], Any]
"""What a worker does with a task: takes the task, whom to tell, and a flag that says to stop."""


class Workers(Protocol):
    """Executes tasks, many at once."""

    @property
    def slots(self) -> int:
        """How many tasks are executed at once, at most; on a cluster this may change."""
        ...

    @property
    def lost(self) -> str:
        """Why nothing can be executed any more, in a sentence; empty while it can."""
        ...

    def submit(self, task: Any) -> Future[Any]:
        """Have a task executed, once, and return its future.

        The future raises `WorkerLost` where the process that executes it ended before it could
        answer; the task is not executed again.
        """
        ...

    def interrupt(self) -> None:
        """Tell all tasks that are under way to stop; each ends in its own time."""
        ...

    def close(self) -> None:
        """Let go of everything that was started; tasks under way are interrupted. Idempotent."""
        ...
