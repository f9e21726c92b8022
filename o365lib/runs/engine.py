"""papermill's way to our kernels: the engine named `o365`, by way of its own entry point.

papermill loads its entry points while it is itself being imported, so nothing of papermill is
imported here before it is called for.

https://papermill.readthedocs.io/en/stable/extending-entry-points.html
"""

from typing import Any

NAME = "o365"


class RunbookEngine:
    """What papermill asks of an engine; `o365lib.runs.kernel` does the work."""

    @staticmethod
    def execute_notebook(notebook: Any, kernel_name: str, **options: Any) -> Any:
        """Execute a notebook and return it; a cell's error ends it and stays in the cell.

        Args:
            notebook: with its parameters filled in.
            kernel_name: of no importance: the kernel runs in the interpreter that runs us.
            **options: papermill's own, and those of `runbook_client.ManagedExecution`.
        """
        from o365lib.runs.kernel.runbook_client import ManagedExecution

        return ManagedExecution.execute_notebook(notebook, kernel_name, **options)

    @staticmethod
    def nb_kernel_name(notebook: Any, name: str | None = None) -> str:
        """Return the kernel's name for papermill's metadata."""
        return str(name or notebook.metadata.get("kernelspec", {}).get("name") or "python3")

    @staticmethod
    def nb_language(notebook: Any, language: str | None = None) -> str:
        """Return the language in which papermill writes parameters."""
        return str(language or notebook.metadata.get("language_info", {}).get("name") or "python")
