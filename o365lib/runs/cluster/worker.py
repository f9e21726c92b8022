"""What a worker of a cluster does for a driver: `dask worker` needs no more than this package.

- A driver registers `RunsPlugin` with the cluster; workers that join later get it too.
- A task is executed in a thread of the worker, in which it can be told to stop: when the driver
  interrupts its runs, when the driver is gone, and when the worker itself is ended.
- What happens is told through the scheduler as it happens. What a person must do to sign in is not:
  the scheduler keeps its events for a while. It is fetched from here, once.
"""

import itertools
import json
import os
import platform
import threading
from collections import deque
from pathlib import Path
from typing import Any

from distributed import WorkerPlugin, get_worker

import o365lib
from o365lib.errors import RunbookError
from o365lib.runs.events import Event
from o365lib.runs.workers import Function

_lock = threading.Lock()
_under_way: dict[str, tuple[str, threading.Event]] = {}
# Of drivers whose runs were interrupted, the latest: one may reach this worker later.
_interrupted: deque[str] = deque(maxlen=256)
# What is to be told once, and by which task; no longer than the task lasts.
_prompts: dict[int, tuple[str, str]] = {}
_numbers = itertools.count(1)
# What travels of an event, and which do: what came of a run is the task's result.
_PLAIN = ("kind", "client", "text", "requests", "throttled")
_TOLD = ("started", "step", "traffic", "told")
_GONE = {"cancelled", "released", "forgotten"}


class RunsPlugin(WorkerPlugin):  # type: ignore[misc]  # distributed is read without types
    """Prepares a worker for runs, and ends its runs when nobody waits for them any more."""

    name = f"o365-runbooks-{o365lib.__version__}"
    idempotent = True  # a second driver's leaves the first one's runs alone

    def setup(self, worker: Any) -> None:  # noqa: ARG002 -- Dask's signature
        """Import in the main thread what is not to be imported by several threads at once."""
        from o365lib.runs.execution import load_papermill

        load_papermill()

    def transition(self, key: Any, start: str, finish: str, **_: Any) -> None:  # noqa: ARG002 -- as above
        """End a run whose driver has let go of it, or is gone."""
        if finish in _GONE:
            with _lock:
                if found := _under_way.get(str(key)):
                    found[1].set()

    def teardown(self, worker: Any) -> None:  # noqa: ARG002 -- as above
        """End all runs: the worker is being ended."""
        with _lock:
            for _, flag in _under_way.values():
                flag.set()


def execute_here(function: Function, task: Any, *, session: str, task_key: str) -> Any:
    """Execute a task in this thread of a worker, and return what it returns.

    Args:
        function: what is done with it.
        task: the task.
        session: the driver's; its events have this name.
        task_key: the task's name in Dask.
    """
    worker, stop = get_worker(), threading.Event()
    with _lock:
        _under_way[task_key] = session, stop
        if session in _interrupted:
            stop.set()

    def tell(event: Event) -> None:
        worker.log_event(session, {"key": task_key, **_message(event, task_key)})

    try:
        return function(task, tell, stop)
    finally:
        with _lock:
            _under_way.pop(task_key, None)
            for number in [each for each, (key, _) in _prompts.items() if key == task_key]:
                del _prompts[number]


def interrupt(session: str) -> None:
    """Tell all tasks of a driver to stop, those too that reach this worker later."""
    with _lock:
        _interrupted.append(session)
        flags = [flag for its, flag in _under_way.values() if its == session]
    for flag in flags:
        flag.set()


def take_prompt(number: int) -> str:
    """Return what a person must do to sign in, and forget it here."""
    with _lock:
        return _prompts.pop(number, ("", ""))[1]


def event_in(message: dict[str, Any]) -> Event | int:
    """Return the event in a worker's message, or the number of the prompt that is to be fetched.

    Nothing in it is executed: anybody on the cluster may have sent it.

    Raises:
        ValueError: it is no such message.
    """
    try:
        if number := message.get("prompt"):
            return int(number)
        told = json.loads(message["event"])
        event = Event(**{name: told[name] for name in _PLAIN})
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("what a worker told is no event") from error
    texts, numbers = (event.client, event.text), (event.requests, event.throttled)
    if not (
        event.kind in _TOLD
        and all(isinstance(each, str) for each in texts)
        and all(type(each) is int and each >= 0 for each in numbers)
    ):
        raise ValueError("what a worker told is no event")
    return event


def _message(event: Event, task_key: str) -> dict[str, Any]:
    if event.kind != "prompt":
        return {"event": json.dumps({name: getattr(event, name) for name in _PLAIN})}
    number = next(_numbers)
    with _lock:
        _prompts[number] = task_key, event.text
    return {"prompt": number, "client": event.client}


def look(*, probe: str, store_url: str) -> dict[str, Any]:
    """Return what a driver must know of this machine before it gives it runs.

    Args:
        probe: a file in the archive's folder; empty where the archive is no folder.
        store_url: the archive's URL; empty where it is a folder.
    """
    return {
        "version": o365lib.__version__,
        "python": ".".join(platform.python_version_tuple()[:2]),
        "host_name": platform.node(),
        "process_id": os.getpid(),
        "probe": _read(Path(probe)) if probe else "",
        "store": _reach(store_url) if store_url else "",
    }


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeError):
        return ""


def _reach(url: str) -> str:
    """Return why a store cannot be read from here; empty where it can."""
    from o365lib.evidence.stores import open_store

    try:
        next(iter(open_store(url).entries("_keys/")), None)
    except RunbookError as error:
        return error.message
    return ""
