"""One run at a time may change a client's tenant, and the next is told who does."""

import json
import os

import pytest

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.evidence.client_lock import HOLDER_FILE, LOCK_FILE, ClientLock


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "evidence")


@pytest.fixture
def lock(archive):
    made = ClientLock(archive.new_run("contoso", "ours"))
    yield made
    made.release()


@pytest.fixture
def theirs(archive):
    """Another run that changes the client's tenant."""
    made = ClientLock(archive.new_run("contoso", "theirs"))
    assert made.take()
    yield made
    made.release()


def test_a_client_that_another_run_changes_is_locked_and_it_is_told_by_whom(theirs, lock):
    before = clock.now()
    assert not lock.take()
    assert not lock.is_held
    holder = lock.holder()
    assert (holder.run_id, holder.process_id) == ("theirs", os.getpid())
    assert holder.user_name
    assert holder.host_name
    assert holder.since < before


def test_the_next_run_goes_on_once_the_lock_is_let_go_of(theirs, lock):
    assert not lock.take()
    theirs.release()
    assert lock.take()
    assert lock.is_held
    assert lock.holder().run_id == "ours"


def test_other_clients_are_not_locked(archive, lock):
    another = ClientLock(archive.new_run("fabrikam", "another"))
    assert lock.take()
    assert another.take()
    another.release()


def test_who_holds_the_lock_is_told_without_any_secret(lock):
    assert lock.take()
    told = json.loads((lock._run.path.parent / HOLDER_FILE).read_text())
    assert set(told) == {"run_id", "user_name", "host_name", "process_id", "since"}


def test_the_locks_files_are_no_runs(archive, lock):
    assert lock.take()
    assert [run.run_id for run in archive.runs("contoso")] == ["ours"]
    assert [run.run_id for run in archive.runs()] == ["ours"]
    assert archive.read("contoso")[1] == []


@pytest.mark.parametrize("name", [LOCK_FILE, HOLDER_FILE])
def test_an_archive_that_cannot_be_locked_is_told_with_what_to_do(lock, name):
    obstacle = lock._run.path.parent / name
    obstacle.mkdir()
    (obstacle / "x").touch()
    with pytest.raises(EvidenceError, match="cannot be locked out") as caught:
        lock.take()
    assert caught.value.state == "The step was not begun."
    assert "a drive that has file locks" in caught.value.remedy
    assert not lock.is_held
