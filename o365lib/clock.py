"""Now and sleep: the only place where the package asks for the time.

- `now()` is aware UTC.
- `sleep()` and `monotonic()` go together: a clock that is put in place by `use` moves both.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What a clock can do."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never runs backwards."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never runs backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for this many seconds; none where the number is negative."""
        time.sleep(max(0.0, seconds))


_clock: Clock = SystemClock()


def now() -> datetime:
    """The present instant, aware, in UTC."""
    return _clock.now()


def monotonic() -> float:
    """Seconds since some fixed moment; never runs backwards."""
    return _clock.monotonic()


def sleep(seconds: float) -> None:
    """Wait for this many seconds; none where the number is negative."""
    _clock.sleep(seconds)


@contextmanager
def use(clock: Clock) -> Iterator[None]:
    """Put another clock in place for the length of a `with` block, in the whole process."""
    global _clock  # noqa: PLW0603 -- the seam is one variable, so that no caller can hold an old clock
    before, _clock = _clock, clock
    try:
        yield
    finally:
        _clock = before


def iso(instant: datetime) -> str:
    """An instant as ISO 8601 in UTC with milliseconds: `2026-08-20T10:11:12.345Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
