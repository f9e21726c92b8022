"""papermill's notebook client, which waits for a cell's reply and reads its output in between.

nbclient has three tasks for each cell and wakes up for each message: that a cell is busy, what it
executes, that it is idle. Here a cell's end is waited for. What it shows is read then, and every
`_LOOK_SECONDS` before; what shows very much is read all the time.

Imported by `runbook_client` when papermill is there already.
"""

from queue import Empty
from typing import Any

from nbclient.exceptions import CellExecutionComplete, CellTimeoutError

from o365lib import clock
from o365lib.runs.kernel.bounded_client import BoundedClient

_LOOK_SECONDS = 0.2
# What is shown beyond a number of messages waits in the kernel, see `process`.
_MANY = 32
_SOON_SECONDS = 0.005
# At a time: there are other things to look after.
_MOST = 1000
# Of the output of a cell that has ended; a machine where many kernels start at once is slow.
_OUTPUT_SECONDS = 120.0


class AttentiveClient(BoundedClient):
    """Executes cells.

    Attributes:
        is_cut: the connection on which output arrives was cut; nothing more is to be waited for.
    """

    is_cut = False
    _is_complete = False  # the last of a cell's output is there

    async def look_after(self) -> None:
        """Do what is to be done a few times a second while a cell is executed.

        Raises:
            DeadKernelError: the kernel has ended.
        """

    async def async_execute_cell(self, cell: Any, cell_index: int, **_: Any) -> Any:
        """Execute one cell, if it is one of code, and return it.

        Raises:
            CellExecutionError: the cell failed.
            CellTimeoutError: its output did not arrive.
            DeadKernelError: the kernel has ended.
        """
        if cell.cell_type != "code" or not cell.source.strip():
            return cell
        cell.metadata["execution"] = {}
        cell.outputs = []
        self.clear_before_next_output = False
        self.code_cells_executed += 1
        asked = self.kc.execute(cell.source, store_history=True, stop_on_error=True)
        reply = await self._attend(asked, cell, cell_index)
        await self._check_raise_for_error(cell, cell_index, reply)
        return cell

    async def _attend(self, asked: str, cell: Any, cell_index: int) -> Any:
        """Return the reply when the output, too, is there: either may be the first to arrive."""
        self._is_complete = False
        try:
            reply = await self._replied(asked, cell, cell_index)
        finally:
            # What it showed before the kernel ended, say.
            count = self._hear(asked, cell, cell_index)
        end = clock.monotonic() + _OUTPUT_SECONDS
        look_at = clock.monotonic() + _LOOK_SECONDS
        while not (self._is_complete or self.is_cut):
            if count < _MOST:
                await self.kc.iopub_channel.news(_LOOK_SECONDS)
            count = self._hear(asked, cell, cell_index)
            now = clock.monotonic()
            if now > end:
                raise CellTimeoutError.error_from_timeout_and_cell(
                    "Its output did not arrive", int(_OUTPUT_SECONDS), cell
                )
            if now >= look_at:
                await self.look_after()
                look_at = now + _LOOK_SECONDS
        return reply

    async def _replied(self, asked: str, cell: Any, cell_index: int) -> Any:
        look_at, pause = clock.monotonic() + _LOOK_SECONDS, _LOOK_SECONDS
        while True:
            try:
                reply = await self.kc.shell_channel.get_msg(timeout=pause)
            except Empty:
                count = self._hear(asked, cell, cell_index)
                pause = _SOON_SECONDS if count >= _MANY else _LOOK_SECONDS
            else:
                if reply["parent_header"].get("msg_id") == asked:
                    return reply
            if clock.monotonic() >= look_at:
                await self.look_after()
                look_at = clock.monotonic() + _LOOK_SECONDS

    def _hear(self, asked: str, cell: Any, cell_index: int) -> int:
        """Deal with the output that is there, up to the cell's last; return how many it was."""
        count = 0
        while not (self._is_complete or self.is_cut) and count < _MOST:
            message = self.kc.iopub_channel.next()
            if message is None:
                break
            count += 1
            if message["parent_header"].get("msg_id") == asked:
                try:
                    self.process_message(message, cell, cell_index)
                except CellExecutionComplete:
                    self._is_complete = True
        return count
