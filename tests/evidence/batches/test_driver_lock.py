"""One driver at a time, and the next is told who it is."""

import os

import pytest

from o365lib import clock
from o365lib.errors import EvidenceError
from o365lib.evidence.batches.driver_lock import DriverLock, driven_by


@pytest.fixture
def lock(tmp_path):
    made = DriverLock(tmp_path)
    yield made
    made.release()


def test_the_second_driver_is_told_who_the_first_is(lock, tmp_path):
    second = DriverLock(tmp_path)
    assert lock.take()
    assert not second.take()
    assert not second.is_held
    driver = second.driver()
    assert driver.process_id == os.getpid()
    assert driver.since < clock.now()
    told = str(driven_by("batch-1", driver))
    for part in ("batch-1", driver.host_name, str(os.getpid()), clock.iso(driver.since)):
        assert part in told


def test_a_driver_that_nobody_knows_is_told_all_the_same():
    assert "another process" in str(driven_by("batch-1", None))


def test_the_next_drives_once_the_first_has_let_go(lock, tmp_path):
    second = DriverLock(tmp_path)
    assert lock.take()
    lock.release()
    assert not lock.is_held
    assert second.driver() is None
    assert second.take()
    assert second.is_held
    second.release()


@pytest.mark.parametrize("name", [".driver.lock", ".driver.json"])
def test_where_others_cannot_be_locked_out_nobody_drives_and_is_told_so(lock, tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "x").touch()
    with pytest.raises(EvidenceError, match="cannot be locked out") as caught:
        lock.take()
    assert caught.value.state == "Nothing was started."
    assert not lock.is_held
