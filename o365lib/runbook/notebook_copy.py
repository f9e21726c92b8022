"""The archived notebook of a run that no driver executes: an engineer's, in JupyterLab.

JupyterLab saves her working copy where she opened it, whenever it likes. The archive's copy is made
here: the project's notebook, with the source that each step's cell really had and with what the
step showed.

Outputs that stand in the project's notebook are left out: somebody saved it after another run, of
another client perhaps.
"""

from pathlib import Path
from typing import Any

from o365lib import secret
from o365lib.errors import RunbookError
from o365lib.evidence.archive import RunFolder
from o365lib.runbook.results import StepResult


class NotebookCopy:
    """Fills the project's notebook's cells as their steps are executed.

    Args:
        template: the project's notebook.
        folder: the run's folder in the archive.
    """

    def __init__(self, template: Path, folder: RunFolder) -> None:
        # Late: its schema takes seconds to import, and a driven run has no copy.
        import nbformat

        self._nbformat = nbformat
        self._folder = folder
        self._notebook = nbformat.read(template, as_version=4)
        self._notebook.metadata.pop("widgets", None)
        for cell in self._notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        self._executed = 0

    def add(self, name: str, source: str, result: StepResult | RunbookError) -> None:
        """Put a step's source and output into the cell that bears its name, and save.

        Raises:
            EvidenceError: the notebook could not be written.
        """
        for cell in self._notebook.cells:
            if cell.get("id") != name:
                continue
            self._executed += 1
            cell.source = secret.mask(source) or cell.source
            cell.execution_count = self._executed
            cell.outputs = [self._output(result)]
        self._folder.write_notebook(self._nbformat.writes(self._notebook))

    def _output(self, result: StepResult | RunbookError) -> Any:
        if isinstance(result, RunbookError):
            return self._nbformat.v4.new_output(
                "error",
                ename=type(result).__name__,
                evalue=secret.mask(str(result)),
                traceback=[secret.mask(line) for line in result.lines()],
            )
        return self._nbformat.v4.new_output(
            "execute_result",
            data={"text/plain": repr(result), "text/html": result._repr_html_()},
            execution_count=self._executed,
        )
