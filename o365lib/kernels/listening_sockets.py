"""The five sockets at which one kernel after the other listens, for as long as they are wanted.

They are opened here and never let go of: a kernel that is restarted is found at the same ports, and
no other program takes them in between.
"""

import socket
from contextlib import suppress
from typing import Any

# As jupyter_client names them.
NAMES = ("shell_port", "iopub_port", "stdin_port", "hb_port", "control_port")

_BACKLOG = 128


class ListeningSockets:
    """What a kernel listens at, by the port's name."""

    def __init__(self) -> None:
        self._sockets: dict[str, socket.socket] = {}

    def open_for(self, manager: Any) -> None:
        """Open a socket for each of a kernel manager's ports that is not chosen yet.

        Ports that somebody else chose are left to the kernel.

        Args:
            manager: its `ip` says where; its ports are set.

        Raises:
            OSError: the address is not one of this machine's, or too many files are open. Nothing
                was opened.
        """
        if manager.transport != "tcp":
            return
        try:
            for name in NAMES:
                if not getattr(manager, name):
                    listener = listen(manager.ip)
                    if name in self._sockets:
                        self._sockets[name].close()
                    self._sockets[name] = listener
                    setattr(manager, name, self._port(name))
        except BaseException:
            for name in self._sockets:
                setattr(manager, name, 0)
            self.close()
            raise

    def files(self, manager: Any) -> dict[int, int]:
        """Return open files by port, for those of a kernel manager's ports that are listened at."""
        return {
            self._port(name): self._sockets[name].fileno()
            for name in self._sockets
            if getattr(manager, name) == self._port(name)
        }

    def give_up(self) -> None:
        """Let go of the ports even where somebody else has the sockets open, too."""
        for each in self._sockets.values():
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        """Let go of the ports."""
        for each in self._sockets.values():
            each.close()
        self._sockets.clear()

    def _port(self, name: str) -> int:
        return int(self._sockets[name].getsockname()[1])


def listen(ip: str) -> socket.socket:
    """Return a socket that listens at a free port.

    Raises:
        OSError: the address is not one of this machine's, or too many files are open.
    """
    listener = socket.socket(socket.AF_INET)
    try:
        listener.bind((ip, 0))
        # ZeroMQ accepts in the thread that does all its work, which must never wait.
        listener.setblocking(False)
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
