"""Whether the process that writes a run's record is still there."""

import os

import pytest

from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.evidence.run_lock import RunLock


@pytest.fixture
def run(tmp_path):
    return Archive(tmp_path / "evidence").new_run("alpine-books", "one")


def test_one_process_holds_a_run_until_it_lets_go(run):
    held, other = RunLock(run), RunLock(run)
    assert held.take()
    assert not other.take()
    held.remove()
    assert other.take()
    other.remove()


def test_nothing_of_it_is_left(run):
    lock = RunLock(run)
    assert lock.take()
    lock.remove()
    lock.remove()
    assert [path.name for path in run.path.parent.iterdir()] == ["one"]
    assert [*run.path.iterdir()] == []


def test_runs_do_not_keep_one_another_waiting(run):
    another = Archive(run.path.parent.parent).new_run("alpine-books", "two")
    assert RunLock(run).take()
    assert RunLock(another).take()


@pytest.mark.skipif(os.name == "nt", reason="a POSIX folder")
def test_a_client_without_folder_is_told(tmp_path):
    (tmp_path / "evidence").write_text("a file")
    with pytest.raises(EvidenceError, match="cannot be locked"):
        RunLock(Archive(tmp_path / "evidence").run("alpine-books", "one")).take()
