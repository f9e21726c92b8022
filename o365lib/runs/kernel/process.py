"""A kernel's process and the connection to it: started, waited for, and ended.

- It runs in the interpreter that runs us, whatever kernels the machine has installed, forked by
  `o365lib.kernels` where that is possible. The connection to it is encrypted (CurveZMQ over TCP on
  loopback).
- All connections of a process share one ZeroMQ context, which is a thread; dozens of kernels are
  listened to at once. Each has sockets for requests and for output, and none for heartbeats.
- What a kernel sends faster than it is read waits in the kernel, not here; a single message that is
  larger than all that a run may print ends the connection, see `OutputConnection`.
- A kernel has started when its output arrives, which it tells by itself: nobody asks and waits.
- A kernel that has executed its cells is asked to end, and looked after every few milliseconds.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from queue import Empty
from typing import Any

import zmq
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from traitlets import Instance

from o365lib import clock
from o365lib.kernels.kernel_spec import kernel_spec
from o365lib.runs.kernel.channel import KernelSession, RunbookKernelClient

LARGEST_MESSAGE = 64 << 20
_STARTUP_SECONDS = 120.0
# ipykernel before its version 7 does not tell that output arrives: it is asked something then.
_ASK_SECONDS = 1.0
_LOOK_SECONDS = 0.1
# How long a kernel may take to let go of its locks; after that it is told with signals.
_END_SECONDS = 2.5
_FIRST_LOOK_SECONDS = 0.002
_LAST_LOOK_SECONDS = 0.05
_MESSAGES_HELD = 64
_MOST_SOCKETS = 16_384

_context: tuple[int, zmq.Context[Any]] | None = None
_making = threading.Lock()


def context() -> zmq.Context[Any]:
    """Return the context of this process, whose sockets are bounded."""
    global _context  # noqa: PLW0603 -- one for each process, made when it is first needed
    with _making:
        if _context is None or _context[0] != os.getpid():
            made: zmq.Context[Any] = zmq.Context()
            made.set(zmq.MAX_SOCKETS, _MOST_SOCKETS)
            # What each of its sockets begins with.
            made.linger = 0
            made.rcvhwm = _MESSAGES_HELD
            made.maxmsgsize = LARGEST_MESSAGE
            _context = (os.getpid(), made)
        return _context[1]


class RunbookKernelManager(AsyncKernelManager):  # type: ignore[misc]  # jupyter_client is read without types
    """Starts a kernel in this very interpreter, with an encrypted connection."""

    # Its channels wait by themselves; jupyter_client wants a context whose sockets do.
    context = Instance(zmq.Context)

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"context": context(), "session": KernelSession(), **options})
        self.client_factory = RunbookKernelClient
        self.transport_encryption = "required"
        self.ip = "127.0.0.1"

    @property
    def kernel_spec(self) -> Any:
        """The specification of our kernels, which are forked where that is possible."""
        return KernelSpec(**kernel_spec(driven=True))

    async def wait_until_started(self, client: Any) -> None:
        """Return as soon as the kernel's output arrives.

        Raises:
            RuntimeError: it ended, or took too long.
        """
        begun = clock.monotonic()
        ask = begun + _ASK_SECONDS
        while True:
            try:
                await client.iopub_channel.get_msg(timeout=_LOOK_SECONDS)
            except Empty:
                now = clock.monotonic()
            else:
                return
            if not await self.is_alive():
                raise RuntimeError("Kernel died before it had started.")
            if now - begun > _STARTUP_SECONDS:
                raise RuntimeError(f"The kernel did not start in {_STARTUP_SECONDS:.0f} seconds.")
            if now > ask:
                client.kernel_info()
                ask = now + _ASK_SECONDS

    async def end(self) -> None:
        """Ask a kernel that executes nothing to end; one that does not is told with signals."""
        if self.has_kernel and await self.is_alive():
            await self._async_request_shutdown()
            if not await self._has_ended():
                await self.shutdown_kernel()
        await self.cleanup_resources()

    async def kill(self, *, now: bool = False) -> None:
        """End a kernel whatever it executes: interrupted, then told, then killed, or killed now."""
        if self.has_kernel and await self.is_alive():
            await self.shutdown_kernel(now=now)
        await self.cleanup_resources()

    async def _has_ended(self) -> bool:
        deadline, pause = clock.monotonic() + _END_SECONDS, _FIRST_LOOK_SECONDS
        while await self.is_alive():
            if clock.monotonic() > deadline:
                return False
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_LOOK_SECONDS)
        await self.provisioner.wait()  # returns at once: it only lets go of the process
        return True


async def done_unless(must_stop: Callable[[], bool], work: Coroutine[Any, Any, None]) -> bool:
    """Do some work unless it must stop first, which is looked at all the time.

    Returns:
        Whether it is done; it was cancelled if not.
    """
    task = asyncio.ensure_future(work)
    try:
        while not task.done():
            if must_stop():
                return False
            await asyncio.wait([task], timeout=_LOOK_SECONDS)
        await task
        return True
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait([task])


class OutputConnection:
    """Tells whether the connection on which a kernel's output comes was cut.

    ZeroMQ cuts it when a message is larger than `LARGEST_MESSAGE`, and connects again; what was
    sent meanwhile is lost. https://libzmq.readthedocs.io/en/latest/zmq_setsockopt.html
    """

    def __init__(self, channel: Any) -> None:
        self._monitored = channel.socket
        self._monitor = channel.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)

    def was_cut(self) -> bool:
        """Whether it was, since it was made; a kernel that ends cuts it, too."""
        return bool(self._monitor.poll(0))

    def close(self) -> None:
        """Stop watching."""
        self._monitored.disable_monitor()
        self._monitor.close(linger=0)
