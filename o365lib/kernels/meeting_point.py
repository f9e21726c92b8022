"""Where the processes of one person find their template, or start it.

A template is found by what its kernels have in common: the interpreter, its options and those
variables of the environment that an interpreter reads when it starts, the package, the machine. Its
socket is in a folder that only this person may enter.
"""

import asyncio
import fcntl
import hashlib
import json
import os
import platform
import re
import site
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from o365lib import clock
from o365lib.kernels import launch

# A template without a kernel costs 100 MB; a person who looks at a result wants the next one soon.
LINGER_SECONDS = 120.0

_START_SECONDS = 60.0
_POLL_SECONDS = 0.01
# For how long nobody tries again to start a template that did not start.
_FAILED_SECONDS = 30.0

# Linux: the length of a socket's path, one byte of which ends it.
_LONGEST_PATH = 107

# What an interpreter and the libraries below it read when they start, and so cannot be set later.
_READ_AT_START = re.compile(
    r"LANG|LANGUAGE|LC_[A-Z]+|LD_[A-Z_]+|OPENSSL_CONF|GLIBC_TUNABLES|PYTHON[A-Z]+[0-9]*|PYTHON_GIL"
)
_NOT_THESE = {"PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONEXECUTABLE"}
# Read at start too; a kernel has its own.
_OF_NO_MATTER = ("PATH", "HOME", "TZ", "USER", "LOGNAME")
# A pool of threads for the algebra of matrices cannot be forked.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
# The debugger's advice on how to start an interpreter; ours is started as it is.
_QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1"}

# What a template has left that is not started any more: after so long nobody looks at it.
_KEPT_SECONDS = 3600.0
# To become a process of its own, which is all that is waited for.
_DETACH_SECONDS = 30.0

# The process ids of templates that did not answer.
_avoided: set[int] = set()


class _NotForked(Exception):
    """There is no template here, and why, in half a sentence; an ordinary kernel will do."""


@dataclass(frozen=True, kw_only=True)
class MeetingPoint:
    """One template's place.

    Attributes:
        folder: of this person alone.
        name: of this template, in the folder.
        interpreter: the command that starts Python, with its options.
        environment: the template's; holds nothing of the operator's.
        linger_seconds: after which the template ends when it has no kernel.
    """

    folder: Path
    name: str
    interpreter: tuple[str, ...]
    environment: Mapping[str, str]
    linger_seconds: float = LINGER_SECONDS

    @property
    def socket_file(self) -> Path:
        """The template's socket."""
        return self.folder / f"{self.name}.s"

    @property
    def lock_file(self) -> Path:
        """Locked while a template starts."""
        return self.folder / f"{self.name}.lock"

    @property
    def log_file(self) -> Path:
        """What the template said last before it ended in an error."""
        return self.folder / f"{self.name}.log"

    @property
    def failure_file(self) -> Path:
        """Written when a template could not be started."""
        return self.folder / f"{self.name}.failed"


def find(
    *,
    interpreter: list[str],
    environment: Mapping[str, str],
    folder: Path | None = None,
    linger_seconds: float = LINGER_SECONDS,
) -> MeetingPoint:
    """Return the place of the template for kernels of an interpreter and environment.

    Args:
        interpreter: the command that starts Python, with its options.
        environment: the kernel's.
        folder: where sockets are; by default in Jupyter's own folder for what is running.
        linger_seconds: after which a template that is started here ends when it has no kernel.

    Raises:
        _NotForked: there is no folder of this person alone.
    """
    told = {
        name: value
        for name, value in environment.items()
        if _READ_AT_START.fullmatch(name) and name not in _NOT_THESE
    }
    # Where packages may be in the person's own folder, another home is another set of them.
    home = environment.get("HOME", "") if site.ENABLE_USER_SITE else ""
    common = [
        interpreter,
        sys.version,
        told,
        home,
        _PACKAGE,
        platform.node(),
        _boot(),
        linger_seconds,
    ]
    name = hashlib.sha256(json.dumps(common, sort_keys=True).encode()).hexdigest()[:16]
    for each in _OF_NO_MATTER:
        if each in environment:
            told[each] = environment[each]
    return MeetingPoint(
        folder=_private(folder or _default_folder(name)),
        name=name,
        interpreter=tuple(interpreter),
        environment={**told, **_ONE_THREAD, **_QUIET},
        linger_seconds=linger_seconds,
    )


async def connect(point: MeetingPoint) -> socket.socket:
    """Return a connection to the template, which is started if there is none.

    Raises:
        _NotForked: it cannot be started, or does not answer.
    """
    begun, begun_at = clock.monotonic(), time.time()
    starting: subprocess.Popen[bytes] | None = None
    try:
        while clock.monotonic() < begun + _START_SECONDS:
            connection = _try_connect(point)
            if connection is not None:
                return connection
            _check_failure(point, begun_at)
            lock = _try_lock(point)
            if lock is not None:
                try:
                    if point.socket_file.exists() and _is_served(point):
                        continue
                    if starting is not None:
                        point.failure_file.touch(mode=0o600)
                        raise _NotForked(f"it did not start; see {point.log_file}")
                    starting = _start(point, lock)
                finally:
                    # While it starts, the template holds the lock itself.
                    os.close(lock)
            await asyncio.sleep(_POLL_SECONDS)
    except OSError as error:
        raise _NotForked(str(error)) from error
    finally:
        if starting is not None:
            _see_off(starting)
    raise _NotForked(f"it did not answer within {_START_SECONDS:.0f} seconds")


def avoid(connection: socket.socket) -> None:
    """Have this process use no more the template at the other end, which does not answer."""
    _avoided.add(launch.pid_of_peer(connection))


def _see_off(starting: "subprocess.Popen[bytes]") -> None:
    try:
        starting.wait(_DETACH_SECONDS)
    except subprocess.TimeoutExpired:
        starting.kill()
        starting.wait()


def _try_connect(point: MeetingPoint) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    connection.setblocking(False)
    try:
        connection.connect(str(point.socket_file))
    except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    if launch.uid_of_peer(connection) != os.getuid():
        connection.close()
        raise _NotForked(f"{point.socket_file} is another person's")
    if launch.pid_of_peer(connection) in _avoided:
        # As if there were none: another one takes its place.
        connection.close()
        return None
    return connection


def _is_served(point: MeetingPoint) -> bool:
    connection = _try_connect(point)
    if connection is None:
        return False
    connection.close()
    return True


def _try_lock(point: MeetingPoint) -> int | None:
    file = os.open(point.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return file


def _check_failure(point: MeetingPoint, begun: float) -> None:
    try:
        failed = point.failure_file.stat().st_mtime
    except FileNotFoundError:
        return
    if failed > begun - _FAILED_SECONDS:
        raise _NotForked(f"it did not start a moment ago; see {point.log_file}")


def _start(point: MeetingPoint, lock: int) -> "subprocess.Popen[bytes]":
    """Start a template and return the process that starts it, which ends at once."""
    _sweep(point.folder)
    with open(point.log_file, "wb", opener=_for_this_person) as log:
        return subprocess.Popen(  # noqa: S603 -- the interpreter that the kernel is to have
            [
                *point.interpreter,
                "-m",
                "o365lib.kernels.template",
                str(point.socket_file),
                f"--lock={lock}",
                f"--linger={point.linger_seconds}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=dict(point.environment),
            cwd="/",
            pass_fds=[lock],
            start_new_session=True,
        )


def _for_this_person(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sweep(folder: Path) -> None:
    """Remove what templates said that nobody starts any more."""
    for file in (*folder.glob("*.log"), *folder.glob("*.failed")):
        with suppress(OSError):
            if file.stat().st_mtime < time.time() - _KEPT_SECONDS:
                file.unlink()


_PACKAGE = str(Path(__file__).parents[1])


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii")
    except OSError:
        return ""


def _default_folder(name: str) -> Path:
    from jupyter_core.paths import jupyter_runtime_dir

    folder = Path(jupyter_runtime_dir()) / "o365"
    if len(os.fsencode(folder / f"{name}.new")) > _LONGEST_PATH:
        return Path(tempfile.gettempdir()) / f"o365-kernels-{os.getuid()}"
    return folder


def _private(folder: Path) -> Path:
    """Make a folder if need be, and make sure that nobody else may enter it.

    Raises:
        _NotForked: somebody may.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.lstat()
    except OSError as error:
        raise _NotForked(str(error)) from error
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise _NotForked(f"{folder} is not this person's alone")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise _NotForked(f"{folder} cannot be written to")
    return folder
