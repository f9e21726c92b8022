"""The kernel of one run: started for it, listened to, stopped, and ended with it.

- Things that the runbook tells its driver are passed on and never stored in the notebook: which
  step begins, a prompt such as a device code, how many requests it has made.
- A run that is to stop, or is over its time, or prints without end, is interrupted as if by a
  keyboard; a kernel that does not heed that is killed after `GRACE_SECONDS`.
- A cell that ends without an error of its own (the kernel died, the time was over) gets one, so
  that the notebook shows where it ended.
- Widget state is never saved: a widget remembers what was typed into it.
- Before a kernel ends, it is asked where secrets stand in the run's files that it alone knows. It
  answers with lines; the notebook, its names and its history are as if nobody had asked.

The process itself and the connection to it: `process`. Imported by `o365lib.runs.engine` when
papermill is there already.
"""

import ast
import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_core.utils import run_sync
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat.v4 import new_notebook, new_output
from papermill.engines import Engine

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence import gate
from o365lib.runs.kernel.attentive_client import AttentiveClient
from o365lib.runs.kernel.bookkeeping import Bookkeeping
from o365lib.runs.kernel.kept_output import OutputLimits
from o365lib.runs.kernel.process import OutputConnection, RunbookKernelManager, done_unless

GRACE_SECONDS = 10.0
_POLL_SECONDS = 0.2
_STARTS = 3
# To search a run's files for its secrets; they are small, but the machine may be busy.
_SEARCH_SECONDS = 30.0

_logger = logging.getLogger(__name__)

# nbclient logs whole messages, device codes in them, and as an error what the result says better.
# A logger with no parent and no handler that writes is where its lines end.
_nowhere = logging.Logger(__name__)  # noqa: LOG001 -- not in the tree, on purpose
_nowhere.addHandler(logging.NullHandler())
_nowhere.setLevel(logging.CRITICAL + 1)


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
    limits: OutputLimits = field(default_factory=OutputLimits)
    why: str = ""
    own_secrets: Mapping[str, Sequence[int]] | None = None

    def must_stop(self) -> bool:
        """Whether the run is to end now; notes why."""
        if self.stop.is_set():
            self.why = self.why or "it was interrupted"
        elif self.deadline is not None and clock.monotonic() > self.deadline:
            self.why = self.why or "its time was over"
        return bool(self.why)


class RunbookClient(AttentiveClient):
    """papermill's notebook client, listening and able to stop."""

    def __init__(self, bookkeeping: Any, *, control: Control) -> None:
        super().__init__(
            bookkeeping,
            limits=control.limits,
            kernel_name="python3",
            kernel_manager_class=RunbookKernelManager,
            store_widget_state=False,
            timeout=None,
            log=_nowhere,
        )
        self.control = control
        self._connection: OutputConnection | None = None
        self._task: asyncio.Task[Any] | None = None
        self._interrupted_at: float | None = None
        self._is_idle = True
        self._was_cut = False

    def execute(self, **_: Any) -> Any:
        """Execute the cells in a kernel of their own; the kernel ends with them.

        Raises:
            RuntimeError: the kernel did not start; no cell was executed.
        """
        try:
            return self._execute()
        except BaseException:
            # An interruption from the keyboard leaves the event loop with everything in it.
            if self._task is not None and not self._task.done():
                self._give_up()
            raise

    async def _async_execute(self) -> Any:
        self._task = asyncio.current_task()
        self.reset_execution_trackers()
        if not await self._start():
            # The first step tells why. A kernel that executed nothing knows no secrets.
            await self._execute_cells()
            self.control.own_secrets = {}
            return self.nb
        self._connection = OutputConnection(self.kc.iopub_channel)
        try:
            await self._execute_cells()
            # As the kernel searches it, so are its lines archived.
            self.nb_man.notebook_complete()
        finally:
            try:
                self.control.own_secrets = await self._ask_for_own_secrets()
            finally:
                await self._end()
        return self.nb

    # papermill calls the blocking form: one event loop for the whole run, entered once.
    _execute = run_sync(_async_execute)

    async def _async_give_up(self) -> None:
        assert self._task is not None
        self.control.why = self.control.why or "it was interrupted"
        if self.km is not None and self.km.has_kernel:
            await self.km.interrupt_kernel()
        self._task.cancel()
        await asyncio.wait([self._task])

    _give_up = run_sync(_async_give_up)

    async def _execute_cells(self) -> None:
        for index, cell in enumerate(self.nb.cells):
            self.nb_man.cell_start(cell, index)
            try:
                await self.async_execute_cell(cell, index)
            except CellExecutionError as error:
                self.nb_man.cell_exception(cell, cell_index=index, exception=error)
                break
            finally:
                self.nb_man.cell_complete(cell, cell_index=index)

    async def _start(self) -> bool:
        """Start a kernel; `False` when the run is to stop meanwhile."""
        # Of a kernel that is not forked jupyter_client finds the ports and lets go of them before
        # the kernel takes them; another program is faster at times, and the kernel ends.
        for left in reversed(range(_STARTS)):
            self.create_kernel_manager()
            try:
                has_started = await done_unless(self.control.must_stop, self._start_one())
            except BaseException as error:
                died = isinstance(error, RuntimeError) and "died" in str(error)
                self._is_idle = False
                await self._end()
                if isinstance(error, RuntimeError) and self.control.must_stop():
                    return False
                if not died or not left:
                    raise
            else:
                self._is_idle = has_started
                if not has_started:
                    await self._end(now=True)
                return has_started
        return False

    async def _start_one(self) -> None:
        await self.async_start_new_kernel(
            env=dict(self.control.environment), cwd=str(self.control.folder)
        )
        self.kc = self.km.client(context=self.km.context)
        self.kc.allow_stdin = False
        self.kc.start_channels(stdin=False, hb=False, control=False)
        self.kc.allow_stdin = False
        await self.km.wait_until_started(self.kc)

    async def _end(self, *, now: bool = False) -> None:
        """End the kernel, at once if need be, and let go of the connection to it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        try:
            await (self.km.end() if self._is_idle else self.km.kill(now=now))
        finally:
            if self.kc is not None:
                # Not `stop_channels`, which would make those that there are not.
                self.kc.shell_channel.stop()
                self.kc.iopub_channel.stop()
            self.kc = None

    async def _ask_for_own_secrets(self) -> dict[str, list[int]] | None:
        """Have the kernel search the run's files, which it does not change, and return the lines.

        https://jupyter-client.readthedocs.io/en/stable/messaging.html#execute
        """
        folder = self.control.run_folder
        if folder is None or not await self.km.is_alive():
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
            reply = await _reply_to(self.km, self.kc, asked)
            answer = reply["user_expressions"]["lines"]["data"]["text/plain"]
            return gate.lines_told(ast.literal_eval(answer))
        except (Empty, KeyError, TypeError, ValueError, SyntaxError):
            # The kernel ended, does not answer, or knows no such search.
            _logger.warning("The kernel did not search the run's files for its secrets.")
            self._is_idle = False
            return None

    async def async_execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
        """Execute one cell; whatever ends it, the cell shows it.

        Raises:
            CellExecutionError: the cell failed, the kernel died, or the run is to stop.
        """
        if cell.cell_type == "code" and self.control.must_stop():
            raise _broken(cell, f"The run ended before this step: {self.control.why}.")
        if self.kc is None:  # it did not start, and nothing but text comes this far
            return cell
        # As JupyterLab does it: the kernel learns which cell it executes.
        self.kc.session.metadata = {"cellId": cell.get("id", "")}
        self.kept.begin_cell()
        self._is_idle = False
        try:
            done = await super().async_execute_cell(cell, cell_index, **options)
        except DeadKernelError as error:
            reason = self.control.why or "its process was killed, or had no memory left"
            raise _broken(cell, f"The kernel ended in this step: {reason}.") from error
        except CellTimeoutError as error:
            raise _broken(cell, "The kernel's output did not arrive.") from error
        except CellExecutionError:
            self._is_idle = True
            if self.is_cut:
                raise _broken(cell, f"The run was stopped: {self.control.why}.") from None
            raise
        else:
            self._is_idle = True
            return done
        finally:
            if cell.cell_type == "code":
                self.kept.end_cell(cell.outputs)

    def process_message(self, message: Any, cell: Any, cell_index: int) -> Any:
        """Pass on what is meant for the driver, and let nbclient store the rest."""
        told = (message["content"].get("transient") or {}).get("o365")
        if not isinstance(told, dict):
            done = super().process_message(message, cell, cell_index)
            if self.kept.is_too_much:
                self.control.why = self.control.why or self.control.limits.too_much
            return done
        if "prompt" in told:
            self.control.on_prompt(str(told["prompt"]))
        if "step" in told:
            self.control.on_step(str(told["step"]))
        if "requests" in told:
            self.control.on_traffic(int(told["requests"]), int(told.get("throttled", 0)))
        return None

    async def look_after(self) -> None:
        """Obey the control, and make sure of the kernel and of the connection to it.

        Raises:
            DeadKernelError: the kernel has ended.
        """
        if self.control.must_stop():
            await self._end_kernel()
        await self._async_check_alive()
        was_cut = self._connection.was_cut() if self._connection else False
        # A kernel that has ended cuts its connection, too; this one has not, a while after.
        if self._was_cut and not self.is_cut:
            self.is_cut = True
            self.kept.lose()
            self.control.why = self.control.why or self.control.limits.too_much
        self._was_cut = was_cut
        with contextlib.suppress(EvidenceError):  # told when the cell has ended
            self.nb_man.autosave_cell()

    async def _end_kernel(self) -> None:
        if self._interrupted_at is None:
            self._interrupted_at = clock.monotonic()
            await self.km.interrupt_kernel()
        elif clock.monotonic() - self._interrupted_at > GRACE_SECONDS:
            await self.km.shutdown_kernel(now=True)


async def _reply_to(manager: Any, client: Any, asked: str) -> Any:
    end = clock.monotonic() + _SEARCH_SECONDS
    while clock.monotonic() < end and await manager.is_alive():
        try:
            reply = await client.shell_channel.get_msg(timeout=_POLL_SECONDS)
        except Empty:
            continue
        if reply["parent_header"].get("msg_id") == asked:
            return reply["content"]
    raise Empty


def _broken(cell: Any, sentence: str) -> CellExecutionError:
    error = new_output("error", ename="RunError", evalue=sentence, traceback=[sentence])
    cell.outputs.append(error)
    return CellExecutionError(sentence, "RunError", sentence)


class ManagedExecution(Engine):  # type: ignore[misc]  # papermill is read without types
    """One execution under papermill's bookkeeping."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,  # noqa: ARG003 -- papermill passes it; the kernel is our interpreter's
        output_path: str | None = None,  # noqa: ARG003 -- papermill's, which is given none
        *,
        control: Control,
        store_at: str,
        **_: Any,
    ) -> Any:
        """Execute the cells, store the notebook, end the kernel.

        Args:
            nb: with its parameters filled in.
            kernel_name: of no importance.
            output_path: papermill's own.
            control: what the driver wants.
            store_at: papermill's address of the executed notebook.

        Returns:
            What papermill looks at in an executed notebook: the cells that failed. It writes what
            it is given as text, even where it stores it nowhere, which takes it long.

        Raises:
            RuntimeError: the kernel did not start; the notebook was stored as it is.
            EvidenceError: the notebook cannot be stored.
        """
        nb.metadata.papermill["output_path"] = store_at
        bookkeeping = Bookkeeping(nb, output_path=store_at)
        bookkeeping.notebook_start()
        try:
            RunbookClient(bookkeeping, control=control).execute()
        finally:
            bookkeeping.notebook_complete()
        failed = [cell for cell in nb.cells if cell.metadata.papermill["exception"]]
        return new_notebook(cells=failed)
