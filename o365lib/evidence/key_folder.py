"""The folder of a person's signing keys: hers alone, and one process at a time that makes a key."""

import contextlib
import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from o365lib.errors import EvidenceError
from o365lib.evidence.files import sync_folder
from o365lib.evidence.key_file import WHAT

_LOCK = ".lock"
# Making a key takes a second at most; whoever holds the lock for longer is stuck.
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class KeyFolder:
    """Where the keys are; it need not exist."""

    path: Path

    def check(self) -> None:
        """Make sure that nobody else can write there; Windows apart, where a profile is private.

        Raises:
            EvidenceError: others can, or the folder cannot be looked at.
        """
        if not hasattr(os, "getuid"):
            return
        try:
            status = self.path.stat()
        except OSError as error:
            raise self.refused(error) from None
        # Whoever writes there can put a key of his own in place of hers.
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or status.st_uid not in {0, os.getuid()}:
            raise EvidenceError(
                f"Other users of this machine can write to {self.path}, where {WHAT} is.",
                state="Nothing was signed.",
                remedy=f"Close it to them: chmod 700 {shlex.quote(str(self.path))}",
            )

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keep other processes from making a key; make the folder if it is missing.

        Raises:
            EvidenceError: it cannot be made or locked, or others can write there.
        """
        # Late: only who makes a key needs it.
        from filelock import FileLock, Timeout

        with self.told():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Never a group's, whatever the folder above is.
            self.path.mkdir(mode=0o700, exist_ok=True)
            sync_folder(self.path.parent)
        self.check()
        lock = FileLock(
            self.path / _LOCK, mode=0o600, timeout=_PATIENCE_SECONDS, fallback_to_soft=False
        )
        try:
            lock.acquire()
        except Timeout:
            raise EvidenceError(
                f"Another process has been making a key in {self.path} for"
                f" {_PATIENCE_SECONDS} seconds.",
                remedy="End that process, and try again.",
            ) from None
        except (OSError, NotImplementedError) as error:
            raise self.refused(error) from None
        try:
            yield
        finally:
            lock.release()

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Let what the disk refuses be told as an EvidenceError."""
        try:
            yield
        except OSError as error:
            raise self.refused(error) from None

    def refused(self, error: Exception) -> EvidenceError:
        """Return what a person is told of an error of the disk."""
        why = getattr(error, "strerror", None) or type(error).__name__
        return EvidenceError(
            f"The folder of signing keys {self.path} cannot be used ({why}).",
            state="Nothing was signed.",
            remedy="Make room or give yourself the right to write there, or name another folder by"
            " O365_KEYS.",
        )
