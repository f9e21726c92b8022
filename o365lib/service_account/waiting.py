"""Waiting for the directory: how long, in which steps, and who is told why.

The directory is replicated: what was written shows a while later.
https://learn.microsoft.com/entra/architecture/architecture
"""

from collections.abc import Callable, Iterator

from o365lib import clock

Wait = Callable[[str, float], object]
"""Waits so many seconds; is told first what for, as in "until ..."."""

_PAUSES_SECONDS = (1, 2, 3, 5, 8)


def in_silence(_until: str, seconds: float) -> None:
    """Wait without telling anybody."""
    clock.sleep(seconds)


def pauses(patience_seconds: float) -> Iterator[float]:
    """Yield growing pauses until their sum reaches the patience, all in seconds."""
    spent, number = 0.0, 0
    longest = len(_PAUSES_SECONDS) - 1
    while spent < patience_seconds:
        pause = min(float(_PAUSES_SECONDS[min(number, longest)]), patience_seconds - spent)
        yield pause
        spent += pause
        number += 1
