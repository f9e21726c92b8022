"""One at a time, and who: told by two real processes, one of which may be killed."""

import errno
import os
import shutil
import stat
import subprocess
import sys

import pytest
from pydantic import BaseModel

from o365lib.evidence.held_lock import HeldLock


class Person(BaseModel):
    name: str


HOLD = """
import sys
from pathlib import Path
from pydantic import BaseModel
from o365lib.evidence.held_lock import HeldLock

class Person(BaseModel):
    name: str

folder = Path(sys.argv[1])
lock = HeldLock(folder / "lock", folder / "holder.json", Person)
print(lock.take(Person(name="they")), flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""
US = Person(name="we")


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "locked"
    made.mkdir()
    return made


def lock_in(folder):
    return HeldLock(folder / "lock", folder / "holder.json", Person)


@pytest.fixture
def lock(folder):
    made = lock_in(folder)
    yield made
    made.release()


@pytest.fixture
def other(folder):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_what_another_process_holds_is_not_taken_and_it_is_told_by_whom(other, lock):
    for _ in range(3):
        assert not lock.take(US)
    assert not lock.is_held
    lock.release()
    assert lock.holder() == Person(name="they")


def test_the_next_goes_on_once_the_lock_is_let_go_of(other, lock):
    assert not lock.take(US)
    other.stdin.write("\n")
    other.stdin.flush()
    assert other.stdout.readline() == "released\n"
    assert lock.holder() is None
    assert lock.take(US)
    assert lock.holder() == US


def test_a_process_that_is_killed_leaves_no_lock_behind(other, lock):
    other.kill()
    other.wait()
    assert lock.take(US)
    assert lock.holder() == US


def test_two_of_one_process_are_kept_apart_too(folder, lock):
    another = lock_in(folder)
    assert lock.take(US)
    assert lock.take(Person(name="not believed, it was we who took it"))
    assert lock.holder() == US
    assert not another.take(US)
    lock.release()
    lock.release()
    assert another.take(US)
    another.release()


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_both_files_are_the_owners_alone(folder, lock):
    before = os.umask(0)
    try:
        assert lock.take(US)
    finally:
        os.umask(before)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}
    assert modes == {"lock": 0o600, "holder.json": 0o600}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]"])
def test_a_spoilt_name_of_the_holder_is_no_name(folder, other, lock, content):
    (folder / "holder.json").write_bytes(content)
    assert not lock.take(US)
    assert lock.holder() is None


@pytest.mark.parametrize("name", ["lock", "holder.json"])
def test_where_a_file_cannot_be_written_nobody_holds_the_lock(folder, lock, name):
    (folder / name).mkdir()
    (folder / name / "x").touch()
    # The error is kept, and all that it holds: nothing lets go of the lock by being forgotten.
    with pytest.raises(OSError) as caught:
        lock.take(US)
    assert not lock.is_held
    shutil.rmtree(folder / name)
    another = lock_in(folder)
    assert another.take(US)
    another.release()
    assert caught.value.errno


def test_a_folder_that_has_gone_does_not_hinder_the_release(folder, lock):
    assert lock.take(US)
    shutil.rmtree(folder)
    lock.release()
    assert not lock.is_held


@pytest.mark.skipif(os.name == "nt", reason="flock is POSIX")
def test_a_drive_without_locks_is_an_error_and_no_lock_by_a_files_existence(lock, monkeypatch):
    import fcntl

    def refuse(*_):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError) as caught:
        lock.take(US)
    assert caught.value.errno in {errno.ENOSYS, errno.ENOTSUP}
    assert not lock.is_held
