import json
from pathlib import Path, PureWindowsPath

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence import notebook_store
from o365lib.evidence.archive import Archive
from o365lib.evidence.notebook_store import NotebookStore, address, folder_of


@pytest.fixture
def run(tmp_path):
    return Archive(tmp_path / "an archive {with} % & ümlaut #1").new_run("alpine-books", "one")


def test_an_address_leads_back_to_its_run_whatever_the_folder_is_called(run):
    there = address(run)
    assert there.startswith("evidence:///")
    assert not set(there) & set("{} #")
    assert folder_of(there) == run


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("evidence:///C:/Arch%20ive/a/1/runbook.ipynb", "C:\\Arch ive\\a\\1\\runbook.ipynb"),
        ("evidence://server/share/a/1/runbook.ipynb", "\\\\server\\share\\a\\1\\runbook.ipynb"),
    ],
)
def test_windows_drives_and_shares_are_understood(written, path):
    assert notebook_store._local_path(written, windows=True) == PureWindowsPath(path)
    as_url = PureWindowsPath(path).as_uri().removeprefix("file://")
    assert f"evidence://{as_url}" == written


@pytest.mark.parametrize("text", ["", "/a/b/runbook.ipynb", "evidence:///a/b/record.json"])
def test_what_is_no_address_of_a_notebook_is_refused(text):
    with pytest.raises(EvidenceError, match="not a notebook in the archive"):
        NotebookStore.write("{}", text)


def test_a_notebook_comes_back_as_it_was_written(run):
    text = json.dumps({"cells": [], "metadata": {"ü": "✓"}})
    NotebookStore.write(text, address(run))
    assert NotebookStore.read(address(run)) == text
    assert NotebookStore.listdir(address(run)) == [address(run)]
    assert NotebookStore.pretty_path(address(run)) == str(run.notebook_file)
    assert list(run.path.iterdir()) == [run.notebook_file]


def test_a_notebook_that_is_not_there_is_an_evidence_error(run):
    assert NotebookStore.listdir(address(run)) == []
    with pytest.raises(EvidenceError, match="cannot be read"):
        NotebookStore.read(address(run))


def test_the_cells_that_papermill_adds_around_an_error_are_left_out(run):
    ran = {"cell_type": "code", "source": "1/0", "metadata": {"tags": ["x"]}, "outputs": ["ü"]}
    added = {"cell_type": "markdown", "metadata": {"tags": ["papermill-error-cell-tag"]}}
    plain = {"cell_type": "markdown", "metadata": {}, "source": "text"}
    NotebookStore.write(json.dumps({"cells": [added, added, ran, plain]}), address(run))
    assert json.loads(NotebookStore.read(address(run)))["cells"] == [ran, plain]


def test_a_folder_that_vanished_is_an_evidence_error(tmp_path):
    gone = Archive(tmp_path).run("alpine-books", "gone")
    with pytest.raises(EvidenceError, match="cannot be written"):
        NotebookStore.write("{}", address(gone))
    assert isinstance(folder_of(address(gone)).path, Path)
