"""News of a cluster, dealt with one after the other, in one thread that is none of the callers'."""

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress

from o365lib.runs.events import Event, Tell

# How long there may be no news until something else is looked after.
_IDLE_SECONDS = 1.0

_logger = logging.getLogger(__name__)


class News:
    """What is to be done because something happened; done in the order in which it was put.

    Args:
        hear: hears of what happens to tasks, in that thread.
        idle: is called when there has been no news for a while.
    """

    def __init__(self, hear: Tell, *, idle: Callable[[], None]) -> None:
        self._hear, self._idle = hear, idle
        self._queue = queue.SimpleQueue[Callable[[], None] | None]()
        self.thread = threading.Thread(target=self._listen, name="cluster", daemon=True)

    def put(self, news: Callable[[], None]) -> None:
        """Have something done, soon; an exception of it ends nothing."""
        self._queue.put(news)

    def tell(self, event: Event) -> None:
        """Tell an event, now."""
        with suppress(Exception):  # a torn terminal must not end the thread that hears of runs
            self._hear(event)

    def end(self) -> None:
        """Do what was put so far, and end."""
        self._queue.put(None)
        self.thread.join()

    def _listen(self) -> None:
        while True:
            try:
                news = self._queue.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                news = self._idle
            if news is None:
                return
            try:
                news()
            except Exception:
                _logger.exception("News of the cluster could not be dealt with.")
