"""Locks of the operating system, on files: they end with the process that holds them.

- The file stays, and says nothing; only its being locked does. So a crash leaves no lock behind.
- A mere file in place of a lock, which would outlive a crash, is never made.
- A lock is not bound to a thread: a signal or the interpreter's end may let go of it.

https://py-filelock.readthedocs.io/en/latest/index.html
"""

import contextlib
import errno
import os
from pathlib import Path
from typing import Any

from o365lib.evidence.files import mode_for

_LOOKS_EVERY_SECONDS = 0.01


class FileLock:
    """A lock that this process holds; made by `take` or `wait_for`."""

    def __init__(self, held: Any) -> None:
        self._held = held

    def release(self) -> None:
        """Let go; without effect where it was let go of before, or its drive is gone."""
        with contextlib.suppress(OSError):
            self._held.release()


def take(path: Path) -> FileLock | None:
    """Lock a file, which is made if need be, without waiting; None where somebody holds it.

    Two locks of one process exclude each other like those of two.

    Raises:
        OSError: the drive refuses locks or the file for them.
    """
    # Late: a command that only reads takes no lock.
    from filelock import Timeout

    lock = _lock(path)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    except NotImplementedError as error:
        raise _no_locks(path) from error
    return FileLock(lock)


def wait_for(path: Path) -> FileLock:
    """Lock a file, which is made if need be; waits for whoever holds it.

    Raises:
        OSError: the drive refuses locks or the file for them.
    """
    lock = _lock(path)
    try:
        lock.acquire(poll_interval=_LOOKS_EVERY_SECONDS)
    except NotImplementedError as error:
        raise _no_locks(path) from error
    return FileLock(lock)


def _lock(path: Path) -> Any:
    from filelock import FileLock as SystemLock

    mode = mode_for(path.parent)
    return SystemLock(path, mode=mode, thread_local=False, fallback_to_soft=False)


def _no_locks(path: Path) -> OSError:
    return OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP), str(path))
