"""One driver at a time: told by two real processes, one of which may be killed."""

import errno
import os
import stat
import subprocess
import sys

import pytest

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence import file_lock
from o365lib.evidence.batches.driver_lock import DriverLock, driven_by

DRIVE = """
import sys
from pathlib import Path
from o365lib.evidence.batches.driver_lock import DriverLock
lock = DriverLock(Path(sys.argv[1]))
print(lock.take(), flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def lock(tmp_path):
    made = DriverLock(tmp_path)
    yield made
    made.release()


@pytest.fixture
def other(tmp_path):
    """Another process that drives the batch."""
    with subprocess.Popen(
        [sys.executable, "-c", DRIVE, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_the_second_driver_is_told_who_the_first_is(other, lock):
    assert not lock.take()
    assert not lock.is_held
    driver = lock.driver()
    assert driver.process_id == other.pid
    assert driver.since < clock.now()
    told = str(driven_by("batch-1", driver))
    for part in ("batch-1", driver.host_name, str(other.pid), clock.iso(driver.since)):
        assert part in told


def test_a_driver_that_nobody_knows_is_told_all_the_same():
    assert "another process" in str(driven_by("batch-1", None))


def test_the_next_drives_once_the_first_has_let_go(other, lock):
    other.stdin.write("\n")
    other.stdin.flush()
    assert other.stdout.readline() == "released\n"
    assert lock.driver() is None
    assert lock.take()
    assert lock.take()
    assert lock.driver().process_id == os.getpid()


def test_a_driver_that_was_killed_leaves_the_batch_to_others(other, lock):
    other.kill()
    other.wait()
    assert lock.take()
    assert lock.driver().process_id == os.getpid()


def test_who_fails_to_take_the_lock_leaves_the_drivers_name(other, lock):
    assert not lock.take()
    lock.release()
    assert lock.driver().process_id == other.pid


def test_a_drivers_name_that_cannot_be_read_is_none(lock, tmp_path):
    (tmp_path / ".driver.json").write_text("{")
    assert lock.driver() is None


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_locks_files_are_the_owners_alone(lock, tmp_path):
    before = os.umask(0)
    try:
        assert lock.take()
    finally:
        os.umask(before)
    assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}
    assert len(list(tmp_path.iterdir())) == 2


def test_a_drive_that_refuses_locks_is_told(lock, monkeypatch):
    def refuse(_path):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(file_lock, "take", refuse)
    with pytest.raises(EvidenceError, match="No locks available") as caught:
        lock.take()
    assert caught.value.state == "Nothing was started."
    assert not lock.is_held


@pytest.mark.skipif(os.name == "nt", reason="a directory in place of a file")
def test_where_the_drivers_name_cannot_be_written_nobody_drives(lock, tmp_path):
    (tmp_path / ".driver.json").mkdir()
    # The error is kept, and all that it holds: nothing lets go of the lock by being forgotten.
    with pytest.raises(EvidenceError, match="cannot be locked out") as caught:
        lock.take()
    (tmp_path / ".driver.json").rmdir()
    other = DriverLock(tmp_path)
    assert other.take()
    other.release()
    assert not lock.is_held
    assert caught.value.state == "Nothing was started."
