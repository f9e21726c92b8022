"""A scheduler and workers of Dask on this machine, each a process, by Dask's own commands."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.counting import ROOT

_START_SECONDS = 180


class Cluster:
    """A scheduler, to which workers can be added.

    Attributes:
        address: the scheduler's.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        path = os.pathsep.join(filter(None, (str(ROOT), environment.get("PYTHONPATH"))))
        self._environment = {**environment, "PYTHONPATH": path}
        self._folder = folder
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._workers = 0
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0",
                    "--scheduler-file", str(self._file), "--no-dashboard")  # fmt: skip
        self.address = self._found_address()

    def add_workers(self, count: int, *, threads: int) -> None:
        """Start workers and wait until all are there."""
        from distributed import Client

        for _ in range(count):
            self._workers += 1
            own = self._folder / f"worker-{self._workers}"
            self._start("worker", self.address, "--nworkers", "1", "--nthreads", str(threads),
                        "--memory-limit", "0", "--no-dashboard", "--no-nanny",
                        "--local-directory", str(own))  # fmt: skip
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(self._workers, timeout=_START_SECONDS)

    def close(self) -> None:
        """End all of them."""
        for each in reversed(self._processes):
            each.terminate()
        for each in self._processes:
            try:
                each.wait(20)
            except subprocess.TimeoutExpired:
                each.kill()
                each.wait()

    def _start(self, *arguments: str) -> None:
        with (self._folder / "dask.log").open("ab") as log:
            self._processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dask", *arguments],
                    env=self._environment,
                    cwd=self._folder,
                    stdout=log,
                    stderr=log,
                )
            )

    def _found_address(self) -> str:
        end = time.monotonic() + _START_SECONDS
        while time.monotonic() < end:
            try:
                told: dict[str, Any] = json.loads(self._file.read_text("utf-8"))
            except (OSError, ValueError):
                time.sleep(0.1)
            else:
                return str(told["address"])
        raise RuntimeError((self._folder / "dask.log").read_text("utf-8")[-2000:])


@contextmanager
def cluster(folder: Path, environment: Mapping[str, str]) -> Iterator[Cluster]:
    """Run a scheduler for the length of a `with` block; its workers end with it."""
    folder.mkdir(parents=True, exist_ok=True)
    running = Cluster(folder, environment)
    try:
        yield running
    finally:
        running.close()
