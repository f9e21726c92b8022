"""One worker process as its driver sees it: started, written to, listened to, ended.

- It has a session of its own, so that neither Ctrl-C nor a closed terminal reaches it; it ends with
  its driver all the same, since its pipe closes.
- What is sent is written by a thread: a process that does not read holds nobody up.
- A process that does not get ready leaves its last words.
"""

import contextlib
import logging
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

from o365lib.plain_text import one_line
from o365lib.runs.local import frames
from o365lib.runs.local.frames import Frame, Kind
from o365lib.runs.local.worker_process import Begin

# In place of `-m`, which would look for the package in the working directory first. The search path
# is the driver's, so that both mean the same modules.
_PROGRAM = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from o365lib.runs.local.worker_process import main; main()"
)
_LONGEST_WORDS = 500
_END_SECONDS = 5.0


class SpawnedWorker:
    """A process that executes tasks.

    Attributes:
        process_id: its.
        is_ready: whether it has said that it takes tasks; for its owner to set.
    """

    def __init__(self, begin: Begin) -> None:
        """Start the process; it gets ready by itself.

        Raises:
            OSError: no process can be started: too many, too many open files, no memory.
            Exception: what it is to execute cannot be pickled.
        """
        first = pickle.dumps(begin)
        # Closed with the process, by `end`.
        self._words: Any = tempfile.TemporaryFile()  # noqa: SIM115 -- outlives this call
        try:
            self._process = subprocess.Popen(  # noqa: S603 -- our own interpreter and module
                [sys.executable, "-c", _PROGRAM, *sys.path],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._words,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except BaseException:
            self._words.close()
            raise
        self.process_id = self._process.pid
        self.is_ready = False
        self._last_words = ""
        self._outbox: SimpleQueue[Frame | None] = SimpleQueue()
        self.send(Frame(Kind.BEGIN, 0, first))
        threading.Thread(target=self._write, name="to-worker", daemon=True).start()

    def send(self, frame: Frame) -> None:
        """Have a frame written, after those before it; never waits, never fails."""
        self._outbox.put(frame)

    def hang_up(self) -> None:
        """Say that it is over, once all is written: the process stops its tasks and ends."""
        self._outbox.put(Frame(Kind.END))
        self._outbox.put(None)

    def _write(self) -> None:
        stream = self._process.stdin
        assert stream is not None
        with contextlib.suppress(OSError):  # that it does not read is told by what it does not say
            while frame := self._outbox.get():
                frames.write(stream, frame)
        with contextlib.suppress(OSError):
            stream.close()

    def frames(self) -> Iterator[Frame]:
        """Give what the process says, until it has ended or closed its pipe."""
        stream = self._process.stdout
        assert stream is not None
        with stream:
            while frame := frames.read(stream):
                yield frame

    def wait(self, seconds: float) -> bool:
        """Wait for the process to end, and return whether it has."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End the process at once, if it has not ended."""
        self._process.kill()

    def end(self) -> str:
        """End the process, let go of what belongs to it, and say how it ended. Idempotent."""
        self.hang_up()
        # The pipe closes a moment before the process is gone.
        if not self.wait(_END_SECONDS):
            self.kill()
        status = self._process.wait()
        if not self._words.closed:  # empty where the process got ready
            self._words.seek(0)
            self._last_words = _last_line(self._words.read().decode(errors="replace"))
            self._words.close()
        how = f"ended with status {status}"
        if status < 0:
            how = f"was killed by {_signal_name(-status)}"
        return f"{how}: {self._last_words}" if self._last_words else how


def levels() -> dict[str, int]:
    """Return the levels that are set on the loggers of this process and of ours, by name."""
    names = [
        name
        for name, logger in logging.Logger.manager.loggerDict.items()
        if isinstance(logger, logging.Logger) and logger.level and _is_ours(name)
    ]
    return {name: logging.getLogger(name).level for name in ["", *names]}


def _is_ours(name: str) -> bool:
    return name == "o365lib" or name.startswith("o365lib.")


def _last_line(text: str) -> str:
    return one_line((text.strip().splitlines() or [""])[-1], longest=_LONGEST_WORDS)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
