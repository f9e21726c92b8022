"""Instants as records keep them, which anybody may have written. Pure."""

from datetime import UTC, datetime
from typing import Any


def instant_of(text: Any) -> datetime | None:
    """Return the aware instant that a record keeps as text; None where it is none."""
    try:
        found = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
