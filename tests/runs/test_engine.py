import subprocess
import sys

from nbformat.v4 import new_notebook

from o365lib.runs.engine import NAME, RunbookEngine
from o365lib.runs.execution import load_papermill


def test_papermill_finds_the_engine_and_the_store_by_their_entry_points():
    load_papermill()
    from papermill.engines import papermill_engines
    from papermill.iorw import papermill_io

    from o365lib.evidence.notebook_store import NotebookStore

    assert papermill_engines.get_engine(NAME) is RunbookEngine
    assert papermill_io.get_handler("evidence:///a/b/c/runbook.ipynb") is NotebookStore


def test_it_makes_no_difference_whether_papermill_or_the_engine_is_imported_first():
    for first in ("o365lib.runs.engine", "papermill"):
        code = f"import {first}, papermill, o365lib.runs.engine, o365lib.runs.kernel.runbook_client"
        done = subprocess.run(
            [sys.executable, "-c", code], check=False, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr


def test_a_notebook_without_kernel_or_language_is_pythons():
    notebook = new_notebook()
    assert RunbookEngine.nb_kernel_name(notebook) == "python3"
    assert RunbookEngine.nb_language(notebook) == "python"
    notebook.metadata["kernelspec"] = {"name": "other"}
    assert RunbookEngine.nb_kernel_name(notebook) == "other"
    assert RunbookEngine.nb_kernel_name(notebook, "third") == "third"


def test_papermills_import_does_not_build_the_grammars_that_nobody_needs():
    assert not {"lark", "arrow"} & loaded_with_papermill()


def test_papermills_import_does_not_load_the_clients_of_cloud_stores():
    assert not {"azure.storage.blob", "boto3", "papermill.s3"} & loaded_with_papermill()


def test_what_papermills_import_leaves_out_can_be_imported_afterwards():
    code = (
        "from o365lib.runs.execution import load_papermill; load_papermill();"
        "import isoduration, papermill.s3, azure.storage.blob"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def loaded_with_papermill() -> set[str]:
    """Return the modules that a new process has when it has loaded papermill."""
    code = (
        "from o365lib.runs.execution import load_papermill; import sys; load_papermill();"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return {*done.stdout.split()}
