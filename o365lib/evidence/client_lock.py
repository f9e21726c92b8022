"""One run at a time may change a client's tenant: the lock, and who holds it.

- The lock is on `<archive>/<client>/.lock`, and `.lock.json` beside it says who holds it.
- It keeps runs apart that share the archive, on one machine or on a network drive that has locks;
  runs with different archives know nothing of each other.
"""

import os
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.held_lock import HeldLock
from o365lib.evidence.record import Operator

LOCK_FILE = ".lock"
HOLDER_FILE = ".lock.json"


class Holder(BaseModel):
    """The run that holds the lock.

    Attributes:
        run_id: which run.
        user_name: who runs it.
        host_name: on which machine.
        process_id: in which process there.
        since: when it took the lock.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    run_id: str
    user_name: str
    host_name: str
    process_id: int
    since: datetime


class ClientLock:
    """A run's hold on its client.

    Args:
        run: the run; its folder's parent must exist.
        lock_file: the file that is locked, in that folder.
        holder_file: the file that says who holds it.
    """

    def __init__(
        self, run: RunFolder, *, lock_file: str = LOCK_FILE, holder_file: str = HOLDER_FILE
    ) -> None:
        self._run = run
        folder = run.path.parent
        self._lock = HeldLock(folder / lock_file, folder / holder_file, Holder)

    @property
    def is_held(self) -> bool:
        """Whether this run holds the lock."""
        return self._lock.is_held

    def take(self) -> bool:
        """Take the lock without waiting; return whether this run holds it now.

        Raises:
            EvidenceError: the archive's file system refuses locks or the files for them.
        """
        operator = Operator.here()
        holder = Holder(
            run_id=self._run.run_id,
            user_name=operator.user_name,
            host_name=operator.host_name,
            process_id=os.getpid(),
            since=clock.now(),
        )
        try:
            return self._lock.take(holder)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise EvidenceError(
                f"Other runs of {self._run.client} cannot be locked out in {self._run.path.parent}"
                f" ({why}).",
                state="The step was not begun.",
                remedy="Give yourself the right to write there, or keep the archive on a drive that"
                " has file locks.",
            ) from error

    def release(self) -> None:
        """Let other runs of the client go on; without effect where this run holds no lock."""
        self._lock.release()

    def holder(self) -> Holder | None:
        """Return who holds the lock, to be asked when `take` has returned False.

        None where it has been let go of meanwhile, or cannot be read.
        """
        return self._lock.holder()
