"""One process at a time drives a batch: the lock, and who holds it.

The lock is on `.driver.lock` in the batch's folder, and `.driver.json` beside it says who holds it.
"""

import os
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from o365lib import clock
from o365lib.errors import EvidenceError, UsageError
from o365lib.evidence.batches.inputs import Who
from o365lib.evidence.held_lock import HeldLock
from o365lib.evidence.layout import DRIVER_FILE, DRIVER_LOCK


class Driver(BaseModel):
    """The process that drives a batch.

    Attributes:
        user_name: whose it is.
        host_name: on which machine.
        process_id: which process there.
        since: when it began to.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    user_name: str
    host_name: str
    process_id: int
    since: datetime

    def __str__(self) -> str:
        """Who it is, to stand in a sentence."""
        who = f"{self.user_name or 'somebody'} on {self.host_name}"
        return f"{who}, process {self.process_id}, since {clock.iso(self.since)}"


class DriverLock:
    """This process's hold on a batch.

    Args:
        folder: the batch's; it must exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = HeldLock(folder / DRIVER_LOCK, folder / DRIVER_FILE, Driver)

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock.is_held

    def take(self) -> bool:
        """Take the lock without waiting; return whether it is held now.

        Raises:
            EvidenceError: the archive's file system refuses locks or the files for them.
        """
        who = Who.here()
        driver = Driver(
            user_name=who.user_name,
            host_name=who.host_name,
            process_id=os.getpid(),
            since=clock.now(),
        )
        try:
            return self._lock.take(driver)
        except OSError as error:
            raise EvidenceError(
                f"Other drivers of this batch cannot be locked out in {self._folder}"
                f" ({error.strerror or type(error).__name__}).",
                state="Nothing was started.",
                remedy="Give yourself the right to write there, or keep the archive on a drive that"
                " has file locks.",
            ) from error

    def release(self) -> None:
        """Let others drive the batch; without effect where the lock is not held."""
        self._lock.release()

    def driver(self) -> Driver | None:
        """Return who drives the batch; to be asked when `take` has returned False.

        None where it has been let go of meanwhile, or cannot be read.
        """
        return self._lock.holder()


def driven_by(batch_id: str, driver: Driver | None) -> UsageError:
    """Return the error for who wants to drive a batch that another process drives."""
    return UsageError(
        f"The batch {batch_id} is being driven by {driver or 'another process'}.",
        state="Nothing was started.",
        remedy="Wait for it to end; what it leaves to do can then be taken up.",
    )
