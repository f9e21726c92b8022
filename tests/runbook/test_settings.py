from pathlib import Path

import pytest

from o365lib.errors import UsageError
from o365lib.runbook.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    (tmp_path / "parameters").mkdir()
    (tmp_path / "parameters" / "defaults.yaml").write_text("")
    (tmp_path / "notebooks").mkdir()
    return tmp_path


def test_the_command_that_starts_a_run_names_everything(tmp_path):
    settings = Settings.from_environment(
        {
            "O365_PARAMETERS": str(tmp_path / "p"),
            "O365_EVIDENCE": str(tmp_path / "e"),
            "O365_SANDBOX": str(tmp_path / "s.json"),
            "O365_DRIVER": "1",
        }
    )
    assert settings == Settings(
        parameters=tmp_path / "p",
        evidence=tmp_path / "e",
        sandbox_file=tmp_path / "s.json",
        driven=True,
    )


def test_an_engineer_names_nothing_and_the_project_is_found_from_the_notebooks_folder(
    project, monkeypatch
):
    monkeypatch.chdir(project / "notebooks")
    settings = Settings.from_environment({})
    assert settings == Settings(
        parameters=project / "parameters",
        evidence=project / "evidence",
        sandbox_file=project / ".sandbox" / "sandbox.json",
        driven=False,
    )


@pytest.mark.parametrize("value", ["", None])
def test_an_empty_variable_is_none(project, monkeypatch, value):
    monkeypatch.chdir(project)
    names = ("O365_PARAMETERS", "O365_EVIDENCE", "O365_SANDBOX", "O365_DRIVER")
    environment = {} if value is None else dict.fromkeys(names, value)
    assert Settings.from_environment(environment).driven is False


def test_outside_any_project_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        Settings.from_environment({})
    assert caught.value.remedy


def test_the_projects_own_notebook_goes_before_the_installed_one(project):
    settings = Settings.from_environment({"O365_PARAMETERS": str(project / "parameters")})
    own = project / "notebooks" / "create_service_account.ipynb"
    own.write_text("{}")
    assert settings.notebook("create_service_account") == own


def test_a_runbook_that_does_not_exist_is_named(project):
    settings = Settings.from_environment({"O365_PARAMETERS": str(project / "parameters")})
    with pytest.raises(UsageError, match="no runbook named 'audit'"):
        settings.notebook("audit")


def test_a_checkouts_notebooks_are_found():
    settings = Settings.from_environment({"O365_PARAMETERS": str(ROOT / "parameters")})
    assert settings.notebook("create_service_account").parent == ROOT / "notebooks"
