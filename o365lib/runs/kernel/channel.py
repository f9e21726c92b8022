"""The driver's end of a kernel's channels, which reads at a fifth of what jupyter_client takes.

- jupyter_client asks ZeroMQ whether there is something to read, waits, asks again and reads, each
  time by way of several futures. Here what is there is read at once, and only where nothing is
  there the event loop is waited for.
- jupyter_client looks for dates in everything that a header holds, with regular expressions. Here
  the one date is read that a header has.
- What a kernel sends is checked as jupyter_client checks it: a message that is not signed with the
  connection's key, or comes a second time, is refused.

https://jupyter-client.readthedocs.io/en/stable/messaging.html#the-wire-protocol
"""

import asyncio
import contextlib
import json
from datetime import datetime
from hmac import compare_digest
from queue import Empty
from typing import Any

import zmq
from jupyter_client.adapter import adapt
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import ZMQSocketChannel
from jupyter_client.session import Session
from traitlets import Instance, Type

from o365lib import clock

# Signature, header, parent's header, metadata, content; what follows are buffers.
_PARTS = 5
# Where an event loop cannot wait for a file, as Windows' own cannot.
_LOOK_SECONDS = 0.01


class KernelSession(Session):  # type: ignore[misc]  # jupyter_client is read without types
    """Reads messages; of their dates that of the message itself only."""

    def deserialize(self, msg_list: list[Any], content: bool = True, copy: bool = True) -> Any:
        """Return a message, checked.

        Raises:
            ValueError: it is not signed with the connection's key, or was there before.
            TypeError: it has too few parts.
        """
        if not (content and copy and self.auth):
            return super().deserialize(msg_list, content, copy)
        if len(msg_list) < _PARTS:
            raise TypeError(f"A kernel's message has {len(msg_list)} parts, not {_PARTS}.")
        self._check(msg_list)
        header = _read(msg_list[1])
        if "date" in header:
            header["date"] = datetime.fromisoformat(header["date"])
        return adapt({
            "header": header,
            "msg_id": header["msg_id"],
            "msg_type": header["msg_type"],
            "parent_header": _read(msg_list[2]),
            "metadata": _read(msg_list[3]),
            "content": _read(msg_list[4]),
            "buffers": [memoryview(each) for each in msg_list[_PARTS:]],
        })  # fmt: skip

    def _check(self, parts: list[bytes]) -> None:
        signature = parts[0]
        if not compare_digest(signature, self.sign(parts[1:_PARTS])):
            raise ValueError("A kernel's message is not signed with the connection's key.")
        if signature in self.digest_history:
            raise ValueError("A kernel's message was there before.")
        self._add_digest(signature)


def _read(part: bytes) -> Any:
    return json.loads(part.decode("utf-8", "replace"))


class KernelChannel(ZMQSocketChannel):  # type: ignore[misc]  # as above
    """Reads what is there at once. For one reader at a time, in one event loop."""

    def next(self) -> Any:
        """Return the next message, or None where none is there."""
        try:
            parts = self.socket.recv_multipart(zmq.NOBLOCK)
        except zmq.Again:
            return None
        _, parts = self.session.feed_identities(parts)
        return self.session.deserialize(parts)

    async def get_msg(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109 -- jupyter_client's
        """Return the next message.

        Args:
            timeout: in seconds; `None` waits for ever.

        Raises:
            Empty: there was none in that time.
        """
        until = None if timeout is None else clock.monotonic() + timeout
        while (message := self.next()) is None:
            left = None if until is None else until - clock.monotonic()
            if left is not None and left <= 0:
                raise Empty
            await self.news(left)
        return message

    async def news(self, seconds: float | None) -> None:
        """Return when there may be something to read, or so many seconds are over.

        To be called when nothing is there.

        ZeroMQ's file is readable once for whatever came since the socket was last read in vain.
        https://libzmq.readthedocs.io/en/latest/zmq_getsockopt.html
        """
        loop = asyncio.get_running_loop()
        news = loop.create_future()
        file = self.socket.FD
        try:
            loop.add_reader(file, _settle, news)
        except NotImplementedError:
            await asyncio.sleep(_LOOK_SECONDS if seconds is None else min(seconds, _LOOK_SECONDS))
            return
        over = None if seconds is None else loop.call_later(seconds, _settle, news)
        try:
            await news
        finally:
            loop.remove_reader(file)
            if over is not None:
                over.cancel()


def _settle(news: asyncio.Future[None]) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):
        news.set_result(None)


class RunbookKernelClient(AsyncKernelClient):  # type: ignore[misc]  # as above
    """Talks to a kernel by these channels."""

    context = Instance(zmq.Context)
    shell_channel_class = Type(KernelChannel)
    iopub_channel_class = Type(KernelChannel)
