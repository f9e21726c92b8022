"""Replication lag: what has been written but is not yet seen, and what is gone but still seen.

Microsoft Entra answers reads from replicas, so that a new object may be unknown for some seconds
and a deleted one may still be there. The truth is in the tenant's dictionaries; reads look through
`Replication.view`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

_Object = dict[str, Any]


class Replication:
    """Which objects are hidden or remembered until when, by kind (`users`, `role_assignments`…)."""

    def __init__(self) -> None:
        self._hidden: dict[tuple[str, str], datetime] = {}
        self._remembered: dict[tuple[str, str], tuple[datetime, _Object]] = {}

    def hide(self, kind: str, object_id: str, until: datetime) -> None:
        """Keep a new object out of reads until then."""
        self._hidden[kind, object_id] = until

    def remember(self, kind: str, object_id: str, item: _Object, until: datetime) -> None:
        """Keep a deleted object in reads until then."""
        self._remembered[kind, object_id] = (until, dict(item))

    def forget(self, kind: str, object_id: str) -> None:
        """Show the truth about one object from now on."""
        self._hidden.pop((kind, object_id), None)
        self._remembered.pop((kind, object_id), None)

    def view(
        self, kind: str, objects: Mapping[str, _Object], now: datetime
    ) -> Mapping[str, _Object]:
        """Return the objects of a kind as a replica shows them now."""
        if not self._hidden and not self._remembered:
            return objects
        self._hidden = {key: until for key, until in self._hidden.items() if until > now}
        self._remembered = {key: seen for key, seen in self._remembered.items() if seen[0] > now}
        shown = {key: item for key, item in objects.items() if (kind, key) not in self._hidden}
        for (remembered_kind, key), (_, item) in self._remembered.items():
            if remembered_kind == kind and key not in objects:
                shown[key] = item
        return shown
