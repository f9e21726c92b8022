"""Locks between real processes, one of which may be killed."""

import errno
import os
import stat
import subprocess
import sys
import threading

import pytest

from o365lib.evidence import file_lock

HOLD = """
import sys
from pathlib import Path
from o365lib.evidence import file_lock
lock = file_lock.take(Path(sys.argv[1]))
print(lock is not None, flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".lock"


@pytest.fixture
def other(path):
    """Another process that holds the lock."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "True\n"
        yield process
        process.kill()


def test_what_another_process_holds_is_not_taken_until_it_lets_go(other, path):
    assert file_lock.take(path) is None
    other.stdin.write("\n")
    other.stdin.flush()
    assert other.stdout.readline() == "released\n"
    lock = file_lock.take(path)
    assert lock is not None
    lock.release()


def test_a_killed_process_holds_nothing(other, path):
    other.kill()
    other.wait()
    lock = file_lock.take(path)
    assert lock is not None
    lock.release()


def test_who_waits_gets_it_when_it_is_let_go_of(other, path):
    got = threading.Event()

    def wait():
        file_lock.wait_for(path).release()
        got.set()

    thread = threading.Thread(target=wait)
    thread.start()
    assert file_lock.take(path) is None
    assert not got.is_set()
    other.kill()
    thread.join()
    assert got.is_set()


def test_two_locks_of_one_process_exclude_each_other(path):
    first = file_lock.take(path)
    assert file_lock.take(path) is None
    first.release()
    first.release()
    second = file_lock.take(path)
    assert second is not None
    second.release()


def test_another_thread_may_let_go(path):
    lock = file_lock.take(path)
    thread = threading.Thread(target=lock.release)
    thread.start()
    thread.join()
    again = file_lock.take(path)
    assert again is not None
    again.release()


@pytest.mark.skipif(os.name == "nt", reason="POSIX modes")
def test_the_file_is_the_owners_alone(path):
    before = os.umask(0)
    try:
        lock = file_lock.take(path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    lock.release()


@pytest.mark.skipif(os.name == "nt", reason="POSIX locks")
@pytest.mark.parametrize("ask", [file_lock.take, file_lock.wait_for])
@pytest.mark.parametrize(
    "error", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError()]
)
def test_a_place_without_locks_is_an_error_and_never_a_mere_file(path, ask, error, monkeypatch):
    import fcntl

    def refuse(*_):
        raise error

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(OSError, match=r"No locks|not supported"):
        ask(path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        file_lock.take(tmp_path / "no" / ".lock")
