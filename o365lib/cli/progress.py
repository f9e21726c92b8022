"""Progress of a batch on standard error, shown in one of several ways."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol

from o365lib.cli.progress_lines import JsonLines, Lines, Quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console

    from o365lib.runs.events import Event

Mode = Literal["auto", "table", "lines", "json", "none"]
MODES: tuple[Mode, ...] = ("auto", "table", "lines", "json", "none")

_logger = logging.getLogger(__name__)


class Display(Protocol):
    """What shows progress; it may be told by several threads at once."""

    def show(self, event: Event) -> None:
        """Show what happened to a run, or what is told about the batch."""

    def stopping(self, stage: int, /) -> None:
        """Take in that no further run starts (1), or that those under way are interrupted (2).

        What waits is no longer counted in the time left, and Ctrl-C means something else.
        """


class _Ticking(Display, Protocol):
    SECONDS: float

    def tick(self) -> None: ...

    def end(self) -> None: ...


@contextmanager
def displayed(total: int, mode: Mode = "auto") -> Iterator[Display]:
    """Give what shows the progress of so many runs, for the length of a `with` block.

    Args:
        total: how many clients the batch has.
        mode: `table` needs a terminal that can move its cursor, and is `lines` elsewhere; `auto` is
            `table` too. `none` shows prompts and news of the whole batch, and nothing else.
    """
    display = _display(total, mode)
    try:
        with _every(display.SECONDS, display.tick):
            yield display
    finally:
        _try(display.end)


def _display(total: int, mode: Mode) -> _Ticking:
    from o365lib.cli.output import console

    if mode == "json":
        return JsonLines(total)
    if mode == "none":
        return Quiet()
    terminal: Console = console(stderr=True)
    if mode == "lines" or not terminal.is_terminal or terminal.is_dumb_terminal:
        return Lines(total)
    from o365lib.cli.live_table import LiveTable

    return LiveTable(total, terminal)


@contextmanager
def _every(seconds: float, function: Callable[[], None]) -> Iterator[None]:
    """Call a function every so many seconds, until it fails."""
    is_over = threading.Event()

    def repeat() -> None:
        while not is_over.wait(seconds) and _try(function):
            pass

    thread = threading.Thread(target=repeat, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _try(function: Callable[[], None]) -> bool:
    try:
        function()
    except Exception:  # a torn terminal must not end a batch
        _logger.warning("progress could not be shown", exc_info=True)
        return False
    return True
