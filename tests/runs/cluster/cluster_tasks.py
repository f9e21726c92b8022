"""What a cluster's workers do in tests: functions that they can import."""

import os
import sys
import threading
import time
from pathlib import Path

from o365lib.runs.cluster import worker
from o365lib.runs.events import Event


class Poison:
    """What cannot be sent to a worker."""

    def __reduce__(self):
        raise TypeError("it cannot be sent")


def note(path):
    """Leave a line, so that what was done twice shows."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, b"executed\n")
    os.close(descriptor)


def answer(task, tell, stop):
    return task, os.getpid()


def tell_much(task, tell, stop):
    for number in range(task):
        tell(Event(kind="step", client="acme", text=str(number)))
    return task


def note_and_wait(task, tell, stop):
    """Note that it was executed; wait for a file if one is named; return who did."""
    path, awaited = task
    note(path)
    tell(Event(kind="started", client=Path(path).name, text=str(os.getpid())))
    while awaited and not Path(awaited).exists() and not stop.is_set():
        time.sleep(0.01)
    return os.getpid()


def obey(task, tell, stop):
    """Go on until told to stop, and leave files behind: who listens may have died."""
    Path(f"{task}.began").touch()
    tell(Event(kind="started", client="acme"))
    stop.wait()
    Path(f"{task}.stopped").touch()
    return "stopped"


def ask_to_sign_in(task, tell, stop):
    tell(Event(kind="prompt", client="acme", text=task))
    while worker._prompts:  # nobody has seen it yet
        time.sleep(0.01)
    tell(Event(kind="step", client="acme", text="signed in"))


def fail(task, tell, stop):
    raise ValueError(task)


def drive():
    """Be a driver that is killed while a run is under way."""
    from o365lib.runs.cluster.connection import TlsFiles
    from o365lib.runs.cluster.workers import ClusterWorkers
    from o365lib.runs.events import ignore

    address, authority, certificate, key, task = sys.argv[1:]
    files = TlsFiles(authority=Path(authority), certificate=Path(certificate), key=Path(key))
    workers = ClusterWorkers(address, security=files, hear=ignore, function=obey)
    workers.submit(task)
    threading.Event().wait()


if __name__ == "__main__":
    drive()
