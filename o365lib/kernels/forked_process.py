"""A forked kernel as its starter sees it: what `subprocess.Popen` is to an ordinary one."""

import asyncio
import os
import select
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO

from o365lib import clock
from o365lib.kernels import launch, meeting_point
from o365lib.kernels.meeting_point import _NotForked

# How long a template may take to fork: it is milliseconds, unless it is stopped or swapped out.
_ANSWER_SECONDS = 20.0
# How long it may take to tell that a kernel has ended.
_TELL_SECONDS = 5.0
_FIRST_LOOK_SECONDS = 0.002
_LAST_LOOK_SECONDS = 0.05


class _Retired(Exception):
    """The template's code is out of date; another one is to be asked."""


class ForkedProcess:
    """A kernel's process, held by the connection to its template: without it, the kernel is killed.

    The template may be stopped, or swapped out: then the kernel is killed without it, and that a
    kernel has ended is known soon, though not how.

    Attributes:
        pid: its process id.
        returncode: its exit status when it is known to have ended, negative for a signal.
        stdin: nothing can be written to it.
        stdout: where its output is read, if that was asked for.
        stderr: likewise.
    """

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self._connection = connection
        self._answer = b""
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: IO[bytes] | None = None
        self.stdout: IO[bytes] | None = None
        self.stderr: IO[bytes] | None = None
        self._gone_at: float | None = None
        # For the day on which the template cannot be asked any more.
        self._pidfd: int | None = None
        with suppress(OSError):
            self._pidfd = os.pidfd_open(pid)

    @classmethod
    async def launch(cls, connection: socket.socket, files: list[int]) -> "ForkedProcess":
        """Have the template start a kernel.

        Args:
            connection: to the template; not blocking. It is closed if there is no kernel of it.
            files: as `launch` says; they remain the caller's to close.

        Raises:
            _Retired: its code is out of date, or it ended just now; ask another.
            _NotForked: it cannot start one, or does not answer. Then it is not asked again, and
                closing the connection ends what it may start later.
        """
        try:
            launch.ask_launch(connection, files)
            async with asyncio.timeout(_ANSWER_SECONDS):
                kind, number = await _answer(connection)
        except TimeoutError as error:
            meeting_point.avoid(connection)
            connection.close()
            raise _NotForked(
                f"the template has not answered in {_ANSWER_SECONDS:.0f} seconds"
            ) from error
        except (ConnectionError, BlockingIOError) as error:
            connection.close()
            raise _Retired from error
        except BaseException:
            connection.close()
            raise
        if kind == launch.STARTED:
            return cls(connection, number)
        connection.close()
        if kind == launch.RETIRED:
            raise _Retired
        raise _NotForked("the template cannot start another process")

    def poll(self) -> int | None:
        """Return the exit status, `None` while the process runs."""
        if self.returncode is None:
            try:
                self._hear(self._connection.recv(launch.FRAME_BYTES - len(self._answer)))
            except BlockingIOError:
                if self._has_gone_untold():
                    self._hear(b"")
            except OSError:
                self._hear(b"")
        return self.returncode

    async def ended(self) -> int:
        """Wait for the process to end and return its exit status."""
        pause = _FIRST_LOOK_SECONDS
        while self.poll() is None:
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK_SECONDS)
        assert self.returncode is not None
        return self.returncode

    def wait(self) -> int:
        """Wait for the process to end, holding up everything else; return its exit status."""
        while self.poll() is None:
            heard = select.poll()
            heard.register(self._connection, select.POLLIN)
            heard.poll(1000 * _LAST_LOOK_SECONDS)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the process and what it started; once it has ended, do nothing."""
        if self.poll() is None:
            with suppress(OSError):
                self._connection.sendall(launch.frame(launch.SIGNAL, number))
            if number == signal.SIGKILL:
                # It does no harm twice, and the template may be stopped.
                self._kill_all()

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)

    def _hear(self, part: bytes) -> None:
        self._answer += part
        if not part:
            # The template has ended without a word, and its kernels with it, but not what they
            # have started.
            self._kill_all()
            self._end(-signal.SIGKILL)
        elif len(self._answer) == launch.FRAME_BYTES:
            self._end(launch.unpack(self._answer)[1])

    def _has_gone_untold(self) -> bool:
        """Whether the process ended a while ago, of which the template says nothing."""
        if self._pidfd is None:
            return False
        if self._gone_at is None:
            heard = select.poll()
            heard.register(self._pidfd, select.POLLIN)
            if not heard.poll(0):
                return False
            self._gone_at = clock.monotonic()
        return clock.monotonic() - self._gone_at > _TELL_SECONDS

    def _kill_all(self) -> None:
        """Kill the process and its group; a group has its leader's id, which nobody gets before."""
        if self._pidfd is None:
            return
        try:
            signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
        except OSError:
            if Path(f"/proc/{self.pid}").exists():
                return  # It has ended, with all of its group, and this is another one.
        with suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)

    def _end(self, status: int) -> None:
        self.returncode = status
        self._connection.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
            self._pidfd = None


async def _answer(connection: socket.socket) -> tuple[bytes, int]:
    loop, data = asyncio.get_running_loop(), b""
    while len(data) < launch.FRAME_BYTES:
        part = await loop.sock_recv(connection, launch.FRAME_BYTES - len(data))
        if not part:
            return launch.RETIRED, 0
        data += part
    return launch.unpack(data)
