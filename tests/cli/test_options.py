from pathlib import Path

import pytest

from o365lib.cli.options import Options
from o365lib.errors import UsageError


def test_the_archive_is_the_one_named_else_the_projects(project, monkeypatch):
    monkeypatch.chdir(project)
    monkeypatch.delenv("O365_EVIDENCE", raising=False)
    assert Options().archive_root() == project / "evidence"
    assert Options(evidence=Path("other")).archive_root() == project / "other"


def test_a_named_archive_needs_no_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Options(evidence=tmp_path / "archive").archive_root() == tmp_path / "archive"
    with pytest.raises(UsageError):
        Options().archive_root()


def test_places_follow_the_options(project, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    places = Options(parameters=project / "parameters", evidence=tmp_path / "e").places()
    assert places.project == project
    assert places.evidence == tmp_path / "e"
