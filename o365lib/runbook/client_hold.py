"""A run's hold on its client: who may change the tenant, and who is at work at a desk.

- From its first change until it is closed, a run is the only one that changes its client's tenant.
- At a desk, one engineer is at work on a client at a time, from the first cell on; whoever comes
  second is told who and since when, and can only look. A run that was closed or has failed lets
  others come. A batch is held back by the lock alone.
"""

from collections.abc import Iterable
from datetime import datetime

from o365lib import clock
from o365lib.errors import Refused
from o365lib.evidence.archive import Archive, RunFolder
from o365lib.evidence.client_lock import ClientLock, Holder
from o365lib.evidence.presence import Presence

_WHO_HAS_NO_NAME = "an account without a name"


class ClientHold:
    """One run's hold.

    Args:
        folder: the run.
        archive: where the client's other runs are.
        is_at_desk: whether an engineer steps through the run.
    """

    def __init__(self, folder: RunFolder, archive: Archive, *, is_at_desk: bool) -> None:
        self._folder, self._archive = folder, archive
        self._is_at_desk = is_at_desk
        self._lock, self._presence = ClientLock(folder), Presence(folder)

    @property
    def is_locked(self) -> bool:
        """Whether this run keeps others from changing the tenant."""
        return self._lock.is_held

    def is_of(self, folder: RunFolder) -> bool:
        """Whether it is a hold on the client of another run."""
        return self._folder.path.parent == folder.path.parent

    def come(self, others: Iterable["ClientHold"]) -> str:
        """Be at work on the client; return who is already, in words, or nothing.

        Args:
            others: the holds of this kernel's other runs; they give their place up.

        Raises:
            EvidenceError: the archive cannot be locked.
        """
        if not self._is_at_desk:
            return ""
        for each in others:
            if each.is_of(self._folder):
                each.give_way()
        return "" if self._presence.take() else _at_work(self._presence.holder())

    def take(self, others: Iterable["ClientHold"], *, read: datetime, way_back: str) -> None:
        """Keep other runs from changing the client's tenant until `release`.

        Args:
            others: as above.
            read: when this run last read the tenant.
            way_back: what to do where another run has changed it since.

        Raises:
            Refused: another run is changing the tenant, has changed it since it was read, or
                another engineer is at work on it.
            EvidenceError: the archive cannot be locked.
        """
        if self._lock.is_held:
            return
        # A run that had failed has let others come; whoever came is at work now.
        if who := self.come(others):
            raise Refused(
                "run-under-way",
                f"{who}.",
                remedy="Wait until that run has ended, then run again: it looks first.",
            )
        if not self._lock.take():
            raise Refused(
                "run-under-way",
                f"Another run of this client is changing the tenant{_told(self._lock.holder())}.",
                remedy="Wait until it has ended, then run again: it looks first.",
            )
        if other := self.changed_by_another(read):
            raise Refused(
                "plan-changed",
                f"The run {other} has changed the tenant since this one read it.",
                remedy=way_back,
            )

    def give_way(self) -> None:
        """Let another run of this kernel be at work on the client."""
        self._presence.release()

    def release(self) -> None:
        """Let other runs of the client go on."""
        self._presence.release()
        if self._lock.is_held:
            self._lock.release()

    def changed_by_another(self, read: datetime) -> str:
        """Return another run that sent a change after an instant, or nothing."""
        for record in self._archive.records(self._folder.client):
            if record.run_id != self._folder.run_id and any(
                change.status != "failed" and (change.ended or change.started) >= read
                for change in record.changes
            ):
                return record.run_id
        return ""


def _told(holder: Holder | None) -> str:
    if holder is None:
        return ""
    return (
        f": {holder.run_id}, by {holder.user_name or _WHO_HAS_NO_NAME} on"
        f" {holder.host_name} since {clock.iso(holder.since)}"
    )


def _at_work(holder: Holder | None) -> str:
    if holder is None:
        return "Somebody is at work on this client"
    who = holder.user_name or _WHO_HAS_NO_NAME
    return (
        f"{who[:1].upper()}{who[1:]} on {holder.host_name} has been at work on this client since "
        f"{clock.iso(holder.since)} (run {holder.run_id})"
    )
