"""papermill's notebook client, which keeps of the cells' output what is reasonable.

nbclient keeps everything that a notebook prints in memory, and has nbformat validate each piece of
it. Here it is counted and kept within limits, and validated when the notebook is stored at the end.

Imported by `runbook_client` when papermill is there already.
"""

from typing import Any

from nbformat import from_dict
from papermill.clientwrap import PapermillNotebookClient

from o365lib.runs.kernel.kept_output import KeptOutput, OutputLimits


class BoundedClient(PapermillNotebookClient):  # type: ignore[misc]  # papermill is read without types
    """Executes cells and keeps their output.

    Args:
        bookkeeping: papermill's, of the notebook.
        limits: how much output is kept.
        **options: nbclient's.

    Attributes:
        kept: how much that is by now.
    """

    def __init__(self, bookkeeping: Any, *, limits: OutputLimits, **options: Any) -> None:
        self.clear_before_next_output = False
        super().__init__(bookkeeping, **options)
        self.kept = KeptOutput(limits)

    def output(
        self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> Any:
        """Keep what a cell prints or shows, within limits; nbclient calls it for each message."""
        if self.output_hook_stack[msg["parent_header"].get("msg_id")]:
            return super().output(outs, msg, display_id, cell_index)
        kind, content = msg["msg_type"], msg["content"]
        if self.clear_before_next_output:
            self._clear(outs, cell_index)
            self.clear_before_next_output = False
        if kind == "stream":
            self.kept.add_text(outs, from_dict({"output_type": kind, **content}))
        elif kind == "error":
            error = from_dict({"output_type": kind, **content})
            self.kept.shorten_error(error)
            outs.append(error)
        elif self.kept.keeps(content, display_id=display_id or ""):
            if display_id:
                shown = self._display_id_map.setdefault(display_id, {})
                shown.setdefault(cell_index, []).append(len(outs))
            content = {key: each for key, each in content.items() if key != "transient"}
            outs.append(from_dict({"output_type": kind, **content}))
        return None

    def clear_output(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        """Take away what the cell has shown so far, now or with what it shows next."""
        is_hooked = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        if is_hooked or msg["content"].get("wait"):
            super().clear_output(outs, msg, cell_index)
        else:
            self._clear(outs, cell_index)

    def _clear(self, outputs: list[Any], cell_index: int) -> None:
        self.kept.forget(outputs)
        outputs.clear()
        self.clear_display_id_mapping(cell_index)

    def _update_display_id(self, display_id: str, msg: dict[str, Any]) -> None:
        # nbclient's own, by which a message replaces what was shown under the same id.
        if display_id in self._display_id_map and self.kept.keeps(
            msg["content"], display_id=display_id
        ):
            super()._update_display_id(display_id, msg)
