"""What passes between a template and the one who has a kernel of it: a few bytes, and open files.

One connection is one kernel's life:

1. The owner asks `LAUNCH`. With the question go open files: a memory file with the `LaunchRequest`,
   which only the kernel reads; its standard input, output and error; and its listening sockets.
2. The template answers `STARTED` with the process id, or `REFUSED`, or `RETIRED`: its code is out
   of date, and another template is to be asked.
3. The owner asks `SIGNAL` as often as it likes. When it closes the connection, or dies, the kernel
   is killed.
4. The template answers `ENDED` with the exit status, negative for a signal, and hangs up.

Questions and answers have one size each, so none can be too long.
"""

import json
import os
import socket
import struct
from dataclasses import asdict, dataclass
from typing import Any

LAUNCH, SIGNAL = b"L", b"S"
STARTED, REFUSED, RETIRED, ENDED = b"P", b"R", b"O", b"X"

_FRAME = struct.Struct("!ci")
FRAME_BYTES = _FRAME.size

# The memory file, three standard streams, five listening sockets.
MOST_FILES = 9
STREAMS = 3

# Linux: as much as an environment can have, and some.
_REQUEST_BYTES = 8 << 20


@dataclass(frozen=True, kw_only=True)
class LaunchRequest:
    """What a kernel is to be.

    Attributes:
        arguments: of ipykernel's launcher.
        environment: the kernel's whole environment.
        folder: its working directory.
        umask: of the files that it creates.
        limits: its resource limits, soft and hard, by number.
        ports: the TCP port of each listening socket passed, in their order.
        driven: whether its one client does nothing but execute cells, see `KernelApplication`.
    """

    arguments: list[str]
    environment: dict[str, str]
    folder: str
    umask: int
    limits: dict[int, tuple[int, int]]
    ports: list[int]
    driven: bool = False

    def in_memory(self) -> int:
        """Return a new open file that holds this and is on no disk; the caller closes it.

        Raises:
            OSError: there are too many open files, or no memory.
        """
        file = os.memfd_create("o365-kernel")
        try:
            with open(file, "wb", closefd=False) as stream:
                stream.write(json.dumps(asdict(self)).encode())
        except BaseException:
            os.close(file)
            raise
        return file

    @classmethod
    def read(cls, file: int) -> "LaunchRequest":
        """Return what a file holds, and close it.

        Raises:
            ValueError: it holds no request.
        """
        with open(file, "rb") as stream:
            stream.seek(0)
            said: dict[str, Any] = json.loads(stream.read(_REQUEST_BYTES))
        limits = {int(number): (soft, hard) for number, (soft, hard) in said["limits"].items()}
        return cls(**{**said, "limits": limits})


def ask_launch(connection: socket.socket, files: list[int]) -> None:
    """Ask for a kernel with these open files, which remain the caller's to close."""
    socket.send_fds(connection, [_FRAME.pack(LAUNCH, len(files))], files)


def frame(kind: bytes, number: int = 0) -> bytes:
    """Return a question or answer."""
    return _FRAME.pack(kind, number)


def unpack(data: bytes) -> tuple[bytes, int]:
    """Return a question's or answer's kind and number.

    Raises:
        ValueError: it is neither.
    """
    try:
        kind, number = _FRAME.unpack(data)
    except struct.error as error:
        raise ValueError("not a frame") from error
    return kind, number


def uid_of_peer(connection: socket.socket) -> int:
    """Return the user id of the process at the other end, as the system knows it."""
    return _peer(connection)[1]


def pid_of_peer(connection: socket.socket) -> int:
    """Return the id of the process at the other end: of a listening one, the one that listens."""
    return _peer(connection)[0]


def _peer(connection: socket.socket) -> tuple[int, int]:
    told = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", told)
    return int(pid), int(uid)
