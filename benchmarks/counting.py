"""Count what a command costs, with all that it starts: detached processes too. Linux only.

`python -m benchmarks.counting REPORT COMMAND...` adopts every process whose parent ends (as a
"child subreaper"), so none escapes; it ends those that are left when the command has ended, and
writes what the system tells of all of them.
https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[1]
_PR_SET_CHILD_SUBREAPER = 36
_END_SECONDS = 10

Watch = Callable[[psutil.Process], None]


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a command cost.

    Attributes:
        seconds: from its start to its end.
        cpu_seconds: of it and of all its descendants.
        output: what it printed.
    """

    seconds: float
    cpu_seconds: float
    output: str


def counted(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path,
    watch: Watch | None = None,
    every_seconds: float = 0.5,
) -> Counted:
    """Run a command to its end and count.

    Args:
        command: what to run.
        environment: its whole environment.
        folder: where it runs.
        watch: called from time to time with the process whose descendants are counted.
        every_seconds: how often.

    Raises:
        RuntimeError: it failed, with what it said.
    """
    with tempfile.TemporaryDirectory() as scratch:
        report, said, failed = (Path(scratch, name) for name in ("report", "out", "err"))
        path = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), str(ROOT))))
        with (
            said.open("wb") as out,
            failed.open("wb") as err,
            subprocess.Popen(
                [sys.executable, "-m", "benchmarks.counting", str(report), *command],
                env={**environment, "PYTHONPATH": path},
                cwd=folder,
                stdout=out,
                stderr=err,
            ) as process,
        ):
            try:
                _wait(process, watch, every_seconds)
            except BaseException:  # cut off; nothing of it is to go on
                _end(psutil.Process(process.pid).children(recursive=True))
                raise
        told = json.loads(report.read_text()) if report.exists() else {"status": process.returncode}
        output = said.read_text("utf-8")
        if told["status"] and not output:
            raise RuntimeError(f"{command[:6]} failed: {failed.read_text('utf-8')[-2000:]}")
        return Counted(seconds=told["seconds"], cpu_seconds=told["cpu_seconds"], output=output)


def _wait(process: subprocess.Popen[bytes], watch: Watch | None, every_seconds: float) -> None:
    own = psutil.Process(process.pid)
    while process.poll() is None:
        if watch:
            with suppress(psutil.Error):
                watch(own)
        with suppress(subprocess.TimeoutExpired):
            process.wait(every_seconds)


def main() -> None:
    """Run the command, wait for all it leaves behind, and write the report."""
    report, command = Path(sys.argv[1]), sys.argv[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    begun = time.perf_counter()
    status = subprocess.run(command, check=False).returncode
    seconds = time.perf_counter() - begun
    # What the command left running, such as the template that waits for the next kernel.
    _end(psutil.Process().children(recursive=True))
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"status": status, "seconds": seconds, "cpu_seconds": used.ru_utime + used.ru_stime}
    report.write_text(json.dumps(told))


def _end(left: list[psutil.Process]) -> None:
    for each in left:
        with suppress(psutil.Error):
            each.terminate()
    for each in psutil.wait_procs(left, timeout=_END_SECONDS)[1]:
        with suppress(psutil.Error):
            each.kill()


if __name__ == "__main__":
    main()
