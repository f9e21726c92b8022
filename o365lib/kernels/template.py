"""The process of which kernels are forks: it imports, then waits to be asked for kernels.

Started by `o365lib.kernels.meeting_point`, in an environment that holds no operator's settings.

- It has one thread, so that a fork of it is whole; with more it does not serve.
- It knows of a kernel its process id and its owner's connection, nothing else. It passes signals on
  and tells the exit status. A kernel whose owner has gone is killed, with what it started.
- Its kernels end with it (see `forked_kernel`).
- When a file changes that it has imported, it starts no more kernels and ends after its last. When
  it has had no kernel for a while, it ends.
"""

import argparse
import contextlib
import gc
import os
import resource
import selectors
import signal
import socket
import sys
import time
from pathlib import Path

from o365lib import clock
from o365lib.kernels import launch
from o365lib.kernels.imported_files import ImportedFiles

_BACKLOG = 256
# While it is being made ready, a socket has another name.
NEW_SUFFIX = ".new"


class Template:
    """Starts kernels for whoever of this user's processes asks, and sees to their end."""

    def __init__(self, path: Path, files: ImportedFiles, linger_seconds: float) -> None:
        """Listen at a path; whatever had it before has it no more.

        Args:
            path: of the socket.
            files: what is imported.
            linger_seconds: after which it ends when it has no kernel and no connection.

        Raises:
            OSError: there can be no socket.
        """
        self._path = path
        self._listener: socket.socket | None = _listen(path)
        self._inode = path.stat().st_ino
        self._files = files
        self._linger = linger_seconds
        self._idle_since = clock.monotonic()
        self._kernels: dict[int, socket.socket | None] = {}
        self._pids: dict[socket.socket, int] = {}
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._waker.setblocking(False)
        self._woken.setblocking(False)

    def serve(self) -> list[int] | None:
        """Serve until there is nothing left to do.

        Returns:
            In a kernel, the open files that it was given; `None` in the template, at its end.
        """
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        if self._listener is not None:
            self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        while (seconds := self._seconds_left()) > 0:
            for key, _ in self._selector.select(seconds):
                if key.fileobj is self._woken:
                    self._reap()
                elif key.fileobj is self._listener:
                    self._accept()
                elif key.fileobj in self._pids:
                    files = self._hear(key.fileobj)
                    if files is not None:
                        return files
        self._retire()
        return None

    def _seconds_left(self) -> float:
        if self._pids or self._kernels:
            self._idle_since = clock.monotonic()
        elif self._listener is None:
            return 0
        return self._idle_since + self._linger - clock.monotonic()

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return
        except OSError:
            # Too many open files. The next connection would meet the same, again and again: this
            # template starts no more.
            self._retire()
            return
        connection.setblocking(False)
        if launch.uid_of_peer(connection) != os.getuid():
            connection.close()
            return
        self._pids[connection] = 0
        self._selector.register(connection, selectors.EVENT_READ)

    def _hear(self, connection: socket.socket) -> list[int] | None:
        """Hear an owner; in a kernel, return its open files."""
        files: list[int] = []
        try:
            # One question at a time: what an owner sends is shorter than any buffer.
            data, files, flags, _ = socket.recv_fds(
                connection, launch.FRAME_BYTES, launch.MOST_FILES
            )
            kind, number = launch.unpack(data)
        except BlockingIOError:
            return None
        except (OSError, ValueError):
            _close(files)
            self._hang_up(connection)
            return None
        pid = self._pids[connection]
        if kind == launch.SIGNAL and pid:
            _send_signal(pid, number)
        elif kind == launch.LAUNCH and not pid:
            whole = len(files) == number > launch.STREAMS and not flags & socket.MSG_CTRUNC
            return self._launch(connection, files if whole else [])
        _close(files)
        return None

    def _launch(self, connection: socket.socket, files: list[int]) -> list[int] | None:
        if _has_hung_up(connection):
            # It has waited for too long, while this process was stopped, and has another kernel.
            _close(files)
            self._hang_up(connection)
            return None
        if self._files.have_changed():
            _close(files)
            self._answer(connection, launch.RETIRED)
            self._hang_up(connection)
            self._retire()
            return None
        try:
            pid = os.fork() if files else -1
        except OSError:
            pid = -1
        if pid == 0:
            return self._leave(files)
        _close(files)
        if pid < 0:
            self._answer(connection, launch.REFUSED)
            self._hang_up(connection)
            return None
        self._pids[connection] = pid
        self._kernels[pid] = connection
        self._answer(connection, launch.STARTED, pid)
        return None

    def _leave(self, files: list[int]) -> list[int]:
        """In a kernel: let go of all that is the template's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Closed by the objects that own them, lest one of them closes another's file later.
        for each in (*self._pids, self._waker, self._woken, self._listener, self._selector):
            if each is not None:
                each.close()
        self._pids.clear()
        self._kernels.clear()
        return files

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        while self._kernels:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            connection = self._kernels.pop(pid, None)
            if connection is not None:
                self._pids[connection] = 0
                self._answer(connection, launch.ENDED, os.waitstatus_to_exitcode(status))
                self._hang_up(connection)

    def _answer(self, connection: socket.socket, kind: bytes, number: int = 0) -> None:
        # An owner that has gone is noticed when its connection is read.
        with contextlib.suppress(OSError):
            connection.sendall(launch.frame(kind, number))

    def _hang_up(self, connection: socket.socket) -> None:
        pid = self._pids.pop(connection)
        self._selector.unregister(connection)
        connection.close()
        if pid:
            self._kernels[pid] = None
            _send_signal(pid, signal.SIGKILL)

    def _retire(self) -> None:
        """Start no more kernels; those that live are seen to their end."""
        if self._listener is None:
            return
        with contextlib.suppress(OSError):
            # Another template may have taken the place.
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        self._selector.unregister(self._listener)
        self._listener.close()
        self._listener = None


def _send_signal(pid: int, number: int) -> None:
    """Signal a child that is not yet reaped, and what it started."""
    try:
        os.killpg(pid, number)
    except OSError:
        # It has no process group of its own yet, or has ended.
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def _has_hung_up(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _close(files: list[int]) -> None:
    for file in files:
        os.close(file)


def _listen(path: Path) -> socket.socket:
    """Return a listening socket that takes this path's place from one moment to the next."""
    listener = socket.socket(socket.AF_UNIX)
    new = path.with_suffix(NEW_SUFFIX)
    new.unlink(missing_ok=True)
    listener.bind(str(new))
    new.chmod(0o600)
    listener.setblocking(False)
    listener.listen(_BACKLOG)
    new.rename(path)
    return listener


def _detach() -> None:
    """Become nobody's child, so that the starter need not wait for the end."""
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.umask(0o077)
    # There is a connection for each kernel; a kernel gets its own limits.
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def threads_alive() -> int:
    """Return how many threads this process has, those that Python does not know of too."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208 -- names are all that is counted


def main() -> None:
    """Be a template, and then perhaps a kernel."""
    parser = argparse.ArgumentParser(prog="o365lib.kernels.template")
    parser.add_argument("path", type=Path, help="the socket's path")
    parser.add_argument("--lock", type=int, required=True, help="an open file that others wait for")
    parser.add_argument("--linger", type=float, required=True, help="seconds without a kernel")
    arguments = parser.parse_args()
    _detach()
    # What is in this folder is nobody's module; the kernel adds its own.
    if not sys.flags.safe_path:
        del sys.path[0]
    began = time.time()
    gc.disable()
    from o365lib.kernels import forked_kernel, preloading

    preloading.preload()
    forked_kernel.prepare()
    if threads_alive() > 1:
        sys.exit("A library has started threads; kernels cannot be forked from this process.")
    template = Template(arguments.path, ImportedFiles(began), arguments.linger)
    os.close(arguments.lock)
    gc.collect()
    # Nobody's garbage from here on: no kernel's collector touches it, so its pages remain shared.
    gc.freeze()
    gc.enable()
    files = template.serve()
    if files is not None:
        forked_kernel.be(files)


if __name__ == "__main__":
    main()
