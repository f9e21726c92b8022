"""papermill's bookkeeping of one execution, which stores the notebook seldom.

papermill stores the whole notebook at the beginning and the end of every cell. Here it is stored
when it begins, when its cells have ended, and in between after a second, two seconds, four, so that
a driver that is killed leaves what was executed until shortly before.

Imported by `runbook_client` when papermill is there already.
"""

from datetime import datetime
from typing import Any

from papermill.engines import NotebookExecutionManager
from papermill.iorw import papermill_io

from o365lib import clock
from o365lib.runs.kernel.notebook_text import text_of

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 30.0


class Bookkeeping(NotebookExecutionManager):  # type: ignore[misc]  # papermill is read without types
    """What papermill notes in a notebook while it is executed.

    Args:
        notebook: with its parameters filled in.
        output_path: papermill's address of the executed notebook; None stores nothing.
    """

    def __init__(self, notebook: Any, *, output_path: str | None) -> None:
        super().__init__(notebook, output_path=output_path, progress_bar=False)
        self.output_path: str | None = output_path
        self._pause = _FIRST_SECONDS
        self._due = clock.monotonic() + self._pause

    def save(self, **_: Any) -> None:
        """Store the notebook as it is now.

        Raises:
            EvidenceError: it could not be stored; the version before it is intact.
        """
        if self.output_path:
            papermill_io.write(text_of(self.nb), self.output_path)
        self._due = clock.monotonic() + self._pause

    def autosave_cell(self, **_: Any) -> None:
        """Store the notebook if that was not done for a while; each time the while is longer.

        Raises:
            EvidenceError: it could not be stored; the version before it is intact.
        """
        if clock.monotonic() >= self._due:
            self._pause = min(2 * self._pause, _LONGEST_SECONDS)
            self.save()

    def cell_start(self, cell: Any, cell_index: int | None = None, **_: Any) -> None:  # noqa: ARG002 -- papermill's signature
        """Note that a cell begins."""
        cell.metadata.papermill.update(
            start_time=self.now().isoformat(), status=self.RUNNING, exception=False
        )
        self.autosave_cell()

    def cell_complete(self, cell: Any, cell_index: int | None = None, **_: Any) -> None:  # noqa: ARG002 -- papermill's signature
        """Note that a cell has ended, well or not."""
        noted, end = cell.metadata.papermill, self.now()
        noted["end_time"] = end.isoformat()
        noted["duration"] = (end - datetime.fromisoformat(noted["start_time"])).total_seconds()
        if noted["status"] != self.FAILED:
            noted["status"] = self.COMPLETED
        self.autosave_cell()

    def notebook_complete(self, **_: Any) -> None:
        """Note that the execution has ended, once, and store the notebook.

        Raises:
            EvidenceError: it could not be stored; the version before it is intact.
        """
        if self.end_time is None:
            super().notebook_complete()
