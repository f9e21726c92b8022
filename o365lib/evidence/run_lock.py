"""Whether the process that writes a run's record is still there.

A kernel outlives its killed driver by a moment. Until it has ended too, nobody else may close the
record or seal the run: the lock, `<client>/.<run id>.lock`, is the operating system's, is taken
when a run is opened and ends with the kernel's process.
"""

import contextlib
from pathlib import Path

from o365lib.errors import EvidenceError
from o365lib.evidence import file_lock
from o365lib.evidence.archive import RunFolder


class RunLock:
    """One process's hold on one run.

    Args:
        run: the run; its client's folder must exist.
    """

    def __init__(self, run: RunFolder) -> None:
        self._path = _path_of(run)
        self._lock: file_lock.FileLock | None = None

    def take(self) -> bool:
        """Take the lock without waiting; return whether this process holds it now.

        Raises:
            EvidenceError: the archive's file system refuses locks or the files for them.
        """
        try:
            lock = file_lock.take(self._path)
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise EvidenceError(
                f"{self._path} cannot be locked ({why}).",
                state="Nothing was started.",
                remedy="Give yourself the right to write there, or keep the archive on a drive that"
                " has file locks.",
            ) from error
        if lock is None:
            return False
        self._lock = lock
        return True

    def remove(self) -> None:
        """Let go of the lock, and of its file: the run is over, and nobody asks any more."""
        lock, self._lock = self._lock, None
        with contextlib.suppress(OSError):  # Windows removes no file that is locked
            self._path.unlink(missing_ok=True)
        if lock is not None:
            lock.release()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)


def _path_of(run: RunFolder) -> Path:
    return run.path.parent / f".{run.run_id}.lock"
