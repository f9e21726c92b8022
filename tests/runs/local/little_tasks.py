"""What worker processes do in tests: functions that they can import."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

from o365lib.runs.events import Event


def answer(task, tell, stop):
    """Give back what was given, and who executed it."""
    return task, os.getpid()


def tell_much(task, tell, stop):
    for number in range(task):
        tell(Event(kind="step", client="acme", text=str(number)))
    return task


def obey(task, tell, stop):
    """Tell that it runs, and go on until told to stop."""
    tell(Event(kind="started", client=str(task), text=str(os.getpid())))
    stop.wait()
    return "stopped"


def obey_and_note(task, tell, stop):
    """As `obey`, and leave a file behind: who listens may have died."""
    Path(task).with_suffix(".began").write_text(str(os.getpid()))
    stop.wait()
    Path(task).with_suffix(".stopped").touch()


def ignore_everything(task, tell, stop):
    tell(Event(kind="started", client="acme", text=str(os.getpid())))
    threading.Event().wait()


def wait_for_file(task, tell, stop):
    """Wait for a file, in the company of others; return who did."""
    tell(Event(kind="started", client="acme", text=str(os.getpid())))
    while not Path(task).exists() and not stop.is_set():
        time.sleep(0.01)
    return os.getpid()


def end_abruptly(task, tell, stop):
    with contextlib.suppress(OSError):
        os.write(2, b"last words\n")
    os._exit(7)


class Stubborn(Exception):
    """An error that can be pickled, and not read again."""

    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


class Unreadable:
    """A result that can be pickled, and not read again."""

    def __reduce__(self):
        return _refuse, ()


def _refuse():
    raise ValueError("not here")


def misbehave(task, tell, stop):  # noqa: C901 -- a list of cases
    """Do what a worker must survive."""
    match task:
        case "raises":
            raise LookupError("not found")
        case "exits":
            sys.exit(3)
        case "error that cannot be pickled":
            error = ValueError("with a lock")
            error.lock = threading.Lock()
            raise error
        case "error that cannot be read":
            raise Stubborn("salt", "pepper")
        case "result that cannot be pickled":
            return threading.Lock()
        case "result that cannot be read":
            return Unreadable()
        case "huge result":
            return bytes(50_000_000)
        case "huge error":
            raise ValueError("x" * 50_000_000)
        case "event that cannot be pickled":
            tell(threading.Lock())
        case "huge event":
            tell(Event(kind="told", text="x" * 50_000_000))
        case "too many files":
            raise OSError(24, "Too many open files")
    return "survived"


def print_much(task, tell, stop):
    """Write to all that a process or its children may write to."""
    os.write(1, b"out\n")
    os.write(2, b"err\n")
    print("printed")
    print("printed", file=sys.stderr)
    subprocess.run(
        [sys.executable, "-c", "import sys; print('child'); print('child', file=sys.stderr)"],
        check=True,
    )
    return sys.stdin.read(), os.read(0, 1)


def log(task, tell, stop):
    from o365lib.secret import Secret

    password = Secret(task)
    logging.getLogger("o365lib.tests").debug("never")
    logging.getLogger("o365lib.tests").warning("The password is %s.", password.reveal())
    warnings.warn("and this", stacklevel=1)


def signal_oneself(task, tell, stop):
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(os.getpid(), number)
    child = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    done = subprocess.run([sys.executable, "-c", child], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def session(task, tell, stop):
    return os.getsid(0)


def never_ready():
    raise SystemExit("there is no such module")


def die_once():
    """Die before being ready, but for the second time: the folder's name is in the environment."""
    if not (mark := Path(os.environ["O365_TEST_MARK"])).exists():
        mark.touch()
        os._exit(9)


def open_files(task, tell, stop):
    return len(list(Path("/proc/self/fd").iterdir()))


def file_limit(task, tell, stop):
    import resource

    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def tell_and_note(task, tell, stop):
    tell_much(100, tell, stop)
    Path(task).with_suffix(".ended").touch()


def child_files(task, tell, stop):
    """Have a child that inherits whatever it can write down what files it has open."""
    code = (
        "import os, sys; all = [f'/proc/self/fd/{each}' for each in os.listdir('/proc/self/fd')]; "
        "print(*{os.readlink(each) for each in all if os.path.exists(each)}, "
        "sep='\\n', file=open(sys.argv[1], 'w'))"
    )
    subprocess.run([sys.executable, "-c", code, task], check=True, close_fds=False)
