"""The sandbox's own time.

- It runs with the machine's clock until it is moved: a test of expiry or of the recycle bin's
  30 days moves it instead of waiting.
- Every instant is aware and in UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class SandboxClock:
    """A clock that can be moved and stopped; all of a sandbox's decisions use it."""

    def __init__(self) -> None:
        self._offset = timedelta(0)
        self._frozen: datetime | None = None

    def now(self) -> datetime:
        """Return the present instant in UTC, as the sandbox sees it."""
        return self._frozen if self._frozen is not None else datetime.now(UTC) + self._offset

    def advance(self, *, seconds: float = 0.0, days: float = 0.0) -> datetime:
        """Move the clock forward (or back, with a negative number) and return the new instant."""
        return self.set(self.now() + timedelta(seconds=seconds, days=days))

    def set(self, moment: datetime) -> datetime:
        """Make the clock show `moment` and go on from there; a stopped clock stays stopped.

        Raises:
            ValueError: `moment` carries no time zone; the clock is unchanged.
        """
        if moment.tzinfo is None:
            raise ValueError("The sandbox clock needs an aware instant, such as datetime.now(UTC).")
        if self._frozen is not None:
            self._frozen = moment.astimezone(UTC)
        else:
            self._offset = moment.astimezone(UTC) - datetime.now(UTC)
        return self.now()

    def stop(self) -> None:
        """Stop the clock at the present instant."""
        self._frozen = self.now()

    def resume(self) -> None:
        """Let a stopped clock run again from where it stands."""
        if self._frozen is not None:
            self._offset = self._frozen - datetime.now(UTC)
            self._frozen = None


def wire_date_time(moment: datetime) -> str:
    """Write an instant as Graph does: `2026-08-20T10:11:12Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_date_time(text: str) -> datetime:
    """Read Graph's form of an instant.

    Raises:
        ValueError: the text is no ISO 8601 instant.
    """
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
