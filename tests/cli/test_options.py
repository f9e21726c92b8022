import pytest

from o365lib.cli.options import Options
from o365lib.errors import UsageError


def test_the_archive_is_the_one_named_else_the_projects(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.delenv("O365_EVIDENCE", raising=False)
    assert Options().archive_root() == project / "evidence"
    assert Options(evidence="other").archive_root() == project / "other"


def test_a_named_archive_needs_no_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Options(evidence=str(tmp_path / "archive")).archive_root() == tmp_path / "archive"
    with pytest.raises(UsageError):
        Options().archive_root()


def test_places_follow_the_options(project, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    places = Options(parameters=project / "parameters", evidence=str(tmp_path / "e")).places()
    assert places.project == project
    assert places.evidence == tmp_path / "e"


def test_a_stores_url_is_worked_on_in_a_folder_of_its_own(project, monkeypatch):
    monkeypatch.chdir(project)
    url = "https://contoso.blob.core.windows.net/evidence"
    options = Options(evidence=url)
    assert options.archive_url == url
    root = options.archive_root()
    assert root == options.places().evidence
    assert root.parent == project / ".archive"
    assert root.name.startswith("https-contoso-blob-core-windows-net-evid")
    assert Options(evidence=url + "/").archive_root().name.endswith(root.name[-8:])
    assert Options(evidence=url + "2").archive_root() != root
    assert Options(evidence="s3://contoso").archive_root().parent == root.parent
    assert Options(evidence="evidence").archive_url == ""


def test_a_url_in_the_variable_is_not_taken_for_a_folder(o365, project, monkeypatch):
    monkeypatch.setenv("O365_EVIDENCE", "s3://contoso/evidence")
    told = o365("evidence", "list")
    assert told.exit_code == 2
    assert "evidence fetch" in told.stderr
    assert not (project / "s3:").exists()
