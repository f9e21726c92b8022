"""What a fork of the template does, before it is a kernel like any other and at its end.

It takes over what its starter gave: environment, folder, streams, limits; lets go of all that was
the template's; and forgets what every fork would otherwise have in common, above all the state of
random numbers.
"""

import atexit
import contextlib
import ctypes
import gc
import importlib.util
import io
import multiprocessing
import os
import random
import resource
import signal
import sys
import tempfile
import threading
import time
import traceback
import uuid
from typing import Any, NoReturn

from o365lib.kernels.kernel_application import KernelApplication, note_imported_files
from o365lib.kernels.launch import STREAMS, LaunchRequest

# https://man7.org/linux/man-pages/man2/pr_set_pdeathsig.2const.html
_PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_launcher = getattr(importlib.util.find_spec("ipykernel_launcher"), "origin", None) or ""
_template = 0


def prepare() -> None:
    """In the template: note what its kernels need of it."""
    global _template  # noqa: PLW0603 -- a process has one
    _template = os.getpid()
    note_imported_files()


def be(files: list[int]) -> NoReturn:
    """In a fork: be a kernel until it is shut down, and end the process.

    Args:
        files: the request, the standard streams, the listening sockets; all open.
    """
    status = 1
    try:
        _end_with_the_template()
        request, sockets = _take_over(files)
        application = KernelApplication.at(
            request.arguments,
            dict(zip(request.ports, sockets, strict=True)),
            driven=request.driven,
        )
        application.start()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 -- the process ends here; what is it worth is its status
        traceback.print_exc(file=sys.__stderr__)
    _end(status)


def _end_with_the_template() -> None:
    os.setsid()
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != _template:
        os._exit(1)


def _take_over(files: list[int]) -> tuple[LaunchRequest, list[int]]:
    """Become what the request says, and return it with the listening sockets."""
    file, *others = files
    streams, sockets = others[:STREAMS], others[STREAMS:]
    request = LaunchRequest.read(file)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    _close_all_but({0, 1, 2, *sockets})
    for number, limits in request.limits.items():
        # A hard limit is not raised by everybody; then the template's own holds.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(number, limits)
    os.umask(request.umask)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    os.chdir(request.folder)
    sys.argv = [_launcher, *request.arguments]
    _be_unlike_the_others()
    return request, sockets


def _close_all_but(kept: set[int]) -> None:
    first = 0
    for file in [*sorted(kept), os.sysconf("SC_OPEN_MAX")]:
        # Of an empty range that begins at 0, Python 3.11 closes everything.
        if first < file:
            os.closerange(first, file)
        first = file + 1


def _be_unlike_the_others() -> None:
    """Forget the state that forks have in common and must not."""
    random.seed()
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
    uuid._last_timestamp = None  # type: ignore[attr-defined]  # noqa: SLF001 -- there is no other way
    multiprocessing.current_process().authkey = os.urandom(32)
    tempfile.tempdir = None


def _end(status: int) -> NoReturn:
    """End as the interpreter does, but for the memory, which the system takes back faster."""
    with contextlib.suppress(BaseException):
        # Waits for threads that are to be waited for.
        threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 -- as the interpreter does
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()  # noqa: SLF001 -- likewise
    for each in gc.get_objects():
        if type(each) in _WRITERS:
            with contextlib.suppress(Exception):
                each.flush()
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            with contextlib.suppress(Exception):
                stream.flush()
    os._exit(status)


# What holds back what was written to it.
_WRITERS = (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom)
