"""Containers are folders here, as the kernel writes them."""

import errno
import os
import resource
from pathlib import Path

import psutil
import pytest
import zmq

from o365lib.runs import machine

GROUPS = Path("sys/fs/cgroup")


@pytest.fixture
def root(tmp_path):
    """Return what writes the files of a machine, and returns its root."""

    def write(files):
        for name, text in files.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    def make(own, files):
        write({"proc/self/cgroup": own})
        return write({GROUPS / name: text for name, text in files.items()})

    return make


def test_without_a_container_the_machine_is_all_there_is(tmp_path):
    assert machine.cores(tmp_path) == len(os.sched_getaffinity(0))
    assert machine.memory_available_bytes(tmp_path) > 0


def test_a_containers_memory_counts_less_what_it_has_taken_and_cannot_give_back(root):
    files = {
        "pod/memory.max": "300000000\n",
        "pod/memory.current": "120000000\n",
        "pod/memory.stat": "anon 90000000\ninactive_file 30000000\n",
        "memory.max": "max\n",
        "memory.current": "5\n",
    }
    assert machine.memory_available_bytes(root("0::/pod\n", files)) == 210_000_000


def test_the_tightest_of_the_containers_around_counts(root):
    files = {
        "pod/app/memory.max": "max\n",
        "pod/app/memory.current": "1\n",
        "pod/memory.max": "100\n",
        "pod/memory.current": "40\n",
    }
    assert machine.memory_available_bytes(root("0::/pod/app\n", files)) == 60


def test_containers_of_the_first_version_count_too(root):
    files = {
        "memory/memory.limit_in_bytes": "300000000\n",
        "memory/memory.usage_in_bytes": "120000000\n",
        "memory/memory.stat": "inactive_file 9\ntotal_inactive_file 30000000\n",
        "cpu/cpu.cfs_quota_us": "50000\n",
        "cpu/cpu.cfs_period_us": "100000\n",
    }
    # The path is the host's, of which this container sees only its own part.
    made = root("4:memory:/docker/1234\n1:cpu,cpuacct:/docker/1234\n", files)
    assert machine.memory_available_bytes(made) == 210_000_000
    assert machine.cores(made) == 1


def test_a_container_that_has_used_up_its_memory_has_none(root):
    files = {"memory.max": "100\n", "memory.current": "120\n"}
    assert machine.memory_available_bytes(root("0::/\n", files)) == 0


def test_no_container_makes_a_machine_larger(root):
    files = {
        "memory.max": str(2**62),
        "memory.current": "0",
        "cpu.max": "99900000 100000",
    }
    made = root("0::/\n", files)
    assert machine.memory_available_bytes(made) <= psutil.virtual_memory().total
    assert machine.cores(made) == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", None), ("100000 100000", 1), ("10000 100000", 1), ("nonsense", None)],
)
def test_part_of_a_core_counts_as_one(root, quota, cores):
    made = root("0::/pod\n", {"pod/cpu.max": quota})
    assert machine.cores(made) == (cores or len(os.sched_getaffinity(0)))


def test_the_default_is_what_this_machine_bears():
    assert 2 <= machine.jobs_here() <= 16 * machine.cores()


def test_the_limit_of_open_files_is_raised_to_what_is_allowed():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
        assert machine.file_limit() == 300
        raised = machine.raise_file_limit()
        assert raised == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        assert raised > 300
        assert machine.raise_file_limit() == raised
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_open_files_are_told_in_words_whoever_wrapped_them():
    wrapped = RuntimeError("the library gave up")
    wrapped.__cause__ = OSError(errno.EMFILE, "Too many open files")
    told = machine.too_many_files(wrapped)
    assert f"a process may have {machine.file_limit()} at once" in told.message
    assert "--jobs" in told.remedy
    whole = machine.too_many_files(OSError(errno.ENFILE, "Too many open files in system"))
    assert "the whole machine" in whole.message


def test_too_many_open_files_are_known_where_sockets_of_kernels_say_it():
    assert machine.too_many_files(zmq.ZMQError(errno.EMFILE)) is not None


def test_another_error_is_not_taken_for_it():
    error = OSError(errno.ENOSPC, "No space left on device")
    error.__context__ = error
    assert machine.too_many_files(error) is None
