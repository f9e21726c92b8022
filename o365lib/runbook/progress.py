"""What a step is doing, told to the engineer as it happens: each change, each wait.

Nothing of this is kept elsewhere than in the cell's output: what counts is in the record.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from o365lib import clock
from o365lib.evidence.record import Change
from o365lib.runbook.frontend import Frontend
from o365lib.runbook.panels.markup import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    from o365lib.runbook.panels.live_table import LiveTable

_TICK_SECONDS = 1.0

_HOW_IT_STANDS: dict[str, tuple[Kind, str]] = {
    "started": ("waiting", ""),
    "accepted": ("done", ""),
    "failed": ("trouble", ": the service said no"),
    "unknown": ("warning", ": no answer came; whether it took place is not known"),
}


@dataclass
class _Wait:
    """How long was waited for one thing, in seconds, and whether it still is."""

    seconds: float = 0.0
    is_over: bool = True


class Progress:
    """Tells what the step that is being executed does.

    Args:
        frontend: who sits in front of the kernel.
    """

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend
        self._step = ""
        self._lines: list[Callable[[], tuple[Kind, str]]] = []
        self._known: dict[int, Change] = {}
        self._waits: dict[str, _Wait] = {}
        self._table: LiveTable | None = None

    def begin(self, step: str) -> None:
        """Begin to tell of a step."""
        self._step, self._table = step, None
        self._lines, self._known, self._waits = [], {}, {}

    def change(self, change: Change) -> None:
        """Tell that a change has begun, or what became of it."""
        if id(change) not in self._known:
            self._known[id(change)] = change

            def line() -> tuple[Kind, str]:
                kind, how = _HOW_IT_STANDS[change.status]
                return kind, f"{change.detail}{how}"

            self._lines.append(line)
        self._show()

    def wait(self, until: str, seconds: float) -> None:
        """Wait, and tell how long and what for.

        Args:
            until: what for, as in "until ...".
            seconds: how long.
        """
        if until not in self._waits:
            self._waits[until] = _Wait()
            self._lines.append(lambda: self._waited(until))
        this = self._waits[until]
        this.is_over = False
        left = seconds
        while left > 0:
            self._show()
            pause = min(_TICK_SECONDS, left) if self._is_watched else left
            clock.sleep(pause)
            left -= pause
            this.seconds += pause
        this.is_over = True
        self._show()

    def told_to_wait(self, seconds: float) -> None:
        """Tell that the service asked to be left alone for so long."""
        text = f"Microsoft asked us to wait {seconds:.0f} s, and the run does"
        self._lines.append(lambda: ("waiting", text))
        self._show()
        self._lines[-1] = lambda: ("plain", text)

    @property
    def _is_watched(self) -> bool:
        return self._frontend.is_interactive

    def _waited(self, until: str) -> tuple[Kind, str]:
        this = self._waits[until]
        if this.is_over:
            return "plain", f"Waited {this.seconds:.0f} s {until}"
        return "waiting", f"Waiting {until}: {this.seconds:.0f} s so far"

    def _show(self) -> None:
        if not self._is_watched:
            return
        if self._table is None:
            from o365lib.runbook.panels.live_table import LiveTable

            self._table = LiveTable(self._step.replace("-", " ").capitalize())
        self._table.show([line() for line in self._lines])
