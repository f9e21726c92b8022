"""A lock of the operating system with a file beside it that says who holds it.

- The lock ends with the process that holds it, however that ends, so a crash leaves none behind.
  The locked file itself stays; only its being locked says anything.
- Who holds it is not in the locked file, because Windows lets nobody read what is locked. It is
  believed only while somebody holds the lock.
"""

import contextlib
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from o365lib.evidence import file_lock
from o365lib.evidence.files import write_atomically

_Holder = TypeVar("_Holder", bound=BaseModel)


class HeldLock(Generic[_Holder]):
    """A hold on what a lock keeps for one at a time.

    Args:
        lock_file: the file to lock; its folder must exist.
        holder_file: the file that says who holds the lock.
        told: the model of who holds it.
    """

    def __init__(self, lock_file: Path, holder_file: Path, told: type[_Holder]) -> None:
        self._lock_file, self._holder_file, self._told = lock_file, holder_file, told
        self._lock: file_lock.FileLock | None = None

    @property
    def is_held(self) -> bool:
        """Whether this object holds the lock."""
        return self._lock is not None

    def take(self, holder: _Holder) -> bool:
        """Take the lock without waiting, and tell who has it; return whether it is held now.

        Raises:
            OSError: the drive refuses locks or the files for them; nothing is held then.
        """
        if self.is_held:
            return True
        lock = file_lock.take(self._lock_file)
        if lock is None:
            return False
        try:
            write_atomically(self._holder_file, holder.model_dump_json(indent=1) + "\n")
        except OSError:
            lock.release()
            raise
        self._lock = lock
        return True

    def release(self) -> None:
        """Let others have it; without effect where the lock is not held."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        # The archive may be gone by now; the lock goes with its file or its process.
        with contextlib.suppress(OSError):
            self._holder_file.unlink(missing_ok=True)
        lock.release()

    def holder(self) -> _Holder | None:
        """Return who holds the lock, to be asked when `take` has returned False.

        None where it has been let go of meanwhile, or cannot be read.
        """
        try:
            return self._told.model_validate_json(self._holder_file.read_bytes())
        except (OSError, ValidationError):
            return None
