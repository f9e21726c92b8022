"""How jupyter_client starts a forked kernel: the provisioner that our specification names.

Where no kernel can be forked (not Linux, no folder for the socket, a template that does not start,
another interpreter), an ordinary kernel is started in its place, with one line in the log: it is
slower to start and otherwise the same.

Linux only: elsewhere a process that was forked and has not begun a new program may not use some of
the system's own libraries (macOS), or there is no fork (Windows).

https://jupyter-client.readthedocs.io/en/stable/provisioning.html
"""

import os
import resource
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from jupyter_client.provisioning import LocalProvisioner
from traitlets import Bool, Float, Unicode

from o365lib.kernels import meeting_point
from o365lib.kernels.forked_process import ForkedProcess, _Retired
from o365lib.kernels.launch import LaunchRequest
from o365lib.kernels.listening_sockets import ListeningSockets
from o365lib.kernels.meeting_point import LINGER_SECONDS, MeetingPoint, _NotForked

_LAUNCHER = "ipykernel_launcher"
# So many templates may turn out to be out of date, before there is an ordinary kernel.
_TEMPLATES = 5
# What may be asked for; anything else is for `subprocess.Popen`, and so an ordinary kernel's.
_KNOWN = {"env", "cwd", "stdin", "stdout", "stderr", "extra_arguments", "kernel_id"}


class ForkingProvisioner(LocalProvisioner):  # type: ignore[misc]  # jupyter_client is read without types
    """Starts kernels by forking them from this person's template."""

    folder = Unicode("", help="Where templates are met; Jupyter's own folder by default.").tag(
        config=True
    )
    linger_seconds = Float(
        LINGER_SECONDS, help="After how long without a kernel a template ends."
    ).tag(config=True)
    driven = Bool(
        False, help="Whether the kernel's one client does nothing but execute cells."
    ).tag(config=True)

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._sockets = ListeningSockets()

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Open the ports, and write the connection file with them.

        Raises:
            RuntimeError: what is asked of the connection is not possible here.
        """
        if sys.platform == "linux" and self.parent is not None:
            try:
                self._sockets.open_for(self.parent)
                self.ports_cached = True
            except OSError as error:
                # Then as jupyter_client finds them.
                self.log.debug("No ports are held for the kernel: %s", error)
        prepared: dict[str, Any] = await super().pre_launch(**kwargs)
        return prepared

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Start a kernel, forked if that is possible, and return its connection's description.

        Raises:
            OSError: not even an ordinary kernel can be started.
        """
        try:
            self.process = await self._fork(cmd, kwargs)
        except _NotForked as reason:
            self.log.info("An ordinary kernel is started, not a forked one: %s.", reason)
            # It opens the ports itself; a template that does not answer may hold them.
            self._sockets.give_up()
            return await super().launch_kernel(cmd, **kwargs)
        except BaseException:
            self._sockets.close()
            raise
        self.pid, self.pgid = self.process.pid, None
        self.cwd = kwargs.get("cwd") or Path.cwd()
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait for the kernel to end and return its exit status."""
        if isinstance(self.process, ForkedProcess):
            await self.process.ended()
        status: int | None = await super().wait()
        return status

    async def cleanup(self, restart: bool = False) -> None:
        """Let go of the ports, unless another kernel is to be found at them."""
        if not restart:
            self._sockets.close()
        await super().cleanup(restart=restart)

    async def _fork(self, cmd: list[str], kwargs: dict[str, Any]) -> ForkedProcess:
        arguments = self._arguments(cmd, kwargs)
        environment = kwargs.get("env") or dict(os.environ)
        folder = str(Path.cwd() / (kwargs.get("cwd") or ""))
        # As for an ordinary kernel, a folder that is not there is told at once.
        os.stat(folder)  # noqa: PTH116 -- one look, as at a program to be started
        point = meeting_point.find(
            interpreter=cmd[: cmd.index("-m")],
            environment=environment,
            folder=Path(self.folder) if self.folder else None,
            linger_seconds=self.linger_seconds,
        )
        sockets = self._sockets.files(self.parent)
        request = LaunchRequest(
            arguments=arguments,
            environment=environment,
            folder=folder,
            umask=_umask(),
            limits={number: resource.getrlimit(number) for number in _LIMITS},
            ports=list(sockets),
            driven=self.driven,
        )
        with ExitStack() as ours:
            try:
                file = request.in_memory()
                ours.callback(os.close, file)
                streams = _Streams(ours, kwargs)
            except OSError as error:
                raise _NotForked(str(error)) from error
            process = await _launch(point, [file, *streams.files, *sockets.values()])
            process.stdout, process.stderr = streams.read()
            return process

    @staticmethod
    def _arguments(cmd: list[str], kwargs: dict[str, Any]) -> list[str]:
        """Return the launcher's arguments, if a fork can take the place of this command."""
        if sys.platform != "linux":
            raise _NotForked("this system is not Linux")
        if strange := {name for name in kwargs if name not in _KNOWN and kwargs[name] is not None}:
            raise _NotForked(f"it is to be started with {', '.join(sorted(strange))}")
        if cmd[:1] != [sys.executable] or "-m" not in cmd:
            raise _NotForked("its command is another interpreter's")
        module = cmd.index("-m") + 1
        if cmd[module : module + 1] != [_LAUNCHER]:
            raise _NotForked("its command is not ipykernel's")
        return cmd[module + 1 :]


async def _launch(point: MeetingPoint, files: list[int]) -> ForkedProcess:
    for _ in range(_TEMPLATES):
        connection = await meeting_point.connect(point)
        try:
            return await ForkedProcess.launch(connection, files)
        except _Retired:
            continue
        except OSError as error:
            raise _NotForked(str(error)) from error
    raise _NotForked("its code changes all the time")


class _Streams:
    """A kernel's standard streams as `subprocess.Popen` would give them; its input is empty."""

    def __init__(self, ours: ExitStack, kwargs: dict[str, Any]) -> None:
        self._ours = ours
        self._readers: dict[str, IO[bytes]] = {}
        stdin = kwargs.get("stdin")
        self.files = [self._nothing() if stdin is None else self._file("stdin", stdin, 0)]
        stdout = self._file("stdout", kwargs.get("stdout"), 1)
        stderr = kwargs.get("stderr")
        self.files += [
            stdout,
            stdout if stderr == subprocess.STDOUT else self._file("stderr", stderr, 2),
        ]

    def read(self) -> tuple[IO[bytes] | None, IO[bytes] | None]:
        """Return where output and errors are read, if they were asked for."""
        return self._readers.get("stdout"), self._readers.get("stderr")

    def _nothing(self) -> int:
        file = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._ours.callback(os.close, file)
        return file

    def _file(self, name: str, wanted: Any, own: int) -> int:
        if wanted == subprocess.PIPE and name != "stdin":
            reading, writing = os.pipe()
            self._ours.callback(os.close, writing)
            self._readers[name] = os.fdopen(reading, "rb")
            return writing
        if wanted in {subprocess.DEVNULL, subprocess.PIPE}:
            return self._nothing()
        file = own if wanted is None else wanted if isinstance(wanted, int) else wanted.fileno()
        try:
            os.fstat(file)
        except OSError:
            return self._nothing()
        return int(file)


def _umask() -> int:
    # To ask the system directly is to change it for a moment, in all threads.
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    return 0o022


_LIMITS = sorted({number for name, number in vars(resource).items() if name.startswith("RLIMIT_")})
