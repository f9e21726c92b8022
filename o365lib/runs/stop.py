"""How a batch is stopped: in two stages, by Ctrl-C, by a termination, or from another thread."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Stop:
    """The two stages of stopping a batch.

    Attributes:
        no_more: no further run starts; those under way finish.
        now: those under way are interrupted and their records closed.
    """

    no_more: threading.Event = field(default_factory=threading.Event)
    now: threading.Event = field(default_factory=threading.Event)

    @property
    def stage(self) -> int:
        """How far it has gone: 0, 1 or 2."""
        return 2 if self.now.is_set() else int(self.no_more.is_set())

    def press(self) -> None:
        """Go one stage further."""
        if self.no_more.is_set():
            self.now.set()
        self.no_more.set()


@contextlib.contextmanager
def stopped_by_signals(stop: Stop) -> Iterator[None]:
    """Let Ctrl-C go one stage further, and a termination both, for the length of a `with` block.

    A terminal that is gone (SIGHUP) is a termination too, unless it is ignored (`nohup`).

    Works in the main thread only, as Python's signal handlers do. They press and say nothing: a
    signal may come while the main thread is printing, and a stream cannot be entered twice.
    """

    def interrupted(_number: int, _frame: Any) -> None:
        stop.press()

    def terminated(_number: int, _frame: Any) -> None:
        stop.no_more.set()
        stop.now.set()

    handlers = {signal.SIGINT: interrupted, signal.SIGTERM: terminated}
    gone = getattr(signal, "SIGHUP", None)  # not on Windows
    if gone is not None and signal.getsignal(gone) is not signal.SIG_IGN:
        handlers[gone] = terminated
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
