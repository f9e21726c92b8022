import nbformat
import pytest

from o365lib.errors import ChangeFailed, EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.runbook.notebook_copy import NotebookCopy
from o365lib.runbook.results import StepResult
from o365lib.secret import MASK, Secret
from tests.demo_project import ROOT

TEMPLATE = ROOT / "notebooks" / "create_service_account.ipynb"


@pytest.fixture
def folder(tmp_path):
    return Archive(tmp_path).new_run("contoso", "r1")


@pytest.fixture
def copy(folder):
    return NotebookCopy(TEMPLATE, folder)


def cells_of(folder):
    notebook = nbformat.read(folder.notebook_file, as_version=4)
    nbformat.validate(notebook)
    return {cell.id: cell for cell in notebook.cells}


def test_a_steps_source_and_output_stand_in_the_cell_of_its_name(copy, folder):
    copy.add("look", "run.look()  # twice", StepResult(title="Looked <b>"))
    cell = cells_of(folder)["look"]
    assert cell.source == "run.look()  # twice"
    assert cell.execution_count == 1
    assert cell.outputs[0].data["text/plain"] == "Looked <b>"
    assert "Looked &lt;b&gt;" in cell.outputs[0].data["text/html"]


def test_every_other_cell_is_as_committed(copy, folder):
    copy.add("look", "run.look()", StepResult(title="Looked"))
    committed = {cell.id: cell for cell in nbformat.read(TEMPLATE, as_version=4).cells}
    for name, cell in cells_of(folder).items():
        if name != "look":
            assert cell == committed[name]


def test_steps_are_counted_in_the_order_in_which_they_were_executed(copy, folder):
    for name in ("sign-in", "look", "look"):
        copy.add(name, f"run.{name}()", StepResult(title=name))
    counts = {name: cell.get("execution_count") for name, cell in cells_of(folder).items()}
    assert (counts["sign-in"], counts["look"], counts["plan"]) == (1, 3, None)


def test_an_error_is_kept_as_the_box_that_was_shown(copy, folder):
    copy.add("look", "", ChangeFailed("It did not.", state="As it was.", remedy="Again."))
    cell = cells_of(folder)["look"]
    (output,) = cell.outputs
    assert (output.output_type, output.ename) == ("error", "ChangeFailed")
    assert "  Again." in output.traceback
    assert cell.source == "run.look()"


def test_known_secrets_are_masked_in_source_and_outputs(copy, folder):
    Secret("canary-3300-cc")
    copy.add("look", "x = 'canary-3300-cc'", StepResult(title="canary-3300-cc"))
    copy.add("plan", "", ChangeFailed("canary-3300-cc", remedy="canary-3300-cc"))
    text = folder.notebook_file.read_text("utf-8")
    assert "canary" not in text
    assert MASK in cells_of(folder)["look"].source


def test_a_step_without_a_cell_changes_no_cell(copy, folder):
    copy.add("unheard-of", "x", StepResult(title="x"))
    assert all(not cell.get("outputs") for cell in cells_of(folder).values())


def test_an_archive_that_is_gone_is_an_error_of_ours(copy, folder):
    folder.path.rmdir()
    with pytest.raises(EvidenceError):
        copy.add("look", "", StepResult(title="Looked"))


def test_what_an_earlier_run_left_in_the_projects_notebook_stays_out_of_the_archive(
    folder, tmp_path
):
    saved = nbformat.read(TEMPLATE, as_version=4)
    saved.metadata["widgets"] = {"x": {"state": "fabrikam-widget"}}
    for cell in saved.cells:
        if cell.cell_type == "code":
            cell.execution_count = 7
            cell.outputs = [nbformat.v4.new_output("stream", text="fabrikam")]
    nbformat.write(saved, tmp_path / "saved.ipynb")
    NotebookCopy(tmp_path / "saved.ipynb", folder).add("look", "", StepResult(title="Looked"))
    assert "fabrikam" not in folder.notebook_file.read_text("utf-8")
    counts = [cell.get("execution_count") for cell in cells_of(folder).values()]
    assert [count for count in counts if count] == [1]
