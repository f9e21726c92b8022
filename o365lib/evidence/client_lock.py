"""One run at a time may change a client's tenant: the lock, and who holds it.

- The lock is the operating system's, on `<archive>/<client>/.lock`: it ends with the process that
  holds it, however that ends, so a crash leaves none behind. The file itself stays; only its being
  locked says anything.
- `.lock.json` beside it says who. It is not in the locked file, because Windows lets nobody read
  what is locked; it is believed only while somebody holds the lock.
- It keeps runs apart that share the archive, on one machine or on a network drive that has locks;
  runs with different archives know nothing of each other.
"""

import contextlib
import os
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence import file_lock
from o365lib.evidence.archive import RunFolder
from o365lib.evidence.files import write_atomically
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
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._lock: file_lock.FileLock | None = None

    @property
    def is_held(self) -> bool:
        """Whether this run holds the lock."""
        return self._lock is not None

    def take(self) -> bool:
        """Take the lock without waiting; return whether this run holds it now.

        Raises:
            EvidenceError: the archive's file system refuses locks or the files for them.
        """
        if self.is_held:
            return True
        operator = Operator.here()
        holder = Holder(
            run_id=self._run.run_id,
            user_name=operator.user_name,
            host_name=operator.host_name,
            process_id=os.getpid(),
            since=clock.now(),
        )
        lock = None
        try:
            lock = file_lock.take(self._file(LOCK_FILE))
            if lock is None:
                return False
            write_atomically(self._file(HOLDER_FILE), holder.model_dump_json(indent=2) + "\n")
        except OSError as error:
            if lock is not None:
                lock.release()
            why = error.strerror or type(error).__name__
            raise EvidenceError(
                f"Other runs of {self._run.client} cannot be locked out in {self._run.path.parent}"
                f" ({why}).",
                state="The step was not begun.",
                remedy="Give yourself the right to write there, or keep the archive on a drive that"
                " has file locks.",
            ) from error
        self._lock = lock
        return True

    def release(self) -> None:
        """Let other runs of the client go on; without effect where this run holds no lock."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        # The archive may be gone by now; the lock goes with its file or its process.
        with contextlib.suppress(OSError):
            self._file(HOLDER_FILE).unlink(missing_ok=True)
        lock.release()

    def holder(self) -> Holder | None:
        """Return who holds the lock, to be asked when `take` has returned False.

        None where it has been let go of meanwhile, or cannot be read.
        """
        try:
            return Holder.model_validate_json(self._file(HOLDER_FILE).read_bytes())
        except (OSError, ValidationError):
            return None

    def _file(self, name: str) -> Path:
        return self._run.path.parent / name
