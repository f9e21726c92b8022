"""What a driver and its worker processes say to each other, over pipes.

- A frame is a kind, a number and some bytes. What the bytes mean is pickled, and unpickled by who
  knows what to do if that fails: a result that cannot be read spoils no other.
- Both ends are processes of one person on one machine, and nobody else can write to the pipes.
"""

import struct
from enum import IntEnum
from typing import IO, NamedTuple

_HEADER = struct.Struct("!BQQ")


class Kind(IntEnum):
    """What a frame is. The driver sends the first four, its worker the others."""

    BEGIN = 1
    TASK = 2
    INTERRUPT = 3
    END = 4
    READY = 5
    EVENT = 6
    LOG = 7
    RESULT = 8
    FAILED = 9


class Frame(NamedTuple):
    """One message; the number says which task it belongs to, where it belongs to one."""

    kind: Kind
    number: int = 0
    content: bytes = b""


def write(stream: IO[bytes], frame: Frame) -> None:
    """Write a frame and flush it.

    Raises:
        OSError: nobody reads any more.
    """
    stream.write(_HEADER.pack(frame.kind, frame.number, len(frame.content)))
    stream.write(frame.content)
    stream.flush()


def read(stream: IO[bytes]) -> Frame | None:
    """Return the next frame; None where there will be no more, or only part of one came."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    kind, number, length = _HEADER.unpack(header)
    content = stream.read(length)
    return Frame(Kind(kind), number, content) if len(content) == length else None
