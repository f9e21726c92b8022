"""One run at a time: told by two real processes, one of which may be killed."""

import errno
import json
import os
import stat
import subprocess
import sys

import pytest

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.archive import Archive
from o365lib.evidence.client_lock import HOLDER_FILE, LOCK_FILE, ClientLock

HOLD = """
import sys
from pathlib import Path
from o365lib.evidence.archive import Archive
from o365lib.evidence.client_lock import ClientLock
lock = ClientLock(Archive(Path(sys.argv[1])).new_run("contoso", "theirs"))
print(lock.take(), flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def archive(tmp_path):
    return Archive(tmp_path / "evidence")


@pytest.fixture
def lock(archive):
    made = ClientLock(archive.new_run("contoso", "ours"))
    yield made
    made.release()


@pytest.fixture
def other(archive, lock):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(archive.root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_a_client_that_another_process_changes_is_locked_and_it_is_told_by_whom(other, lock):
    before = clock.now()
    assert not lock.take()
    assert not lock.is_held
    holder = lock.holder()
    assert (holder.run_id, holder.process_id) == ("theirs", other.pid)
    assert holder.user_name
    assert holder.host_name
    assert holder.since < before


def test_the_next_goes_on_once_the_lock_is_let_go_of(other, lock):
    assert not lock.take()
    other.stdin.write("\n")
    other.stdin.flush()
    assert other.stdout.readline() == "released\n"
    assert lock.holder() is None
    assert lock.take()
    assert lock.holder().run_id == "ours"


def test_a_process_that_is_killed_leaves_no_lock_behind(other, lock):
    other.kill()
    other.wait()
    assert lock.take()
    assert lock.holder().run_id == "ours"


def test_who_fails_to_take_the_lock_leaves_its_holders_name(other, lock):
    for _ in range(3):
        assert not lock.take()
    lock.release()
    assert lock.holder().run_id == "theirs"


def test_two_runs_of_one_process_are_kept_apart_too(archive, lock):
    another = ClientLock(archive.new_run("contoso", "another"))
    assert lock.take()
    assert lock.take()
    assert not another.take()
    lock.release()
    lock.release()
    assert another.take()
    another.release()


def test_other_clients_are_not_locked(archive, lock):
    another = ClientLock(archive.new_run("fabrikam", "another"))
    assert lock.take()
    assert another.take()
    another.release()


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_locks_files_are_the_owners_alone_and_name_no_secret(lock):
    before = os.umask(0)
    try:
        assert lock.take()
    finally:
        os.umask(before)
    folder = lock._run.path.parent
    for name in (LOCK_FILE, HOLDER_FILE):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert set(json.loads((folder / HOLDER_FILE).read_text())) == {
        "run_id",
        "user_name",
        "host_name",
        "process_id",
        "since",
    }


def test_the_locks_files_are_no_runs(archive, lock):
    assert lock.take()
    assert [run.run_id for run in archive.runs("contoso")] == ["ours"]
    assert [run.run_id for run in archive.runs()] == ["ours"]
    assert archive.read("contoso")[1] == []


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]"])
def test_a_spoilt_name_of_the_holder_is_no_name(other, lock, content):
    (lock._run.path.parent / HOLDER_FILE).write_bytes(content)
    assert not lock.take()
    assert lock.holder() is None


@pytest.mark.parametrize("name", [LOCK_FILE, HOLDER_FILE])
def test_an_archive_that_cannot_be_locked_is_an_error_and_leaves_no_lock(archive, lock, name):
    obstacle = lock._run.path.parent / name
    obstacle.mkdir()
    (obstacle / "x").touch()
    with pytest.raises(EvidenceError, match="cannot be locked out") as caught:
        lock.take()
    assert caught.value.state == "The step was not begun."
    assert not lock.is_held
    (obstacle / "x").unlink()
    obstacle.rmdir()
    assert ClientLock(archive.run("contoso", "ours")).take()


def test_an_archive_that_has_gone_does_not_hinder_the_release(archive, lock):
    import shutil

    assert lock.take()
    shutil.rmtree(archive.root)
    lock.release()
    assert not lock.is_held


@pytest.mark.skipif(os.name == "nt", reason="flock is POSIX")
def test_a_drive_without_locks_is_an_error_and_no_lock_by_a_files_existence(lock, monkeypatch):
    import fcntl

    def refuse(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(EvidenceError, match="Function not implemented") as caught:
        lock.take()
    assert "a drive that has file locks" in caught.value.remedy
    assert not lock.is_held
