"""A forked kernel as its starter sees it: what `subprocess.Popen` is to an ordinary one."""

import asyncio
import os
import select
import signal
import socket
from contextlib import suppress
from typing import IO

from o365lib.kernels import launch
from o365lib.kernels.meeting_point import _NotForked


class _Retired(Exception):
    """The template's code is out of date; another one is to be asked."""


class ForkedProcess:
    """A kernel's process, held by the connection to its template: without it, the kernel is killed.

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
            _NotForked: it cannot start one.
        """
        try:
            launch.ask_launch(connection, files)
            kind, number = await _answer(connection)
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
                pass
            except OSError:
                self._hear(b"")
        return self.returncode

    async def ended(self) -> int:
        """Wait for the process to end and return its exit status."""
        loop = asyncio.get_running_loop()
        while self.returncode is None:
            try:
                part = await loop.sock_recv(
                    self._connection, launch.FRAME_BYTES - len(self._answer)
                )
            except OSError:
                part = b""
            self._hear(part)
        return self.returncode

    def wait(self) -> int:
        """Wait for the process to end, holding up everything else; return its exit status."""
        while self.poll() is None:
            heard = select.poll()
            heard.register(self._connection, select.POLLIN)
            heard.poll()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the process and what it started; once it has ended, do nothing."""
        if self.poll() is None:
            with suppress(OSError):
                self._connection.sendall(launch.frame(launch.SIGNAL, number))

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)

    def _hear(self, part: bytes) -> None:
        self._answer += part
        if not part:
            # The template has ended without a word, and its kernels with it. Make sure.
            if self._pidfd is not None:
                with suppress(OSError):
                    signal.pidfd_send_signal(self._pidfd, signal.SIGKILL)
            self._end(-signal.SIGKILL)
        elif len(self._answer) == launch.FRAME_BYTES:
            self._end(launch.unpack(self._answer)[1])

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
