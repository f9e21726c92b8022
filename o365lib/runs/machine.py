"""What this process may use of the machine: cores, memory, open files.

A container's limits (control groups of Linux, both versions) count where they are lower than what
the machine has: a container that takes more memory is killed, and its runs with it.
"""

import errno
import math
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from o365lib.errors import RunbookError
from o365lib.runs.sizing import default_jobs

# macOS gives "unlimited" as the most there may be, and then refuses to set it.
# https://developer.apple.com/library/archive/documentation/System/Conceptual/ManPages_iPhoneOS/man2/setrlimit.2.html
_MOST_FILES = 10_240 if sys.platform == "darwin" else 1_048_576

_TOO_MANY = {errno.EMFILE, errno.ENFILE}


def jobs_here() -> int:
    """Return how many runs at once this machine can bear, as it is now."""
    return default_jobs(
        cores=cores(), memory_available_bytes=memory_available_bytes(), file_limit=file_limit()
    )


def cores(root: Path = Path("/")) -> int:
    """Return how many cores this process may use, at least 1; part of one counts as one.

    Args:
        root: of the file system that tells the container's limits.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    found = len(affinity(0)) if affinity else os.cpu_count() or 1
    for group in _groups(root, "cpu"):
        version_1 = _numbers(group / "cpu.cfs_quota_us") + _numbers(group / "cpu.cfs_period_us")
        match _numbers(group / "cpu.max") or version_1:
            case [quota, period] if quota > 0 and period > 0:
                found = min(found, math.ceil(quota / period))
    return max(1, found)


def memory_available_bytes(root: Path = Path("/")) -> int:
    """Return how much memory can be had now: the machine's, or what its container leaves.

    What a container's processes have read from files counts as available: the kernel gives it up.

    Args:
        root: of the file system that tells the container's limits.
    """
    found = int(psutil.virtual_memory().available)
    for group in _groups(root, "memory"):
        for limit, used, files in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            most, taken = _numbers(group / limit), _numbers(group / used)
            if most and taken:
                left = most[0] - taken[0] + _stat(group / "memory.stat", files)
                found = min(found, max(0, left))
    return found


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Give the folders of this process's control groups, each with those above it.

    https://docs.kernel.org/admin-guide/cgroup-v2.html#mounting and, for version 1,
    https://docs.kernel.org/admin-guide/cgroup-v1/cgroups.html
    """
    for line in _text(root / "proc/self/cgroup").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        mount = root / "sys/fs/cgroup"
        if controller in controllers.split(","):
            mount /= controller
        elif number != "0" or controllers:
            continue
        # In a container the path may be the host's, and only its top be there.
        folder = mount / path.lstrip("/")
        yield folder
        for above in folder.parents:
            if not above.is_relative_to(mount):
                break
            yield above


def _numbers(file: Path) -> list[int]:
    """Return a file's numbers; none if one of them is `max`, or the file is not there."""
    try:
        return [int(word) for word in _text(file).split()]
    except ValueError:
        return []


def _stat(file: Path, name: str) -> int:
    values = dict(line.split(maxsplit=1) for line in _text(file).splitlines() if " " in line)
    return int(values.get(name, 0))


def _text(file: Path) -> str:
    try:
        return file.read_text("ascii")
    except (OSError, ValueError):
        return ""


def file_limit() -> int | None:
    """Return how many files a process may have open; None where there is no limit (Windows)."""
    if sys.platform == "win32":
        return None
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft


def raise_file_limit() -> int | None:
    """Let this process, and those that it starts, open as many files as an administrator allows.

    https://docs.python.org/3/library/resource.html#resource.setrlimit

    Returns:
        how many that are now; None where there is no limit.
    """
    if sys.platform == "win32":
        return None
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except (OSError, ValueError):  # what there was stays, and is told where it is too little
            return soft
    return file_limit()


def too_many_files(error: BaseException) -> RunbookError | None:
    """Return what to say of an error that means "too many open files"; None if it means another.

    An error's causes are looked at too: libraries wrap it.
    """
    seen: list[BaseException] = []
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop()
        if one is None or one in seen:
            continue
        # Not only of an OSError: ZMQError has a number of its own.
        number = getattr(one, "errno", None)
        if number in _TOO_MANY:
            limit = file_limit()
            return RunbookError(
                "Too many files are open: "
                + (
                    f"a process may have {limit} at once."
                    if number == errno.EMFILE and limit
                    else "the whole machine has as many as it can."
                ),
                remedy="Run fewer clients at once (--jobs), or have the limit raised (ulimit -n).",
            )
        seen.append(one)
        waiting += [one.__cause__, one.__context__]
    return None
