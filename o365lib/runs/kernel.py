"""The kernel of one run: started for it, listened to, stopped, and ended with it.

- It runs in the interpreter that runs us, whatever kernels the machine has installed, and the
  connection to it is encrypted (CurveZMQ over TCP on loopback).
- Two things that the runbook tells its driver are passed on and never stored in the notebook:
  which step begins, and a prompt such as a device code.
- A run that is to stop, or is over its time, is interrupted as if by a keyboard; a kernel that
  does not heed that is killed after `GRACE_SECONDS`.
- A cell that ends without an error of its own (the kernel died, the time was over) gets one, so
  that the notebook shows where it ended.
- Widget state is never saved: a widget remembers what was typed into it.
- Before a kernel ends, it is asked where secrets stand in the run's files that it alone knows. It
  answers with lines; the notebook, its names and its history are as if nobody had asked.

Imported by `o365lib.runs.engine` when papermill is there already.
"""

import ast
import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_async, run_sync
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_output
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine

from o365lib import clock
from o365lib.evidence import gate

GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.2
_STARTUP_SECONDS = 120
_STARTS = 3
# To search a run's files for its secrets; they are small, but the machine may be busy.
_SEARCH_SECONDS = 30.0
# nbclient's own 4 seconds are too few on a machine where many kernels start at once.
_OUTPUT_SECONDS = 120

_logger = logging.getLogger(__name__)

# nbclient logs whole messages, device codes in them, and as an error what the result says better.
# A logger with no parent and no handler that writes is where its lines end.
_nowhere = logging.Logger(__name__)  # noqa: LOG001 -- not in the tree, on purpose
_nowhere.addHandler(logging.NullHandler())


def ignore(text: str) -> None:
    """Hear and forget."""


def ignore_traffic(requests: int, throttled: int) -> None:
    """Hear and forget."""


@dataclass(kw_only=True)
class Control:
    """What a run's driver and its kernel have to tell each other.

    Attributes:
        environment: the kernel's whole environment; holds no secret of ours.
        folder: the kernel's working directory.
        on_prompt: hears a prompt for the person, which is not to be kept.
        on_step: hears the name of the step that begins.
        on_traffic: hears how many requests the run has made, and how many were told to wait.
        stop: set by another thread to end the run.
        deadline: in the clock's monotonic seconds; `None` is never.
        run_folder: where the run's files are, which the kernel is to search for its own secrets;
            `None` if it is not to be asked.
        why: filled in when the run was stopped: by what, as part of a sentence.
        own_secrets: filled in when the cells have ended: for each file the lines in which a secret
            stands that the kernel knows. `None` where it could not be asked: it died, say.
    """

    environment: Mapping[str, str]
    folder: Path
    on_prompt: Callable[[str], None] = ignore
    on_step: Callable[[str], None] = ignore
    on_traffic: Callable[[int, int], None] = ignore_traffic
    stop: threading.Event = field(default_factory=threading.Event)
    deadline: float | None = None
    run_folder: Path | None = None
    why: str = ""
    own_secrets: Mapping[str, Sequence[int]] | None = None

    def must_stop(self) -> bool:
        """Whether the run is to end now; notes why."""
        if self.stop.is_set():
            self.why = self.why or "it was interrupted"
        elif self.deadline is not None and clock.monotonic() > self.deadline:
            self.why = self.why or "its time was over"
        return bool(self.why)


class RunbookKernelManager(AsyncKernelManager):  # type: ignore[misc]  # jupyter_client is read without types
    """Starts a kernel in this very interpreter, with an encrypted connection."""

    @property
    def kernel_spec(self) -> Any:
        """The specification that ipykernel gives for the running interpreter."""
        return KernelSpec(**get_kernel_dict())


class RunbookClient(PapermillNotebookClient):  # type: ignore[misc]  # papermill is read without types
    """papermill's notebook client, listening and able to stop."""

    def __init__(self, manager: Any, *, control: Control) -> None:
        super().__init__(
            manager,
            kernel_name="python3",
            kernel_manager_class=RunbookKernelManager,
            store_widget_state=False,
            startup_timeout=_STARTUP_SECONDS,
            iopub_timeout=_OUTPUT_SECONDS,
            timeout=None,
            log=_nowhere,
        )
        self.control = control
        self._interrupted_at: float | None = None

    def create_kernel_manager(self) -> Any:
        """Return a manager whose connection must be encrypted."""
        manager = super().create_kernel_manager()
        manager.transport_encryption = "required"
        manager.ip = "127.0.0.1"
        return manager

    def execute(self, **_: Any) -> Any:
        """Execute the cells in a kernel of their own; the kernel ends with them.

        Raises:
            RuntimeError: the kernel did not start; no cell was executed.
        """
        self.reset_execution_trackers()
        self._start()
        with self.setup_kernel():
            try:
                self.papermill_execute_cells()
            finally:
                self.control.own_secrets = self._ask_for_own_secrets()
        return self.nb

    async def _async_ask_for_own_secrets(self) -> dict[str, list[int]] | None:
        """Have the kernel search the run's files, which it does not change, and return the lines.

        https://jupyter-client.readthedocs.io/en/stable/messaging.html#execute
        """
        folder = self.control.run_folder
        if folder is None or not await ensure_async(self.km.is_alive()):
            return None
        search = (
            f"{gate.__name__!r}, fromlist=['own_secrets']).own_secrets({str(folder.absolute())!r})"
        )
        asked = self.kc.execute(
            "",
            silent=True,
            store_history=False,
            user_expressions={"lines": f"__import__({search}"},
            allow_stdin=False,
        )
        try:
            reply = await self._async_reply_to(asked)
            answer = reply["user_expressions"]["lines"]["data"]["text/plain"]
            return gate.lines_told(ast.literal_eval(answer))
        except (Empty, KeyError, TypeError, ValueError, SyntaxError):
            # The kernel ended, does not answer, or knows no such search.
            _logger.warning("The kernel did not search the run's files for its secrets.")
            return None

    _ask_for_own_secrets = run_sync(_async_ask_for_own_secrets)

    async def _async_reply_to(self, asked: str) -> Any:
        end = clock.monotonic() + _SEARCH_SECONDS
        while clock.monotonic() < end and await ensure_async(self.km.is_alive()):
            try:
                reply = await ensure_async(self.kc.shell_channel.get_msg(timeout=_POLL_SECONDS))
            except Empty:
                continue
            if reply["parent_header"].get("msg_id") == asked:
                return reply["content"]
        raise Empty

    def _start(self) -> None:
        # jupyter_client finds free ports and lets go of them before the kernel takes them; where
        # many connections come and go, another one is faster at times, and the kernel ends.
        for left in reversed(range(_STARTS)):
            self.create_kernel_manager()
            self.start_new_kernel(env=dict(self.control.environment), cwd=str(self.control.folder))
            try:
                self.start_new_kernel_client()
            except RuntimeError as error:
                if "died" not in str(error) or not left or self.control.must_stop():
                    raise
            else:
                return

    async def async_execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        """Execute one cell; whatever ends it, the cell shows it.

        Raises:
            CellExecutionError: the cell failed, the kernel died, or the run is to stop.
        """
        if cell.cell_type == "code" and self.control.must_stop():
            raise _broken(cell, f"The run ended before this step: {self.control.why}.")
        # As JupyterLab does it: the kernel learns which cell it executes.
        self.kc.session.metadata = {"cellId": cell.get("id", "")}
        try:
            return await super().async_execute_cell(cell, cell_index, **options)
        except DeadKernelError as error:
            reason = self.control.why or "its process was killed, or had no memory left"
            raise _broken(cell, f"The kernel ended in this step: {reason}.") from error
        except CellTimeoutError as error:
            raise _broken(cell, "The kernel's output did not arrive.") from error

    # papermill calls the blocking form.
    execute_cell = run_sync(async_execute_cell)

    def process_message(self, message: Any, cell: Any, cell_index: int) -> Any:
        """Pass on what is meant for the driver, and let nbclient store the rest."""
        told = (message["content"].get("transient") or {}).get("o365")
        if not isinstance(told, dict):
            return super().process_message(message, cell, cell_index)
        if "prompt" in told:
            self.control.on_prompt(str(told["prompt"]))
        if "step" in told:
            self.control.on_step(str(told["step"]))
        if "requests" in told:
            self.control.on_traffic(int(told["requests"]), int(told.get("throttled", 0)))
        return None

    async def _async_poll_kernel_alive(self) -> None:
        """Watch the kernel while a cell runs, more often than nbclient does, and obey the control.

        The method is nbclient's own (its 0.11 is pinned); it is called once a cell.
        """
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if self.control.must_stop():
                await self._end_kernel()
            try:
                await self._async_check_alive()
            except DeadKernelError:
                self.task_poll_for_reply.cancel()
                return

    async def _end_kernel(self) -> None:
        if self._interrupted_at is None:
            self._interrupted_at = clock.monotonic()
            await ensure_async(self.km.interrupt_kernel())
        elif clock.monotonic() - self._interrupted_at > GRACE_SECONDS:
            await ensure_async(self.km.shutdown_kernel(now=True))


def _broken(cell: Any, sentence: str) -> CellExecutionError:
    error = new_output("error", ename="RunError", evalue=sentence, traceback=[sentence])
    cell.outputs.append(error)
    return CellExecutionError(sentence, "RunError", sentence)


class ManagedExecution(Engine):  # type: ignore[misc]  # papermill is read without types
    """One execution under papermill's bookkeeping."""

    @classmethod
    def execute_managed_notebook(
        cls,
        manager: Any,
        kernel_name: str,  # noqa: ARG003 -- papermill passes it; the kernel is our interpreter's
        *,
        control: Control,
        **_: Any,
    ) -> None:
        """Execute the cells and end the kernel.

        Raises:
            RuntimeError: the kernel did not start.
        """
        RunbookClient(manager, control=control).execute()
