import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from o365lib.errors import UsageError
from o365lib.places import Places, notebook_folders
from tests.demo_project import ROOT


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "defaults.yaml").write_text("{}")
    (tmp_path / "notebooks" / "deeper").mkdir(parents=True)
    (tmp_path / "notebooks" / "tidy_up.ipynb").write_text("{}")
    monkeypatch.chdir(tmp_path / "notebooks" / "deeper")
    return tmp_path


def test_the_project_is_found_from_any_folder_in_it(project):
    places = Places.find(environment={})
    assert places.project == project
    assert places.parameters == project / "parameters"
    assert places.evidence == project / "evidence"
    assert places.notebooks == project / "notebooks"
    assert places.sandbox_file == project / ".sandbox" / "sandbox.json"


def test_the_environment_moves_places_and_options_come_before_it(project):
    environment = {
        "O365_PARAMETERS": "/elsewhere/parameters",
        "O365_EVIDENCE": "/archive",
        "O365_SANDBOX": "/run/sandbox.json",
        "O365_KEYS": "/keys",
    }
    places = Places.find(environment=environment)
    assert places.keys == Path("/keys").absolute()
    assert places.parameters == Path("/elsewhere/parameters").absolute()
    assert places.evidence == Path("/archive").absolute()
    assert places.sandbox_file == Path("/run/sandbox.json").absolute()
    places = Places.find(evidence=Path("here"), environment=environment)
    assert places.evidence == project / "notebooks" / "deeper" / "here"


def test_the_signing_key_lies_outside_of_the_project(project):
    places = Places.find(environment={})
    assert not places.keys.is_relative_to(project)
    assert places.keys.parent.name == "o365-runbooks"
    assert places.kernel_environment({}, driven=False)["O365_KEYS"] == str(places.keys)


def test_outside_a_project_one_is_told_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="There is no folder `parameters`") as caught:
        Places.find(environment={})
    assert caught.value.remedy


def test_a_folder_of_parameters_without_defaults_does_not_count(project, monkeypatch):
    (project / "inner" / "parameters").mkdir(parents=True)
    monkeypatch.chdir(project / "inner")
    assert Places.find(environment={}).parameters == project / "parameters"


def test_to_find_a_project_takes_none_of_what_reads_parameters(project):
    """Pydantic and YAML take longer than finding a run among thousands."""
    code = "import sys; from o365lib.places import Places; Places.find(); print(*sys.modules)"
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=project, check=True, capture_output=True, text=True
    )
    assert {"pydantic", "ruamel", "yaml"}.isdisjoint(told.stdout.split())


def test_a_runbook_is_named_by_its_first_word_or_as_a_whole(project):
    for name in ("create_service_account", "remove_service_account", "remove_old_rules"):
        (project / "notebooks" / f"{name}.ipynb").write_text("{}")
    places = Places.find(environment={})
    assert places.runbook("create").stem == "create_service_account"
    assert places.runbook("remove_old_rules").stem == "remove_old_rules"
    with pytest.raises(UsageError, match="several runbooks named 'remove'"):
        places.runbook("remove")
    with pytest.raises(UsageError, match=r"no runbook named '\.\./create'") as caught:
        places.runbook("../create")
    assert "create_service_account" in caught.value.remedy


def test_a_kernel_is_told_where_things_are_and_nothing_of_other_notebooks(project):
    environment = {"PATH": "/bin", "JPY_SESSION_NAME": "x.ipynb", "PYTHONSTARTUP": "/x.py"}
    told = Places.find(environment={}).kernel_environment(environment, driven=True)
    assert told["PATH"] == "/bin"
    assert told["O365_DRIVER"] == "1"
    assert told["O365_EVIDENCE"] == str(project / "evidence")
    assert "JPY_SESSION_NAME" not in told
    assert "PYTHONSTARTUP" not in told
    assert "O365_DRIVER" not in Places.find(environment={}).kernel_environment({}, driven=False)


def test_a_kernel_with_a_copy_of_the_parameters_is_told_whose_copy_it_is(project, tmp_path):
    places = Places.find(environment={"O365_PROJECT": str(tmp_path)})
    assert places.project == tmp_path
    assert places.kernel_environment({}, driven=True)["O365_PROJECT"] == str(tmp_path)

    own = Places.find(environment={})
    assert own.project == project
    assert "O365_PROJECT" not in own.kernel_environment({"O365_PROJECT": "/x"}, driven=True)


def test_parameters_without_notebooks_beside_them_take_the_packages_own(tmp_path):
    places = Places.find(parameters=tmp_path / "p", environment={})
    assert places.notebooks == ROOT / "notebooks"
    assert places.runbook("create").is_file()
    assert notebook_folders(tmp_path)[0] == tmp_path / "notebooks"
    assert notebook_folders(None) == notebook_folders(tmp_path)[1:]


def test_a_folder_without_notebooks_does_not_stand_before_the_packages_own(project):
    (project / "notebooks" / "tidy_up.ipynb").rename(project / "notebooks" / "deeper" / "x.ipynb")
    places = Places.find(environment={})
    assert places.notebooks == ROOT / "notebooks"
    assert places.runbook("create").is_file()


def test_where_there_is_no_runbook_at_all_one_is_told_where_they_were_sought(project):
    places = replace(Places.find(environment={}), notebooks=project / "notebooks" / "deeper")
    with pytest.raises(UsageError, match="no runbook named 'create', nor any other") as caught:
        places.runbook("create")
    for folder in notebook_folders(project):
        assert str(folder) in caught.value.remedy


def test_the_notebook_that_sums_up_batches_is_the_projects_own_or_else_the_packages(project):
    places = Places.find(environment={})
    # A project that was made before there were summaries has other notebooks, and not that one.
    assert places.notebooks == project / "notebooks"
    assert places.summary_notebook() == ROOT / "notebooks" / "summarize_batch.ipynb"
    own = project / "notebooks" / "summarize_batch.ipynb"
    own.write_text("{}")
    assert places.summary_notebook() == own


def test_a_projects_own_sandbox_is_its_own_whatever_the_environment_says(project):
    places = Places.find(environment={"O365_SANDBOX": str(project / "x.json")})
    own = places.with_own_sandbox()
    assert own.sandbox_file == project / ".sandbox" / "sandbox.json"
    assert own.kernel_environment({}, driven=True)["O365_SANDBOX"] == str(own.sandbox_file)
    assert own.evidence == places.evidence


def test_clients_are_known_by_their_files_right_or_wrong(project):
    (project / "parameters" / "clients").mkdir()
    (project / "parameters" / "clients" / "alpine-books.yaml").write_text("wrong")
    assert Places.find(environment={}).client_names() == {"alpine-books"}


def test_every_variable_that_moves_a_place_is_documented():
    readme = (ROOT / "README.md").read_text("utf-8")
    source = (ROOT / "o365lib" / "places.py").read_text("utf-8")
    names = set(re.findall(r"\bO365_[A-Z]+\b", source))
    assert {"O365_PARAMETERS", "O365_EVIDENCE", "O365_SANDBOX", "O365_CLIENT"} <= names
    assert [name for name in sorted(names) if f"`{name}`" not in readme] == []
