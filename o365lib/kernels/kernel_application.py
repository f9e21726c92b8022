"""ipykernel's application as a fork runs it: at sockets that listen already.

jupyter_client finds free ports and lets go of them before the kernel takes them, and another
program may be faster. Here the sockets are opened by the one who starts the kernel, and handed over
while they listen. So no port is ever lost, and whoever connects before the kernel is ready waits in
the socket's queue instead of trying again.
"""

import os
import select
import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import zmq
from ipykernel import ipkernel
from ipykernel.heartbeat import Heartbeat
from ipykernel.iostream import OutStream
from ipykernel.kernelapp import IPKernelApp
from traitlets.config import Config

# Filled in by the template.
_files: list[str] = []


class _Heartbeat(Heartbeat):  # type: ignore[misc]  # ipykernel is read without types
    """The heartbeat at a socket that listens already."""

    def __init__(self, *arguments: Any, sockets: dict[int, int], **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._sockets = sockets

    def _try_bind_socket(self) -> Any:
        use(self.socket, self._sockets.pop(self.port, None))
        return super()._try_bind_socket()


class OutputStream(OutStream):  # type: ignore[misc]  # ipykernel is read without types
    """A standard stream that waits for the thread of the output only if it holds anything back.

    ipykernel flushes both streams twice in each cell, and most have nothing to send.
    """

    def flush(self) -> None:
        """Send what was written, by Python or by whatever else has the stream's open file."""
        if self._buffers or self._is_written_to():
            super().flush()

    def _is_written_to(self) -> bool:
        """Whether something waits that the thread that watches the open file has not read yet."""
        if self._fid is None:
            return False
        written = select.poll()
        written.register(self._fid, select.POLLIN)
        return bool(written.poll(0))


class KernelApplication(IPKernelApp):  # type: ignore[misc]  # ipykernel is read without types
    """A kernel at sockets that listen already.

    Attributes:
        sockets: the listening sockets' open files by port; each is taken out when it is used.
        driven: whether the one client does nothing but execute cells. Then there is no heartbeat,
            which nobody hears, and there are no subshells: a thread through which each message
            passes, which costs as much as the rest of executing a short cell.
    """

    sockets: dict[int, int] = {}  # noqa: RUF012 -- one application a process; traitlets reads the rest
    driven = False
    shell_channel_thread: Any

    def _try_bind_socket(self, s: Any, port: int) -> Any:
        use(s, self.sockets.pop(port, None))
        if s.type == zmq.XPUB:
            # What is shown faster than it is read waits here. ZeroMQ would drop it after a thousand
            # messages: outputs that no notebook has, or the word that the cell has ended.
            s.sndhwm = 0
        return super()._try_bind_socket(s, port)

    def init_control(self, context: Any) -> None:
        """Make the control channel, and the thread for subshells if there are to be any."""
        super().init_control(context)
        if self.driven:
            self.shell_channel_thread.io_loop.close()
            self.shell_channel_thread = None

    def init_heartbeat(self) -> None:
        """Start the heartbeat, in a context of its own as ipykernel does."""
        if self.driven:
            file = self.sockets.pop(self.hb_port, None)
            if file is not None:
                os.close(file)
            return
        self.heartbeat = _Heartbeat(
            zmq.Context(),
            (self.transport, self.ip, self.hb_port),
            curve_publickey=self.curve_publickey,
            curve_secretkey=self.curve_secretkey,
            sockets=self.sockets,
        )
        self.heartbeat.start()

    def parse_command_line(self, argv: list[str] | None = None) -> None:
        """Take a connection file by itself as it is; of all else, traitlets makes its own sense."""
        match argv:
            case ["-f", connection_file]:
                self.update_config(
                    Config({"KernelApplication": {"connection_file": connection_file}})
                )
            case _:
                super().parse_command_line(argv)

    def init_kernel(self) -> None:
        """Make the kernel, with the template's list of imported files for its debugger.

        To look at each of two thousand modules takes a copy of each one's memory in every fork.
        """
        ipkernel.sys = _Imported
        try:
            super().init_kernel()
        finally:
            ipkernel.sys = sys
        files = _files or imported_files()
        self.kernel._kernel_modules = files  # noqa: SLF001 -- there is no other way
        if self.kernel.debugger is not None:
            self.kernel.debugger.kernel_modules = files

    def init_poller(self) -> None:
        """Poll for nothing: the system ends this process with the template."""

    def start(self) -> None:
        """Be a kernel until it is shut down, and until all has been answered.

        ipykernel ends here and stops the thread of the output. The control thread, which flushes
        the output once it has answered that the kernel ends, then waits ten seconds for nobody.
        """
        super().start()
        for thread in (self.control_thread, self.shell_channel_thread):
            if thread is not None and thread.is_alive():
                thread.stop()
                thread.join()

    @classmethod
    def at(
        cls, arguments: list[str], sockets: Mapping[int, int], *, driven: bool = False
    ) -> "KernelApplication":
        """Return the process's kernel, ready to be started.

        Args:
            arguments: of ipykernel's launcher.
            sockets: listening sockets' open files, by port.
            driven: whether its one client does nothing but execute cells.
        """
        application: KernelApplication = cls.instance()
        application.sockets, application.driven = dict(sockets), driven
        application.outstream_class = f"{OutputStream.__module__}.{OutputStream.__qualname__}"
        # It has a parent that looks after it: no advice for a terminal is printed.
        application.parent_handle = os.getppid()
        application.config.HistoryManager.enabled = False
        application.initialize(arguments)
        # traitlets has its logger make every record, and its handlers throw nearly all away.
        application.log.setLevel(min(each.level for each in application.log.handlers))
        return application


class _Imported:
    """What a kernel that is being made sees of `sys`: no module to look at."""

    modules: ClassVar[dict[str, Any]] = {}
    platform = sys.platform
    version = sys.version


def imported_files() -> list[str]:
    """Return the files of all modules that are imported by now."""
    return [file for each in sys.modules.copy().values() if (file := getattr(each, "__file__", ""))]


def note_imported_files() -> None:
    """In the template: keep for its kernels which files are imported."""
    _files[:] = imported_files()


def use(zmq_socket: Any, file: int | None) -> None:
    """Let a ZeroMQ socket listen at an open file instead of opening one.

    http://api.zeromq.org/4-2:zmq-setsockopt (ZMQ_USE_FD)
    """
    if file is not None:
        zmq_socket.setsockopt(zmq.USE_FD, file)
