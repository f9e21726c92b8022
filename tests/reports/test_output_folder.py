import os
import stat
import sys
from pathlib import Path

import pytest

from o365lib.errors import EvidenceError, UsageError
from o365lib.reports.output_folder import OutputFolder

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX's")


@pytest.fixture
def folder(tmp_path):
    return OutputFolder(tmp_path / "made" / "report", archive_root=tmp_path / "evidence")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_what_is_written_is_for_its_owner_alone_whatever_the_umask(tmp_path):
    before = os.umask(0)
    try:
        folder = OutputFolder(tmp_path / "report", archive_root=tmp_path / "evidence")
        path = folder.write("runs/a/b.html", "text")
    finally:
        os.umask(before)
    assert mode(path) == 0o600
    assert {mode(each) for each in (folder.root, *path.parents[:2])} == {0o700}


def test_a_file_is_replaced_as_a_whole_and_nothing_else_is_left(folder):
    folder.write("index.html", "one, which is longer")
    path = folder.write("index.html", "twø")
    assert path.read_bytes() == "twø".encode()
    assert [each.name for each in folder.root.iterdir()] == ["index.html"]


def test_until_its_block_ends_a_file_is_as_it_was(folder):
    path = folder.write("runs.csv", "before")
    with folder.stream("runs.csv") as stream:
        stream.write("after")
        stream.flush()
        assert path.read_text() == "before"
    assert path.read_text() == "after"


def test_a_file_that_was_broken_off_is_as_it_was(folder):
    path = folder.write("runs.csv", "before")

    def break_off():
        with folder.stream("runs.csv") as stream:
            stream.write("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        break_off()
    assert path.read_text() == "before"
    assert [each.name for each in folder.root.iterdir()] == ["runs.csv"]


@pytest.mark.parametrize("name", ["evidence", "evidence/report", "evidence/../evidence/x"])
def test_nothing_is_written_into_the_archive(tmp_path, name):
    (tmp_path / "evidence").mkdir()
    with pytest.raises(UsageError, match="lies in the archive"):
        OutputFolder(tmp_path / name, archive_root=tmp_path / "evidence")
    assert [*(tmp_path / "evidence").iterdir()] == []


@posix
def test_a_link_does_not_lead_into_the_archive_either(tmp_path):
    (tmp_path / "evidence").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "evidence")
    with pytest.raises(UsageError):
        OutputFolder(tmp_path / "link" / "report", archive_root=tmp_path / "evidence")


def test_a_folder_beside_whose_name_begins_alike_is_outside(tmp_path):
    (tmp_path / "evidence").mkdir()
    OutputFolder(tmp_path / "evidence.report", archive_root=tmp_path / "evidence")


def test_a_file_in_the_way_is_an_error_that_says_so(tmp_path):
    (tmp_path / "report").write_text("")
    with pytest.raises(EvidenceError, match="cannot be written"):
        OutputFolder(tmp_path / "report", archive_root=tmp_path / "evidence")


def test_a_page_that_cannot_be_written_is_an_error_that_says_so(folder):
    (folder.root / "index.html").mkdir(parents=True)
    with pytest.raises(EvidenceError, match="cannot be written"):
        folder.write("index.html", "")


def test_a_page_leads_to_a_file_by_a_relative_quoted_address(folder, tmp_path):
    path = tmp_path / "evidence" / "a #1%" / "javascript:x" / "record.json"
    assert (
        folder.address_of(path, page="runs/a/b.html")
        == "../../../../evidence/a%20%231%25/javascript%3Ax/record.json"
    )
